"""Measure what each way to speed up is worth on this machine, beside the way without it.

The steps do different jobs (a forward pass, reading photos, training), so each row names what it
was compared with; gains with different baselines can't be ranked.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from utils.backbones import load_backbone
from utils.classifier import Head
from utils.datasets import Crops, load_elpv
from utils.device import Runtime
from utils.features import fast_backbone
from utils.images import Normalize
from utils.inference import fast_inference
from utils.models import find_model
from utils.modes import TrainingConfig, trainable_groups
from utils.settings import FeatureEngine
from utils.splits import limit
from utils.studies.parallel import train_in_parallel
from utils.studies.runner import Measurement, Record

MODEL = "resnet18"
BATCH = 32
BATCHES = 4  # OpenVINO runs several at a time
TURNS = 5  # of which the median counts
EPOCHS = 5  # of a head, for the feature cache
PHOTOS = 256  # that a loader reads; a head learns from half of them
LONG_TURNS = 3  # of which the median counts where a turn takes seconds

Run = Callable[[Sequence[Tensor]], Iterable[Tensor]]  # batches → feature vectors of each


def scaling_measurements(runtime: Runtime, photos: int = PHOTOS) -> dict[str, Measurement]:
    """One measurement a step; those that this machine can't take say why in `what`."""
    return {step: partial(measure, step) for step, measure in _steps(runtime, photos).items()}


