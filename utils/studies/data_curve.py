"""How much data does pre-training save? Accuracy against the fraction of the training photos.

On two data sets: solar cells, which are far from ImageNet, and things, which are near. Five splits
each, the same for every strategy, so that strategies are compared split by split.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from torch import nn

from utils.backbones import Backbone, load_backbone, with_side
from utils.datasets import Crops, ImageSet, load_elpv, load_things
from utils.device import Runtime
from utils.images import Normalize
from utils.modes import TrainingConfig
from utils.splits import fraction_of_training, limit, split
from utils.studies.measures import Interval, corrected_interval
from utils.studies.runner import Measurement, Record
from utils.training import train

MODEL = "efficientnet_lite0"  # it has seen neither data set; the course's own weights saw things
SIDE = 96  # pixels: an epoch takes two thirds of what it does at 128
FRACTIONS = (0.05, 0.25, 1.0)
SETTLING = 128  # photos that give an untrained network's BatchNorm its statistics
SEEDS = 5  # of the split and of training alike
ELPV_PHOTOS = 600  # of 2,624, from every module: training from scratch on all takes hours


@dataclass(frozen=True)
class Strategy:
    """Weights to begin with, how to train, and for how long.

    Training takes about `steps` steps whatever the fraction of the photos, but at most `most`
    epochs. The best epoch by validation loss is tested, so that more epochs than needed do no harm.
    """

    weights: str
    config: TrainingConfig
    steps: int
    most: int

    def config_for(self, photos: int, fraction: float, seed: int) -> TrainingConfig:
        """Configure training on `photos` photos, which are a `fraction` of the training split."""
        in_epoch = -(-photos // self.config.batch_size)
        epochs = max(1, min(self.most, round(self.steps / in_epoch)))
        return replace(self.config, epochs=epochs, fraction=fraction, seed=seed)


# A pre-trained backbone keeps BatchNorm's statistics and begins with a trained head: with a handful
# of photos, noisy statistics and a random head undo what it knows.
# The learning rates for training from scratch were chosen on validation photos of `things`, in a
# split that is used here too.
SCRATCH = TrainingConfig(mode="full", lr_backbone=3e-4, lr_head=1e-3)
STRATEGIES = {
    "frozen": Strategy("offline", TrainingConfig(mode="head"), steps=600, most=200),
    "full": Strategy("offline", TrainingConfig(mode="full", head_epochs=60), steps=50, most=12),
    "from scratch": Strategy("untrained", SCRATCH, steps=150, most=20),
}


def _cells() -> ImageSet:
    return limit(load_elpv(binary=True), ELPV_PHOTOS)


DATA: dict[str, Callable[[], ImageSet]] = {"elpv": _cells, "things": load_things}


def curve_settings() -> dict[str, object]:
    """What the study depends on, for its record."""
    return {
        "model": MODEL,
        "side": SIDE,
        "fractions": FRACTIONS,
        "seeds": SEEDS,
        "photos": {name: len(load()) for name, load in DATA.items()},
        "strategies": {name: asdict(strategy) for name, strategy in STRATEGIES.items()},
    }


def curve_measurements(runtime: Runtime) -> dict[str, Measurement]:
    """One measurement for each data set, split, fraction and strategy."""
    return {
        f"{data}, {strategy}, {fraction:.0%}, split {seed}": partial(
            learn_from_fraction, DATA[data], strategy, fraction, seed, runtime
        )
        for data in DATA
        for seed in range(SEEDS)
        for fraction in FRACTIONS
        for strategy in STRATEGIES
    }


def learn_from_fraction(
    load: Callable[[], ImageSet], strategy: str, fraction: float, seed: int, runtime: Runtime
) -> Record:
    """Train one strategy on a fraction of a training split, and test it on the whole test split."""
    images, chosen = load(), STRATEGIES[strategy]
    whole = split(images, seed)
    used = fraction_of_training(whole, images.labels, fraction, seed)
    config = chosen.config_for(len(used.train), fraction, seed)
    backbone = with_side(load_backbone(MODEL, chosen.weights, seed), SIDE)
    if not backbone.weights.trained:
        settle_norms(backbone, images.subset(used.train[:SETTLING]))
    trace, _ = train(backbone, images, config, runtime)
    return {
        "data": images.name,
        "split": trace.split,
        "strategy": strategy,
        "fraction": fraction,
        "photos": trace.n_train,
        "photos_in_split": len(whole.train),
        "seed": seed,
        "floor": images.subset(whole.test).majority_share(),
        "test_accuracy": trace.test_accuracy,
        "tested": trace.n_test,
        "groups_tested": len({images.groups[i] for i in whole.test}),  # modules or originals
        "best_epoch": trace.best_epoch,
        "minutes_of_training": round(trace.seconds / 60, 2),
        "config": asdict(config),
    }


def settle_norms(backbone: Backbone, images: ImageSet) -> None:
    """Give BatchNorm the statistics of these photos.

    An untrained network's own are far from those of its activations, and a head that is scaled by
    such features starts with a loss above that of guessing.
    """
    crops = Crops(images, backbone.spec.preprocessing)
    pixels = torch.stack([crops[i][0] for i in range(len(crops))])
    norms = [m for m in backbone.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    backbone.train()
    with torch.no_grad():
        backbone(Normalize(backbone.spec.preprocessing)(pixels))
    backbone.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def accuracy_of(rows: Sequence[Record], data: str, fraction: float, strategy: str) -> Interval:
    """The mean test accuracy of one strategy over the splits, with its 95 % interval."""
    found = _by_seed(rows, data, fraction, strategy)
    return _interval(found, [row["test_accuracy"] for row in found])


def gain_of(
    rows: Sequence[Record], data: str, fraction: float, strategy: str, beside: str
) -> Interval:
    """By how much one strategy is better on the same splits, with its 95 % interval.

    `beside` is another strategy, or "floor": always answering with the largest class.
    """
    ours = _by_seed(rows, data, fraction, strategy)
    if beside == "floor":
        theirs = [row["floor"] for row in ours]
    else:
        theirs = [row["test_accuracy"] for row in _by_seed(rows, data, fraction, beside)]
    pairs = zip(ours, theirs, strict=True)
    return _interval(ours, [one["test_accuracy"] - other for one, other in pairs])


def _by_seed(rows: Sequence[Record], data: str, fraction: float, strategy: str) -> list[Record]:
    wanted = (data, fraction, strategy)
    found = [row for row in rows if (row["data"], row["fraction"], row["strategy"]) == wanted]
    return sorted(found, key=lambda row: row["seed"])


def _interval(rows: Sequence[Record], values: Sequence[float]) -> Interval:
    """How far splits overlap depends on the training split, not on the fraction taken from it."""
    n_train = sum(row["photos_in_split"] for row in rows) / len(rows)
    n_test = sum(row["tested"] for row in rows) / len(rows)
    return corrected_interval(values, n_train, n_test)
