"""Each rule on what an epoch's numbers say, and where one ends and the next begins."""

from dataclasses import replace

import pytest

from utils.datasets import ImageSet, load_elpv
from utils.observations import EpochRecord, informed_floor, largest_class_floor, observe
from utils.splits import Splits, split


def history(*losses: tuple[float, float]) -> list[EpochRecord]:
    """Epochs with these losses on training and validation."""
    return [
        EpochRecord(
            epoch=epoch,
            train_loss=train,
            train_accuracy=0.5,
            val_loss=val,
            val_accuracy=0.625,
            lr=1e-3,
            seconds=0.1,
            observation="",
        )
        for epoch, (train, val) in enumerate(losses, 1)
    ]


@pytest.mark.parametrize(
    ("losses", "observation"),
    [
        ([(1.0, 2.0)], "start: validation loss 2.000, accuracy 62.5%"),
        ([(1.0, 1.0), (1.2, 0.5)], "diverging: training loss rose 20.0% to 1.200"),
        (
            [(1.0, 0.5), (0.9, 0.6), (0.8, 0.59)],
            "overfitting: training loss fell 11.1%, but validation loss is 18.0% above its best "
            "(epoch 1)",
        ),
        ([(1.0, 1.0), (0.995, 1.005)], "plateau: training loss -0.5%, validation loss +0.5%"),
        ([(1.0, 1.0), (0.9, 0.75)], "learning: validation loss fell 25.0% to 0.750"),
        ([(1.0, 1.0), (0.97, 0.98)], "converging: training loss -3.0%, validation loss -2.0%"),
    ],
)
def test_each_rule_says_what_happened(losses: list[tuple[float, float]], observation: str) -> None:
    assert observe(history(*losses)) == observation


@pytest.mark.parametrize(
    ("before", "now", "word"),
    [
        # a training loss that rises by up to 5 % isn't diverging yet
        ((1.0, 1.0), (1.049, 1.0), "converging"),
        ((1.0, 1.0), (1.051, 1.0), "diverging"),
        # diverging is said first, whatever the validation loss does
        ((1.0, 1.0), (1.1, 0.5), "diverging"),
        ((1.0, 1.0), (1.1, 2.0), "diverging"),
        # overfitting needs a falling training loss and a gap of more than 2 %
        ((1.0, 1.0), (0.9, 1.019), "converging"),
        ((1.0, 1.0), (0.9, 1.021), "overfitting"),
        ((1.0, 1.0), (1.0, 1.5), "converging"),
        ((1.0, 1.0), (0.999, 1.5), "overfitting"),
        # a plateau needs both losses within 1 %
        ((1.0, 1.0), (1.0, 1.0), "plateau"),
        ((1.0, 1.0), (0.991, 1.009), "plateau"),
        ((1.0, 1.0), (0.989, 1.0), "converging"),
        ((1.0, 1.0), (1.0, 0.989), "converging"),
        ((1.0, 1.0), (1.0, 1.011), "converging"),
        # learning begins where the validation loss falls by 5 %, even if training stands still
        ((1.0, 1.0), (0.9, 0.951), "converging"),
        ((1.0, 1.0), (0.9, 0.949), "learning"),
        ((1.0, 2.0), (1.04, 1.5), "learning"),
        # a loss of nought doesn't divide
        ((0.0, 0.0), (0.0, 0.0), "plateau"),
        ((1.0, 1.0), (0.0, 0.0), "learning"),
    ],
)
def test_where_one_rule_ends_and_the_next_begins(
    before: tuple[float, float], now: tuple[float, float], word: str
) -> None:
    assert observe(history(before, now)).startswith(f"{word}: ")


def test_over_fitting_is_measured_from_the_best_epoch_and_not_from_the_last() -> None:
    rows = history((1.0, 0.80), (0.9, 0.50), (0.8, 0.60), (0.7, 0.59))
    assert observe(rows).startswith("overfitting")
    assert "18.0% above its best (epoch 2)" in observe(rows)


def test_a_new_best_epoch_ends_over_fitting() -> None:
    assert observe(history((1.0, 0.5), (0.9, 0.6), (0.8, 0.45))).startswith("learning")


def test_a_rise_within_chance_is_not_called_over_fitting() -> None:
    """4 % more loss on 90 photos, give or take 3 %, says nothing; on 9,000 it does."""
    before, now = history((1.0, 1.0), (0.9, 1.04))
    assert observe([before, replace(now, rise_error=0.03)]).startswith("converging")
    assert observe([before, replace(now, rise_error=0.003)]).startswith("overfitting")


def test_a_rise_with_better_accuracy_is_not_called_over_fitting() -> None:
    before, now = history((1.0, 1.0), (0.9, 1.04))
    assert observe([before, replace(now, val_accuracy=0.7)]).startswith("converging")


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
