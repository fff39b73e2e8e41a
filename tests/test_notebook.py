"""What lessons show: pictures with a description, tables, kept results."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from utils import notebook
from utils.errors import CourseError
from utils.notebook import read_results, show, table, transfer_table
from utils.plots import images_figure
from utils.studies.pretraining import TransferAccuracy


def test_a_figure_carries_its_description() -> None:
    data, metadata = show(Figure(), "an empty figure")._repr_mimebundle_()
    assert set(data) >= {"image/png"}
    assert metadata["image/png"]["alt"] == "an empty figure"


def test_a_figure_has_twice_the_pixels_that_it_is_shown_with() -> None:
    image = show(Figure(figsize=(10, 4)), "an empty figure")
    width = int.from_bytes(image.data[16:20], "big")  # of a PNG
    assert (image.width, width) == (notebook.WIDTH, 2 * notebook.WIDTH)


def test_a_picture_that_would_be_large_becomes_a_jpeg() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    image = show(images_figure({"noise": noise}), "noise")
    assert image.format == "jpeg"


def test_a_table_has_its_numbers_at_the_right_and_its_words_at_the_left() -> None:
    rows = [("resnet18", 11.7, "−0.3 %", "two stages"), ("vgg11", 9.2, "–", "3 stages, 7")]
    lines = table(("model", "million", "gain", "what"), rows).data.splitlines()
    assert lines[:2] == ["| model | million | gain | what |", "| --- | ---: | ---: | --- |"]
    assert lines[2] == "| resnet18 | 11.7 | −0.3 % | two stages |"


def test_the_worth_of_pretraining_has_a_row_a_split_and_one_of_means() -> None:
    lines = transfer_table(
        TransferAccuracy(
            model="vgg",
            dataset="elpv",
            classes=("a", "b"),
            photos=9,
            split="split by module",
            pretrained=(0.9, 0.8),
            untrained=(0.6, 0.7),
            floor=(0.5, 0.6),
        )
    ).data.splitlines()
    assert lines[2:5] == [
        "| 0 | 50.0% | 60.0% | 90.0% | +30.0 |",
        "| 1 | 60.0% | 70.0% | 80.0% | +10.0 |",
        "| mean | 55.0% | 65.0% | 85.0% | +20.0 |",
    ]
    assert "Pre-training is worth +20.0 points" in lines[-1]


def test_missing_results_say_how_to_get_them(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "RESULTS", tmp_path)
    with pytest.raises(CourseError, match="course capstone"):
        read_results("capstone")
