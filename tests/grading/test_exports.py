"""Marks as files: what platforms import, whose they are, and the same number wherever one looks."""

import csv
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from class_of_students import NAIVE, NAME, notebook
from databases import by_hand, mark, new_class
from nbgrader.plugins import CsvExportPlugin
from test_roster import CANVAS, MOODLE, roster
from typer.testing import CliRunner

from utils.cli import app
from utils.grading.assignments import nbgrader
from utils.grading.class_folder import ClassFolder
from utils.grading.grader_tests import hand_in
from utils.grading.marks.database import reading
from utils.grading.marks.exports import export_for
from utils.grading.names import folder_id
from utils.grading.nbgrader_commands import settings
from utils.settings import GradesFormat

FORMULA = "=HYPERLINK(1),x"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClassFolder]:
    """Ada has 9.5 points by hand, Zoë 8; one is called as a formula is."""
    folder = new_class(tmp_path_factory.mktemp("class"))
    mark(folder, "Ada Lovelace", softmax_test=0)
    by_hand(folder, "Ada Lovelace", "softmax_test", manual_score=1, extra_credit=0.5)
    mark(folder, "de la Cruz, zoe\u0308", softmax_test=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_GRADING", str(folder.root))
        yield folder


def told(*command: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in command], catch_exceptions=False)
    return result.stdout + result.stderr


def read(file: Path) -> list[list[str]]:
    with open(file, encoding="utf-8", newline="") as opened:
        return list(csv.reader(opened))


def test_canvas_gets_its_own_columns(folder: ClassFolder, tmp_path: Path) -> None:
    out = tmp_path / "canvas.csv"
    said = told("grades", "--format", "canvas", "--roster", roster(tmp_path, CANVAS), "--out", out)
    assert read(out) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", f"{NAME} (77)"],
        ["    Points Possible", "", "", "", "", "10"],
        ["Lovelace, Ada", "11", "s-1", "ada", "Section A", "9.5"],
        ["de la Cruz, Zoë", "13", "s-3", "zoe", "Section B", "8"],
    ]
    assert "2 students, for Canvas" in said
    assert "without marks: Grace Hopper" in said


def test_moodle_gets_its_own_columns(folder: ClassFolder, tmp_path: Path) -> None:
    out = tmp_path / "moodle.csv"
    told("grades", "--format", "moodle", "--roster", roster(tmp_path, MOODLE), "--out", out)
    head, ada, zoe = read(out)
    assert head == [
        "First name", "Last name", "Email address", "ID number",
        f"Assignment: {NAME} (Real)",
    ]  # fmt: skip
    assert ada == ["Ada", "Lovelace", "ada@uni.example", "s-1", "9.5"]
    assert zoe == ["Zoë", "de la Cruz", "zoe@uni.example", "s-3", "8"]


