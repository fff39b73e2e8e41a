"""The floors of an accuracy: what is reached on the test split by knowing next to nothing."""

import pytest

from utils.datasets import ImageSet, load_elpv
from utils.observations import informed_floor, largest_class_floor
from utils.splits import Splits, split


def made_up(kinds: tuple[str, ...]) -> tuple[ImageSet, Splits]:
    """Four classes; class 0 is the largest of the training split, class 2 that of kind B."""
    train, test = (0, 0, 0, 1, 2, 2, 3), (0, 1, 1, 1, 2, 3, 3, 2)
    images = ImageSet(
        name="made up", classes=tuple("wxyz"), images=(), labels=train + test, kinds=kinds
    )
    return images, Splits(tuple(range(7)), (), tuple(range(7, 15)))


def test_the_largest_class_is_that_of_training_and_counted_in_the_test_split() -> None:
    assert largest_class_floor(*made_up(())) == 1 / 8


def test_who_knows_the_kind_answers_with_its_largest_class() -> None:
    assert informed_floor(*made_up(("A", "A", "B", "B"))) == 3 / 8


def test_without_kinds_there_is_no_informed_floor() -> None:
    assert informed_floor(*made_up(())) is None


@pytest.mark.parametrize("seed", range(3))
def test_the_informed_floor_of_solar_cells_is_always_good(seed: int) -> None:
    cells = load_elpv()
    parts = split(cells, seed)
    good = sum(cells.classes[cells.labels[i]].endswith("good") for i in parts.test)
    assert informed_floor(cells, parts) == good / len(parts.test)
    binary = load_elpv(binary=True)
    assert informed_floor(binary, parts) is None
