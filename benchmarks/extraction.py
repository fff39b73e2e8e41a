"""Feature extraction: images a second on batches that are ready, ours beside other tools."""

from collections.abc import Callable

import torch

from benchmarks.contenders import BUILDERS, NotOffered, Task
from benchmarks.results import Result
from benchmarks.timing import Contender, best_seconds
from utils.backbones import load_backbone, textbook
from utils.device import Runtime, choose_runtime
from utils.quiet import quiet

STOCK_GOALS = {"efficientnet_lite0": 5.0, "resnet18": 3.0, "resnet50": 3.0}
LEVEL = 1.0
MATMUL, MATMUL_SIDE, MATMUL_GOAL = "bf16 matmul rate", 2048, 0.85
Say = Callable[[str], None]


def measure(rounds: int, say: Say) -> list[Result]:
    """Compare all contenders on every model; `say` is told of those that can't take part."""
    runtime = choose_runtime()
    return [result for name in STOCK_GOALS for result in _compare(name, runtime, rounds, say)]


def _compare(name: str, runtime: Runtime, rounds: int, say: Say) -> list[Result]:
    task = Task(load_backbone(name, "untrained"), runtime)
    contenders = _contenders(task, say)
    if name == "resnet50":
        contenders += _matmul(runtime, say)
    say(f"{name}: {rounds} rounds of {len(contenders)} contenders on {runtime}")
    best = best_seconds(contenders, rounds, runtime.device)
    matmul = best.pop(MATMUL, None)
    rates = {label: task.images / seconds for label, seconds in best.items()}
    results = [
        Result(name=f"{name} img/s, {label}", ours=rates["ours"], other=rate, unit="img/s",
               goal=STOCK_GOALS[name] if label == "stock" else LEVEL)
        for label, rate in rates.items() if label != "ours"
    ]  # fmt: skip
    if matmul:
        results.append(_share_of_matmul(rates["ours"], matmul))
    return results


def _contenders(task: Task, say: Say) -> list[Contender]:
    """All that can be built here; the reasons of the others are said."""
    found = []
    for label, build in BUILDERS.items():
        try:
            with quiet():
                found += [Contender(label, work) for work in build(task)]
        except NotOffered as reason:
            say(f"{label} left out of {task.backbone.spec.name}: {reason}")
        except ImportError as error:
            say(f"{label} left out of {task.backbone.spec.name}: not installed ({error})")
        except Exception as error:  # other tools raise what they like, and none may end the run
            if label == "ours":
                raise
            say(f"{label} left out of {task.backbone.spec.name}: it failed with {error!r}")
    return found


def _matmul(runtime: Runtime, say: Say) -> list[Contender]:
    if runtime.precision != "bf16":
        say(f"{MATMUL} left out: this run computes in {runtime.precision}")
        return []
    left, right = torch.randn(
        2, MATMUL_SIDE, MATMUL_SIDE, device=runtime.device, dtype=torch.bfloat16
    )
    # Several attempts a turn: one product is over so soon that any hiccup hides the true rate.
    return [Contender(MATMUL, lambda: left @ right)] * 4


def _share_of_matmul(rate: float, matmul_seconds: float) -> Result:
    """Compare a ResNet-50's FLOP/s with those of plain matrix products, at 2 FLOPs a MAC."""
    achieved = rate * 2 * textbook("resnet").gmacs
    plain = 2 * MATMUL_SIDE**3 / matmul_seconds / 1e9
    return Result(
        name=f"resnet50 of {MATMUL}", ours=achieved, other=plain, unit="GFLOP/s", goal=MATMUL_GOAL
    )
