"""The features to train a head on: in the runtime's precision, and what int8 would cost."""

import random
from dataclasses import replace

import torch

from utils.backbones import Backbone
from utils.classifier import cross_validated_accuracy
from utils.datasets import ImageSet, Progress, no_progress
from utils.device import INT8, Runtime
from utils.errors import CourseError
from utils.features import Features, extract_features
from utils.settings import Precision
from utils.splits import Splits

MOST = 1000  # photos on which int8 is compared with fp32
TOLERANCE = 0.005  # of accuracy: what int8 may cost


def frozen_features(
    backbone: Backbone,
    images: ImageSet,
    splits: Splits,
    runtime: Runtime,
    progress: Progress = no_progress,
) -> Features:
    """The feature vectors of every photo; int8's ranges are read from training photos alone."""
    calibration = images.subset(splits.train) if runtime.precision == INT8 else None
    return extract_features(backbone, images, runtime, progress=progress, calibration=calibration)


def check_int8(
    backbone: Backbone,
    images: ImageSet,
    splits: Splits,
    runtime: Runtime,
    progress: Progress = no_progress,
) -> str:
    """Compare heads on features in int8 and in fp32, without the test photos; say what came out.

    Both heads are linear probes, cross-validated on the same photos.

    Raises:
        CourseError: int8 costs more than `TOLERANCE`.
    """
    known = sorted((*splits.train, *splits.val))
    chosen = sorted(random.Random(0).sample(known, min(MOST, len(known))))
    labels = torch.tensor(images.labels)[chosen]
    groups = torch.tensor(images.groups or range(len(images)))[chosen]
    small = frozen_features(backbone, images, splits, runtime, progress).vectors[chosen]
    exact = replace(runtime, precision=Precision.FP32.value)
    full = extract_features(backbone, images.subset(chosen), exact, progress=progress).vectors
    accuracies = [cross_validated_accuracy(vectors, labels, groups) for vectors in (small, full)]
    found = (
        f"{accuracies[0]:.1%} in int8 and {accuracies[1]:.1%} in fp32 (a linear probe, "
        f"cross-validated on {len(chosen)} photos that aren't tested)"
    )
    if accuracies[1] - accuracies[0] > TOLERANCE:
        raise CourseError(
            f"{backbone.spec.name} loses more than {100 * TOLERANCE} points to int8: {found}; use "
            "--precision fp32."
        )
    return found
