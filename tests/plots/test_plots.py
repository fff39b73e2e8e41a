"""Figures: they draw what they are given, and mark what no other point beats."""

import numpy as np
from matplotlib.figure import Figure

from utils.plots import confusion_figure, images_figure, lines_figure, pareto_front


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_pictures_stand_under_their_names_in_rows() -> None:
    figure = images_figure({f"picture {n}": np.zeros((4, 4, 3)) for n in range(5)}, columns=3)
    shown = [axes.get_title() for axes in figure.axes if axes.images]
    assert shown == [f"picture {n}" for n in range(5)]
    assert len(figure.axes) == 6


def test_lines_pass_through_their_points() -> None:
    (axes,) = lines_figure({"a": ([1, 2], [3, 4]), "b": ([1, 2], [5, 6])}, "x", "y").axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes.get_lines()}
    assert (drawn["a"], drawn["b"]) == ([3, 4], [5, 6])


def test_a_confusion_matrix_shows_its_counts() -> None:
    assert {"7", "1", "2", "5"} <= set(texts(confusion_figure(np.array([[7, 1], [2, 5]]), "ab")))


def test_the_pareto_front_holds_what_no_other_beats_in_both() -> None:
    points = {
        "cheap": (1, 50),
        "good": (3, 80),
        "beaten": (4, 70),
        "equal": (3, 60),
        "best": (9, 81),
    }
    assert pareto_front(points) == ["cheap", "good", "best"]
