"""What is told before a result is believed: leaks in a folder, weights that can't name."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import CAT, TRAIN, assert_refused, course
from PIL import Image

from utils.backbones import load_backbone
from utils.settings import PROJECT


def trained(data: Path, *words: object):
    folder = data.with_name("run")
    return course(*TRAIN, "--data", data, "--epochs", 1, "--out", folder, "--json", *words)


def test_near_duplicates_on_both_sides_are_told_with_the_remedy(bursts: Path) -> None:
    ended = trained(bursts)
    assert ended.code == 0
    assert "test photos look nearly the same as one that is learned from" in ended.err
    assert ".png and " in ended.err
    assert "--group-by folder, prefix or a CSV file" in ended.err


def test_grouped_photos_leave_nothing_to_tell(bursts: Path) -> None:
    ended = trained(bursts, "--group-by", "prefix")
    assert (ended.code, ended.err) == (0, "")
    assert ended.json()["split"] == "split by prefix"


def test_copies_are_counted_and_stay_on_one_side(bursts: Path) -> None:
    for file in list(bursts.rglob("*.png")):
        shutil.copy(file, file.with_name(f"copy of {file.name}"))
    ended = trained(bursts)
    assert "24 of 48 photos are copies of another file" in ended.err
    assert ended.json()["split"] == "split by copies"


def test_photos_in_the_wrong_class_are_told(bursts: Path) -> None:
    shutil.copy(bursts / "mug" / "mug0_a.png", bursts / "shoe" / "new.png")
    ended = trained(bursts)
    assert "look nearly the same as one of another class" in ended.err
    assert "new.png" in ended.err


def test_a_rare_class_is_told_with_the_remedy(bursts: Path) -> None:
    for number in range(120):
        pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((40, 30)).save(bursts / "mug" / f"other{number}.png")
    ended = trained(bursts)
    assert "Class 'mug' has 132 photos and 'shoe' 12" in ended.err
    assert "--class-weights" in ended.err
    assert "--class-weights" not in trained(bursts, "--class-weights", "--overwrite").err


def test_files_with_several_pictures_are_counted_and_named(bursts: Path) -> None:
    frames = [Image.effect_noise((64, 48), 50 + n).convert("RGB") for n in range(3)]
    for name in ("moving.gif", "moving.webp", "pages.tif", "moving.png"):
        frames[0].save(bursts / "mug" / name, save_all=True, append_images=frames[1:])
    ended = trained(bursts)
    assert ended.code == 0
    assert "4 of 28 files hold several pictures" in ended.err
    assert "moving.gif" in ended.err
    assert "1 of 1 files hold several" in course("predict", bursts / "mug" / "pages.tif").err


def test_a_grouping_that_cannot_be_made_is_refused(bursts: Path) -> None:
    assert_refused(trained(bursts, "--group-by", "colour"), "colour", "use folder, prefix or a CSV")
    words = (*TRAIN, "--data", "elpv", "--group-by", "prefix", "--limit", 40)
    assert_refused(course(*words), "--group-by", "not elpv")


@pytest.mark.parametrize("model", ["resnet18", "vgg11_gap"])
def test_names_from_the_courses_own_weights_come_with_a_warning(model: str) -> None:
    report = json.loads((PROJECT / "weights/report.json").read_text(encoding="utf-8"))
    fraction = f"{report['trained'][model]['agreement']['unseen']['top1']:.1%}"
    ended = course("predict", CAT, "--model", model)
    words = " ".join(ended.out.split())
    assert f"they name {fraction} as their teacher does" in words
    assert "make trace WEIGHTS=imagenet" in words
    assert fraction in course("predict", CAT, "--model", model, "--json").json()["note"]


def test_weights_that_can_name_come_without_one() -> None:
    assert "teacher" not in course("predict", CAT).out
    assert load_backbone("resnet18", "untrained").naming_note == ""


def test_the_old_name_of_vgg11_gap_still_works_with_a_notice() -> None:
    ended = course("predict", CAT, "--model", "vgg11_bn", "--json")
    assert ended.code == 0
    assert "vgg11_bn is called vgg11_gap now" in ended.err
    assert ended.json()["weights"].endswith("vgg11_gap.safetensors)")