def test_a_table_has_nbgrader_s_columns_and_no_formulas(tmp_path: Path) -> None:
    folder = new_class(tmp_path)
    for student in (FORMULA, "+1", "@SUM(A1)", "-2", "plain"):
        mark(folder, student)
    by_hand(folder, "plain", "softmax_test", manual_score=1.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_GRADING", str(tmp_path))
        told("grades", "--csv", tmp_path / "ours.csv")
    exporter = CsvExportPlugin(parent=nbgrader(settings(folder)))
    exporter.to = str(tmp_path / "theirs.csv")
    with reading(folder) as gradebook:
        exporter.export(gradebook)
    ours, theirs = read(tmp_path / "ours.csv"), read(tmp_path / "theirs.csv")
    assert ours[0] == theirs[0]
    assert {row[3] for row in ours[1:]} == {f"'{FORMULA}", "'+1", "'@SUM(A1)", "-2", "plain"}
    assert [row for row in ours if row[3] == "plain"] == [
        row for row in theirs if row[3] == "plain"
    ]


def test_students_who_are_not_in_the_roster_are_named(
    folder: ClassFolder, tmp_path: Path, course: Callable[..., str]
) -> None:
    text = CANVAS.replace('"Lovelace, Ada"', '"Byron, Ada"').replace(
        "Hopper, Grace", "LA CRUZ, ZOË DE"
    )
    text = text.replace("de la Cruz, Zoë", "La Cruz, Zoë de")
    out = tmp_path / "canvas.csv"
    complaint = course(
        "grades", "--format", "canvas", "--roster", roster(tmp_path, text), "--out", out
    )
    assert "Ada Lovelace (not in the roster)" in complaint
    assert "(several people may be meant)" in complaint
    assert len(read(out)) == 2


def test_a_score_in_the_roster_stays_where_there_is_none_here(tmp_path: Path) -> None:
    folder = new_class(tmp_path)
    new_class(tmp_path, name="ex01_preprocess")
    mark(folder, "Ada Lovelace")
    columns = f"Student,ID,Section,{NAME} (77),ex01_preprocess (78)\n"
    people = "Ada Lovelace,11,A,4,7.5\n"
    export_for(
        GradesFormat.CANVAS, folder, roster(tmp_path, columns + people), tmp_path / "canvas.csv"
    )
    assert read(tmp_path / "canvas.csv")[-1] == ["Ada Lovelace", "11", "A", "10"]


@pytest.mark.parametrize(
    ("form", "text", "complaint"),
    [("canvas", MOODLE, "isn't Canvas's"), ("moodle", CANVAS, "isn't Moodle's")],
)
def test_another_platform_s_roster_is_told(
    folder: ClassFolder, tmp_path: Path, course: Callable[..., str], form: str, text: str,
    complaint: str,
) -> None:  # fmt: skip
    file = roster(tmp_path, text)
    said = course("grades", "--format", form, "--roster", file, "--out", tmp_path / "out.csv")
    assert complaint in said


@pytest.mark.parametrize(
    ("options", "complaint"),
    [(["--format", "canvas"], "needs --roster FILE and --out FILE"),
     (["--roster", "roster.csv"], "goes with --format canvas or moodle")],
)  # fmt: skip
def test_options_that_belong_together(
    folder: ClassFolder, course: Callable[..., str], options: list[str], complaint: str
) -> None:
    assert complaint in course("grades", *options)


def test_feedback_is_packed_as_moodle_takes_it(folder: ClassFolder, tmp_path: Path) -> None:
    def page(student: str) -> Path:
        file = folder.feedback / folder_id(student) / NAME / f"{NAME}.html"
        file.parent.mkdir(parents=True)
        file.write_text(f"for {student}", encoding="utf-8")
        return file

    for student in ("Ada Lovelace", "Zoë de la Cruz_12_assignsubmission_file_", "A_b\\..\\c"):
        page(student)
    secret = tmp_path / "secret.html"
    secret.write_text("not for students", encoding="utf-8")
    page("a link").unlink()
    (folder.feedback / "a link" / NAME / f"{NAME}.html").symlink_to(secret)
    (folder.feedback / "a linked folder").symlink_to(folder.feedback / "Ada Lovelace")
    (folder.feedback / "a file.html").write_text("no folder", encoding="utf-8")
    text = "Identifier,Full name\nParticipant 4711,Ada Lovelace\n"
    target = tmp_path / "feedback.zip"
    said = told("feedback", NAME, "--zip", target, "--roster", roster(tmp_path, text))
    assert "feedback for 3 students" in " ".join(said.split())  # a long path wraps the line
    with zipfile.ZipFile(target) as archive:
        assert sorted(archive.namelist()) == [
            f"A_b_.._c/{NAME}.html",
            f"Ada Lovelace_4711_assignsubmission_file/{NAME}.html",
            f"Zoë de la Cruz_12_assignsubmission_file_/{NAME}.html",
        ]
        pages = [archive.read(name).decode() for name in archive.namelist()]
    assert "not for students" not in pages


def test_no_feedback_yet_is_told(
    folder: ClassFolder, tmp_path: Path, course: Callable[..., str]
) -> None:
    complaint = course("feedback", "ex01_preprocess", "--zip", tmp_path / "feedback.zip")
    assert "There is no feedback on ex01_preprocess" in complaint


def test_the_same_score_and_parts_wherever_one_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    folder = ClassFolder.chosen()
    hand_in(NAME, "Ada", notebook(softmax=NAIVE), folder.submissions)
    stamp = folder.submitted("Ada", NAME) / "timestamp.txt"
    stamp.write_text("2026-12-01 13:00:01 +0100", encoding="utf-8")
    late = ("--due", "2026-11-30T13:00+01:00", "--penalty-per-day", "1")
    first = json.loads(told("grade", NAME, *late, "--json"))["students"][0]
    assert (first["score"], first["penalty"]) == (7, 2)
    by_hand(folder, "Ada", "softmax_test_large", manual_score=0.5, extra_credit=0.25)
    (again,) = json.loads(told("grade", "--all", "--json"))
    own = again["students"][0]
    assert (own["score"], own["extra_credit"], own["penalty"]) == (7.75, 0.25, 2)
    assert own["cells"]["softmax_test_large"] == 0.5
    grades = json.loads(told("grades", "--json", "--csv", tmp_path / "all.csv"))
    assert grades["students"]["Ada"][NAME] == own["score"]
    parts = grades["parts"]["Ada"][NAME]
    assert parts == {key: own[key] for key in parts}
    row = dict(zip(*read(tmp_path / "all.csv"), strict=True))
    assert (row["raw_score"], row["late_submission_penalty"]) == ("9.75", "2.0")
    assert row["score"] == "7.75"
    assert row["timestamp"] == "2026-12-01 12:00:01"
    (listed,) = nbgrader(settings(folder)).get_submissions(NAME)  # what formgrader shows
    assert (listed["score"], listed["autograded"]) == (9.75, True)
    assert "7.75 of 10 (0.25 of it extra credit, 2 lost by being late)" in " ".join(
        told("grade", NAME).split()
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [(["--all", NAME], "--all grades what has been collected"), ([], "Which assignment?"),
     (["--all"], "There are no submissions"), ([NAME, "--grace", "5"], "needs a deadline")],
)  # fmt: skip
def test_grading_is_told_what_to_grade(
    course: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    options: list[str], complaint: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    assert complaint in course("grade", *options)


def test_an_assignment_that_cannot_be_graded_does_not_stop_the_others(
    course: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    for name in ("ex01_preprocess", NAME):
        hand_in(name, "Ada", notebook(), tmp_path / "submitted")
    (tmp_path / "released").write_text("a file where a folder has to be", encoding="utf-8")
    complaint = course("grade", "--all")
    assert "ex01_preprocess: " in complaint
    assert f"{NAME}: " in complaint
