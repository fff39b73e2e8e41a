"""What pre-training is worth: converged heads, the same splits for both, and the floor beside."""

from dataclasses import replace

import pytest
import torch

from utils.backbones import load_backbone, with_side
from utils.datasets import ImageSet, load_elpv
from utils.device import Runtime
from utils.splits import Splits, split
from utils.studies.pretraining import (
    SPLITS,
    TransferAccuracy,
    converged_accuracy,
    good_or_defective,
    transfer_accuracy,
)


@pytest.fixture(scope="module")
def transfer(few_cells: ImageSet, cpu: Runtime) -> TransferAccuracy:
    return transfer_accuracy(with_side(load_backbone("resnet18", "offline"), 64), few_cells, cpu)


def test_cells_of_four_classes_become_good_and_defective(few_cells: ImageSet) -> None:
    two = good_or_defective(few_cells)
    assert two.classes == ("good", "defective")
    for old, new in zip(few_cells.labels, two.labels, strict=True):
        assert few_cells.classes[old].endswith(f" {two.classes[new]}")
    assert good_or_defective(load_elpv()).labels == load_elpv(binary=True).labels


def test_a_set_without_kinds_keeps_its_classes(squares: ImageSet) -> None:
    assert good_or_defective(squares) is squares


def test_both_backbones_are_tested_on_the_same_splits_as_the_floor(
    transfer: TransferAccuracy, few_cells: ImageSet
) -> None:
    two = good_or_defective(few_cells)
    assert transfer.classes == two.classes
    tests = [split(two, seed).test for seed in range(SPLITS)]
    for accuracies in (transfer.pretrained, transfer.untrained, transfer.floor):
        rights = [a * len(test) for a, test in zip(accuracies, tests, strict=True)]
        assert rights == pytest.approx([round(right) for right in rights])
    good = two.classes.index("good")
    assert transfer.floor[0] in (
        pytest.approx(sum(two.labels[i] == answer for i in tests[0]) / len(tests[0]))
        for answer in (good, 1 - good)
    )


def test_the_untrained_backbone_sees_the_photos_as_the_trained_one_does(
    few_cells: ImageSet, cpu: Runtime
) -> None:
    blank = with_side(load_backbone("resnet18", "untrained"), 64)
    worth = transfer_accuracy(blank, few_cells, cpu)
    assert worth.gains == (0.0,) * SPLITS


FIVE = TransferAccuracy(
    model="resnet18",
    dataset="elpv",
    classes=("good", "defective"),
    photos=600,
    split="split by module",
    pretrained=(0.8, 0.8, 0.8),
    untrained=(0.7, 0.75, 0.6),
    floor=(0.65, 0.7, 0.66),
)


def test_the_sentence_gives_gain_spread_question_and_floor() -> None:
    said = FIVE.sentence
    assert said.startswith(
        "Pre-training is worth +11.7 points on average (+5.0 to +20.0; ahead in 3 of "
    )
    for part in ("until they converge", "good/defective", "600 photos", "80.0%", "68.3%", "67.0%"):
        assert part in said


def test_the_sentence_counts_the_splits_without_a_gain() -> None:
    mixed = replace(FIVE, untrained=(0.7, 0.85, 0.8))
    assert "+1.7 points on average (-5.0 to +10.0; ahead in 1 of 3 splits by module)" in (
        mixed.sentence
    )


def test_the_head_finds_what_tells_the_classes_apart_among_noise() -> None:
    random = torch.Generator().manual_seed(0)
    labels = [n % 2 for n in range(300)]
    vectors = torch.randn(300, 21, generator=random)
    vectors[:, 0] += 4 * torch.tensor(labels)
    parts = Splits(tuple(range(60)), tuple(range(60, 120)), tuple(range(120, 300)))
    assert converged_accuracy(vectors, labels, parts) > 0.9


def test_a_feature_rarely_seen_in_training_does_not_decide_the_test() -> None:
    random = torch.Generator().manual_seed(0)
    labels = [n % 2 for n in range(90)]
    vectors = torch.randn(90, 3, generator=random) + 3 * torch.tensor(labels)[:, None]
    vectors[:, 2] = 0.0
    vectors[1, 2] = 1e-4
    vectors[60:, 2] = 1.0
    parts = Splits(tuple(range(45)), tuple(range(45, 60)), tuple(range(60, 90)))
    assert converged_accuracy(vectors, labels, parts) > 0.9
