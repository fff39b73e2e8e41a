"""Timing on a machine that does other things too."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

Work = Callable[[], object]


@dataclass(frozen=True)
class Contender:
    """A way to do some work. Ways under one label are variants, of which the fastest counts."""

    label: str
    work: Work


class Stopwatch:
    """Seconds since it was made, counted when the device has finished what it was given."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._synchronise()
        self.started = time.perf_counter()

    def seconds(self) -> float:
        """Seconds so far."""
        self._synchronise()
        return time.perf_counter() - self.started

    def _synchronise(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def best_seconds(
    contenders: list[Contender], rounds: int, device: torch.device
) -> dict[str, float]:
    """Shortest time of each label's work over `rounds`, in each of which all have their turn.

    The shortest, not the median: other programs can only make a run longer, so the shortest is
    nearest to what the machine can do. Turns alternate so that a slow minute hits all alike.
    """
    best: dict[str, float] = {}
    for _ in range(rounds):
        for contender in contenders:
            seconds = _turn(contender.work, device)
            best[contender.label] = min(seconds, best.get(contender.label, seconds))
    return best


def _turn(work: Work, device: torch.device) -> float:
    work()  # fills the caches, and outlasts the idle threads that the one before left spinning
    watch = Stopwatch(device)
    work()
    return watch.seconds()
