"""What each step of running well is worth on this machine, measured one after the other."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from utils.backbones import load_backbone
from utils.datasets import Crops, load_elpv
from utils.device import Runtime
from utils.images import Normalise
from utils.inference import fast_inference
from utils.models import find_model
from utils.parallel import train_in_parallel
from utils.splits import limit
from utils.studies import Row, Unit

MODEL = "resnet18"
BATCH = 32
TURNS = 5  # of which the median counts
EPOCHS = 5
PHOTOS = 256


def scaling_units(runtime: Runtime, photos: int = PHOTOS) -> dict[str, Unit]:
    """One unit a step; those that this machine can't take say why in `what`, with no figures."""
    return {step: partial(measure, step) for step, measure in _steps(runtime, photos).items()}


def _steps(runtime: Runtime, photos: int) -> dict[str, Callable[[str], Row]]:
    fp32 = Runtime(runtime.device, "fp32")
    return {
        "eager, fp32": lambda step: _forward(step, "the backbone as it is built", fp32, _eager),
        "channels_last": lambda step: _forward(step, "a pixel's channels in a row", fp32, _placed),
        "bf16": lambda step: _bf16(step, runtime),
        "traced": lambda step: _forward(step, "frozen, fused, optimised", runtime, _traced),
        "compiled": lambda step: _compiled(step, runtime),
        "feature cache": lambda step: _cached(step, runtime),
        "loader workers": lambda step: _workers(step, photos),
        "two processes": _processes,
    }


def _row(step: str, what: str, rate: float | None = None, base: float | None = None) -> Row:
    """Photos a second now and before, and their ratio."""
    return {
        "step": step,
        "what": what,
        "images_per_second": rate and round(rate, 1),
        "gain": rate and base and round(rate / base, 2),
    }


def _forward(step: str, what: str, runtime: Runtime, build: Callable[[Runtime], tuple]) -> Row:
    """A way to run the frozen backbone, beside the plain one in the same minute."""
    base = _rate(*_eager(Runtime(runtime.device, "fp32")))
    return _row(step, what, base if build is _eager else _rate(*build(runtime)), base)


@torch.inference_mode()
def _rate(model: Callable[[Tensor], Tensor], pixels: Tensor) -> float:
    times = []
    for _ in range(TURNS + 2):  # the first two warm up
        started = perf_counter()
        model(pixels).float().cpu()
        times.append(perf_counter() - started)
    return len(pixels) / median(times[2:])


def _module() -> nn.Sequential:
    backbone = load_backbone(MODEL, "untrained")
    return nn.Sequential(Normalise(backbone.spec.preprocessing), backbone.body).eval()


def _pixels() -> Tensor:
    return torch.randint(0, 256, (BATCH, 3, 224, 224), dtype=torch.uint8)


def _eager(runtime: Runtime) -> tuple:
    return _module().to(runtime.device), _pixels().to(runtime.device)


def _placed(runtime: Runtime) -> tuple:
    return runtime.place(_module()), runtime.send(_pixels())


def _half(runtime: Runtime) -> tuple:
    return runtime.place(_module()).to(runtime.dtype), runtime.send(_pixels())


def _traced(runtime: Runtime) -> tuple:
    pixels = runtime.send(_pixels())
    return fast_inference(_module(), runtime, pixels)[0], pixels


def _bf16(step: str, runtime: Runtime) -> Row:
    if runtime.precision == "fp32":
        return _row(step, "left out: this device doesn't multiply bf16 faster")
    return _forward(step, f"{runtime.precision}, and channels_last", runtime, _half)


def _compiled(step: str, runtime: Runtime) -> Row:
    if runtime.device.type == "cpu" and not shutil.which(os.environ.get("CXX", "g++")):
        return _row(step, "left out: torch.compile needs a C++ compiler (g++)")

    def build(runtime: Runtime) -> tuple:
        model, pixels = _half(runtime)
        return torch.compile(model), pixels

    return _forward(step, f"torch.compile, {runtime.precision}", runtime, build)


def _cached(step: str, runtime: Runtime) -> Row:
    """Five epochs of a head: the backbone in each of them, or once."""
    model, pixels = _half(runtime)
    without = _rate(model, pixels) / EPOCHS
    fast, pixels = _traced(runtime)
    return _row("feature cache", f"{EPOCHS} epochs of a head on it", _rate(fast, pixels), without)


def _workers(step: str, photos: int) -> Row:
    """Reading and cropping photos: in this process, or in two of their own."""
    alone, helped = (_loading_rate(photos, workers) for workers in (0, 2))
    return _row(step, "photos read and cropped by two processes", helped, alone)


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


def _processes(step: str) -> Row:
    """Training: one process with a thread, or two of them that average their gradients."""
    one, two = (train_in_parallel(n)["photos_a_second"] for n in (1, 2))
    return _row(step, "DistributedDataParallel, one thread each", two, one)
