"""How good the course's weights are: measured rightly, and told as it was measured."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import PictureFolders

from utils import weights_report
from utils.backbones import Backbone, load_backbone
from utils.compositions import Pictures, load_pictures
from utils.datasets import ImageSet
from utils.device import Runtime
from utils.images import PHOTOS
from utils.weights_report import (
    Agreement,
    Quality,
    Report,
    Usefulness,
    measure_agreement,
    measure_usefulness,
    render_card,
    write_report,
)


@pytest.fixture
def held_out(picture_folders: PictureFolders, monkeypatch: pytest.MonkeyPatch) -> Pictures:
    monkeypatch.setattr(weights_report, "COMPOSITIONS", 32)
    monkeypatch.setattr(weights_report, "BATCH", 16)
    monkeypatch.setattr(weights_report, "SIDE", 64)
    return load_pictures([picture_folders.photos], [picture_folders.cutouts])[1]


@pytest.fixture(scope="module")
def teacher() -> Backbone:
    return load_backbone("efficientnet_lite0", "offline")


def test_a_teacher_agrees_with_itself(held_out: Pictures, teacher: Backbone, cpu: Runtime) -> None:
    same = measure_agreement(teacher, teacher, held_out, cpu)
    assert (same.top1, same.top5, same.photos_top5, same.photos_total) == (1, 1, 30, 30)
    assert set(same.photos["chelsea"]) >= {"tiger cat", "Egyptian cat", "tabby"}


def test_an_untrained_student_hardly_agrees(
    held_out: Pictures, teacher: Backbone, cpu: Runtime
) -> None:
    blank = load_backbone("resnet18", "untrained")
    found = measure_agreement(blank, teacher, held_out, cpu)
    assert found.top1 < 0.2
    assert found.photos_top5 <= 3
    assert tuple(found.photos) == PHOTOS
    assert all(len(classes) == 5 for classes in found.photos.values())


def test_usefulness_is_measured_on_each_split(
    few_cells: ImageSet, teacher: Backbone, cpu: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = replace(
        few_cells,
        classes=("good", "defective"),
        labels=tuple(label % 2 for label in few_cells.labels),
    )
    monkeypatch.setattr(weights_report, "SPLITS", 2)
    monkeypatch.setattr(weights_report, "load_elpv", lambda **words: binary if words else few_cells)
    found = measure_usefulness(teacher, cpu)
    for values in (found.probe_binary, found.probe_four, found.head_four):
        assert len(values) == 2
        assert all(value in [right / 10 for right in range(11)] for value in values)


def a_report() -> Report:
    agreement = Agreement(1024, 0.4567, 0.5678, 12, 30, {"chelsea": ("tabby", "lynx")})
    good = Usefulness((0.81, 0.83), (0.71, 0.73), (0.75, 0.77))
    bad = Usefulness((0.61, 0.63), (0.51, 0.53), (0.55, 0.57))
    names = ("resnet18", "vgg11_bn")
    return Report(
        "a machine",
        "cpu, fp32",
        {"photos": 16, "cutouts": 218},
        Quality("efficientnet_lite0", "offline (by Google)", good),
        {name: Quality(name, "offline (course)", good, agreement) for name in names},
        {name: Quality(name, "untrained (seed 0)", bad) for name in names},
    )


RECORD = {
    "images": 123_456,
    "minutes": 41.7,
    "machine": "two cores",
    "runtime": "cpu, bf16",
    "pictures": {"photos": 96, "cutouts": 2106},
    "config": {"side": 96, "late_side": 160, "late": 0.2, "start": "untrained"},
}


@pytest.mark.parametrize("name", ["resnet18", "vgg11_bn"])
def test_a_card_tells_what_was_measured(name: str) -> None:
    card = render_card(a_report(), name, RECORD)
    words = " ".join(card.split())
    assert "45.7% of held-out compositions" in words
    assert "stand 12 of the teacher's 30" in words
    assert "123,456 compositions (96 px, the last 20 % at 160 px)" in words
    assert "42 minutes on two cores" in words
    assert "| chelsea | tabby, lynx |" in card
    row = "| linear probe, good or defective | 82.0% (81.0% to 83.0%) | 62.0% (61.0% to 63.0%) | "
    assert row in card
    assert f"| | {name}, offline | {name}, untrained | efficientnet_lite0, offline |" in card


def test_a_report_is_written_with_the_cards_of_recorded_students(tmp_path: Path) -> None:
    (tmp_path / "resnet18.json").write_text(json.dumps(RECORD))
    write_report(a_report(), tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["held_out"]["cutouts"] == 218
    assert (tmp_path / "resnet18.md").read_text() == render_card(a_report(), "resnet18", RECORD)
    assert not (tmp_path / "vgg11_bn.md").exists()
