"""The capstone: ELPV, good or defective, by the published protocol, over five stratified splits.

Deitsch et al. 2019: 75 % to learn and 25 % to test; 88.42 % with a fine-tuned VGG-19, 82.44 % with
an SVM. Here the three families look at each whole cell with frozen weights, at several scales, and
a logistic regression learns from what they see.
"""

from collections.abc import Sequence
from functools import cache, partial

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from utils.backbones import Backbone, load_backbone, with_input, with_scales
from utils.datasets import ImageSet, Progress, Splits, load_elpv, silent, split
from utils.device import Runtime
from utils.features import extract_features
from utils.images import Preprocessing
from utils.models import OFFLINE
from utils.studies import Row, Unit

STAGES = ("stride 8", "stride 16", "stride 32")
SPLITS = 5
SIDE = 224  # pixels: the whole cell, for a crack may lie at its edge
MIRRORS: tuple[tuple[int, ...], ...] = ((), (1,), (2,), (1, 2))  # of N×H×W; each shows the cell
# C of the logistic regression, chosen on the validation split: photos are fewer than features.
HOLD_BACK = (3e-4, 1e-3, 3e-3, 1e-2)


def whole_cell(backbone: Backbone) -> Backbone:
    """The same backbone without a crop: a square photo is scaled to `SIDE` and kept whole."""
    spec = backbone.spec.preprocessing
    return with_input(backbone, Preprocessing(SIDE, SIDE, spec.mean, spec.std, spec.interpolation))


def capstone_units(runtime: Runtime, progress: Progress = silent) -> dict[str, Unit]:
    """One unit a split: choose on the validation split, learn from 75 %, test once."""
    return {
        f"split {seed}": partial(learn_split, seed, runtime, progress) for seed in range(SPLITS)
    }


def learn_split(seed: int, runtime: Runtime, progress: Progress = silent) -> Row:
    """Test accuracy of each family alone, and of all three together, on one split.

    `defective` holds the probability of a defect for each photo of the test split, in its order,
    as all three together see it.
    """
    images = load_elpv(binary=True)
    parts, labels = split(images.labels, seed), np.array(images.labels)
    vectors = {name: see_every_cell(name, runtime, progress).numpy() for name in OFFLINE.values()}
    alone = {name: probe(own, labels, parts)[1] for name, own in vectors.items()}
    hold_back, together = probe(np.concatenate(list(vectors.values()), axis=1), labels, parts)
    truth = labels[list(parts.test)]
    return {
        "seed": seed,
        "c": hold_back,
        **{
            f"test_accuracy_{name}": float(((p > 0.5) == truth).mean()) for name, p in alone.items()
        },
        "test_accuracy": float(((together > 0.5) == truth).mean()),
        "defective": [round(float(p), 4) for p in together],
    }


def probe(vectors: np.ndarray, labels: np.ndarray, parts: Splits) -> tuple[float, np.ndarray]:
    """The chosen C, and the probability of class 1 for each test photo.

    C is the one with the lowest loss on the validation split; the regression is then fitted to
    training and validation photos together, the published 75 %.
    """
    train, val, test = (list(part) for part in (parts.train, parts.val, parts.test))

    def fitted(c: float, rows: Sequence[int]):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=300))
        return model.fit(vectors[rows], labels[rows])

    def loss(c: float) -> float:
        right = fitted(c, train).predict_proba(vectors[val])[range(len(val)), labels[val]]
        return -float(np.log(right.clip(1e-9)).mean())

    best = min(HOLD_BACK, key=loss)
    return best, fitted(best, train + val).predict_proba(vectors[test])[:, 1]


@cache
def see_every_cell(name: str, runtime: Runtime, progress: Progress = silent) -> Tensor:
    """A model's feature vectors of every cell, N×D: several stages, pooled in three ways.

    Each is the mean over the cell and its mirror images, which show the same cell.
    """
    images = load_elpv(binary=True)
    pixels = np.stack([np.asarray(images.photo(i).convert("L")) for i in range(len(images))])
    backbone = with_scales(whole_cell(load_backbone(name, "offline")), STAGES)
    views = []
    for axes in MIRRORS:
        mirrored = np.ascontiguousarray(np.flip(pixels, axes))
        view = ImageSet("elpv", images.classes, mirrored, images.labels)
        views.append(extract_features(backbone, view, runtime, progress=progress).vectors)
    return torch.stack(views).mean(dim=0)
