"""Figures of a photo's way through the pipeline: they show what they are given, by name."""

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from utils.evaluation import ReliabilityBin
from utils.images import Preprocessed, Preprocessing
from utils.plots.stages import (
    calibration_figure,
    curve_figure,
    grid_figure,
    heat_map_figure,
    histogram_figure,
    plane_figure,
    preprocessing_figure,
)


def texts(figure: Figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_the_crop_is_outlined_in_the_middle_of_the_resized_photo() -> None:
    recipe = Preprocessing(
        resize=20, crop=16, mean=(0.5,) * 3, std=(0.5,) * 3, interpolation="bilinear"
    )
    figure = preprocessing_figure(Preprocessed.of(Image.new("RGB", (60, 40)), recipe))
    (outline,) = figure.axes[1].patches
    assert (outline.get_xy(), outline.get_width()) == ((7, 2), 16)


def test_histograms_share_one_scale_and_sum_to_all() -> None:
    figure = histogram_figure({"a": np.zeros(10), "b": np.array([-1.0, 1.0])}, "value")
    for axes in figure.axes:
        assert sum(bar.get_height() for bar in axes.patches) == 100
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()


def test_boxes_of_a_grid_are_equal_and_say_the_shapes() -> None:
    row = {"tall": np.zeros((8, 4, 4)), "grey": np.zeros((2, 6))}
    figure = grid_figure({"first": row})
    assert texts(figure) == {"8×4×4", "2×6"}
    assert {np.ptp(axes.get_xlim()) for axes in figure.axes} == {8.0}


def test_every_class_is_named_in_every_plane() -> None:
    points = np.random.default_rng(0).normal(size=(20, 2))
    figure = plane_figure({"one": points, "two": -points}, [0, 1] * 10, ("cat", "dog"))
    for axes in figure.axes:
        assert {text.get_text() for text in axes.texts} == {"cat", "dog"}


def test_a_curve_names_its_points() -> None:
    assert texts(curve_figure([0, 1], [1, 0], ("x", "y"), {"end": (1, 0)})) == {"end"}


def test_each_bin_of_a_reliability_diagram_says_its_photos() -> None:
    bins = [ReliabilityBin(photos=7, confidence=0.9, accuracy=0.5)]
    figure = calibration_figure({"before": bins, "after": bins})
    assert "7" in texts(figure)
    assert [axes.get_title() for axes in figure.axes] == ["before", "after"]


def test_a_heat_map_is_opaque_where_it_is_large_and_clear_where_it_is_negative() -> None:
    photo = np.zeros((8, 8, 3), dtype=np.uint8)
    figure = heat_map_figure({"cat": (photo, np.array([[4.0, 2.0], [0.0, -1.0]]))})
    alpha = np.asarray(figure.axes[0].images[1].get_array())[..., 3]
    assert np.allclose(alpha, [[0.85, 0.425], [0, 0]])
