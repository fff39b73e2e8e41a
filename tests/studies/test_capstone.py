"""The capstone's models on a few cells, and its table on rows as they are kept."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from utils.device import Runtime
from utils.studies import capstone
from utils.studies.capstone_tuning import (
    Recipe,
    average_weights,
    fine_tune,
    kept_maps,
    probabilities,
)
from utils.studies.cells import MIRRORS, SYMMETRIES, cells_as_pixels, turn
from utils.studies.kernel_probe import kernel_probe
from utils.studies.measures import Measure

SMALL = Recipe(side=64, epochs=2)


def test_the_symmetries_are_eight_and_the_mirrors_keep_the_rows() -> None:
    cell = torch.arange(9).reshape(1, 1, 3, 3)
    seen = {tuple(turn(cell, symmetry).flatten().tolist()) for symmetry in range(SYMMETRIES)}
    assert len(seen) == SYMMETRIES
    rows = {frozenset(row.tolist()) for row in cell[0, 0]}
    for symmetry in range(SYMMETRIES):
        kept = {frozenset(row.tolist()) for row in turn(cell, symmetry)[0, 0]} == rows
        assert kept == (symmetry in MIRRORS)


@pytest.fixture(scope="module")
def few() -> tuple[Measure, list[int]]:
    """Labels of 24 cells on which all experts agreed, half of them defective."""
    paper = capstone.measures()["paper"]
    rows = [
        int(row)
        for label in (0, 1)
        for row in np.flatnonzero((paper.labels == label) & capstone.sure())[:12]
    ]
    return Measure("paper", paper.labels[rows], paper.weights[rows]), rows


def test_the_last_stage_learns_after_the_probe_and_keeps_its_statistics(
    few: tuple[Measure, list[int]], cpu: Runtime
) -> None:
    measure, rows = few
    maps = kept_maps(cells_as_pixels()[rows], SMALL, cpu)
    assert maps.shape[:2] == (24, SYMMETRIES)
    known = range(24)
    turned_round = Measure("other", 1 - measure.labels, measure.weights)
    both = [measure, turned_round]
    probed = fine_tune(maps, replace(SMALL, epochs=0), both, known, cpu)
    first, second = (fine_tune(maps, SMALL, both, known, cpu, run) for run in (0, 1))

    def loss(model: torch.nn.Module) -> float:
        labels = np.stack([one.labels for one in both], axis=1)
        right = np.abs(1 - labels - probabilities(model, maps, known, cpu, SYMMETRIES))
        return float(-np.log(right).mean())

    assert loss(first) < loss(probed) < np.log(2)
    for start, end in zip(probed.buffers(), first.buffers(), strict=True):
        torch.testing.assert_close(start, end)
    middle = average_weights([first, second]).linear.bias
    torch.testing.assert_close(middle, (first.linear.bias + second.linear.bias) / 2)
    assert (first.linear.bias != second.linear.bias).all()


def test_the_kernel_probe_bends_its_line_and_weighs_its_photos() -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(300, 2))
    inside = (np.linalg.norm(points, axis=1) < 1.1).astype(int)
    measure = Measure("circle", inside, np.ones(300))
    outside_only = Measure("weighed", inside, np.where(inside, 1e-6, 1))
    both = [measure, outside_only]
    answers = kernel_probe([points, points], both, range(200), range(200, 300), c=30)
    assert ((answers[:, 0] > 0.5) == inside[200:]).mean() > 0.9
    assert (answers[:, 1] < 0.5).all()


def test_maps_are_computed_once(cpu: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = []
    monkeypatch.setattr(capstone, "kept_maps", lambda *_: computed.append(1) or torch.zeros(1, 1))
    capstone.maps_of.cache_clear()
    try:
        capstone.capstone_measurements(cpu)["maps of 224 pixels"]()
        capstone.maps_of(224, cpu)
    finally:
        capstone.maps_of.cache_clear()
    assert computed == [1]


def row(way: str, kind: str, seed: int, accuracy: float) -> dict:
    scores = dict.fromkeys(("balanced_accuracy", "mcc", "auc", "sure_accuracy"), 0.5)
    by_measure = {
        name: {name: scores | {"accuracy": accuracy - drop}, "other": {}}
        for name, drop in (("course", 0), ("paper", 0.02))
    }
    floors = {"course": 0.69, "paper": 0.63}
    sizes = {"n_train": 75, "n_test": 25}
    return {"kind": kind, "seed": seed, "floors": floors, "scores": {way: by_measure}} | sizes


def test_the_table_has_a_line_for_each_way_split_and_measure() -> None:
    rows = [
        row(way, kind, seed, 0.8 + seed / 100)
        for way in capstone.STRATEGIES
        for kind in capstone.KINDS
        for seed in range(20 if way == "frozen" else 5)
    ]
    lines = capstone.summarise([{"part": "features"}, *rows])
    assert len(lines) == (1 + len(capstone.STRATEGIES)) * 2 * 2
    first, second = lines[:2]
    assert (first.measure, second.measure, first.splits) == ("course", "paper", 20)
    assert first.accuracy.mean == pytest.approx(0.895)
    assert second.accuracy.mean == pytest.approx(0.875)
    assert first.accuracy.low < 0.895 < first.accuracy.high
    for line in lines[4:]:  # all on the same splits, those on which something was fine-tuned
        expected = 0.82 if line.measure == "course" else 0.8
        assert (line.splits, line.accuracy.mean) == (5, pytest.approx(expected))
