"""How much data does pre-training save? Accuracy against the share of the training photos.

On two data sets: solar cells, which are far from ImageNet, and things, which are near. Five splits
each, all ways on the same ones, so that two ways are compared split by split.
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
from utils.splits import limit, share_of_training, split
from utils.studies.measures import Interval, corrected_interval
from utils.studies.runner import Row, Unit
from utils.training import train

MODEL = "efficientnet_lite0"  # it has seen neither data set; the course's own weights saw things
SIDE = 96  # pixels: an epoch takes two thirds of what it does at 128
SHARES = (0.05, 0.25, 1.0)
SETTLING = 128  # photos that show an untrained network's BatchNorm what to expect
SEEDS = 5  # of the split and of training alike
ELPV_PHOTOS = 600  # of 2,624, from every module: training from scratch on all takes hours


@dataclass(frozen=True)
class Way:
    """Weights to begin with, how to train, and for how long.

    A share of the photos is learned from in as many steps as all of them, or in `most` epochs,
    where those are fewer. The best epoch by validation loss is tested, so that more epochs than
    needed do no harm.
    """

    weights: str
    config: TrainingConfig
    steps: int
    most: int

    def config_for(self, photos: int, share: float, seed: int) -> TrainingConfig:
        """The configuration to learn from so many photos, which are a share of the split."""
        in_epoch = -(-photos // self.config.batch_size)
        epochs = max(1, min(self.most, round(self.steps / in_epoch)))
        return replace(self.config, epochs=epochs, share=share, seed=seed)


# A pre-trained backbone keeps BatchNorm's statistics and begins with a trained head: with a handful
# of photos, noisy statistics and a random head undo what it knows.
# The rates from scratch were chosen on validation photos of things, of a split that is used here.
SCRATCH = TrainingConfig(mode="full", lr_backbone=3e-4, lr_head=1e-3)
WAYS = {
    "frozen": Way("offline", TrainingConfig(mode="head"), steps=600, most=200),
    "full": Way("offline", TrainingConfig(mode="full", head_epochs=60), steps=50, most=12),
    "from scratch": Way("untrained", SCRATCH, steps=150, most=20),
}


def _cells() -> ImageSet:
    return limit(load_elpv(binary=True), ELPV_PHOTOS)


DATA: dict[str, Callable[[], ImageSet]] = {"elpv": _cells, "things": load_things}


def curve_settings() -> dict[str, object]:
    """What the study depends on, for its record."""
    return {
        "model": MODEL,
        "side": SIDE,
        "shares": SHARES,
        "seeds": SEEDS,
        "photos": {name: len(load()) for name, load in DATA.items()},
        "ways": {name: asdict(way) for name, way in WAYS.items()},
    }


def curve_units(runtime: Runtime) -> dict[str, Unit]:
    """One unit for each data set, split, share and way."""
    return {
        f"{data}, {way}, {share:.0%}, split {seed}": partial(
            learn_from_share, DATA[data], way, share, seed, runtime
        )
        for data in DATA
        for seed in range(SEEDS)
        for share in SHARES
        for way in WAYS
    }


def learn_from_share(
    load: Callable[[], ImageSet], way: str, share: float, seed: int, runtime: Runtime
) -> Row:
    """Train one way on a share of a training split, and test it on the whole test split."""
    images, chosen = load(), WAYS[way]
    whole = split(images, seed)
    used = share_of_training(whole, images.labels, share, seed)
    config = chosen.config_for(len(used.train), share, seed)
    backbone = with_side(load_backbone(MODEL, chosen.weights, seed), SIDE)
    if not backbone.weights.trained:
        settle_norms(backbone, images.subset(used.train[:SETTLING]))
    trace, _ = train(backbone, images, config, runtime)
    return {
        "data": images.name,
        "split": trace.split,
        "way": way,
        "share": share,
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

    Those of a random network are far from what it computes, and a head that is scaled by such
    features starts with a loss above that of guessing.
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


def accuracy_of(rows: Sequence[Row], data: str, share: float, way: str) -> Interval:
    """The mean test accuracy of one way over the splits, with its 95 % interval."""
    found = _by_seed(rows, data, share, way)
    return _interval(found, [row["test_accuracy"] for row in found])


def gain_of(rows: Sequence[Row], data: str, share: float, way: str, beside: str) -> Interval:
    """By how much one way is better on the same splits, with its 95 % interval.

    `beside` is another way, or "floor": always answering with the largest class.
    """
    ours = _by_seed(rows, data, share, way)
    if beside == "floor":
        theirs = [row["floor"] for row in ours]
    else:
        theirs = [row["test_accuracy"] for row in _by_seed(rows, data, share, beside)]
    pairs = zip(ours, theirs, strict=True)
    return _interval(ours, [one["test_accuracy"] - other for one, other in pairs])


def _by_seed(rows: Sequence[Row], data: str, share: float, way: str) -> list[Row]:
    wanted = (data, share, way)
    found = [row for row in rows if (row["data"], row["share"], row["way"]) == wanted]
    return sorted(found, key=lambda row: row["seed"])


def _interval(rows: Sequence[Row], values: Sequence[float]) -> Interval:
    """How far splits overlap depends on the training split, not on the share taken from it."""
    n_train = sum(row["photos_in_split"] for row in rows) / len(rows)
    n_test = sum(row["tested"] for row in rows) / len(rows)
    return corrected_interval(values, n_train, n_test)
