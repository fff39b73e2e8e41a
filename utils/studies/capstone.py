"""The capstone: is this solar cell defective? Two measures, two kinds of split, many splits.

Two models answer, and the mean of both: a kernel regression on what frozen backbones see, and an
EfficientNet-Lite whose last stage is fine-tuned. Everything that had to be chosen was chosen on
the validation cells of splits by module (`climb_steps`); the test cells of a split are looked at
once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
from torch import Tensor

from utils.datasets import ImageSet, elpv_probabilities, load_elpv
from utils.device import Runtime
from utils.splits import Splits, split
from utils.studies.capstone_tuning import (
    LastStage,
    Recipe,
    average_weights,
    fine_tune,
    kept_maps,
    probabilities,
)
from utils.studies.cells import MIRRORS, SYMMETRIES, cell_features, cells_as_pixels
from utils.studies.kernel_probe import kernel_probe
from utils.studies.measures import Interval, Measure, corrected_interval, elpv_measures, score
from utils.studies.runner import Measurement, Record

# Side in pixels at which each frozen model sees the whole cell, of 300 pixels: the larger model
# learned on larger photos.
SIDES = {"resnet18": 224, "efficientnet_lite0": 224, "efficientnet_lite1": 288}
C = 30.0  # of the kernel regression
KINDS = ("random", "by module")
STRATEGIES = ("frozen", "fine-tuned", "both")
SPLITS = 20
TUNED_SPLITS = 5  # of these: fine-tuning takes minutes each time
STEP_SPLITS = 3
STEP_RUNS = 2
TUNED = Recipe()  # what the steps showed to be best
LARGER = Recipe(side=288)
PLAIN = Recipe(symmetries=1)
AT_ONCE = Recipe(symmetries=1, probe_first=False)
PROBE = Recipe(epochs=0)


STUDY_SETTINGS = {
    "sides": SIDES,
    "c": C,
    "kinds": KINDS,
    "splits": SPLITS,
    "tuned_splits": TUNED_SPLITS,
    "step_splits": STEP_SPLITS,
    "tuned": asdict(TUNED),
    "larger_side": LARGER.side,
}


@cache
def cells() -> ImageSet:
    return load_elpv(binary=True)


@cache
def measures() -> dict[str, Measure]:
    return elpv_measures(elpv_probabilities())


@cache
def sure() -> np.ndarray:
    """Whether all experts agreed on a cell, for each of the N."""
    return np.isin(elpv_probabilities(), (0.0, 1.0))


def parts_of(kind: str, seed: int) -> Splits:
    """One of the splits: 60, 15 and 25 % of the cells, at random or with modules kept whole."""
    return split(cells(), seed, random=kind == "random")


def capstone_measurements(runtime: Runtime) -> dict[str, Measurement]:
    """What is computed once, each split's test, and the steps by which the model was chosen."""
    measurements: dict[str, Measurement] = {
        f"features of {name}": partial(see_every_cell, name, runtime) for name in SIDES
    }
    for seed in range(SPLITS):
        for kind in KINDS:
            measurements[f"frozen, {kind}, split {seed}"] = partial(
                measure_frozen, kind, seed, runtime
            )
    measurements[f"maps of {TUNED.side} pixels"] = partial(keep_maps, TUNED.side, runtime)
    for seed in range(TUNED_SPLITS):
        for kind in KINDS:
            measurements[f"fine-tuned, {kind}, split {seed}"] = partial(
                measure_tuned, kind, seed, runtime
            )
    measurements[f"maps of {LARGER.side} pixels"] = partial(keep_maps, LARGER.side, runtime)
    for seed in range(STEP_SPLITS):
        measurements[f"steps, split {seed}"] = partial(climb_steps, seed, runtime)
    return measurements


def see_every_cell(name: str, runtime: Runtime) -> Record:
    """Compute a frozen model's features of every cell, or find them in the cache."""
    vectors = features_of(name, runtime)
    return {"part": "features", "model": name, "side": SIDES[name], "length": vectors.shape[1]}


def keep_maps(side: int, runtime: Runtime) -> Record:
    """Compute what the frozen part of the fine-tuned model makes of every cell."""
    maps = maps_of(side, runtime)
    return {"part": "maps", "model": TUNED.model, "side": side, "values": maps[0, 0].numel()}


@cache
def maps_of(side: int, runtime: Runtime) -> Tensor:
    return kept_maps(cells_as_pixels(), replace(TUNED, side=side), runtime)


def features_of(name: str, runtime: Runtime) -> np.ndarray:
    return cell_features(name, SIDES[name], MIRRORS, runtime).numpy()


def measure_frozen(kind: str, seed: int, runtime: Runtime) -> Record:
    """Test the kernel regression on one split; see `_tested` for the row."""
    parts = parts_of(kind, seed)
    found = frozen_answers(parts.train + parts.val, parts.test, runtime)
    answers = {name: {"frozen": own} for name, own in zip(measures(), found.T, strict=True)}
    return {"part": "frozen"} | _tested(kind, seed, parts, answers)


def measure_tuned(kind: str, seed: int, runtime: Runtime) -> Record:
    """Test the fine-tuned model, and its mean with the kernel regression, on one split."""
    parts = parts_of(kind, seed)
    known, maps, answers = parts.train + parts.val, maps_of(TUNED.side, runtime), {}
    model = fine_tune(maps, TUNED, list(measures().values()), known, runtime)
    found = probabilities(model, maps, parts.test, runtime, SYMMETRIES)
    beside = frozen_answers(known, parts.test, runtime)
    for name, tuned, frozen in zip(measures(), found.T, beside.T, strict=True):
        answers[name] = {"fine-tuned": tuned, "both": (tuned + frozen) / 2}
    return {"part": "fine-tuned"} | _tested(kind, seed, parts, answers)


