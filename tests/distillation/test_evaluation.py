"""How good the course's weights are: measured rightly, and told as it was measured."""

import json
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest
from made_up import PictureFolders

from utils.backbones import Backbone, load_backbone
from utils.datasets import ImageSet
from utils.device import Runtime
from utils.distillation import evaluation
from utils.distillation.evaluation import (
    Agreement,
    Match,
    Quality,
    Report,
    Usefulness,
    Yardstick,
    measure_agreement,
    measure_usefulness,
    measure_yardstick,
    render_card,
    write_report,
)
from utils.distillation.pictures import Pictures, load_pictures, read_list
from utils.distillation.student import STUDENTS
from utils.images import PHOTOS
from utils.settings import PROJECT
from utils.weights import WEIGHTS_FOLDER


@pytest.fixture
def pictures(
    picture_folders: PictureFolders, monkeypatch: pytest.MonkeyPatch
) -> tuple[Pictures, Pictures]:
    monkeypatch.setattr(evaluation, "COMPOSITIONS", 32)
    monkeypatch.setattr(evaluation, "BATCH", 16)
    monkeypatch.setattr(evaluation, "SIDE", 64)
    return load_pictures([picture_folders.photos], [picture_folders.cutouts])


@pytest.fixture(scope="module")
def teacher() -> Backbone:
    return load_backbone("efficientnet_lite0", "offline")


def test_a_teacher_agrees_with_itself(
    pictures: tuple[Pictures, Pictures], teacher: Backbone, cpu: Runtime
) -> None:
    same = measure_agreement(teacher, teacher, pictures, cpu)
    assert same.fresh == same.unseen == Match(1, 1)
    assert (same.pictures, same.held_out) == tuple(part.counts() for part in pictures)
    assert (same.photos_top1, same.photos_top5, same.photos_total) == (6, 30, 30)
    assert set(same.photos["chelsea"]) >= {"tiger cat", "Egyptian cat", "tabby"}


def test_an_untrained_student_hardly_agrees(
    pictures: tuple[Pictures, Pictures], teacher: Backbone, cpu: Runtime
) -> None:
    blank = load_backbone("resnet18", "untrained")
    found = measure_agreement(blank, teacher, pictures, cpu)
    assert max(found.fresh.top1, found.unseen.top1) < 0.2
    assert found.photos_top5 <= 3
    assert tuple(found.photos) == PHOTOS
    assert all(len(classes) == 5 for classes in found.photos.values())


def test_the_yardstick_is_the_teacher_in_a_mirror_and_its_sibling(
    pictures: tuple[Pictures, Pictures], teacher: Backbone, cpu: Runtime
) -> None:
    found = measure_yardstick(teacher, pictures[1], cpu)
    assert 0 < found.mirrored.top1 < 1
    assert 0 < found.sibling.top5 < 1
    assert found.mirrored != found.sibling


