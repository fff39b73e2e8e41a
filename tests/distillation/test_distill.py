"""Distillation: what is learned, what is written, and going on after a stop."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import torchvision.models as tv
from made_up import PictureFolders

from utils import weights
from utils.backbones import load_backbone
from utils.checkpoints import Checkpoints
from utils.device import Runtime
from utils.distillation import distill as distillation
from utils.distillation import finishing
from utils.distillation.config import configure, keep_config, kept_config
from utils.distillation.distill import DistillationConfig, distill, write_student
from utils.distillation.pictures import Pictures, load_pictures
from utils.errors import CourseError
from utils.settings import PROJECT

SMALL = {"batch_size": 8, "side": 64, "late_side": 96}


@pytest.fixture(scope="module")
def pictures(picture_folders: PictureFolders) -> tuple[Pictures, Pictures]:
    return load_pictures([picture_folders.photos], [picture_folders.cutouts])


@pytest.fixture(autouse=True)
def few_calibration_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distillation, "CALIBRATION", 16)


def course_runs(name: str) -> int:
    """In how many runs the weights that the course ships were made."""
    return (
        len(
            json.loads((PROJECT / "weights" / f"{name}.json").read_text(encoding="utf-8"))[
                "earlier"
            ]
        )
        + 1
    )


def test_the_student_comes_closer_to_its_teacher(
    pictures: tuple[Pictures, Pictures], cpu: Runtime, tmp_path: Path
) -> None:
    config = DistillationConfig(student="resnet18", steps=8, **SMALL | {"late_side": 64})
    record, _ = distill(config, pictures, cpu, Checkpoints(tmp_path / "learning"))
    still, _ = distill(replace(config, lr=0.0), pictures, cpu, Checkpoints(tmp_path / "still"))
    last, same_pictures = record.intervals[-1], still.intervals[-1]
    assert [interval.images for interval in record.intervals] == [16, 32, 48, 64]
    assert last.hints[0] < 0.9 * same_pictures.hints[0]
    assert last.divergence < same_pictures.divergence
    assert record.intervals[0].lr > last.lr > 0
    assert all(0 <= interval.agreement <= 1 for interval in record.intervals)


def test_other_pictures_are_another_run(
    pictures: tuple[Pictures, Pictures], cpu: Runtime, tmp_path: Path
) -> None:
    config = DistillationConfig(student="resnet18", steps=1, **SMALL)
    distill(config, pictures, cpu, Checkpoints(tmp_path))
    with pytest.raises(CourseError, match=r"settings \(pictures\)"):
        distill(config, pictures[::-1], cpu, Checkpoints(tmp_path, resume=True))


@pytest.mark.parametrize("start", ["offline", "untrained"])
def test_a_run_begins_with_the_weights_asked_for(
    start: str, pictures: tuple[Pictures, Pictures], cpu: Runtime, tmp_path: Path
) -> None:
    config = DistillationConfig(student="resnet18", steps=1, start=start, lr=0.0, seed=3, **SMALL)
    record, state = distill(config, pictures, cpu, Checkpoints(tmp_path))
    assert len(record.earlier) == (0 if start == "untrained" else course_runs("resnet18"))
    begun = load_backbone("resnet18", start, seed=3).body.state_dict()
    assert torch.equal(state["layer4.0.conv1.weight"], begun["layer4.0.conv1.weight"])


def test_a_finished_run_does_not_count_itself_among_the_earlier_ones(
    pictures: tuple[Pictures, Pictures],
    cpu: Runtime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`make weights` once more, after a run that went on from weights and replaced their record."""
    config = DistillationConfig(student="resnet18", steps=1, start="offline", **SMALL)
    published = tmp_path / "weights"
    published.mkdir()
    shutil.copy(PROJECT / "weights/resnet18.json", published)
    monkeypatch.setattr(finishing, "course_file", lambda name: published / name)
    record, state = distill(config, pictures, cpu, Checkpoints(tmp_path))
    write_student(record, state, published)
    again, _ = distill(config, pictures, cpu, Checkpoints(tmp_path, resume=True))
    assert again == record


def test_a_loss_that_is_not_finite_stops_the_run(
    pictures: tuple[Pictures, Pictures], cpu: Runtime, tmp_path: Path
) -> None:
    config = DistillationConfig(student="resnet18", steps=4, lr=1e30, **SMALL)
    with pytest.raises(CourseError, match=r"loss became .*lower learning rate"):
        distill(config, pictures, cpu, Checkpoints(tmp_path))


