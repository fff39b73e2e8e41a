"""The capstone: ELPV, good or defective, by the published protocol, over five stratified splits.

Deitsch et al. 2019: 75 % to learn and 25 % to test; 88.42 % with a fine-tuned VGG-19, 82.44 % with
an SVM. Here 15 of the 75 % are the validation split, on which the epoch is chosen.

Two answers are averaged. One comes from EfficientNet-Lite0 whose upper blocks were fine-tuned, the
other from a logistic regression on what the three families see with frozen weights.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from utils.backbones import Backbone, load_backbone, with_input, with_scales
from utils.checkpoints import Checkpoints
from utils.classifier import probabilities
from utils.datasets import ImageSet, Progress, load_elpv, silent, split
from utils.device import Runtime
from utils.features import extract_features
from utils.images import Normalise, Preprocessing, crop_photo
from utils.models import OFFLINE
from utils.modes import TrainingConfig
from utils.studies import Row, Unit
from utils.training import train

MODEL = OFFLINE["efficientnet"]
LEARNING = ("blocks.3", "blocks.4", "blocks.5", "blocks.6", "conv_head", "bn2")
STAGES = ("stride 8", "stride 16", "stride 32")
SPLITS = 5
SIDE = 224  # pixels: the whole cell, for a crack may lie at its edge
EPOCHS = 6
CONFIG = TrainingConfig(
    mode="last-block",
    epochs=EPOCHS,
    lr_head=5e-4,
    lr_backbone=7e-5,  # with 3e-4 and more, the first epoch undid what pre-training had learned
    augmentation="cell",
    head_first=True,
    frozen_norms=True,
)
HOLD_BACK = 0.003  # C of the logistic regression: it has four times as many features as photos
BATCH = 32
MIRRORS: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))  # of N×3×H×W; each shows the cell


def whole_cell(backbone: Backbone) -> Backbone:
    """The same backbone without a crop: a square photo is scaled to `SIDE` and kept whole."""
    spec = backbone.spec.preprocessing
    return with_input(backbone, Preprocessing(SIDE, SIDE, spec.mean, spec.std, spec.interpolation))


def capstone_units(
    runtime: Runtime, folder: Path, epochs: int = EPOCHS, progress: Progress = silent
) -> dict[str, Unit]:
    """One unit a split: learn, choose the best epoch, test once."""
    return {
        f"split {seed}": _unit(seed, runtime, folder / f"split-{seed}", epochs, progress)
        for seed in range(SPLITS)
    }


def _unit(
    seed: int, runtime: Runtime, folder: Path, epochs: int, progress: Progress
) -> Callable[[], Row]:
    return lambda: learn_split(seed, runtime, Checkpoints(folder), epochs, progress)


def learn_split(
    seed: int, runtime: Runtime, checkpoints: Checkpoints, epochs: int, progress: Progress = silent
) -> Row:
    """Both answers on one split; a fine-tuning that was stopped goes on from its last epoch.

    `defective` holds the probability of a defect for each photo of the test split, in its order.
    """
    images = load_elpv(binary=True)
    parts = split(images.labels, seed)
    backbone = whole_cell(load_backbone(MODEL, "offline"))
    backbone.spec = replace(backbone.spec, last_block=LEARNING)
    config = replace(CONFIG, epochs=epochs, seed=seed)
    trace, model = train(
        backbone, images, config, runtime, checkpoints, checkpoints.last.exists(), progress=progress
    )
    tuned = mirrored_probabilities(model, images.subset(parts.test), runtime)
    probed = probe_three_families(images, seed, runtime, progress)
    together = (tuned + probed) / 2
    labels = torch.tensor([images.labels[i] for i in parts.test])

    def share_right(probs: Tensor) -> float:
        return ((probs > 0.5).long() == labels).float().mean().item()

    return {
        "seed": seed,
        "best_epoch": trace.best_epoch,
        "val_accuracy_tuned": trace.epochs[trace.best_epoch - 1].val_accuracy,
        "test_accuracy_tuned": share_right(tuned),
        "test_accuracy_probe": share_right(probed),
        "test_accuracy": share_right(together),
        "epochs": [asdict(row) for row in trace.epochs],
        "defective": [round(p, 4) for p in together.tolist()],
    }


@torch.inference_mode()
def mirrored_probabilities(model: nn.Module, images: ImageSet, runtime: Runtime) -> Tensor:
    """Probability of the second class for each photo: the mean over its four mirror images."""
    spec = model.backbone.spec.preprocessing
    normalise = runtime.place(Normalise(spec))
    model = runtime.place(model).eval()
    found = []
    for indices in torch.arange(len(images)).split(BATCH):
        crops = torch.stack([crop_photo(images.photo(int(i)), spec) for i in indices])
        pixels = normalise(runtime.send(crops))
        with runtime.autocast():
            views = [model(pixels.flip(axes)) for axes in MIRRORS]
        found.append(torch.stack([probabilities(view)[:, 1] for view in views]).mean(dim=0))
    return torch.cat(found).cpu()


def probe_three_families(
    images: ImageSet, seed: int, runtime: Runtime, progress: Progress = silent
) -> Tensor:
    """Probability of the second class for each test photo, by a logistic regression on the frozen
    features of all three families; it learns from the training and validation splits.
    """
    parts = split(images.labels, seed)
    learn, test = [*parts.train, *parts.val], list(parts.test)
    vectors = three_families(runtime, progress).numpy()
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=HOLD_BACK, max_iter=300))
    probe.fit(vectors[learn], [images.labels[i] for i in learn])
    return torch.from_numpy(probe.predict_proba(vectors[test])[:, 1]).float()


@cache
def three_families(runtime: Runtime, progress: Progress = silent) -> Tensor:
    """Feature vectors of every cell: several stages, pooled in three ways, of all three families.

    Each is the mean over the four mirror images. 2,624×D, float32.
    """
    images = load_elpv(binary=True)
    pixels = np.stack([np.asarray(images.photo(i).convert("L")) for i in range(len(images))])
    vectors = []
    for name in OFFLINE.values():
        backbone = with_scales(whole_cell(load_backbone(name, "offline")), STAGES)
        views = []
        for axes in MIRRORS:
            mirrored = np.flip(pixels, [axis - 1 for axis in axes]) if axes else pixels
            view = ImageSet("elpv", images.classes, np.ascontiguousarray(mirrored), images.labels)
            views.append(extract_features(backbone, view, runtime, progress=progress).vectors)
        vectors.append(torch.stack(views).mean(dim=0))
    return torch.cat(vectors, dim=1)