def test_usefulness_is_measured_on_each_split(
    few_cells: ImageSet, teacher: Backbone, cpu: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = replace(
        few_cells,
        classes=("good", "defective"),
        labels=tuple(label % 2 for label in few_cells.labels),
    )
    monkeypatch.setattr(evaluation, "SPLITS", 2)
    monkeypatch.setattr(evaluation, "load_elpv", lambda **words: binary if words else few_cells)
    found = measure_usefulness(teacher, cpu)
    for values in (found.probe_binary, found.probe_four, found.head_four):
        assert len(values) == 2
        assert all(0 <= value <= 1 for value in values)


def a_report() -> Report:
    matches = Match(0.4567, 0.5678), Match(0.2345, 0.3456)
    agreement = Agreement(
        pictures={"photos": 96, "cutouts": 2106},
        held_out={"photos": 16, "cutouts": 218},
        fresh=matches[0],
        unseen=matches[1],
        photos_top1=2,
        photos_top5=12,
        photos_total=30,
        photos={"chelsea": ("tabby", "lynx")},
        machine="a machine (cpu, fp32)",
    )
    good = Usefulness(
        probe_binary=(0.81, 0.83),
        probe_four=(0.71, 0.73),
        head_four=(0.75, 0.77),
        floor_binary=(0.6, 0.7),
        machine="two cores",
    )
    bad = Usefulness(
        probe_binary=(0.61, 0.63),
        probe_four=(0.51, 0.53),
        head_four=(0.55, 0.57),
        floor_binary=(0.6, 0.7),
        machine="two cores",
    )
    names = ("resnet18", "vgg11_gap")
    return Report(
        machine="a machine",
        runtime="cpu, fp32",
        compositions=1024,
        held_out={"photos": 16, "cutouts": 218},
        yardstick=Yardstick(Match(0.71, 0.72), Match(0.51, 0.52)),
        teacher=Quality("efficientnet_lite0", "offline (by Google)", good),
        trained={name: Quality(name, "offline (course)", good, agreement) for name in names},
        untrained={name: Quality(name, "untrained (seed 0)", bad) for name in names},
    )


RECORD = {
    "images": 123_456,
    "minutes": 41.7,
    "machine": "two cores",
    "runtime": "cpu, bf16",
    "pictures": {"photos": 96, "cutouts": 2106},
    "config": {"side": 96, "late_side": 160, "late": 0.2, "start": "untrained"},
    "earlier": [],
}


@pytest.mark.parametrize("name", ["resnet18", "vgg11_gap"])
def test_a_card_tells_what_was_measured(name: str) -> None:
    card = render_card(a_report(), name, RECORD)
    words = " ".join(card.split())
    assert "on 45.7% of new compositions of the pictures that it learned from" in words
    assert "and on 23.4% of those of pictures that it has never seen" in words
    assert (
        "| new compositions of the 96 photos and 2106 cut-outs that it learned from | 45.7% |"
        in words
    )
    assert "16 photos and 218 cut-outs that its training held out | 23.4% | 34.6% |" in words
    assert "the mirror image | 71.0% | 72.0% |" in words
    assert "as the teacher did | 51.0% | 52.0% |" in words
    assert "the same first class on 2 and, among the first five, 12 of the teacher's 30" in words
    assert "123,456 compositions of 96 photos and 2106 cut-outs, in 42 minutes" in words
    run = "| 1 | untrained | 123,456 | 96 | 2106 | 96 px, the last 20 % 160 px | 42 | two cores "
    assert f"{run}(cpu, bf16) |" in card
    assert "| chelsea | tabby, lynx |" in card
    row = "| linear probe, good or defective | 82.0% (81.0% to 83.0%) | 62.0% (61.0% to 63.0%) | "
    assert row in card
    assert f"| | {name}, offline | {name}, untrained | efficientnet_lite0, offline |" in card


def test_a_card_adds_up_the_runs_that_weights_were_made_in() -> None:
    config = RECORD["config"] | {"start": "offline"}
    card = render_card(a_report(), "vgg11_gap", RECORD | {"config": config, "earlier": [RECORD]})
    assert "246,912 compositions" in card
    assert "| 2 | where the run before ended | 123,456 |" in card


def test_a_card_tells_what_was_kept_and_how_the_run_ended() -> None:
    config = RECORD["config"] | {"start": "offline", "frozen": 8}
    finish = {"learned": 2.345, "fitted": 1.987, "feature_scale": 20.04}
    fitted = " ".join(
        render_card(a_report(), "vgg11_gap", RECORD | {"config": config, "finish": finish}).split()
    )
    assert "| 1 | where the run before ended, all stages up to stride 8 kept |" in fitted
    assert "1.99 instead of 2.35 nats" in fitted
    assert "scaled by 20," in fitted
    kept = finish | {"fitted": 2.345}
    assert "backbone stayed" in render_card(a_report(), "vgg11_gap", RECORD | {"finish": kept})


def test_a_report_is_written_with_the_cards_of_recorded_students(tmp_path: Path) -> None:
    (tmp_path / "resnet18.json").write_text(json.dumps(RECORD), encoding="utf-8")
    write_report(a_report(), tmp_path)
    assert (
        json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["held_out"]["cutouts"]
        == 218
    )
    assert (tmp_path / "resnet18.md").read_text(encoding="utf-8") == render_card(
        a_report(), "resnet18", RECORD
    )
    assert not (tmp_path / "vgg11_gap.md").exists()


# --- what the repository says of the weights that it ships -------------------------------------


def published() -> Report:
    content = json.loads((WEIGHTS_FOLDER / "report.json").read_text(encoding="utf-8"))

    def agreement(row: dict) -> Agreement:
        matches = {part: Match(**row[part]) for part in ("fresh", "unseen")}
        return Agreement(**row | matches)

    def quality(row: dict) -> Quality:
        useful = Usefulness(
            **{k: v if k == "machine" else tuple(v) for k, v in row["usefulness"].items()}
        )
        same = row["agreement"] and agreement(row["agreement"])
        return Quality(row["model"], row["weights"], useful, same)

    parts = {
        part: {name: quality(row) for name, row in content[part].items()}
        for part in ("trained", "untrained")
    }
    yardstick = Yardstick(**{part: Match(**row) for part, row in content["yardstick"].items()})
    teacher = quality(content["teacher"])
    return Report(**content | parts | {"yardstick": yardstick, "teacher": teacher})


@pytest.mark.parametrize("name", STUDENTS)
def test_the_cards_say_what_the_report_says(name: str) -> None:
    record = json.loads((WEIGHTS_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert (WEIGHTS_FOLDER / f"{name}.md").read_text(encoding="utf-8") == render_card(
        published(), name, record
    )


def test_the_readme_says_what_the_report_says() -> None:
    report = published()
    words = " ".join((PROJECT / "README.md").read_text(encoding="utf-8").split())
    for name, weights, quality in (
        *((name, "course", quality) for name, quality in report.trained.items()),
        *((name, "untrained", quality) for name, quality in report.untrained.items()),
        (report.teacher.model, "ImageNet", report.teacher),
    ):
        useful, same = quality.usefulness, quality.agreement
        fractions = [mean(v) for v in (useful.probe_binary, useful.probe_four, useful.head_four)]
        agreed = " | | |"
        if same:
            fractions += [same.fresh.top1, same.unseen.top1]
            agreed = f" {same.photos_top5} of {same.photos_total} |"
        row = (
            f"| `{name}` | {weights} | "
            + " | ".join(f"{fraction:.1%}" for fraction in fractions)
            + " |"
        )
        assert row + agreed in words
    mirrored, sibling = report.yardstick.mirrored.top1, report.yardstick.sibling.top1
    assert f"its own class again on {mirrored:.1%} of unseen compositions" in words
    assert f"which learned from ImageNet itself, on {sibling:.1%}" in words


@pytest.mark.parametrize("name", STUDENTS)
def test_agreement_was_measured_on_the_pictures_of_all_runs_of_the_student(name: str) -> None:
    """The last run may have learned from fewer: the earlier ones knew nothing of `data/things`."""
    record = json.loads((WEIGHTS_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    measured = published().trained[name].agreement
    listed = [entry for entry in read_list().values() if name in entry.students]
    held_out = sum(entry.held_out for entry in listed)
    assert sum(measured.held_out.values()) == held_out >= sum(record["held_out"].values())
    assert sum(measured.pictures.values()) == len(listed) - held_out
    assert len(listed) - held_out >= sum(record["pictures"].values())


@pytest.mark.parametrize("name", STUDENTS)
def test_distilling_was_worth_it(name: str) -> None:
    """The weights that are shipped beat untrained ones: the binary probe on every split by module,
    the rest on their mean.
    """
    report = published()
    trained, blank = (part[name].usefulness for part in (report.trained, report.untrained))
    for measure in ("probe_binary", "probe_four", "head_four"):
        assert mean(getattr(trained, measure)) > mean(getattr(blank, measure)), measure
    pairs = zip(trained.probe_binary, blank.probe_binary, strict=True)
    assert all(with_weights > without for with_weights, without in pairs)


@pytest.mark.parametrize("name", STUDENTS)
def test_the_report_is_about_the_weights_that_are_shipped(
    name: str, teacher: Backbone, cpu: Runtime, pictures: tuple[Pictures, Pictures]
) -> None:
    """The six photos, looked at again: nearly the classes of the report, in any precision."""
    now = measure_agreement(load_backbone(name, "offline"), teacher, pictures, cpu).photos
    then = published().trained[name].agreement.photos
    assert now.keys() == then.keys()
    assert sum(len(set(now[photo]) & set(then[photo])) for photo in now) >= 27
