"""The capstone: ELPV, good or defective, by the published protocol, over five stratified splits.

Deitsch et al. 2019: 75 % to learn and 25 % to test; 88.42 % with a fine-tuned VGG-19, 82.44 % with
an SVM. Here the three families look at each whole cell with frozen weights, at several scales, and
a kernel logistic regression learns from what they see.
"""

from collections.abc import Sequence
from functools import cache, partial

import numpy as np
import torch
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from utils.backbones import Backbone, load_backbone, with_scales, with_side
from utils.datasets import ImageSet, Progress, load_elpv, silent
from utils.device import Runtime
from utils.features import extract_features
from utils.models import OFFLINE
from utils.splits import Splits, split
from utils.studies import Row, Unit

STAGES = ("stride 8", "stride 16", "stride 32")
SPLITS = 5
FRESH = 5  # further splits, on which nothing was chosen
# Side in pixels at which each model sees the whole cell, for a crack may lie at its edge; cells
# have 300 pixels, and the models that learned on larger photos gain from more of them.
SIDES = dict.fromkeys(OFFLINE.values(), 224)
SIDES |= {"efficientnet_lite1": 288, "efficientnet_lite2": 300}
MIRRORS: tuple[tuple[int, ...], ...] = ((), (1,), (2,), (1, 2))  # of N×H×W; each shows the cell
HOLD_BACK = (3.0, 10.0, 30.0, 100.0)  # C of the regression, chosen on the validation split


def whole_cell(backbone: Backbone) -> Backbone:
    """The same backbone without a crop: a square photo is scaled to its side and kept whole."""
    return with_side(backbone, SIDES[backbone.spec.name])


def capstone_units(runtime: Runtime, progress: Progress = silent) -> dict[str, Unit]:
    """One unit a split: choose on the validation split, learn from 75 %, test once."""
    return {
        f"split {seed}": partial(learn_split, seed, runtime, progress)
        for seed in range(SPLITS + FRESH)
    }


def learn_split(seed: int, runtime: Runtime, progress: Progress = silent) -> Row:
    """Test accuracy of each model alone, and of all together, on one split.

    All together: the mean of six probabilities, each model's own and that of their joined vectors.
    `defective` holds it for each photo of the test split, in its order.
    """
    images = load_elpv(binary=True)
    parts, labels = split(images, seed, random=True), np.array(images.labels)
    vectors = {name: see_every_cell(name, runtime, progress).numpy() for name in SIDES}
    alone = {name: probe(own, labels, parts)[1] for name, own in vectors.items()}
    hold_back, joined = probe(np.concatenate(list(vectors.values()), axis=1), labels, parts)
    together = np.mean([joined, *alone.values()], axis=0)
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
    alike, to_judge = likeness(vectors, train, val)

    def loss(c: float) -> float:
        right = regression(c).fit(alike, labels[train]).predict_proba(to_judge)
        return log_loss(labels[val], right)

    best = min(HOLD_BACK, key=loss)
    alike, to_judge = likeness(vectors, train + val, test)
    fitted = regression(best).fit(alike, labels[train + val])
    return best, fitted.predict_proba(to_judge)[:, 1]


def regression(c: float) -> LogisticRegression:
    """Logistic regression on likenesses; the larger `c`, the less it is held back."""
    return LogisticRegression(C=c, max_iter=1000)


def likeness(
    vectors: np.ndarray, known: Sequence[int], unknown: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Each photo described by how much it is like each of the known ones, N×K and M×K.

    The kernel is Gaussian on standardised features: exp(-d² / median d²), d the distance. Nyström's
    method with every known photo as a landmark makes a linear regression on these descriptions a
    kernel regression, without approximation (Williams and Seeger 2001).
    """
    scaled = StandardScaler().fit(vectors[known])
    here, there = scaled.transform(vectors[known]), scaled.transform(vectors[unknown])
    width = np.median(euclidean_distances(here, squared=True))
    kernel = Nystroem(gamma=1 / width, n_components=len(known), random_state=0)
    return kernel.fit_transform(here), kernel.transform(there)


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
