"""Evaluation against values worked out by hand, or by scikit-learn where it has the measure."""

import numpy as np
import pytest

from utils.evaluation import assess, calibration_error, reject_threshold, reliability
from utils.plots import confusion_figure

PROBS = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.8, 0.2]])
LABELS = (0, 0, 1, 1)  # the last one is wrong


def test_rates_of_four_photos_by_hand() -> None:
    found = assess(PROBS, LABELS, ("cat", "dog"))
    assert (found.photos, found.accuracy, found.floor) == (4, 0.75, 0.5)
    assert found.confusion == ((2, 0), (1, 1))
    assert found.balanced_accuracy == 0.75
    cat, dog = found.per_class
    assert (cat.precision, cat.recall, cat.f1) == pytest.approx((2 / 3, 1, 0.8))
    assert (dog.precision, dog.recall, dog.f1) == pytest.approx((1, 0.5, 2 / 3))


def test_the_interval_is_wilsons() -> None:
    low, high = assess(PROBS, LABELS, ("cat", "dog")).interval
    z, n, p = 1.959964, 4, 0.75
    centre, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    assert (low, high) == pytest.approx(
        ((centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)), abs=1e-5
    )


def test_mistakes_come_with_the_most_confident_one_first() -> None:
    probs = np.array([[0.4, 0.6], [0.1, 0.9], [0.7, 0.3]])
    mistakes = assess(probs, (0, 0, 0), ("cat", "dog")).mistakes
    assert [(m.position, m.answer, m.probability) for m in mistakes] == [
        (1, "dog", 0.9),
        (0, "dog", 0.6),
    ]


def test_an_overconfident_classifier_has_the_distance_as_its_calibration_error() -> None:
    confidence, hits = np.full(10, 0.95), np.array([True] * 6 + [False] * 4)
    assert calibration_error(reliability(confidence, hits)) == pytest.approx(0.35)
    assert sum(b.photos for b in reliability(np.array([0.0, 1.0]), np.array([False, True]))) == 2


def test_a_class_without_photos_has_no_recall_and_changes_no_mean() -> None:
    probs = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    found = assess(probs, (0, 1), ("a", "b", "c"))
    assert (found.per_class[2].recall, found.balanced_accuracy) == (None, 1.0)
    assert found.curves is None  # three classes


def test_thousands_of_classes_are_measured_and_drawn_without_their_names() -> None:
    names = [f"class {number}" for number in range(2000)]
    found = assess(np.eye(2000), range(2000), names)
    assert (found.photos, found.accuracy, len(found.per_class)) == (2000, 1, 2000)
    axes = confusion_figure(np.array(found.confusion), names).axes[0]
    assert not {label.get_text() for label in axes.get_yticklabels()} & set(names)


def test_two_classes_have_curves_and_one_alone_has_none() -> None:
    found = assess(PROBS, LABELS, ("cat", "dog")).curves
    assert found is not None
    assert (found.positive, found.roc_auc) == ("dog", 0.75)
    assert assess(PROBS[:2], (0, 0), ("cat", "dog")).curves is None


def test_the_threshold_rejects_at_most_one_in_twenty_right_answers() -> None:
    sure = np.linspace(0.5, 0.99, 100)
    probs = np.stack([sure, 1 - sure], axis=1)
    threshold = reject_threshold(probs, [0] * 100)
    assert 0 < (sure < threshold).sum() <= 5
    assert reject_threshold(probs, [1] * 100) == 0.0  # nothing right to learn from
