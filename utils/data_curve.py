"""How much data does pre-training save? Accuracy against the share of the training photos."""

from dataclasses import asdict, replace
from functools import partial

from utils.backbones import load_backbone, with_side
from utils.datasets import load_elpv
from utils.device import Runtime
from utils.modes import TrainingConfig
from utils.splits import limit
from utils.studies import Row, Unit
from utils.training import train

MODEL = "resnet18"
SIDE = 128  # pixels: a third of the work of 224
SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)
# The best epoch by validation loss is tested, so that more epochs than needed do no harm.
# A pre-trained backbone keeps BatchNorm's statistics and begins with a trained head: with a handful
# of photos, noisy statistics and a random head undid what it knew (43 % instead of 79 % with 157).
KIND = {"head_first": True, "frozen_norms": True, "epochs": 8}
WAYS: dict[str, tuple[str, TrainingConfig]] = {
    "frozen": ("offline", TrainingConfig(mode="head", epochs=20)),
    "last block": ("offline", TrainingConfig(mode="last-block", **KIND)),
    "full": ("offline", TrainingConfig(mode="full", **KIND)),
    "from scratch": ("untrained", TrainingConfig(mode="full", epochs=12, lr_backbone=1e-3)),
}


def curve_units(runtime: Runtime, photos: int | None = None) -> dict[str, Unit]:
    """One unit for each way and share; `photos` limits the data set (None: all of it)."""
    return {
        f"{way}, {share:.0%}": partial(learn_from_share, way, share, runtime, photos)
        for way in WAYS
        for share in SHARES
    }


def learn_from_share(way: str, share: float, runtime: Runtime, photos: int | None = None) -> Row:
    """Train one way on a share of the training split; the test split is always the same."""
    images = limit(load_elpv(binary=True), photos)
    weights, config = WAYS[way]
    backbone = with_side(load_backbone(MODEL, weights), SIDE)
    trace, _ = train(backbone, images, replace(config, share=share), runtime)
    return {
        "way": way,
        "split": trace.split,
        "share": share,
        "photos": trace.n_train,
        "test_accuracy": trace.test_accuracy,
        "best_epoch": trace.best_epoch,
        "minutes_of_training": round(trace.seconds / 60, 2),
        "config": asdict(replace(config, share=share)),
    }
