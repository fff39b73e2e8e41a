"""Two measures of "good or defective" on ELPV, their scores, and how sure a mean over splits is.

The same answers score differently where a doubtful cell counts differently. Deitsch et al. (2019,
"Automatic classification of defective photovoltaic module cells in electroluminescence images",
Solar Energy 185) call every cell defective whose probability is above 0, and weigh doubtful cells
by that probability: their 88.42 % is 527 of 596 weighted cells, their 82.44 % 737 of 894.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    matthews_corrcoef,
    roc_auc_score,
)

PUBLISHED = {"VGG-19, fine-tuned": 0.8842, "SVM": 0.8244}  # Deitsch et al. 2019, by "paper"


@dataclass(frozen=True)
class Measure:
    """Which cells are defective (N, of 0 and 1), and how much each counts (N)."""

    name: str
    labels: np.ndarray
    weights: np.ndarray

    def floor(self, tested: Sequence[int]) -> float:
        """Accuracy on the cells at `tested` of always answering "good"."""
        rows = list(tested)
        return accuracy_score(
            self.labels[rows], np.zeros(len(rows)), sample_weight=self.weights[rows]
        )


def elpv_measures(probabilities: Sequence[float]) -> dict[str, Measure]:
    """Both measures, from the experts' probability of a defect in each cell: 0, 1/3, 2/3 or 1.

    - "course": defective above one half; every cell counts 1
    - "paper": defective above 0; a doubtful cell counts 1/3 or 2/3, every other 1
    """
    doubt = np.asarray(probabilities)
    return {
        "course": Measure("course", (doubt > 0.5).astype(int), np.ones(len(doubt))),
        "paper": Measure("paper", (doubt > 0).astype(int), np.where(doubt == 0, 1.0, doubt)),
    }


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How good probabilities of a defect are on one test split, as fractions of 1 (MCC: -1 to 1).

    `sure_accuracy` is that on the cells on which all experts agreed, which both measures label and
    weigh alike.
    """

    accuracy: float
    balanced_accuracy: float
    mcc: float
    auc: float
    sure_accuracy: float


def score(
    measure: Measure, tested: Sequence[int], defective: np.ndarray, sure: np.ndarray
) -> Scores:
    """Score the probability of a defect (M) that was given to each of the M cells at `tested`.

    `sure` (N) says of every cell of the set whether all experts agreed on it.
    """
    rows = list(tested)
    truth, weight, answers = measure.labels[rows], measure.weights[rows], defective > 0.5
    agreed = np.asarray(sure)[rows]
    return Scores(
        accuracy=float(accuracy_score(truth, answers, sample_weight=weight)),
        balanced_accuracy=float(balanced_accuracy_score(truth, answers, sample_weight=weight)),
        mcc=float(matthews_corrcoef(truth, answers, sample_weight=weight)),
        auc=float(roc_auc_score(truth, defective, sample_weight=weight)),
        sure_accuracy=float(accuracy_score(truth[agreed], answers[agreed])),
    )


@dataclass(frozen=True)
class Interval:
    """A mean over splits, and the 95 % confidence interval around it."""

    mean: float
    low: float
    high: float


def corrected_interval(values: Sequence[float], n_train: float, n_test: float) -> Interval:
    """The mean of one value a split, with a 95 % interval that allows for overlapping splits.

    The variance of the mean over J splits of the same photos is estimated as (1/J + n_test/n_train)
    times that of the values, with J - 1 degrees of freedom: the corrected resampled t-test of
    Nadeau and Bengio (2003, "Inference for the generalization error", Machine Learning 52).
    Dividing by J alone would treat the splits as independent.

    Args:
        values: one for each split, two at least: accuracies, or differences between two ways.
        n_train: photos learned from in a split.
        n_test: photos tested in a split.
    """
    mean, variance = float(np.mean(values)), float(np.var(values, ddof=1))
    error = (variance * (1 / len(values) + n_test / n_train)) ** 0.5
    half = float(t.ppf(0.975, len(values) - 1)) * error
    return Interval(mean, mean - half, mean + half)
