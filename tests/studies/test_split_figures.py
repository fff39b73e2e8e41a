"""Every split is drawn, and each number stands where it belongs."""

import numpy as np
import pytest

from utils.evaluation import assess
from utils.studies.measures import Interval
from utils.studies.split_figures import splits_figure, thresholds_figure


def test_each_split_is_a_dot_beside_the_mean_and_its_interval() -> None:
    values = (0.8, 0.9, 0.85)
    results = {"ours": (values, Interval(0.85, 0.7, 0.95)), "theirs": (values, Interval(0, 0, 0))}
    (axes,) = splits_figure(results, "accuracy", {"published": 0.88}).axes
    dots, mean, *_ = axes.get_lines()
    assert tuple(dots.get_xdata()) == values
    assert len(set(dots.get_ydata())) == 3  # none hides another
    assert tuple(mean.get_xdata()) == (0.85,)
    assert [t.get_text() for t in axes.texts] == ["85.0%", "0.0%", "published"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["ours", "theirs"]
    assert axes.get_yticks()[0] > axes.get_yticks()[1]


def test_thresholds_lie_on_the_curves_of_their_splits() -> None:
    truth = (0, 0, 1, 1, 1)
    chances = ([0.1, 0.6, 0.4, 0.7, 0.9], [0.2, 0.3, 0.35, 0.8, 0.1])
    curves = [assess(np.stack([1 - np.array(c), c], 1), truth, ("a", "b")).curves for c in chances]
    at_half = [(0.5, 2 / 3, 2 / 3), (0.0, 1 / 3, 1.0)]
    figure = thresholds_figure([c for c in curves if c], {"0.5": at_half}, [0.6, 0.6])
    roc, precision = figure.axes
    assert [len(axes.collections[-1].get_offsets()) for axes in (roc, precision)] == [2, 2]
    for (false_positives, recall, right), curve in zip(at_half, curves, strict=True):
        assert curve is not None
        on_roc = zip(curve.false_positive_rate, curve.true_positive_rate, strict=True)
        assert any((x, y) == pytest.approx((false_positives, recall)) for x, y in on_roc)
        on_other = zip(curve.recall, curve.precision, strict=True)
        assert any((x, y) == pytest.approx((recall, right)) for x, y in on_other)
    assert roc.get_title(loc="left").endswith("0.67 to 0.83")
