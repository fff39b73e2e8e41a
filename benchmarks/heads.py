"""Training a head on a frozen ResNet-18: features once, or the backbone in every epoch."""

from collections.abc import Callable
from statistics import mean

import torch

from benchmarks.results import Result
from benchmarks.timing import Stopwatch
from benchmarks.tutorial import WORKERS, train_head
from utils.backbones import load_backbone
from utils.cli.catalogue import load_images
from utils.datasets import ImageSet
from utils.device import Runtime, choose_runtime
from utils.files import scratch_cache
from utils.splits import limit
from utils.training import TrainingConfig, train

SHORT, LONG = 5, 20
COLD_GOALS = {SHORT: 1.0, LONG: 20.0}
CACHED_GOAL = 100.0
Say = Callable[[str], None]


def measure(photos: int, say: Say) -> list[Result]:
    """Compare both ways on the same photos of ELPV, cut into the same splits."""
    images, runtime = limit(load_images("elpv"), photos), choose_runtime()
    _wake_torch()
    say(f"heads: {len(images)} photos of {images.name}, ours on {runtime}")
    before = _ours(images, runtime)
    say(f"heads: {LONG} epochs of the tutorial's way, fp32, {WORKERS} loader processes")
    ends = train_head(images, LONG, runtime.device)
    # Ours before and after the long run: a machine that slows down or speeds up favours nobody.
    after = _ours(images, runtime)
    ours = {name: mean((before[name], after[name])) for name in before}
    return _results(ours, ends)


def _results(ours: dict[str, float], ends: list[float]) -> list[Result]:
    cold = [
        Result(
            name=f"head, {epochs} epochs, cold",
            ours=ours[f"cold {epochs}"],
            other=ends[epochs - 1],
            unit="s",
            goal=goal,
        )
        for epochs, goal in COLD_GOALS.items()
    ]
    # The first epoch of the tutorial's way isn't special: no cache makes the later ones cheaper.
    every = ends[-1] / len(ends)
    return [
        *cold,
        Result(
            name="head, an epoch, cached",
            ours=ours["epoch"],
            other=every,
            unit="s",
            goal=CACHED_GOAL,
        ),
    ]


def _ours(images: ImageSet, runtime: Runtime) -> dict[str, float]:
    """Seconds of the cold runs, each with an empty cache, and of an epoch in a warm one."""
    found = {}
    for epochs in COLD_GOALS:
        with scratch_cache():
            found[f"cold {epochs}"], _ = _run(images, epochs, runtime)
            _, found["epoch"] = _run(images, epochs, runtime)
    return found


def _run(images: ImageSet, epochs: int, runtime: Runtime) -> tuple[float, float]:
    """Seconds from nothing to a trained head, and the mean of its epochs."""
    watch = Stopwatch(runtime.device)
    backbone = load_backbone("resnet18", "untrained")
    trace, _ = train(backbone, images, TrainingConfig(epochs=epochs), runtime)
    return watch.seconds(), mean(epoch.seconds for epoch in trace.epochs)


def _wake_torch() -> None:
    """Make torch's first optimizer, whose late imports would count against whoever is first."""
    layer = torch.nn.Linear(1, 1)
    layer(torch.zeros(1, 1)).sum().backward()
    for kind in (torch.optim.SGD, torch.optim.AdamW):
        kind(layer.parameters(), lr=0.0).step()
