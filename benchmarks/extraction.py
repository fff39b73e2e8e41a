"""Feature extraction: images a second on batches that are ready, ours beside other tools."""

from collections.abc import Callable

import torch

from benchmarks.contenders import BUILDERS, CELLS, NotOffered, Task
from benchmarks.results import Result
from benchmarks.timing import Contender, best_seconds
from utils.backbones import load_backbone, textbook
from utils.device import Runtime, choose_runtime
from utils.engines.quiet import quiet

FILES = "from files"
OURS = ("ours", FILES, "int8")
STOCK_GOALS = {"efficientnet_lite0": 5.0, "resnet18": 3.0, "resnet50": 3.0}
LEVEL = 1.0
DIRECT, DIRECT_GOAL = ("ONNX Runtime", "OpenVINO"), 0.97  # tools used directly
FILES_GOAL = 0.9  # of the faster of these tools, whose photos are in memory already
INT8_GOAL = 1.5
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
    short = [contender for contender in contenders if contender.label != FILES]
    long = [contender for contender in contenders if contender.label == FILES]
    best = best_seconds(short, rounds, runtime.device)
    matmul = best.pop(MATMUL, None)
    rates = {label: task.images / seconds for label, seconds in best.items()}
    # Of turns that take longer, fewer are enough for one that nothing disturbs.
    for label, seconds in best_seconds(long, -(-rounds // 3), runtime.device).items():
        rates[label] = CELLS / seconds
    results = [
        Result(name=f"{name} img/s, {label}", ours=rates["ours"], other=rate, unit="img/s",
               goal=_goal(name, label))
        for label, rate in rates.items() if label not in OURS
    ]  # fmt: skip
    results += _other_ways(name, rates)
    if matmul:
        results.append(_share_of_matmul(rates["ours"], matmul))
    return results


def _goal(name: str, label: str) -> float:
    return STOCK_GOALS[name] if label == "stock" else DIRECT_GOAL if label in DIRECT else LEVEL


def _other_ways(name: str, rates: dict[str, float]) -> list[Result]:
    """The course from files beside the faster tool without them, and in int8 beside itself."""
    results = []
    direct = [rates[label] for label in DIRECT if label in rates]
    if direct:
        results.append(
            Result(name=f"{name} img/s from files, faster tool", ours=rates[FILES],
                   other=max(direct), unit="img/s", goal=FILES_GOAL)
        )  # fmt: skip
    if "int8" in rates:
        results.append(
            Result(name=f"{name} img/s in int8, ours", ours=rates["int8"], other=rates["ours"],
                   unit="img/s", goal=INT8_GOAL if _multiplies_int8() else LEVEL)
        )  # fmt: skip
    return results


def _multiplies_int8() -> bool:
    """Whether the CPU has instructions for it (VNNI)."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_vnni") or able.get("avx_vnni") or able.get("amx_int8"))


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
            if label in OURS:
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
