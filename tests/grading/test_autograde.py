"""Grading: whatever one submission does, the others are graded, and run again it ends the same."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from class_of_students import NAIVE, NAME, notebook, without
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from utils.cli import app
from utils.errors import CourseError
from utils.grading import assignments as exercises
from utils.grading import autograde as grading
from utils.grading import grader_tests as answers
from utils.grading.class_folder import ClassFolder
from utils.grading.grader_tests import SampleAnswer, hand_in, submission_of

FULL = {
    "softmax_test": 2, "softmax_test_large": 1, "linear_head_test": 2, "cross_entropy_test": 2,
    "cross_entropy_test_large": 1, "decide_test": 1, "decide_test_edge": 1,
}  # fmt: skip


# student -> the cells that lose their points (None: it has no score), and what the table says
HALF = ["linear_head_test"]


LATER = [*HALF, "cross_entropy_test", "cross_entropy_test_large", "decide_test", "decide_test_edge"]


NOTHING_HANDED_IN = list(FULL)


ROWS = {
    "right": ([], ""),
    "wrong": (["softmax_test_large"], ""),
    "Zoë de la Cruz": ([], ""),
    "syntax error": (HALF, ""),
    "SystemExit": (HALF, ""),
    "infinite loop": (["decide_test", "decide_test_edge"], "took too long"),
    "ignores interrupts": (HALF, "took too long"),
    "killed kernel": (LATER[1:], "process ended"),
    "deleted test": (["softmax_test_large"], "missing, put back: text_02, softmax_test_large"),
    "duplicated id": ([], "softmax stood there twice"),
    "old schema": ([], "another version of nbgrader"),
    "changed test": (["softmax_test_large"], "changed, put back: softmax_test_large"),
    "skip-execution": (["softmax_test_large"], "tags dropped: raises-exception, skip-execution"),
    "100 MB of output": ([], ""),
    "warns on stderr": ([], ""),
    "a cell of their own": ([], ""),
    "a foreign grade id": ([], "bonus isn't a cell of this exercise"),
    "corrupt": (None, "isn't a notebook: ask for it again"),
    "no notebook format": (None, "isn't a notebook: ask for it again"),
    "empty": (None, "is an empty file: ask for it again"),
    "renamed": ([], "was named softmax final (2).ipynb"),
    "only a text": (None, "left out: answers.txt; not graded: no notebook was handed in"),
    "missing": (NOTHING_HANDED_IN, "nothing was handed in"),
    "shadowing files": (["softmax_test_large"], "left out: conftest.py, numpy.py, utils"),
    "links": (["softmax_test_large"], "left out: marks.db (a link), numpy.py (a link)"),
    "a link for a notebook": (None, "(a link); not graded: no notebook was handed in"),
    "nbgrader's own marks": ([], ""),
    "bad timestamp": ([], "timestamp.txt can't be read"),
}


@pytest.mark.parametrize("student", ROWS)
def test_each_submission_gets_what_it_deserves(student: str, graded: dict[str, dict]) -> None:
    lost, note = ROWS[student]
    expected = {name: 0 if name in (lost or ()) else points for name, points in FULL.items()}
    assert graded[student]["cells"] == ({} if lost is None else expected)
    assert graded[student]["score"] == (None if lost is None else sum(expected.values()))
    assert note in "; ".join(graded[student]["notes"])
    if not note:
        assert graded[student]["notes"] == []


def test_nobody_is_left_out(graded: dict[str, dict]) -> None:
    assert sorted(graded) == sorted(ROWS)


def feedback(folder: Path, student: str) -> str:
    return (folder / "feedback" / student / NAME / f"{NAME}.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("graded")
def test_feedback_says_what_failed_without_hidden_tests(class_folder: Path) -> None:
    page = feedback(class_folder, "wrong")
    assert "A hidden test failed: 1000 above 1" in page
    assert "0.090031" in (exercises.SOLUTIONS / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8")
    assert "0.090031" not in page
    assert "HIDDEN TESTS" not in page
    assert "Traceback (most recent call last)" not in page


@pytest.mark.usefixtures("graded")
def test_feedback_tells_what_was_wrong_with_the_file(class_folder: Path) -> None:
    assert "About your file" in feedback(class_folder, "deleted test")
    assert "nothing was handed in" in feedback(class_folder, "missing")


@pytest.mark.usefixtures("graded")
def test_outputs_are_cut_and_foreign_files_stay_behind(class_folder: Path) -> None:
    folder = class_folder / "autograded" / "100 MB of output" / NAME
    assert sum(file.stat().st_size for file in folder.iterdir()) < 2_000_000
    assert "more output than is kept" in feedback(class_folder, "100 MB of output")
    for step in ("autograded", "feedback"):
        for student in ("links", "shadowing files"):
            names = {file.name for file in (class_folder / step / student / NAME).rglob("*")}
            assert names <= {f"{NAME}.ipynb", f"{NAME}.html"}


@pytest.mark.usefixtures("graded")
def test_the_submissions_themselves_stay_as_they_came(class_folder: Path) -> None:
    kept = class_folder / "submitted" / "wrong" / NAME / f"{NAME}.ipynb"
    assert kept.read_text(encoding="utf-8") == nbformat.writes(notebook(softmax=NAIVE))


def test_a_resubmission_replaces_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    submitted = tmp_path / "submitted"
    hand_in(NAME, "Ada", notebook(), submitted)
    assert grading.grade(ClassFolder.chosen(), NAME)[0].score == 10
    assert "A hidden test failed" not in feedback(tmp_path, "Ada")
    # worse, without a timestamp, and with the test cell deleted that it would lose
    hand_in(NAME, "Ada", without(notebook(softmax=NAIVE), "softmax_test_large"), submitted)
    assert grading.grade(ClassFolder.chosen(), NAME)[0].score == 9
    assert "A hidden test failed: 1000 above 1" in feedback(tmp_path, "Ada")


def test_marks_given_by_hand_stay_until_another_notebook_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    name = "ex09_choose_a_backbone"

    def answered(text: str) -> NotebookNode:
        return submission_of(name, SampleAnswer("made for a test", {"justify": text}))

    hand_in(name, "Ada", answered("Lite0, since it is “quick”, François."), tmp_path / "submitted")
    first = grading.grade(ClassFolder.chosen(), name)[0]
    assert (first.score, first.pending_points, first.cells["justify"]) == (8, 2, None)
    with Gradebook(ClassFolder.chosen().gradebook_url, exercises.COURSE) as gradebook:
        mark = gradebook.find_grade("justify", name, name, "Ada")
        mark.manual_score = 1.5
        gradebook.db.commit()
    again = grading.grade(ClassFolder.chosen(), name)[0]
    assert (again.score, again.pending_points) == (9.5, 0)
    hand_in(name, "Ada", answered("VGG, since it is large."), tmp_path / "submitted")
    last = grading.grade(ClassFolder.chosen(), name)[0]
    assert (last.score, last.pending_points, last.cells["justify"]) == (8, 2, None)


def test_an_answer_that_was_left_blank_needs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    name = "ex09_choose_a_backbone"
    blank = exercises.read_notebook(exercises.EXERCISES / name / f"{name}.ipynb")
    hand_in(name, "Ada", blank, tmp_path / "submitted")
    graded = grading.grade(ClassFolder.chosen(), name)[0]
    assert (graded.score, graded.pending_points) == (0, 0)


def test_a_killed_run_started_again_ends_with_the_same_grades(tmp_path: Path) -> None:
    # So many that most of them are still to be graded when the first is done.
    answers = ({}, {"softmax": NAIVE}, {"decide": "pass"}, {}) * 3
    for n, cells in enumerate(answers):
        hand_in(NAME, f"student {n:02}", notebook(**cells), tmp_path / "submitted")
    environment = {**os.environ, "COURSE_GRADING": str(tmp_path)}
    command = [sys.executable, "-c", "from utils.cli import main; main()", "grade", NAME, "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as killed:  # fmt: skip
        waited = time.monotonic() + 120
        while not any((tmp_path / "autograded").glob("*")) and time.monotonic() < waited:
            time.sleep(0.02)
        os.killpg(killed.pid, signal.SIGKILL)
    assert 0 < len(list((tmp_path / "autograded").glob("*"))) < len(answers)
    again = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", check=True
    )
    scores = [own["score"] for own in json.loads(again.stdout)["students"]]
    assert scores == [10, 9, 8, 10] * 3


def test_a_folder_that_cannot_be_written_is_told(
    course: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    hand_in(NAME, "Ada", notebook(), tmp_path / "submitted")
    (tmp_path / "released").write_text("a file where a folder has to be", encoding="utf-8")
    assert "can't be written" in course("grade", NAME)


def test_plain_nbgrader_refuses_what_it_would_run_with_your_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    hand_in(NAME, "Ada", notebook(softmax=NAIVE), tmp_path / "submitted")
    assert grading.grade(ClassFolder.chosen(), NAME)[0].score == 9
    page = feedback(tmp_path, "Ada")
    for step in ("autograde", "generate_feedback"):
        run = subprocess.run(
            [sys.executable, "-m", "nbgrader", step, NAME, "--force"],
            cwd=exercises.PROJECT, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert run.returncode != 0
        assert "with course grade" in run.stderr
    assert feedback(tmp_path, "Ada") == page
    assert ClassFolder.chosen().autograded("Ada", NAME).exists()


def test_a_changed_set_of_cells_is_told_when_marks_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "grading"))
    hand_in(NAME, "Ada", notebook(), tmp_path / "grading" / "submitted")
    grading.grade(ClassFolder.chosen(), NAME)
    shutil.copytree(exercises.SOLUTIONS, tmp_path / "solutions")
    file = tmp_path / "solutions" / NAME / f"{NAME}.ipynb"
    fewer = without(exercises.read_notebook(file), "decide_test_edge")
    nbformat.write(fewer, file)
    monkeypatch.setattr(exercises, "SOLUTIONS", tmp_path / "solutions")
    with pytest.raises(CourseError, match="Cannot add or remove cells"):
        grading.grade(ClassFolder.chosen(), NAME)


def test_grading_needs_the_solutions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(exercises, "SOLUTIONS", tmp_path / "solutions")
    with pytest.raises(CourseError, match="not a student's copy"):
        grading.grade(ClassFolder.chosen(), NAME)


@pytest.mark.usefixtures("graded")
def test_students_code_has_a_feature_cache_of_its_own(class_folder: Path) -> None:
    assert "cache: /cache" in feedback(class_folder, "a cell of their own")


def test_a_report_counts_and_names_what_came_out_otherwise(
    course: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = [
        answers.Outcome(answers.SOLUTION, answers.SOLUTION, (), ()),
        answers.Outcome("wrong", "no max-subtraction", ("softmax_test",), ("softmax_test",)),
        answers.Outcome("wrong", "bias forgotten", ("linear_head_test",), ()),
        answers.Outcome("right", "in a loop", (), ()),
    ]
    monkeypatch.setattr(answers, "check_all", lambda _jobs, _progress: {NAME: outcomes})
    complaint = course("exercises", "--report")
    assert "bias forgotten: fails nothing, and should fail linear_head_test" in complaint
    monkeypatch.setattr(answers, "check_all", lambda _jobs, _progress: {NAME: outcomes[:2]})
    result = CliRunner().invoke(app, ["exercises", "--report"], catch_exceptions=False)
    assert "1 of 1" in result.stdout
    assert "1 wrong answers caught" in result.stdout
