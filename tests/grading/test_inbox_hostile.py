"""What one student sends in never becomes another's work, nor changes what others get."""

import json
import zipfile
from pathlib import Path

import pytest
from class_of_students import NAME
from inboxes import FULL, OWN, folder_of, handed_in, took, zip_bytes, zip_of

from utils.grading.class_folder import ClassFolder
from utils.grading.incoming.inbox import collect
from utils.grading.incoming.layouts import Layout
from utils.grading.incoming.submissions import students_of

EVIL = b'{"cells": []}'
HONEST = {f"Ada/{OWN}": FULL, f"Ben/{NAME}/{OWN}": FULL}
MOODLE = "{}_assignsubmission_file_"
# what Eve sends in -> beside the others, each in a folder or a zip of their own
IMPERSONATIONS = {
    "folders called like others": {f"Eve/Ada/{OWN}": EVIL, f"Eve/Ben/{OWN}": EVIL},
    "files called like others": {"Eve/Ada.ipynb": EVIL, "Eve/Ben.ipynb": EVIL},
    "Moodle's names": {f"Eve/{MOODLE.format('Ada_1')}/{OWN}": EVIL},
    "Canvas's names": {"Eve/Ada_1_2_work.ipynb": EVIL, "Eve/Ben_3_4_work.ipynb": EVIL},
    "a zip with others' folders": {
        "Eve.zip": zip_bytes({f"Ada/{OWN}": EVIL, f"Ben/{OWN}": EVIL, "Ben.ipynb": EVIL})
    },
    "a zip with Moodle's names": {
        "Eve.zip": zip_bytes({f"{MOODLE.format('Ada_1')}/{OWN}": EVIL, "Ada_1_2_x.ipynb": EVIL})
    },
    "paths that climb": {"Eve.zip": zip_bytes({f"../Ada/{OWN}": EVIL, f"x/../../Ben/{OWN}": EVIL})},
    "an assignment's folder": {f"Eve/{NAME}/Ada/{OWN}": EVIL, f"Eve/{NAME}/Ben/{OWN}": EVIL},
}


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("trick", IMPERSONATIONS)
def test_nobody_hands_in_for_another(trick: str, kind: str, tmp_path: Path) -> None:
    files = HONEST | IMPERSONATIONS[trick]
    source = (
        folder_of(tmp_path / "in", files)
        if kind == "folder"
        else zip_of(tmp_path / "in.zip", files)
    )
    collect(source, NAME, ClassFolder(tmp_path / "grading"))
    assert students_of(tmp_path / "grading" / "submitted") == ["Ada", "Ben", "Eve"]
    for student in ("Ada", "Ben"):
        assert handed_in(tmp_path / "grading", student).read_bytes() == FULL


def test_nobody_hands_in_for_another_through_moodle(tmp_path: Path) -> None:
    files = {
        f"{MOODLE.format('Ada_1')}/{OWN}": FULL,
        f"{MOODLE.format('Eve_2')}/{MOODLE.format('Ada_1')}/{OWN}": EVIL,
        f"{MOODLE.format('Eve_2')}/Ada_1_5_x.ipynb": EVIL,
    }
    for layout in (Layout.AUTO, Layout.MOODLE):
        collect(zip_of(tmp_path / "in.zip", files), NAME, ClassFolder(tmp_path / layout), layout)
        assert students_of(tmp_path / layout / "submitted") == ["Ada", "Eve"]
        assert handed_in(tmp_path / layout, "Ada").read_bytes() == FULL


@pytest.mark.parametrize("around", [MOODLE.format("Eve_2"), "Eve.zip"])
def test_nobody_sets_their_own_time_on_a_platform(around: str, tmp_path: Path) -> None:
    stamp = b"2020-01-01 00:00:00 UTC"
    files = {OWN: FULL, "timestamp.txt": stamp, "came.json": b'{"notes": ["10 of 10"]}'}
    own = {f"{around}/{name}": content for name, content in files.items()}
    own = {around: zip_bytes(files)} if around.endswith(".zip") else own
    took(zip_of(tmp_path / "in.zip", {"Ada.ipynb": FULL, **own}), tmp_path / "grading")
    assert not handed_in(tmp_path / "grading", "Eve").with_name("timestamp.txt").exists()
    assert "10 of 10" not in str([*(tmp_path / "grading").rglob("came.json")])


def test_long_names_in_a_zip_take_no_time(tmp_path: Path) -> None:
    names = [
        "-" * 60_000 + ".ipynb",
        "_1" * 30_000 + ".ipynb",
        " (1" * 20_000,
        "a" * 300 + ".ipynb",
    ]
    files = {"Ada.ipynb": FULL, **dict.fromkeys(names, FULL)}
    taken, told = took(zip_of(tmp_path / "in.zip", files), tmp_path / "grading")
    assert list(taken) == ["Ada"]
    assert len(told) == len(names)
    assert all("name" in note and len(file) < 300 for file, note in told.items())