def _steps(runtime: Runtime, photos: int) -> dict[str, Callable[[str], Record]]:
    fp32 = Runtime(runtime.device, "fp32")
    return {
        "eager, fp32": lambda step: _forward(step, "the backbone as it is built", fp32, _eager),
        "channels_last": lambda step: _forward(step, "a pixel's channels in a row", fp32, _placed),
        "bf16": lambda step: _bf16(step, runtime),
        "folded": lambda step: _folded(step, runtime),
        "compiled": lambda step: _compiled(step, runtime),
        "OpenVINO": lambda step: _openvino(step, runtime),
        "feature cache": lambda step: _cached(step, runtime, photos // 2),
        "loader workers": lambda step: _workers(step, photos),
        "two threads": lambda step: _parallel(step, "one process, two threads", 1, 2),
        "two processes": lambda step: _parallel(step, "two processes, one thread each", 2, 1),
    }


def _row(
    step: str,
    what: str,
    beside: str | None = None,
    rate: float | None = None,
    base: float | None = None,
) -> Record:
    """Make a row: photos a second with the step, and its speed-up over the way `beside` it."""
    return {
        "step": step,
        "what": what,
        "beside": beside,
        "images_per_second": rate and round(rate, 1),
        "gain": rate and base and round(rate / base, 2),
    }


def _forward(
    step: str, what: str, runtime: Runtime, build: Callable[[Runtime], tuple[Run, Tensor]]
) -> Record:
    """A way to run the frozen backbone, beside the plain one in the same minute."""
    base = _rate(*_eager(Runtime(runtime.device, "fp32")))
    rate = base if build is _eager else _rate(*build(runtime))
    return _row(step, what, "eager, fp32", rate, base)


@torch.inference_mode()
def _rate(run: Run, pixels: Tensor) -> float:
    times = []
    for _ in range(TURNS + 2):  # the first two warm up
        started = perf_counter()
        for vectors in run([pixels] * BATCHES):
            vectors.float().cpu()
        times.append(perf_counter() - started)
    return BATCHES * len(pixels) / median(times[2:])


def _module() -> nn.Sequential:
    backbone = load_backbone(MODEL, "untrained")
    return nn.Sequential(Normalize(backbone.spec.preprocessing), backbone.body).eval()


def _pixels() -> Tensor:
    return torch.randint(0, 256, (BATCH, 3, 224, 224), dtype=torch.uint8)


def _eager(runtime: Runtime) -> tuple[Run, Tensor]:
    return partial(map, _module().to(runtime.device)), _pixels().to(runtime.device)


def _placed(runtime: Runtime) -> tuple[Run, Tensor]:
    return partial(map, runtime.move_module(_module())), runtime.move_batch(_pixels())


def _half(runtime: Runtime) -> tuple[Run, Tensor]:
    module = runtime.move_module(_module()).to(runtime.dtype)
    return partial(map, module), runtime.move_batch(_pixels())


def _engine(runtime: Runtime) -> tuple[Run, Tensor]:
    pixels = _pixels()
    return fast_inference(_module(), runtime, pixels).stream, pixels


def _bf16(step: str, runtime: Runtime) -> Record:
    if runtime.precision == "fp32":
        return _row(step, "left out: this device doesn't multiply bf16 faster")
    return _forward(step, f"{runtime.precision}, and channels_last", runtime, _half)


def _folded(step: str, runtime: Runtime) -> Record:
    what = f"BatchNorm folded into the convolutions, channels_last, {runtime.precision}"
    return _forward(step, what, replace(runtime, engine=FeatureEngine.EAGER), _engine)


def _openvino(step: str, runtime: Runtime) -> Record:
    if runtime.engine != FeatureEngine.OPENVINO:
        return _row(step, f"left out: this run is on {runtime}")
    return _forward(step, f"OpenVINO, {runtime.precision}", runtime, _engine)


def _compiled(step: str, runtime: Runtime) -> Record:
    if runtime.device.type == "cpu" and not shutil.which(os.environ.get("CXX", "g++")):
        return _row(step, "left out: torch.compile needs a C++ compiler (g++)")

    def build(runtime: Runtime) -> tuple[Run, Tensor]:
        module = runtime.move_module(_module()).to(runtime.dtype)
        return partial(map, torch.compile(module)), runtime.move_batch(_pixels())

    return _forward(step, f"torch.compile, {runtime.precision}", runtime, build)


def _cached(step: str, runtime: Runtime, photos: int) -> Record:
    """Train a head for five epochs, with the backbone run in each, or once and its features cached.

    Both read the same photos, run the backbone in its fastest form, and take the same steps.
    """
    images, spec = limit(load_elpv(), photos), find_model(MODEL).preprocessing
    model = fast_backbone(load_backbone(MODEL, "untrained"), runtime, BATCH)

    def computed() -> Iterable[tuple[Tensor, Tensor]]:
        loader = DataLoader(Crops(images, spec), batch_size=BATCH)
        vectors = model.stream(pixels for pixels, _ in loader)
        for batch, labels in zip(vectors, torch.tensor(images.labels).split(BATCH), strict=True):
            yield batch.cpu(), labels

    vectors = torch.cat([batch for batch, _ in computed()])  # which also warms up
    times: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(LONG_TURNS):
        for kept, seconds in times.items():
            head = Head(vectors, len(images.classes))
            seconds.append(_head_seconds(head, computed, kept))
    without, kept = (median(seconds) for seconds in times.values())
    what = f"{EPOCHS} epochs of a head on {len(images)} photos, the backbone run once"
    visits = EPOCHS * len(images)
    return _row(step, what, "the backbone run in every epoch", visits / kept, visits / without)


def _head_seconds(head: Head, compute: Callable[[], Iterable], kept: bool) -> float:
    """Seconds to train a head on features computed in every epoch, or once and `kept`."""
    optimizer = torch.optim.AdamW(trainable_groups(head, TrainingConfig()))
    started = perf_counter()
    batches = list(compute()) if kept else None
    for _ in range(EPOCHS):
        for features, labels in batches or compute():
            optimizer.zero_grad()
            cross_entropy(head(features), labels).backward()
            optimizer.step()
    return perf_counter() - started


def _workers(step: str, photos: int) -> Record:
    """Reading and cropping photos: in this process, or in two of their own."""
    alone, helped = (_loading_rate(photos, workers) for workers in (0, 2))
    what = "photos read and cropped by two processes"
    return _row(step, what, "read by the process that trains", helped, alone)


def _loading_rate(photos: int, workers: int) -> float:
    spec = find_model(MODEL).preprocessing
    images = limit(load_elpv(), photos)
    loader = DataLoader(
        Crops(images, spec),
        batch_size=BATCH,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        persistent_workers=workers > 0,
    )
    for _ in loader:  # starts the workers, which takes seconds
        pass
    started = perf_counter()
    for _ in loader:
        pass
    return len(images) / (perf_counter() - started)


def _parallel(step: str, what: str, processes: int, threads: int) -> Record:
    """Training a small ResNet beside one process with one thread, in turns."""
    rates, bases = [], []
    for _ in range(LONG_TURNS):
        bases.append(train_in_parallel(1)["photos_a_second"])
        rates.append(train_in_parallel(processes, threads)["photos_a_second"])
    return _row(step, what, "one process, one thread", median(rates), median(bases))