# --- settings ----------------------------------------------------------------------------------


def test_late_steps_are_larger_and_weigh_the_names_more() -> None:
    config = DistillationConfig(student="resnet18", steps=100, late=0.25)
    assert [config.side_at(step) for step in (0, 74, 75, 99)] == [96, 96, 160, 160]
    assert config.logit_weight_at(0) == config.logit_weight
    assert (
        config.logit_weight
        < config.logit_weight_at(50)
        < config.logit_weight_at(99)
        < config.late_logit_weight
    )


def test_settings_are_kept_for_a_resume(cpu: Runtime, tmp_path: Path) -> None:
    settled = configure("vgg11_gap", cpu, images=1000, start=True, seed=5)
    assert (settled.steps, settled.batch_size, settled.start) == (16, 64, "offline")
    keep_config(settled, tmp_path)
    assert kept_config(tmp_path, "vgg11_gap") == settled


def test_a_run_that_goes_on_saves_time_on_a_cpu_alone(cpu: Runtime) -> None:
    slow, fast = (
        configure("vgg11_gap", runtime, start=True)
        for runtime in (cpu, Runtime(torch.device("cuda"), "bf16"))
    )
    assert (slow.side, slow.frozen) == (128, 8)
    assert (fast.side, fast.frozen) == (224, 0)


def test_minutes_become_steps_by_this_machines_speed(
    pictures: tuple[Pictures, Pictures], cpu: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distillation, "TIMED", 1)
    short, long = (
        distillation.steps_in(
            minutes, DistillationConfig(student="resnet18", steps=100, **SMALL), pictures[0], cpu
        )
        for minutes in (1, 10)
    )
    assert 1 < short < long


def test_what_cannot_be_resumed_is_told(cpu: Runtime, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"nothing to resume in .*run without --resume"):
        kept_config(tmp_path, "resnet18")
    keep_config(configure("vgg11_gap", cpu), tmp_path)
    with pytest.raises(CourseError, match="resume with --student vgg11_gap"):
        kept_config(tmp_path, "resnet18")
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match="is damaged"):
        kept_config(tmp_path, "vgg11_gap")


# --- make weights ------------------------------------------------------------------------------


def make_weights(folder: Path, pictures: PictureFolders, students: str) -> subprocess.Popen:
    """`make weights` on a handful of pictures, with its results in `folder`."""
    return subprocess.Popen(
        [
            "make", "weights", f"PHOTOS={pictures.photos}", f"CUTOUTS={pictures.cutouts}",
            f"RUNS={folder / 'runs'}", f"WEIGHTS_DIR={folder / 'weights'}", f"STUDENTS={students}",
            "DISTILL=--images 128",
        ],
        cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        start_new_session=True,
    )  # fmt: skip


def finished(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return output


@pytest.mark.skipif(sys.platform == "win32", reason="there is no make on Windows")
def test_make_weights_killed_once_gives_what_an_uninterrupted_run_gives(
    picture_folders: PictureFolders, tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    output = finished(make_weights(whole, picture_folders, "resnet18"))
    assert "128 compositions, cpu, fp32" in output
    process = make_weights(parts, picture_folders, "resnet18")
    saved = parts / "runs/distill-resnet18/last.pt"
    while not saved.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (parts / "weights").exists()
    finished(make_weights(parts, picture_folders, "resnet18"))
    sums = [
        (folder / "weights/SHA256SUMS").read_text(encoding="utf-8") for folder in (whole, parts)
    ]
    assert sums[0] == sums[1]
    state = weights.read_course_weights(whole / "weights/resnet18.safetensors")
    tv.resnet18(num_classes=1000).load_state_dict(state, strict=True)
    record, resumed = (
        json.loads((folder / "weights/resnet18.json").read_text(encoding="utf-8"))
        for folder in (whole, parts)
    )
    for row in (*record["intervals"], *resumed["intervals"]):
        del row["seconds"]
    assert resumed["intervals"] == record["intervals"]
    photos = record["pictures"]["photos"] + record["held_out"]["photos"]
    assert (record["images"], photos) == (128, 30)
    assert record["config"] == asdict(DistillationConfig(student="resnet18", steps=2))
