"""Ways to extract features: ours, the stock loop, and those of other tools.

Each builder returns the ways (one, or variants) to send `BATCHES` batches through a model.
Others get pixels that are normalised already; ours gets bytes and normalises them itself, and reads
photos from their files besides in one of its ways.
"""

import copy
import io
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from benchmarks.timing import Work
from utils.backbones import Backbone
from utils.datasets import ImageSet, load_elpv
from utils.device import INT8, Runtime
from utils.engines.openvino import PRECISIONS, load_openvino, openvino_core
from utils.features import compute_with, fast_backbone
from utils.inference import FastModule
from utils.settings import FeatureEngine

BATCHES = 4  # an asynchronous tool needs more than one to overlap anything
CELLS = 1024  # read from files: so many that waiting for the first batch hardly counts
ENOUGH = 32  # batches after which the course has chosen its engine's hint
SIDE = 224
TIMM_NAMES = {"efficientnet_lite0": "tf_efficientnet_lite0"}


class NotOffered(Exception):
    """A contender doesn't run here; the text says why."""


@dataclass(frozen=True)
class Task:
    """A model, where it runs, and a batch of random photos, the same for every contender."""

    backbone: Backbone
    runtime: Runtime

    @cached_property
    def photos(self) -> Tensor:
        """The batch as bytes, N×3×224×224."""
        shape = (self.runtime.batch_size, 3, SIDE, SIDE)
        return torch.randint(256, shape, generator=torch.Generator().manual_seed(0)).byte()

    @cached_property
    def pixels(self) -> Tensor:
        """The batch as floats around 0, on the device."""
        return (self.photos / 127.5 - 1).to(self.runtime.device)

    @property
    def images(self) -> int:
        """Photos that one call of a contender's work takes."""
        return BATCHES * len(self.photos)


def _loop(model: Callable[[Tensor], Tensor], batch: Tensor) -> Work:
    def work() -> None:
        with torch.inference_mode():
            for _ in range(BATCHES):
                model(batch).float().cpu()

    return work


def ours(task: Task) -> list[Work]:
    """What the course runs: `utils.features.fast_backbone`."""
    return [_stream(_settled(task, task.runtime), task)]


def from_files(task: Task) -> list[Work]:
    """What the course runs, on solar cells that it opens, resizes and crops meanwhile."""
    size = len(task.photos)
    # Not settled: the untimed turn shows which hint is faster while photos are being read.
    model = fast_backbone(task.backbone, task.runtime, size)
    cells = load_elpv().subset(range(CELLS))
    return [lambda: compute_with(model, task.backbone, cells, task.runtime, size)]


def int8(task: Task) -> list[Work]:
    """What the course runs with `--precision int8`."""
    if task.runtime.engine != FeatureEngine.OPENVINO:
        raise NotOffered("int8 needs OpenVINO on a CPU")
    runtime = replace(task.runtime, precision=INT8)
    return [_stream(_settled(task, runtime, load_elpv()), task)]


def _settled(task: Task, runtime: Runtime, calibration: ImageSet | None = None) -> FastModule:
    """The course's module, once it has chosen its engine's hint."""
    model = fast_backbone(task.backbone, runtime, len(task.photos), calibration)
    deque(model.stream([task.photos] * ENOUGH), maxlen=0)
    return model


def _stream(model: FastModule, task: Task) -> Work:
    return lambda: [vectors.cpu() for vectors in model.stream([task.photos] * BATCHES)]


def stock(task: Task) -> list[Work]:
    """The loop of most tutorials: eval mode, float32, default memory format."""
    return [_loop(_body(task).to(task.runtime.device), task.pixels)]


def timm(task: Task) -> list[Work]:
    """timm's own model as its benchmark script runs it: channels_last under autocast."""
    import timm as library

    name = task.backbone.spec.name
    model = library.create_model(TIMM_NAMES.get(name, name), num_classes=0).eval()
    model = task.runtime.move_module(model)

    def forward(batch: Tensor) -> Tensor:
        with task.runtime.autocast():
            return model(batch)

    return [_loop(forward, task.runtime.move_batch(task.pixels))]


def onnx_runtime(task: Task) -> list[Work]:
    """ONNX Runtime on the model as torch exports it."""
    _only_on_cpu(task)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(_onnx(task), options, ["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: task.pixels.numpy()}
    return [lambda: [session.run(None, feed) for _ in range(BATCHES)]]


def _onnx(task: Task) -> bytes:
    buffer = io.BytesIO()
    program = torch.onnx.export(_body(task), (task.pixels,), dynamo=True, verbose=False)
    program.save(buffer)
    return buffer.getvalue()


def openvino(task: Task) -> list[Work]:
    """OpenVINO on the model as it converts it, tuned for latency and for throughput."""
    _only_on_cpu(task)
    library = load_openvino()
    with torch.no_grad():
        model = library.convert_model(torch.export.export(_body(task), (task.pixels,)))
    return [_queue(library, model, hint, task) for hint in ("LATENCY", "THROUGHPUT")]


def _queue(library, model, hint: str, task: Task) -> Work:
    settings = {
        "PERFORMANCE_HINT": hint,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": PRECISIONS[task.runtime.precision],
    }
    queue = library.AsyncInferQueue(openvino_core().compile_model(model, "CPU", settings))
    batch = task.pixels.numpy()

    def work() -> None:
        for _ in range(BATCHES):
            queue.start_async({0: batch}, share_inputs=True)
        queue.wait_all()

    return work


def _body(task: Task) -> nn.Module:
    return copy.deepcopy(task.backbone.body).eval()


def _only_on_cpu(task: Task) -> None:
    if task.runtime.device.type != "cpu":
        raise NotOffered(f"compared on a CPU only, and this run is on {task.runtime.device}")


BUILDERS: dict[str, Callable[[Task], list[Work]]] = {
    "ours": ours,
    "from files": from_files,
    "int8": int8,
    "stock": stock,
    "timm": timm,
    "ONNX Runtime": onnx_runtime,
    "OpenVINO": openvino,
}
