"""What pre-training is worth: heads trained to the end, on a backbone with and without it.

A difference after a few epochs measures how fast a head learns, and one on a single split measures
the split. So the heads compared here have converged, and there are several splits.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import mean
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from torch import Tensor

from utils.backbones import Backbone, load_backbone, with_input
from utils.classifier import feature_scale
from utils.datasets import ImageSet, Progress, no_progress
from utils.device import Runtime
from utils.features import extract_features
from utils.observations import largest_class_floor
from utils.splits import Splits, describe, split

SPLITS = 5
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # C: from strongly regularised to hardly at all


@dataclass(frozen=True, kw_only=True)
class TransferAccuracy:
    """Test accuracies of converged heads, and the floor, one value a split (seeds 0, 1, ...)."""

    model: str
    dataset: str
    classes: tuple[str, ...]
    photos: int
    split: str  # by what: "split by module"
    pretrained: tuple[float, ...]
    untrained: tuple[float, ...]
    floor: tuple[float, ...]  # of always answering with the training split's largest class

    @property
    def gains(self) -> tuple[float, ...]:
        """Pre-trained minus untrained, in points of accuracy, split by split."""
        pairs = zip(self.pretrained, self.untrained, strict=True)
        return tuple(100 * (with_it - without) for with_it, without in pairs)

    @property
    def sentence(self) -> str:
        """What was compared, on which photos and splits, with spread and floor."""
        gains = self.gains
        splits = self.split.replace("split", "splits", 1)
        few = len(self.classes) < 4
        question = "/".join(self.classes) if few else f"{len(self.classes)} classes"
        return (
            f"Pre-training is worth {mean(gains):+.1f} points on average ({min(gains):+.1f} to "
            f"{max(gains):+.1f}; ahead in {sum(gain > 0 for gain in gains)} of {len(gains)} "
            f"{splits}). That compares heads trained until they converge, on {question}, "
            f"{self.photos} photos: {mean(self.pretrained):.1%} on the pre-trained backbone, "
            f"{mean(self.untrained):.1%} on the same one untrained, {mean(self.floor):.1%} for the "
            "largest class alone."
        )

    def to_json(self) -> dict[str, Any]:
        """The accuracies of every split, and the mean gain with its spread, in points."""
        gains = self.gains
        return asdict(self) | {
            "gain": {"mean": mean(gains), "least": min(gains), "most": max(gains)}
        }


def transfer_accuracy(
    backbone: Backbone, images: ImageSet, runtime: Runtime, progress: Progress = no_progress
) -> TransferAccuracy:
    """Compare a pre-trained backbone with its untrained self, over `SPLITS` splits.

    Both stay frozen, and each photo goes through each of them once. Solar cells are told apart as
    good or defective (`good_or_defective`), other photos by their own classes. The untrained
    weights are one random draw (seed 0).

    Raises:
        CourseError: out of memory, no room for the cache, or a set that can't be split.
    """
    blank = load_backbone(backbone.spec.name, "untrained")
    blank = with_input(blank, backbone.spec.preprocessing)
    asked = good_or_defective(images)
    splits = [split(asked, seed) for seed in range(SPLITS)]

    def accuracies(body: Backbone) -> tuple[float, ...]:
        # The features of the set as it came: a training trace has cached them under its labels.
        vectors = extract_features(body, images, runtime, progress=progress).vectors
        return tuple(converged_accuracy(vectors, asked.labels, parts) for parts in splits)

    return TransferAccuracy(
        model=backbone.spec.name,
        dataset=images.name,
        classes=asked.classes,
        photos=len(images),
        split=describe(images),
        pretrained=accuracies(backbone),
        untrained=accuracies(blank),
        floor=tuple(largest_class_floor(asked, parts) for parts in splits),
    )


def good_or_defective(images: ImageSet) -> ImageSet:
    """The same photos, with classes that differ in more than their kind: "poly good" → "good".

    A kind that is seen at a glance is found with or without pre-training, and being right about
    it hides whether anything else was learned. A set without kinds comes back as it is.
    """
    if not images.kinds:
        return images
    names = [
        name.removeprefix(f"{kind} ")
        for name, kind in zip(images.classes, images.kinds, strict=True)
    ]
    classes = tuple(dict.fromkeys(names))
    labels = tuple(classes.index(names[label]) for label in images.labels)
    return replace(images, classes=classes, labels=labels, kinds=())


def converged_accuracy(vectors: Tensor, labels: Sequence[int], splits: Splits) -> float:
    """Test accuracy of a logistic regression on N×D feature vectors, trained until it converges.

    It learns from the training split alone, on features standardised as in `Head`; the one of
    `STRENGTHS` with the lowest validation loss is tested.
    """
    center, scale = feature_scale(vectors[list(splits.train)])
    features, truth = ((vectors - center) / scale).numpy(), np.asarray(labels)
    train, val, test = (list(part) for part in (splits.train, splits.val, splits.test))
    with threadpool_limits(1):  # on so few photos several threads only wait for one another
        heads = [
            LogisticRegression(C=strength, solver="newton-cg", max_iter=1000).fit(
                features[train], truth[train]
            )
            for strength in STRENGTHS
        ]
    rows, columns = np.arange(len(val)), np.searchsorted(heads[0].classes_, truth[val])
    losses = []
    for head in heads:
        given = head.predict_proba(features[val])[rows, columns]
        losses.append(-np.log(given.clip(min=np.finfo(given.dtype).eps)).mean())
    return float(heads[int(np.argmin(losses))].score(features[test], truth[test]))
