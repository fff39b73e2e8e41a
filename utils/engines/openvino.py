"""OpenVINO, which runs frozen modules on CPUs: convert once, keep in the cache, compile, run."""

import hashlib
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from utils.engines.onnx import exporters_example, to_int8, to_onnx
from utils.engines.quiet import quiet
from utils.engines.tensor_files import fingerprint, read_tensors, write_tensors
from utils.settings import FeatureEngine, Settings

MOST = 4096  # photos in a batch
# A part of the cache's key: raised when what was converted before may be wrong. Until 2, modules
# converted within autocast were.
CONVERSION = "conversion 2"
# Several batches at once, each on a core of its own, or one on which all cores work. Most CPUs get
# through more photos with the first, but not all.
TOGETHER, ALONE = "THROUGHPUT", "LATENCY"
WARMING, TIMED = 2, 6  # batches of a stream with either hint, before and while it is timed
# What isn't quantised of an int8 model is computed in float32.
PRECISIONS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}


class OpenVinoModule:
    """A module that OpenVINO has compiled for batches of one shape; gives float32."""

    engine = FeatureEngine.OPENVINO.value

    def __init__(self, model: Any, shape: torch.Size, precision: str) -> None:
        """`model` is an openvino.Model, `precision` the one to multiply in."""
        model.reshape(list(shape))
        self.model, self.size, self.precision = model, shape[0], precision
        self.threads = torch.get_num_threads()  # who reads photos meanwhile may lower torch's
        self.requests: dict[str, deque[Any]] = {}  # by hint, free to be used
        self.faster = ""  # the hint for streams, once it has been measured

    def _free(self, hint: str) -> deque[Any]:
        if hint not in self.requests:
            self.requests[hint] = self._compile(hint)
        return self.requests[hint]

    def _compile(self, hint: str) -> deque[Any]:
        """Requests that run the module, free to be used."""
        settings = {
            "PERFORMANCE_HINT": hint,
            "INFERENCE_NUM_THREADS": self.threads,
            "INFERENCE_PRECISION_HINT": PRECISIONS[self.precision],
        }
        compiled = openvino_core().compile_model(self.model, "CPU", settings)
        running = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        # Twice as many batches as can run at once, so that none waits for its photos.
        return deque(compiled.create_infer_request() for _ in range(2 * running))

    def __call__(self, batch: Tensor) -> Tensor | tuple[Tensor, ...]:
        return next(self._run([batch], self._free(ALONE)))

    def stream(self, batches: Iterable[Tensor]) -> Iterator[Tensor | tuple[Tensor, ...]]:
        """The outputs of each batch, in order; the next is read while those before are computed.

        A batch may hold fewer photos than the module was compiled for, but not more. The first
        batches of a long stream show which hint is the faster here; the outputs of both are the
        same, bit by bit.
        """
        batches = iter(batches)
        if not self.faster:
            yield from self._measured(batches)
        yield from self._run(batches, self._free(self.faster or TOGETHER))

    def _measured(self, batches: Iterator[Tensor]) -> Iterator[Tensor | tuple[Tensor, ...]]:
        """Run batches with either hint, and keep the faster; none if they end before."""
        seconds = {}
        for hint in (TOGETHER, ALONE):
            yield from self._run(islice(batches, WARMING), self._free(hint))
            started, count = perf_counter(), 0
            for output in self._run(islice(batches, TIMED), self._free(hint)):
                count += 1
                yield output
            if count < TIMED:
                return
            seconds[hint] = perf_counter() - started
        self.faster = min(seconds, key=seconds.__getitem__)

    def _run(
        self, batches: Iterable[Tensor], free: deque[Any]
    ) -> Iterator[Tensor | tuple[Tensor, ...]]:
        running: deque[tuple[Any, int]] = deque()

        def finished() -> Tensor | tuple[Tensor, ...]:
            request, photos = running.popleft()
            request.wait()
            free.append(request)
            found = tuple(torch.from_numpy(t.data[:photos].copy()) for t in request.output_tensors)
            return found[0] if len(found) == 1 else found

        for batch in batches:
            if not free:
                yield finished()
            request = free.popleft()
            running.append((request, len(batch)))
            request.start_async({0: self._filled(batch).contiguous().numpy()})
        while running:
            yield finished()

    def _filled(self, batch: Tensor) -> Tensor:
        """Repeat the last photo until the batch is full: one shape is faster than any."""
        missing = self.size - len(batch)
        return torch.cat([batch, batch[-1:].expand(missing, -1, -1, -1)]) if missing else batch


def converted(module: nn.Module, example: Tensor, calibration: Sequence[Tensor] = ()) -> Any:
    """The module as an openvino.Model for any number of photos of the example's shape.

    It is read from the cache, or converted, which takes seconds, and cached.

    Args:
        module: in eval mode, on the CPU, in float32.
        example: a batch of the shape and dtype of those to come.
        calibration: batches on which to quantise the module to int8, where that is wanted.
    """
    file = _cache_file(module, example, calibration)
    kept = read_tensors(file)
    if kept is None:
        convert = partial(_quantize, calibration) if calibration else _convert
        kept = _serialized(convert(module, example))
        write_tensors(file, kept)
    return _deserialized(kept)


def _convert(module: nn.Module, example: Tensor) -> Any:
    photos = exporters_example(example)
    batch = torch.export.Dim("batch", min=1, max=MOST)
    with quiet(), torch.no_grad():
        program = torch.export.export(module, (photos,), dynamic_shapes=({0: batch},), strict=False)
        return load_openvino().convert_model(program)


def _quantize(calibration: Sequence[Tensor], module: nn.Module, example: Tensor) -> Any:
    content = to_onnx(module, example, ["features"]).SerializeToString()
    return openvino_core().read_model(to_int8(content, calibration))


def _serialized(model: Any) -> dict[str, Tensor]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.xml"
        load_openvino().save_model(model, file, compress_to_fp16=False)
        return {
            kind: torch.from_numpy(np.fromfile(file.with_suffix(f".{kind}"), dtype=np.uint8))
            for kind in ("xml", "bin")
        }


def _deserialized(content: dict[str, Tensor]) -> Any:
    description, weights = (content[kind].numpy() for kind in ("xml", "bin"))
    tensor = load_openvino().Tensor(weights)
    return openvino_core().read_model(description.tobytes().decode(), tensor)


def _cache_file(module: nn.Module, example: Tensor, calibration: Sequence[Tensor]) -> Path:
    calibrated = {f"calibration {number}": batch for number, batch in enumerate(calibration)}
    recipe = (
        CONVERSION,
        repr(module),
        str(example.shape[1:]),
        str(example.dtype),
        torch.__version__,
        load_openvino().__version__,
        fingerprint(module.state_dict() | calibrated),
    )
    key = hashlib.sha256("\n".join(recipe).encode()).hexdigest()
    return engines_folder() / f"{key[:32]}.safetensors"


def load_openvino() -> ModuleType:
    """Import OpenVINO, which takes a while, and keep it from reporting its use."""
    with quiet():
        import openvino
    return openvino


@cache
def openvino_core() -> Any:
    """OpenVINO's Core, one for as long as the process lives.

    Each Core gives the thread a stack for its signal handlers, and takes it away when it goes. Of
    several that don't go in the opposite order in which they came, the last leaves a stack behind
    that is freed: the next signal (an interrupt, a worker that ends) kills the process.
    """
    return load_openvino().Core()


def engines_folder() -> Path:
    """Where converted models are kept."""
    return Settings().cache / "engines"