def test_a_students_zip_with_names_in_no_encoding_is_told(tmp_path: Path) -> None:
    inner = zip_bytes({"Zoë.ipynb": FULL}).replace("ë".encode(), b"\xff\xfe")
    files = {"Ada.ipynb": FULL, "Zoe.zip": inner}
    taken, told = took(zip_of(tmp_path / "in.zip", files), tmp_path / "grading")
    assert (list(taken), list(told)) == (["Ada"], ["Zoe.zip"])


def test_twice_the_same_path_in_a_zip_counts_once(tmp_path: Path) -> None:
    file = tmp_path / "in.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("Ada.ipynb", EVIL)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("Ada.ipynb", FULL)
    taken, told = took(file, tmp_path / "grading")
    assert (list(taken), list(told)) == (["Ada"], ["Ada.ipynb"])


LATER_LAYOUTS = {
    "the whole course": {
        f"Ada/course/exercises/{NAME}/{OWN}": "Ada", "Ada/course/lessons/03_x.ipynb": None,
        "Ada/course/exercises/ex10_final_test/ex10_final_test.ipynb": None,
    },
    "versions in folders": {
        f"Ada/Version 10/{OWN}": "Ada", f"Ada/Version 2/{OWN}": None, f"Ben/{OWN}": "Ben",
    },
    "single letters": {"a.ipynb": "a", "v.ipynb": "v"},
    "numbers": {"1.ipynb": "1", "22.ipynb": "22", "1234567.ipynb": "1234567"},
    "student numbers with the assignment": {f"1234567_{NAME}.ipynb": "1234567"},
    "a notebook and a page": {"Ada.ipynb": "Ada", "Ada.pdf": None},
    "Colab's copies": {"Ada/Copy of ex03_softmax_head.ipynb": "Ada", f"Ben/{OWN}": "Ben"},
    "a folder like a notebook": {f"Ada.ipynb/{OWN}": "Ada", "Ben.ipynb": "Ben"},
    "a checkpoint that came along": {"Ada.ipynb": "Ada", "Ada-checkpoint.ipynb": None},
    "capitals": {"ADA/EX03_SOFTMAX_HEAD.IPYNB": "ADA", "Ben.ipynb": "Ben"},
    "drive names": {f"Ada Lovelace - {OWN}": "Ada Lovelace", f"Ben - {OWN}": "Ben"},
    "sections, one with one": {
        f"A/Ada/{OWN}": "Ada", f"A/Ben/{OWN}": "Ben", f"B/Cy/{OWN}": "Cy",
    },
}  # fmt: skip


@pytest.mark.parametrize("layout", LATER_LAYOUTS)
def test_more_layouts(layout: str, tmp_path: Path) -> None:
    files = LATER_LAYOUTS[layout]
    source = zip_of(tmp_path / "in.zip", dict.fromkeys(files, FULL))
    arrivals = collect(source, NAME, ClassFolder(tmp_path / "grading"))
    assert {own.file: own.student for own in arrivals if own.collected} == {
        file: student for file, student in files.items() if student
    }
    assert all(own.somebodys for own in arrivals)
    assert sorted(own.file for own in arrivals) == sorted(files)


def test_what_is_in_the_class_folder_can_be_collected_again(tmp_path: Path) -> None:
    files = {"Ada/a.pdf": b"%PDF", f"Ada/{OWN}": FULL, f"Ben/{OWN}": FULL}
    took(folder_of(tmp_path / "in", files), tmp_path / "grading")
    taken, told = took(tmp_path / "grading" / "submitted", tmp_path / "grading")
    assert (sorted(taken), told) == (["Ada", "Ben"], {})


def test_kept_notes_that_are_none_do_no_harm(tmp_path: Path) -> None:
    took(folder_of(tmp_path / "in", {"Ada.ipynb": FULL}), tmp_path / "grading")
    came = handed_in(tmp_path / "grading", "Ada").with_name("came.json")
    for content in ("[]", "{", "[" * 100_000, json.dumps({"notes": 5, "platform_id": []})):
        came.write_text(content, encoding="utf-8")
        taken, _ = took(zip_of(tmp_path / "c.zip", {"ada_1_2_x.ipynb": FULL}), tmp_path / "grading")
        assert list(taken) == ["Ada"]


def test_a_zip_of_very_many_files_is_read_once(tmp_path: Path) -> None:
    padding = {"padding.bin": bytes(range(256)) * 20_000}
    files = {f"{n}.txt": b"x" for n in range(5_000)}
    source = zip_of(tmp_path / "in.zip", {"Ada.zip": zip_bytes({**padding, **files, OWN: FULL})})
    taken, told = took(source, tmp_path / "grading")
    assert (list(taken), len(told)) == (["Ada"], 5_001)
    assert len(handed_in(tmp_path / "grading", "Ada").with_name("came.json").read_bytes()) < 5_000
