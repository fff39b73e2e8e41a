"""`course grade` from what comes in to a row for each student."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from class_of_students import NAIVE, NAME, notebook
from inboxes import CASES, FULL, folder_of
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from utils.cli import app
from utils.grading.assignments import COURSE
from utils.grading.class_folder import ClassFolder
from utils.grading.grader_tests import SampleAnswer, hand_in, submission_of

KEYS = [
    "student", "score", "points", "waiting", "extra_credit", "penalty", "cells", "notes", "seconds",
]  # fmt: skip


def graded(*arguments: str) -> dict[str, dict]:
    command = ["grade", NAME, "--json", *arguments]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    rows = json.loads(result.stdout)["students"]
    assert all(list(row) == KEYS for row in rows)
    assert len({row["student"] for row in rows}) == len(rows)
    return {row["student"]: row for row in rows}


def test_every_file_that_came_in_has_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "grading"))
    inbox = folder_of(tmp_path / "in", {
        "Ada [2].ipynb": FULL.replace(b'"python3"', b'"julia-1.9"'), "Ben/answers.pdf": b"%PDF",
        "Cy.zip": b"PK\x03\x04", "plan.docx": b"x",
    })  # fmt: skip
    shutil.copy(CASES / "17" / "inbox" / "no ids.ipynb", inbox / "Dora.ipynb")
    shutil.copy(CASES / "18" / "inbox" / "Ada half emoji.ipynb", inbox / "Eve 100% #1.ipynb")
    rows = graded("--submissions", str(inbox), "--from", "folder")
    assert {name: row["score"] for name, row in rows.items()} == {
        "Ada [2]": 10, "Ben": None, "Cy": None, "Dora": 10, "Eve 100% #1": 10, "plan": None
    }  # fmt: skip
    told = {name: "; ".join(row["notes"]) for name, row in rows.items()}
    assert "answers.pdf is not a notebook" in told["Ben"]
    assert "Cy.zip can't be unpacked" in told["Cy"]
    assert "plan.docx is not a notebook" in told["plan"]
    assert "found by text and place" in told["Dora"]
    again = graded("--student", "ada  [2]")
    assert {name: row["score"] for name, row in again.items()} == {"Ada [2]": 10}
    table = CliRunner().invoke(app, ["grades"], catch_exceptions=False).stdout
    assert "Ada [2]" in table


def test_nothing_but_unreadable_files_is_a_table_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "grading"))
    inbox = folder_of(tmp_path / NAME, {f"{NAME}.ipynb": FULL})
    (row,) = graded("--submissions", str(inbox)).values()
    assert (row["score"], "name it by its student" in row["notes"][0]) == (None, True)
    command = ["grade", NAME, "--submissions", str(inbox)]
    assert "not graded" in CliRunner().invoke(app, command, catch_exceptions=False).stdout


def test_marks_by_hand_survive_another_code_page_and_more_files(tmp_path: Path) -> None:
    name, folder = "ex09_choose_a_backbone", ClassFolder(tmp_path / "grading")
    answer = SampleAnswer("", {"justify": "Lite0, since it is “quick”, François. 😀"})
    hand_in(name, "Zoë", submission_of(name, answer), folder.submissions)
    command = [sys.executable, "-c", "from utils.cli import main; main()", "grade", name, "--json"]

    def scores(**variables: str) -> list[float | None]:
        environment = {**os.environ, "COURSE_GRADING": str(folder.root), **variables}
        run = subprocess.run(command, env=environment, capture_output=True, check=True)
        return [row["score"] for row in json.loads(run.stdout)["students"]]

    assert scores() == [8]
    with Gradebook(folder.gradebook_url, COURSE) as gradebook:
        gradebook.find_grade("justify", name, name, "Zoë").manual_score = 1.5
        gradebook.db.commit()
    (folder.submitted("Zoë", name) / "plan.txt").write_text("a note more", encoding="utf-8")
    ascii_page = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert scores(**ascii_page) == [9.5]


def test_bad_input_gets_one_sentence(
    course: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "grading"))
    assert "did you mean ex03_softmax_head" in course("grade", "ex03_softmax")
    assert "There are no submissions" in course("grade", NAME)
    assert "Nothing was graded yet" in course("grades")
    assert "auto, folder, canvas, moodle" in course("grade", NAME, "--from", "blackboard").replace(
        "'", ""
    )
    hand_in(NAME, "Ada", notebook(softmax=NAIVE), tmp_path / "grading" / "submitted")
    assert "'Adam' has handed in nothing" in course("grade", NAME, "--student", "Adam")