def frozen_answers(known: Sequence[int], unknown: Sequence[int], runtime: Runtime) -> np.ndarray:
    """The kernel regression's probabilities of a defect in the cells at `unknown`, M×measures."""
    vectors = [features_of(name, runtime) for name in SIDES]
    return kernel_probe(vectors, list(measures().values()), known, unknown, C)


def _tested(
    kind: str, seed: int, parts: Splits, answers: Mapping[str, Mapping[str, np.ndarray]]
) -> Record:
    """Make a row: `scores[strategy][a][b]` of the model trained by measure a, scored by measure b.

    `defective[strategy][a]` is that model's probability of a defect in each test cell, in order.
    """
    scores: dict[str, Any] = {}
    defective: dict[str, Any] = {}
    for learned_by, by_strategy in answers.items():
        for strategy, found in by_strategy.items():
            taken = {
                name: asdict(score(measure, parts.test, found, sure()))
                for name, measure in measures().items()
            }
            scores.setdefault(strategy, {})[learned_by] = taken
            kept = [round(float(p), 3) for p in found]
            defective.setdefault(strategy, {})[learned_by] = kept
    floors = {name: measure.floor(parts.test) for name, measure in measures().items()}
    sizes = {"n_train": len(parts.train + parts.val), "n_test": len(parts.test)}
    row: Record = {"kind": kind, "seed": seed, **sizes, "floors": floors, "scores": scores}
    return row | ({"defective": defective} if seed < TUNED_SPLITS else {})


def climb_steps(seed: int, runtime: Runtime) -> Record:
    """Validation accuracy, by the course's measure, after each step towards the model chosen.

    The split is by module; only its training cells are learned from, its test cells stay unused.
    """
    parts, measure = parts_of("by module", seed), measures()["course"]
    both = list(measures().values())

    def learned(recipe: Recipe, run: int = 0) -> LastStage:
        return fine_tune(maps_of(recipe.side, runtime), recipe, both, parts.train, runtime, run)

    own = list(measures()).index(measure.name)

    def answers(model: LastStage, recipe: Recipe, symmetries: int = 1) -> np.ndarray:
        maps = maps_of(recipe.side, runtime)
        return probabilities(model, maps, parts.val, runtime, symmetries)[:, own]

    def accuracy(found: np.ndarray) -> float:
        return score(measure, parts.val, found, sure()).accuracy

    runs = [learned(TUNED, run) for run in range(STEP_RUNS)]
    tuned = answers(runs[0], TUNED, SYMMETRIES)
    averaged = answers(average_weights(runs), TUNED, SYMMETRIES)
    frozen = frozen_answers(parts.train, parts.val, runtime)[:, own]
    larger = answers(learned(LARGER), LARGER, SYMMETRIES)
    found = {
        "linear probe": answers(learned(PROBE), PROBE),
        "fine-tuned at once": answers(learned(AT_ONCE), AT_ONCE),
        "fine-tuned after the probe": answers(learned(PLAIN), PLAIN),
        "eight symmetries in training": answers(runs[0], TUNED),
        "eight symmetries at test": tuned,
        f"weights of {STEP_RUNS} runs averaged": averaged,
        f"{LARGER.side} instead of {TUNED.side} pixels": larger,
        "frozen backbones, kernel regression": frozen,
        "mean of fine-tuned and frozen": (tuned + frozen) / 2,
    }
    steps = {step: accuracy(p) for step, p in found.items()}
    sizes = {"n_train": len(parts.train), "n_test": len(parts.val)}
    return {
        "part": "steps",
        "seed": seed,
        **sizes,
        "floor": measure.floor(parts.val),
        "steps": steps,
    }


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One line of the capstone's table: a strategy, a kind of split, a measure."""

    strategy: str
    kind: str
    measure: str
    splits: int
    floor: float
    accuracy: Interval
    balanced_accuracy: float
    mcc: float
    auc: float
    sure_accuracy: float


def summarise(rows: Sequence[Record]) -> list[Summary]:
    """The table: means over splits of each model, by the measure that it learned by.

    The frozen model is there twice: it can be compared with the others on the same splits only.
    """
    lines = [("frozen", SPLITS), *((strategy, TUNED_SPLITS) for strategy in STRATEGIES)]
    return [
        summarise_one(rows, strategy, kind, measure, splits)
        for strategy, splits in lines
        for kind in KINDS
        for measure in measures()
    ]


def summarise_one(
    rows: Sequence[Record], strategy: str, kind: str, measure: str, splits: int = TUNED_SPLITS
) -> Summary:
    """Means over the first `splits` splits of this kind."""
    chosen = [
        row
        for row in rows
        if row.get("kind") == kind and strategy in row["scores"] and row["seed"] < splits
    ]
    scores = [row["scores"][strategy][measure][measure] for row in chosen]
    sizes = (np.mean([row[size] for row in chosen]) for size in ("n_train", "n_test"))
    means = {name: float(np.mean([s[name] for s in scores])) for name in scores[0]}
    accuracy = corrected_interval([s["accuracy"] for s in scores], *map(float, sizes))
    floor = float(np.mean([row["floors"][measure] for row in chosen]))
    return Summary(
        strategy=strategy,
        kind=kind,
        measure=measure,
        splits=len(chosen),
        floor=floor,
        **(means | {"accuracy": accuracy}),
    )
