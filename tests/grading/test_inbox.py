"""What comes in: every file has a row, and names in any spelling lead to one student."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from class_of_students import NAME
from inboxes import CASES, FULL, OWN, folder_of, handed_in, took, zip_bytes, zip_of

from utils.grading.class_folder import ClassFolder
from utils.grading.incoming.layouts import Layout
from utils.grading.incoming.submissions import students_of

OTHER = "ex10_final_test"


@pytest.mark.parametrize("archive", ["inbox.zip", "by assignment.zip"])
def test_a_folder_around_everything_is_no_student(archive: str, tmp_path: Path) -> None:
    arrivals, told = {}, {}
    from utils.grading.incoming.inbox import collect

    for own in collect(CASES / "12" / archive, NAME, ClassFolder(tmp_path)):
        (arrivals if own.collected else told)[own.student] = own.file
    assert sorted(arrivals) == ["Ada", "Ben", "Cy"]
    assert told == {}


@pytest.mark.parametrize("platform", ["canvas", "moodle"])
@pytest.mark.parametrize("given", [True, False])
def test_a_platforms_zips_give_one_student_over_all_assignments(
    platform: str, given: bool, tmp_path: Path
) -> None:
    layout = Layout(platform) if given else Layout.AUTO
    for assignment in (NAME, OTHER):
        source = CASES / "13" / f"{platform} {assignment}.zip"
        taken, told = took(source, tmp_path, layout, assignment)
        names = {"canvas": ["studentone", "studenttwo"], "moodle": ["Student One", "Student Two"]}
        assert (sorted(taken), told) == (names[platform], {})
    assert students_of(tmp_path / "submitted") == names[platform]


def test_names_that_browsers_give_are_notebooks(tmp_path: Path) -> None:
    taken, told = took(CASES / "15" / "inbox", tmp_path)
    assert sorted(taken) == ["Ada", "Ben", "Cy", "Dora", "Eve"]
    assert told == {}


LAYOUTS = {
    "two folders around": {
        f"class 2026/inbox/Ada/{OWN}": "Ada", f"class 2026/inbox/Ben/{OWN}": "Ben"
    },
    "sections": {
        f"Section A/Ada/{OWN}": "Ada", f"Section A/Ben/{OWN}": "Ben", f"Section B/Cy/{OWN}": "Cy",
        f"Section B/Dora/{OWN}": "Dora",
    },
    "batches": {
        "one/Ada.ipynb": "Ada", "one/Ben.ipynb": "Ben", "two/Cy.ipynb": "Cy",
        "two/Dora.ipynb": "Dora",
    },
    "one student alone": {f"Ada Lovelace/{OWN}": "Ada Lovelace"},
    "one student's nbgrader folder": {f"Ada/{NAME}/{OWN}": "Ada"},
    "one folder an assignment in a folder": {
        f"all/{NAME}/Ada.ipynb": "Ada", f"all/{NAME}/Ben.ipynb": "Ben"
    },
    "assignment, then student": {f"{NAME}/Ada/{OWN}": "Ada", f"{NAME}/Ben/work/{OWN}": "Ben"},
    "files and folders": {"Ada.ipynb": "Ada", "Ben/softmax final (2).ipynb": "Ben"},
    "system folders beside": {"Ada.ipynb": "Ada", "@eaDir/Ada.ipynb": None,
        "__MACOSX/._Ada.ipynb": None, ".DS_Store": None,
        "Ada/.ipynb_checkpoints/Ada-checkpoint.ipynb": None},
    "names like the assignment's": {
        f"Ada/{NAME}-final.ipynb": "Ada", f"Ben/{NAME} (1).ipynb": "Ben"
    },
    "names with the assignment's": {f"Ada_{NAME}.ipynb": "Ada", "ex03 Ben.ipynb": "Ben"},
}  # fmt: skip


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_students_are_found_in_any_layout(layout: str, kind: str, tmp_path: Path) -> None:
    files = dict.fromkeys(LAYOUTS[layout], FULL)
    source = (
        folder_of(tmp_path / "in", files)
        if kind == "folder"
        else zip_of(tmp_path / "in.zip", files)
    )
    taken, told = took(source, tmp_path / "grading")
    assert taken == {student: file for file, student in LAYOUTS[layout].items() if student}
    assert told == {}


def test_a_lone_folder_called_like_its_zip_is_no_student(tmp_path: Path) -> None:
    taken, _ = took(zip_of(tmp_path / "inbox.zip", {"inbox/Ada.ipynb": FULL}), tmp_path / "grading")
    assert list(taken) == ["Ada"]


def test_a_lone_students_zip_is_named_by_its_student(tmp_path: Path) -> None:
    taken, _ = took(zip_of(tmp_path / "Ada.zip", {OWN: FULL}), tmp_path / "grading")
    assert list(taken) == ["Ada"]


def test_a_notebook_without_any_name_is_told(tmp_path: Path) -> None:
    taken, told = took(folder_of(tmp_path / NAME, {OWN: FULL}), tmp_path / "grading")
    assert taken == {}
    assert "name it by its student" in told[OWN]


# name -> files in order of age, and the one that is graded
VERSIONS = {
    "canvas": (
        ["studentone_111_5009_ex03_softmax_head-1.ipynb",
         "studentone_111_5001_ex03_softmax_head.ipynb"], 0),
    "copies of a browser": (["Ada (1).ipynb", "Ada (2).ipynb", "Ada.ipynb"], 1),
    "named right": ([f"Ada/{OWN}", "Ada/scratch.ipynb"], 0),
    "two spellings": (["ada.ipynb", "Ada.ipynb"], 0),
    "by its number": ([f"Ada/{NAME}_v2.ipynb", f"Ada/{NAME}_v10.ipynb", f"Ada/{NAME}.ipynb"], 1),
}  # fmt: skip


@pytest.mark.parametrize("versions", VERSIONS)
def test_of_several_versions_one_is_taken_and_the_others_are_told(
    versions: str, tmp_path: Path
) -> None:
    files, best = VERSIONS[versions]
    source = folder_of(tmp_path / "in", dict.fromkeys(files, FULL))
    for file in files:
        os.utime(source / file, (1e9, 1e9))
    taken, told = took(source, tmp_path / "grading")
    assert list(taken.values()) == [files[best]]
    assert sorted(told) == sorted(set(files) - {files[best]})
    assert all("another version" in note for note in told.values())


def test_the_newest_version_is_taken(tmp_path: Path) -> None:
    files = {f"Ada/{NAME} new.ipynb": FULL, f"Ada/{OWN}": FULL}
    source = folder_of(tmp_path / "in", files)
    os.utime(source / f"Ada/{OWN}", (1e9, 1e9))
    assert took(source, tmp_path / "grading")[0] == {"Ada": f"Ada/{NAME} new.ipynb"}


def test_two_students_of_one_name_stay_two(tmp_path: Path) -> None:
    canvas = {"annlee_111_5001_a.ipynb": FULL, "annlee_333_5002_a.ipynb": FULL}
    taken, told = took(zip_of(tmp_path / "canvas.zip", canvas), tmp_path / "grading")
    assert (sorted(taken), told) == (["annlee", "annlee (333)"], {})
    later = zip_of(tmp_path / "later.zip", {"annlee_333_6002_b.ipynb": FULL})
    assert list(took(later, tmp_path / "grading", assignment=OTHER)[0]) == ["annlee (333)"]
    moodle = {f"Ann Lee_{n}_assignsubmission_file_/{OWN}": FULL for n in (51, 52)}
    taken, told = took(zip_of(tmp_path / "moodle.zip", moodle), tmp_path / "of moodle")
    assert (sorted(taken), told) == (["Ann Lee (51)", "Ann Lee (52)"], {})


def test_moodle_without_folders_or_with_newer_names(tmp_path: Path) -> None:
    moodle = {
        f"Ada_51_assignsubmission_file_{OWN}": FULL,
        f"Ben_52_assignsubmission_file/{OWN}": FULL,
        f"De_La Cruz_53_assignsubmission_file_/work/{OWN}": FULL,
        "De_La Cruz_53_assignsubmission_onlinetext_/onlinetext.html": b"<p>Sent.</p>",
        "Eve_54_assignsubmission_onlinetext_/onlinetext.html": b"<p>Sorry.</p>",
    }
    taken, told = took(zip_of(tmp_path / "in.zip", moodle), tmp_path / "grading")
    assert sorted(taken) == ["Ada", "Ben", "De_La Cruz"]
    assert sorted(told) == sorted(name for name in moodle if "onlinetext" in name)
    assert sorted(students_of(tmp_path / "grading" / "submitted")) == [*sorted(taken), "Eve"]


def test_a_file_that_a_given_platform_did_not_name_is_told(tmp_path: Path) -> None:
    files = {"studentone_111_5001_a.ipynb": FULL, "Ada.ipynb": FULL}
    source = zip_of(tmp_path / "in.zip", files)
    taken, told = took(source, tmp_path / "grading", Layout.CANVAS)
    assert list(taken) == ["studentone"]
    assert "not named as Canvas names files" in told["Ada.ipynb"]


def test_canvas_and_moodle_wrap_students_zips(tmp_path: Path) -> None:
    inner = zip_bytes({f"my work/{OWN}": FULL, f"__MACOSX/my work/._{OWN}": b"x"})
    for name in ("studentone_111_5001_work.zip", "Ada_5_assignsubmission_file_/work.zip", "Bo.zip"):
        source = zip_of(tmp_path / "in.zip", {name: inner})
        taken, told = took(source, tmp_path / name[:3])
        assert (list(taken), told) == ([name[:-4].split("_")[0]], {})


NO_NOTEBOOKS = {
    "answers.pdf": (b"%PDF-1.7", "not a notebook"),
    "answers.py": (b"def softmax(): pass", "not a notebook"),
    "answers.docx": (zip_bytes({"word/document.xml": b"<w/>"}), "not a notebook"),
    "answers.html": (b"<html></html>", "not a notebook"),
    "answers.json": (b'{"answer": 1}', "not a notebook"),
    "answers": (b"my answers", "not a notebook"),
    "answers.rar": (b"Rar!\x1a\x07", "hand in the notebook itself"),
    "answers.7z": (b"7z\xbc\xaf", "hand in the notebook itself"),
    "damaged.zip": (b"PK\x03\x04 and then nothing", "can't be unpacked"),
    "empty.zip": (zip_bytes({}), "is empty"),
    "ex10_final_test.ipynb": (FULL, "course grade ex10_final_test"),
    "twice.zip": (zip_bytes({"a.zip": zip_bytes({"b.zip": zip_bytes({"c.zip": b""})})}), "zip in"),
    "escapes.zip": (zip_bytes({"../../../evil.ipynb": FULL}), "leads out"),
}


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_what_is_no_notebook_has_a_row_that_says_why(kind: str, tmp_path: Path) -> None:
    files = {f"student {n}/{name}": content for n, (name, (content, _)) in
             enumerate(NO_NOTEBOOKS.items())}  # fmt: skip
    files[f"Ada/{OWN}"] = FULL
    source = (
        folder_of(tmp_path / "in", files)
        if kind == "folder"
        else zip_of(tmp_path / "in.zip", files)
    )
    taken, told = took(source, tmp_path / "grading")
    assert list(taken) == ["Ada"]
    for n, (name, (_, note)) in enumerate(NO_NOTEBOOKS.items()):
        ((_, came),) = [(f, t) for f, t in told.items() if f.startswith(f"student {n}/")]
        assert note in came, name
    assert len(students_of(tmp_path / "grading" / "submitted")) == len(files)


def test_a_notebook_by_another_ending_is_found_by_its_content(tmp_path: Path) -> None:
    files = {"Ada.json": FULL, "Ben": FULL, "Cy.ipynb.download": FULL, "Dora.IPYNB (1).txt": FULL}
    taken, told = took(folder_of(tmp_path / "in", files), tmp_path / "grading")
    assert (sorted(taken), told) == (["Ada", "Ben", "Cy", "Dora"], {})


def test_the_time_beside_a_notebook_comes_along(tmp_path: Path) -> None:
    stamp = b"2026-11-25 17:41:24 Europe/Berlin"
    files = {f"Ada/{NAME}/{OWN}": FULL, f"Ada/{NAME}/timestamp.txt": stamp}
    _, told = took(zip_of(tmp_path / "in.zip", files), tmp_path / "grading")
    assert told == {}
    assert handed_in(tmp_path / "grading", "Ada").with_name("timestamp.txt").read_bytes() == stamp


def test_an_earlier_notebook_stays_where_none_comes(tmp_path: Path) -> None:
    took(folder_of(tmp_path / "1", {"Ada.ipynb": FULL}), tmp_path / "grading")
    _, told = took(folder_of(tmp_path / "2", {"Ada/a.pdf": b"%PDF", "Bo.ipynb": FULL}),
                   tmp_path / "grading")  # fmt: skip
    assert list(told) == ["Ada/a.pdf"]
    assert handed_in(tmp_path / "grading", "Ada").read_bytes() == FULL


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("nowhere.zip", None, "isn't there"),
        ("essay.txt", b"My answers", "neither a folder nor a zip"),
        ("cut.zip", FULL[:500], "neither a folder nor a zip"),
        ("empty.zip", zip_bytes({}), "holds no notebook"),
        ("texts.zip", zip_bytes({"essay.txt": b"x"}), "holds no notebook"),
    ],
)
def test_a_source_without_notebooks_is_refused_in_one_sentence(
    name: str, content: bytes | None, sentence: str, tmp_path: Path, course: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "grading"))
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert sentence in course("grade", NAME, "--submissions", tmp_path / name)
