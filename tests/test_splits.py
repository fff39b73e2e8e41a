"""Splits: who is learned from and who is tested, and that nothing leaks between them."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from made_up import counts, put_photos

from utils.datasets import ImageSet, load_elpv, solar_modules
from utils.errors import CourseError
from utils.photo_folders import load_folder
from utils.settings import PROJECT
from utils.splits import (
    Splits,
    count_copies,
    describe,
    group_photos,
    limit,
    split,
)


def parts_of(splits: Splits) -> tuple[tuple[int, ...], ...]:
    return splits.train, splits.val, splits.test


def labelled(labels: list[int], groups: list[int] | None = None) -> ImageSet:
    """Black photos with these labels."""
    classes = tuple(f"class {label}" for label in range(max(labels) + 1))
    pixels = np.zeros((len(labels), 2, 2), np.uint8)
    return ImageSet(
        name="dots",
        classes=classes,
        images=pixels,
        labels=tuple(labels),
        skipped=(),
        groups=groups and tuple(groups),
        grouped_by="box" * bool(groups),
    )


def test_the_cells_of_elpv_come_from_its_44_modules() -> None:
    """18 mono and 26 poly modules were published (Deitsch et al. 2019), most of 60 cells."""
    modules = np.array(load_elpv().groups)
    poly = np.array(load_elpv().labels) > 1
    assert len(set(modules)) == 44
    assert len(set(modules[poly])) == 26
    assert not set(modules[poly]) & set(modules[~poly])
    assert all(48 <= count <= 72 for count in np.bincount(modules))
    # near-twins, cut from one brick of silicon, one pair with opposite labels
    for one, other in ((1789, 1787), (2292, 2288)):
        assert modules[one] == modules[other]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_a_split_of_elpv_keeps_modules_whole(binary: bool, seed: int) -> None:
    cells = load_elpv(binary)
    parts = parts_of(split(cells, seed))
    assert sorted(sum(parts, ())) == list(range(len(cells)))
    modules = [{cells.groups[i] for i in part} for part in parts]
    assert sum(map(len, modules)) == 44
    whole = np.bincount(cells.labels) / len(cells)
    for part, share in zip(parts, (0.60, 0.15, 0.25), strict=True):
        assert abs(len(part) / len(cells) - share) <= 0.05
        mix = np.bincount(np.array(cells.labels)[list(part)]) / len(part)
        np.testing.assert_allclose(mix, whole, atol=0.05)


def test_a_limited_set_is_split_by_module_too() -> None:
    few = limit(load_elpv(), 160)
    modules = [{few.groups[i] for i in part} for part in parts_of(split(few))]
    assert sum(map(len, modules)) == len(set(few.groups))
    assert describe(few) == "split by module"


def test_random_has_to_be_typed_and_tears_modules_apart() -> None:
    cells = load_elpv(binary=True)
    parts = split(cells, random=True)
    assert len(parts.test) == 656
    assert {cells.groups[i] for i in parts.train} & {cells.groups[i] for i in parts.test}
    whole = np.bincount(cells.labels) / len(cells)
    for part in parts_of(parts):
        mix = np.bincount(np.array(cells.labels)[list(part)]) / len(part)
        np.testing.assert_allclose(mix, whole, atol=0.003)


# Where a random split of ELPV is meant, and the words beside it say so.
NAMED_RANDOM = {
    "utils/distillation/finishing.py",  # the order within an epoch
    "utils/splits.py",
    "utils/studies/capstone.py",
    "tests/test_splits.py",
    "tests/test_studies.py",
    "quizzes/02_feature_extraction.yaml",  # shuffles the places of a map
    "quizzes/12_capstone.yaml",
    "quizzes/test.yaml",  # asks what is wrong with one
    "quizzes/13_todays_backbones.yaml",  # shuffles patches
    "lessons/00_transfer_learning.ipynb",  # the order within an epoch
    "lessons/08_reading_a_training_trace.ipynb",  # draws one batch
    "lessons/09_fine_tuning.ipynb",  # pairs photos for mixup
    "lessons/12_capstone.ipynb",
    "lessons/13_todays_backbones.ipynb",  # shuffles patches
    "solutions/ex08_fine_tune/ex08_fine_tune.ipynb",  # the order within an epoch
    "tests/exercises/ex11_transfer_learning.yaml",  # the order within an epoch
}
SPLITTING = r"random=True|train_test_split|ShuffleSplit|(?<!Group)KFold|random_split|randperm\("


def test_nothing_splits_at_random_without_saying_so() -> None:
    folders = ("utils", "lessons", "solutions", "quizzes", "benchmarks", "tests")
    files = [file for folder in folders for file in (PROJECT / folder).rglob("*.*")]
    found = {
        file.relative_to(PROJECT).as_posix()
        for file in files
        if file.suffix in (".py", ".ipynb", ".yaml")
        and ".ipynb_checkpoints" not in file.parts
        and re.search(SPLITTING, file.read_text(encoding="utf-8"))
    }
    shuffled = {"utils/batches.py", "utils/studies/capstone_tuning.py"}  # the order within an epoch
    assert found - shuffled <= NAMED_RANDOM


def test_a_seed_fixes_the_split_and_another_gives_another() -> None:
    cells = load_elpv()
    assert split(cells, 3) == split(cells, 3)
    assert set(split(cells, 3).test) != set(split(cells, 4).test)


@pytest.mark.parametrize("sizes", [(5, 5), (5, 40), (7, 5, 6), (5,) * 37, (300, 5)])
def test_small_and_uneven_classes_reach_train_and_test(sizes: tuple[int, ...]) -> None:
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    parts = split(labelled(labels))
    assert sorted(sum(parts_of(parts), ())) == list(range(len(labels)))
    for part in (parts.train, parts.test):
        assert {labels[i] for i in part} == set(range(len(sizes)))


def test_every_class_reaches_every_part_though_its_groups_are_few() -> None:
    labels = [0] * 30 + [1] * 6
    parts = split(labelled(labels, [i // 3 for i in range(30)] + [90, 90, 91, 91, 92, 92]))
    for part in parts_of(parts):
        assert {labels[i] for i in part} == {0, 1}


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        ([0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7], "class 'class 0' comes from 2 box groups"),
        ([0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 3, 3], None),
        ([0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 1, 1], "class 'class 1' comes from 2 box groups"),
    ],
)
def test_too_few_groups_are_refused(groups: list[int], sentence: str | None) -> None:
    images = labelled([0] * 6 + [1] * 6, groups)
    if sentence is None:
        assert split(images)
    else:
        with pytest.raises(CourseError, match=sentence):
            split(images)


# --- a student's own folder --------------------------------------------------------------------


def test_a_folder_named_from_where_one_stands_can_be_grouped(
    bursts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bursts)
    images = group_photos(load_folder(Path(".")), "prefix", Path("."))
    assert images.name == bursts.name
    assert len(set(images.groups)) == 8


def test_groups_by_folder(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        for day in ("monday", "tuesday", "friday"):
            put_photos(tmp_path / name / day, 3)
    for number, file in enumerate(tmp_path.rglob("*.png")):
        file.write_bytes(file.read_bytes() + bytes([number]))  # no two files are the same
    images = group_photos(load_folder(tmp_path), "folder", tmp_path)
    assert len(set(images.groups)) == 3
    days = [{images.images[i].parent.name for i in part} for part in parts_of(split(images))]
    assert sorted(map(len, days)) == [1, 1, 1]


def test_groups_by_table(bursts: Path, tmp_path: Path) -> None:
    rows = [f"{file.parent.name}/{file.name},{file.stem[:-2]}" for file in bursts.rglob("*.png")]
    table = tmp_path / "größe.csv"
    table.write_text("\n".join(["file,group", *rows, ""]), encoding="utf-8-sig")
    images = group_photos(load_folder(bursts), str(table), bursts)
    assert len(set(images.groups)) == 8


@pytest.mark.parametrize(
    ("by", "table", "sentence"),
    [
        ("colour", None, "use folder, prefix or a CSV file"),
        ("folder", None, "no class in .* has folders of its own"),
        ("absent.csv", None, "absent.csv can't be read"),
        ("groups.csv", "name,box\na,b\n", "no columns file and group"),
        ("groups.csv", "file,group\nmug/mug0_a.png,1\n", "no group to 23 of 24 photos"),
    ],
)
def test_groupings_that_cannot_be_made_are_refused(
    by: str, table: str | None, sentence: str, bursts: Path
) -> None:
    if table:
        (bursts / by).write_text(table, encoding="utf-8")
    given = str(bursts / by) if by.endswith(".csv") else by
    with pytest.raises(CourseError, match=sentence):
        group_photos(load_folder(bursts), given, bursts)


def test_only_a_folder_can_be_grouped() -> None:
    with pytest.raises(CourseError, match="your own folder of photos, not elpv"):
        group_photos(load_elpv(), "prefix", Path("elpv"))


def test_copies_of_a_file_stay_on_one_side_whatever_they_are_called(tmp_path: Path) -> None:
    """As in a folder into which every photo was copied several times under other names."""
    for name in ("cats", "dogs"):
        put_photos(tmp_path / name, 6)
        for number, file in enumerate(sorted((tmp_path / name).iterdir())):
            file.write_bytes(file.read_bytes() + bytes([number, len(name), ord(name[0])]))
            for copy in range(3):
                shutil.copy(file, file.with_name(f"copy {copy} of {number}.png"))
    images = load_folder(tmp_path)
    assert counts(images) == {"cats": 24, "dogs": 24}
    assert count_copies(images) == 36
    sides = [{images.groups[i] for i in part} for part in parts_of(split(images))]
    assert sum(map(len, sides)) == 12
    joined = group_photos(images, "prefix", tmp_path)
    assert len(set(joined.groups)) < 12


@pytest.mark.parametrize("seed", [0, 1])
def test_limit_keeps_groups_in_step_with_photos(seed: int) -> None:
    cells = load_elpv()
    few = limit(cells, 100, seed)
    where = {path: group for path, group in zip(cells.images, cells.groups, strict=True)}
    assert [where[path] for path in few.images] == list(few.groups)


def test_a_run_shorter_than_a_module_is_one() -> None:
    assert solar_modules(["mono"] * 20 + ["poly"] * 130) == (0,) * 20 + (1,) * 65 + (2,) * 65
