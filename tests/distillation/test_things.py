"""The data set "things": what lies in the folder, where it came from, and how it is split."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from commands import course
from PIL import Image
from torchvision.datasets import ImageFolder

from utils.datasets import PARTS, THINGS, load_things, stamps_of_things
from utils.distillation.pictures import load_pictures
from utils.distillation.things import SIDE, build_things
from utils.errors import CourseError
from utils.splits import limit, split

with open(THINGS / "sources.csv", encoding="utf-8", newline="") as table:
    ROWS = list(csv.DictReader(table))


def test_the_table_lists_every_picture_and_no_other() -> None:
    found = {file.relative_to(THINGS).as_posix() for file in THINGS.rglob("*.jpg")}
    assert [row["file"] for row in ROWS] == sorted(found, key=lambda file: (
        PARTS.index(file.split("/")[0]), file
    ))  # fmt: skip
    assert all(value for row in ROWS for value in row.values())


def test_the_pictures_are_small() -> None:
    files = [THINGS / row["file"] for row in ROWS]
    assert sum(file.stat().st_size for file in files) < 6e6
    for file in files:
        with Image.open(file) as picture:
            assert picture.size == (SIDE, SIDE)


@pytest.mark.parametrize("what", ["original", "stamp", "background"])
def test_no_part_shares_an_object_or_a_background_with_another(what: str) -> None:
    parts = [{row[what] for row in ROWS if row["file"].startswith(part)} for part in PARTS]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]


def test_every_class_has_its_originals_and_pictures() -> None:
    images = load_things()
    assert images.classes == ("bird", "flower", "fruit", "mammal", "tool", "vegetable")
    for label in range(len(images.classes)):
        own = [i for i, other in enumerate(images.labels) if other == label]
        assert len({images.groups[i] for i in own}) >= 13
        assert Counter(images.parts[i] for i in own) == {"train": 50, "val": 14, "test": 20}


def test_no_background_gives_a_class_away() -> None:
    for background in {row["background"] for row in ROWS}:
        used = Counter(row["file"].split("/")[1] for row in ROWS if row["background"] == background)
        assert len(used) == 6
        assert max(used.values()) - min(used.values()) <= 2


def test_torchvision_reads_the_parts_as_the_course_does() -> None:
    images = load_things()
    parts = split(images)
    for part, rows in zip(PARTS, (parts.train, parts.val, parts.test), strict=True):
        folder = ImageFolder(THINGS / part)
        assert tuple(folder.classes) == images.classes
        assert [(Path(file), label) for file, label in folder.samples] == [
            (images.images[i], images.labels[i]) for i in rows
        ]


@pytest.mark.parametrize("seed", range(5))
def test_every_split_keeps_originals_whole(seed: int) -> None:
    images = load_things()
    parts = split(images, seed)
    sides = [{images.groups[i] for i in part} for part in (parts.train, parts.val, parts.test)]
    assert sum(map(len, sides)) == len(set(images.groups))
    assert (set(parts.test) == set(split(images).test)) == (seed == 0)


@pytest.mark.parametrize("count", [30, 60, 200])
def test_a_few_of_them_still_come_in_three_parts(count: int) -> None:
    few = limit(load_things(), count)
    parts = split(few)
    assert len(few) == count
    for rows in (parts.train, parts.val, parts.test):
        assert {few.labels[i] for i in rows} == set(range(6))


def test_the_stamps_are_left_out_of_what_weights_are_distilled_on(tmp_path: Path) -> None:
    colours = ("red", "green", "blue", "yellow", "grey", "white")
    for number, colour in enumerate(colours):
        Image.new("RGB", (240, 240), colour).save(tmp_path / f"{colour}.png")
        cutout = Image.new("RGBA", (120, 100), colour)
        cutout.paste((0, 0, 0, 0), (0, 0, 20, 20))
        known = stamps_of_things()[number].lstrip("/")
        file = tmp_path / "debian" / (known if number < 2 else f"new/{colour}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        cutout.save(file)
    (tmp_path / "photos").mkdir()
    for file in tmp_path.glob("*.png"):
        file.rename(tmp_path / "photos" / file.name)
    pictures = load_pictures([tmp_path / "photos"], [tmp_path / "debian"])
    assert sum(part.counts()["cutouts"] for part in pictures) == len(colours) - 2
    assert any("measuring_tape_mirror" in stamp for stamp in stamps_of_things())


def test_a_model_is_taught_by_name(tmp_path: Path) -> None:
    ended = course(
        "train", "--model", "efficientnet_lite0", "--data", "things", "--limit", 30, "--epochs", 1,
        "--out", tmp_path, "--json",
    )  # fmt: skip
    assert ended.code == 0
    trace = ended.json()
    assert (trace["dataset"], trace["split"], trace["n_test"]) == ("things", "split by original", 6)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    selection = (THINGS / "selection.toml").read_text(encoding="utf-8")
    (tmp_path / "selection.toml").write_text(selection, encoding="utf-8")
    with pytest.raises(CourseError, match=r"tuxpaint-stamps-default is missing .* run make things"):
        build_things(tmp_path, tmp_path)
