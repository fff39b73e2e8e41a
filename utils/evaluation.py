"""How good a classifier's probabilities are on labelled photos, class by class, and where they err.

A single accuracy hides which classes are confused, whether a probability means what it says, and
how much of the number is chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_curve,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)

BINS = 15  # of probability, as Guo et al. have them
MISTAKES = 12  # shown, the most confident ones
KEPT = 0.95  # of right validation answers, by a threshold that rejects


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """One class: its photos, and the three measures; None where nothing can be divided by."""

    name: str
    photos: int
    precision: float | None  # of the photos that were given this class, how many are of it
    recall: float | None  # of its photos, how many were found
    f1: float | None


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """The photos whose first answer has a probability in one of `BINS` equal ranges."""

    photos: int
    confidence: float  # mean probability of the first answer
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A photo, by its position, with the class that it has and the one that it was given."""

    position: int
    truth: str
    answer: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class TwoClassCurves:
    """ROC and precision-recall curves for the second of two classes, and the areas under them."""

    positive: str
    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    roc_auc: float
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    average_precision: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What probabilities are worth on N labelled photos; rates lie in [0, 1].

    `confusion` has a row for each true class and a column for each answer. `interval` takes the
    photos to be independent of one another: with several photos of one object it is too narrow.
    """

    photos: int
    accuracy: float
    interval: tuple[float, float]  # 95 %, Wilson's score interval
    floor: float  # accuracy of always answering with the most frequent class of these photos
    balanced_accuracy: float  # mean recall of the classes that are there
    per_class: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration_error: float  # expected calibration error, Guo et al. 2017
    reliability: tuple[ReliabilityBin, ...]
    mistakes: tuple[Mistake, ...]
    curves: TwoClassCurves | None  # where there are two classes


def assess(probs: np.ndarray, labels: Sequence[int], classes: Sequence[str]) -> Evaluation:
    """Evaluate probabilities (N×C) of `classes` (C) against the labels (N) of the same photos.

    Sources: Wilson 1927, "Probable inference, the law of succession, and statistical inference"
    (the interval); Guo et al. 2017, "On calibration of modern neural networks" (the calibration
    error).

    Raises:
        ValueError: no photos, or as many labels as there are not photos.
    """
    truth, answers = np.asarray(labels), probs.argmax(axis=1)
    if len(truth) == 0 or len(truth) != len(probs):
        raise ValueError(f"{len(probs)} photos and {len(truth)} labels can't be compared.")
    confusion = confusion_matrix(truth, answers, labels=range(len(classes)))
    hits = int((truth == answers).sum())
    interval = binomtest(hits, len(truth)).proportion_ci(method="wilson")
    recalls = (
        np.diag(confusion)[confusion.sum(axis=1) > 0]
        / confusion.sum(axis=1)[confusion.sum(axis=1) > 0]
    )
    bins = reliability(probs.max(axis=1), truth == answers)
    return Evaluation(
        photos=len(truth),
        accuracy=hits / len(truth),
        interval=(float(interval.low), float(interval.high)),
        floor=float(confusion.sum(axis=1).max() / len(truth)),
        balanced_accuracy=float(recalls.mean()),
        per_class=_per_class(truth, answers, classes),
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        calibration_error=calibration_error(bins),
        reliability=bins,
        mistakes=_mistakes(probs, truth, classes),
        curves=_curves(probs[:, 1], truth, classes[1]) if len(classes) == 2 else None,
    )


def _per_class(
    truth: np.ndarray, answers: np.ndarray, classes: Sequence[str]
) -> tuple[ClassScores, ...]:
    scores = precision_recall_fscore_support(
        truth, answers, labels=range(len(classes)), zero_division=np.nan
    )
    return tuple(
        ClassScores(
            name=name,
            photos=int(photos),
            **{
                key: None if np.isnan(value) else float(value)
                for key, value in (("precision", precision), ("recall", recall), ("f1", f1))
            },
        )
        for name, precision, recall, f1, photos in zip(classes, *scores, strict=True)
    )


def reliability(confidence: np.ndarray, hits: np.ndarray) -> tuple[ReliabilityBin, ...]:
    """Sort first answers (N probabilities, N of right or wrong) into `BINS`, without empty ones.

    A bin's upper edge belongs to it.
    """
    numbers = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return tuple(
        ReliabilityBin(
            photos=int((numbers == n).sum()),
            confidence=float(confidence[numbers == n].mean()),
            accuracy=float(hits[numbers == n].mean()),
        )
        for n in np.unique(numbers)
    )


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Mean distance between confidence and accuracy, each bin by its number of photos."""
    photos = sum(b.photos for b in bins)
    return sum(b.photos * abs(b.confidence - b.accuracy) for b in bins) / photos


def _mistakes(probs: np.ndarray, truth: np.ndarray, classes: Sequence[str]) -> tuple[Mistake, ...]:
    confidence, answers = probs.max(axis=1), probs.argmax(axis=1)
    wrong = np.flatnonzero(answers != truth)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    return tuple(
        Mistake(
            position=int(i),
            truth=classes[truth[i]],
            answer=classes[answers[i]],
            probability=float(confidence[i]),
        )
        for i in worst
    )


def _curves(probs: np.ndarray, truth: np.ndarray, positive: str) -> TwoClassCurves | None:
    if len(set(truth.tolist())) < 2:
        return None
    false_rate, true_rate, _ = roc_curve(truth, probs)
    precision, recall, _ = precision_recall_curve(truth, probs)
    return TwoClassCurves(
        positive=positive,
        false_positive_rate=tuple(false_rate.tolist()),
        true_positive_rate=tuple(true_rate.tolist()),
        roc_auc=float(roc_auc_score(truth, probs)),
        precision=tuple(precision.tolist()),
        recall=tuple(recall.tolist()),
        average_precision=float(average_precision_score(truth, probs)),
    )


def reject_threshold(probs: np.ndarray, labels: Sequence[int]) -> float:
    """The probability below which to answer "none of these", from validation photos (N×C, N).

    It keeps `KEPT` of the answers that are right there. A photo of something else can still get a
    high probability: softmax divides all of it among the known classes.
    """
    right = probs.argmax(axis=1) == np.asarray(labels)
    if not right.any():
        return 0.0
    return float(np.quantile(probs.max(axis=1)[right], 1 - KEPT, method="lower"))
