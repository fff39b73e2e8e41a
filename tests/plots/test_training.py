"""Figures of training and of choosing: every run is drawn, and no name covers another."""

from itertools import combinations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from utils.observations import EpochRecord
from utils.plots.training import (
    families_figure,
    pairs_figure,
    shapes_figure,
    spread_figure,
    tradeoff_figure,
)


def named(figure: Figure, *names: str) -> list[Text]:
    texts = [text for axes in figure.axes for text in axes.texts if text.get_text() in names]
    assert sorted(text.get_text() for text in texts) == sorted(names)
    return texts


def assert_apart(figure: Figure, texts: list[Text]) -> None:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_a_spread_has_a_line_for_each_run_and_one_of_means() -> None:
    figure = spread_figure({"a": ([1, 2], [[1, 3], [3, 5]]), "b": ([1, 2], [[2.0, 4.1]])}, "x", "y")
    drawn = [list(line.get_ydata()) for line in figure.axes[0].get_lines()]
    assert drawn == [[1, 3], [3, 5], [2, 4], [2.0, 4.1]]
    assert_apart(figure, named(figure, "a", "b"))


def test_names_lie_within_the_figure_when_lines_end_at_its_edges() -> None:
    figure = spread_figure(
        {n: ([0, 1], [[0, y]]) for n, y in zip("abc", (0, 0, 1), strict=True)}, "x", "y"
    )
    FigureCanvasAgg(figure).draw()
    heights = [text.get_position()[1] for text in named(figure, *"abc")]
    assert all(-0.1 < height <= 1.0 for height in heights)


def epochs(*losses: tuple[float, float]) -> list[EpochRecord]:
    return [
        EpochRecord(
            epoch=n, train_loss=train, train_accuracy=0.5, val_loss=val, val_accuracy=0.5,
            lr=1e-3, seconds=0.0, observation="",
        )
        for n, (train, val) in enumerate(losses, 1)
    ]  # fmt: skip


def test_every_shape_has_a_panel_with_the_good_run_behind_it() -> None:
    runs = {"good": epochs((1, 0.9), (0.5, 0.6)), "bad": epochs((1, 2), (1, 3), (1, 4))}
    figure = shapes_figure(runs, "good")
    good, bad = figure.axes[:2]
    assert [axes.get_title(loc="left") for axes in (good, bad)] == ["good", "bad"]
    assert [list(line.get_ydata()) for line in bad.get_lines()] == [[0.9, 0.6], [1] * 3, [2, 3, 4]]
    assert len(good.get_lines()) == 2


def test_a_tradeoff_shows_every_value_and_joins_what_nothing_beats() -> None:
    points = {"slow": (30, [70, 72]), "best": (10, [80, 84]), "cheap": (5, [60, 62])}
    figure = tradeoff_figure(points, "ms", "%", ("floor", 50))
    lines = [list(line.get_ydata()) for line in figure.axes[0].get_lines()]
    assert lines[0] == [61, 82]
    assert [70, 72] in lines and [80, 84] in lines
    assert_apart(figure, named(figure, *points))


def test_members_of_families_are_named_apart() -> None:
    close = {f"member-{n}": (1 + n / 20, 70 + n / 10) for n in range(4)}
    figure = families_figure({"one": close}, {"newer": ((1.0, 70.0), (1.0, 75.0))}, "cost", "gain")
    assert_apart(figure, named(figure, *close, "newer"))


def test_pairs_are_drawn_from_the_top_with_their_difference() -> None:
    figure = pairs_figure({"a": (1.0, 3.5), "b": (2.0, 2.0)}, ("before", "after"), "x")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert np.ptp(axes.get_yticks()) == 1
    named(figure, "+2.5", "+0.0", "before", "after")
