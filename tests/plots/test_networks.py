"""Figures of networks: they draw what they are given, and write the names where it is drawn."""

import numpy as np
from matplotlib.figure import Figure

from utils.plots.networks import (
    bar_panels_figure,
    grids_figure,
    growth_figure,
    mirrored_bars_figure,
    named_lines_figure,
)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_each_line_is_named_at_its_end_and_no_name_covers_another() -> None:
    series = {"a": ([1, 2], [3, 4.0]), "b": ([1, 2], [5, 4.01]), "c": ([1, 2], [1, 4.02])}
    (axes,) = named_lines_figure(series, "x", "y", bands={"a": ([2, 3], [4, 5])}).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes.get_lines()}
    assert drawn == {name: list(y) for name, (_, y) in series.items()}
    heights = sorted(text.xyann[1] for text in axes.texts)
    assert np.diff(heights).min() > 0.07
    assert 0 <= heights[0] < heights[-1] <= 1
    assert len(axes.collections) == 1


def test_lines_on_logarithmic_axes_are_marked_at_their_points() -> None:
    (axes,) = named_lines_figure({"a": ([8, 64], [1e-8, 1.0])}, "x", "y", "log", "log").axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["8", "64"]


def test_mirrored_bars_write_both_values_of_each_name() -> None:
    figure = mirrored_bars_figure(
        {"conv": 0.0018, "linear": 102.76}, {"conv": 1.85, "linear": 0}, ("a", "b"), "{:.2f}"
    )
    assert texts(figure) == ["< 0.01", "102.76", "1.85", "0.00"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["a", "b"]
    assert figure.axes[0].xaxis_inverted()


def test_panels_of_bars_have_axes_of_their_own() -> None:
    panels = {"small": {"a": 1.0, "b": 2.0}, "large": {"c": 500.0}}
    left, right = bar_panels_figure(panels, "millions", "{:.1f}").axes
    assert (left.get_title(loc="left"), right.get_title(loc="left")) == ("small", "large")
    assert left.get_xlim()[1] < 3 < 500 < right.get_xlim()[1]


def test_grids_write_the_counts_that_are_not_zero() -> None:
    grid = np.array([[0, 1], [2, 0]])
    assert texts(grids_figure({"g": grid, "h": grid}, counts=True)) == ["1", "2", "1", "2"]
    assert texts(grids_figure({"g": np.zeros((2, 2))})) == []


def test_growth_is_drawn_beside_its_rule() -> None:
    panels = {"width": {"published": [1, 1.2]}, "depth": {"published": [1, 2], "built": [1, 3]}}
    rule = {"width": [1, 1.1], "depth": [1, 1.5]}
    width, depth = growth_figure(panels, rule, [0, 1], ["b0", "b1"], "φ").axes
    assert [list(line.get_ydata()) for line in width.get_lines()] == [[1, 1.1], [1, 1.2]]
    assert {text.get_text() for text in depth.texts} == {"published", "built", "b0", "b1"}
