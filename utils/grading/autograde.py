"""Grading: each submission rebuilt, run by nbgrader within budgets, scored, and given feedback."""

import glob
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import CsvExportPlugin
from nbgrader.utils import parse_utc
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from utils.errors import CourseError
from utils.files import grading_folder, write_file
from utils.grading.assignments import (
    COURSE,
    Assignment,
    find_assignment,
    generate,
    nbgrader,
    nbgrader_settings,
    read_notebook,
    reason,
    swap,
)
from utils.grading.sandbox import what_stopped
from utils.grading.submissions import TIMESTAMP, Submission, read_submission, students_of

SECONDS = 120.0  # for a whole notebook


@dataclass(frozen=True)
class Graded:
    """One student's result in one assignment."""

    student: str
    score: float | None  # None: it couldn't be graded; the notes say why
    points: float
    waiting: float  # points that a person has still to give
    cells: dict[str, float | None]
    notes: tuple[str, ...]
    seconds: float


def settings(seconds: float = SECONDS) -> Config:
    """nbgrader's settings for grading in `grading/`: careful runs, fair scores, silent feedback."""
    folder, own = grading_folder(), nbgrader_settings()
    own.CourseDirectory.submitted_directory = str(folder / "submitted")
    for step in ("autograded", "feedback", "solution", "source_with_tests"):
        own.CourseDirectory[f"{step}_directory"] = str(folder / step)
    own.CourseDirectory.db_url = gradebook_url()
    own.BudgetedExecute.seconds = seconds
    own.BudgetedExecute.extra_arguments = ["--IPKernelApp.log_level=ERROR"]
    own.Autograde.autograde_preprocessors = [
        "utils.grading.sandbox.BudgetedExecute",
        "utils.grading.scores.SettleScores",
        "nbgrader.preprocessors.LimitOutput",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    own.OverwriteCells.add_missing_cells = True
    own.GenerateFeedback.preprocessors = [
        "utils.grading.scores.HideTests",
        "nbgrader.preprocessors.GetGrades",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    return own


def gradebook_url() -> str:
    """The database with all marks."""
    return f"sqlite:///{grading_folder() / 'gradebook.db'}"


def grade(
    name: str,
    students: Sequence[str] = (),
    seconds: float = SECONDS,
    on_graded: Callable[[Graded], None] | None = None,
) -> list[Graded]:
    """Grade an assignment for these students (all who have ever handed in, if there are none).

    Each gets feedback, `grading/feedback/STUDENT/NAME/NAME.html`. Whatever one submission does,
    the others are graded; run again, it ends with the same grades.

    Raises:
        CourseError: unknown assignment, no submissions, unknown student, or a folder that can't
            be written.
    """
    assignment, submitted = find_assignment(name), grading_folder() / "submitted"
    known = students_of(submitted)
    if not known:
        raise CourseError(
            f"There are no submissions in {submitted}: put STUDENT/{name}/{name}.ipynb there, or "
            "give a folder or a zip of notebooks with --submissions."
        )
    for student in students:
        if student not in known:
            raise CourseError(
                f"'{student}' has handed in nothing: {submitted} has {', '.join(known)}."
            )
    grading_folder().mkdir(parents=True, exist_ok=True)
    generate([name], grading_folder() / "released", gradebook_url())
    graded = []
    for student in students or known:
        graded.append(_grade_student(assignment, student, seconds))
        if on_graded:
            on_graded(graded[-1])
    return graded


def _grade_student(assignment: Assignment, student: str, seconds: float) -> Graded:
    started, name = time.perf_counter(), assignment.name
    handed_in = grading_folder() / "submitted" / student / name
    skeleton = read_notebook(grading_folder() / "released" / name / f"{name}.ipynb")
    submission = read_submission(handed_in, name, skeleton)
    notes = list(submission.notes)
    try:
        _write_rebuilt(submission, handed_in, assignment, student)
        _run(assignment, student, seconds)
        scores, waiting = _scores(assignment, student)
        score = sum(value or 0.0 for value in scores.values())
        autograded = grading_folder() / "autograded" / student / name / f"{name}.ipynb"
        stopped = what_stopped(read_notebook(autograded).cells)
        notes += [stopped] if stopped else []
    except CourseError as error:
        scores, waiting, score = {}, 0.0, None
        notes.append(str(error))
    return Graded(
        student,
        score,
        sum(assignment.points.values()),
        waiting,
        scores,
        tuple(notes),
        round(time.perf_counter() - started, 1),
    )


def _write_rebuilt(
    submission: Submission, handed_in: Path, assignment: Assignment, student: str
) -> None:
    """Put the notebook that will run into `grading/rebuilt`, alone but for its time of arrival.

    If it isn't the one that was graded before, marks that a person gave to that one are taken back.
    """
    notebook, name = submission.notebook, assignment.name
    if submission.notes:
        lines = "\n".join(f"- {note}" for note in submission.notes)
        notebook.cells.insert(0, new_markdown_cell(f"**About your file**\n\n{lines}", id="notes"))
    text = nbformat.writes(notebook) + "\n"
    target = grading_folder() / "rebuilt" / student / name
    before = target / f"{name}.ipynb"
    if before.exists() and before.read_text(encoding="utf-8") != text:
        _forget_manual_marks(assignment, student)
    with tempfile.TemporaryDirectory() as new:
        write_file(Path(new) / f"{name}.ipynb", text)
        with suppress(OSError, ValueError, OverflowError):
            stamp = handed_in / TIMESTAMP
            if not stamp.is_symlink():
                parse_utc(stamp.read_text(encoding="utf-8").strip())
                shutil.copyfile(stamp, Path(new) / TIMESTAMP)
        swap(Path(new), target)


def _forget_manual_marks(assignment: Assignment, student: str) -> None:
    with Gradebook(gradebook_url(), COURSE) as gradebook, suppress(MissingEntry):
        submission = gradebook.find_submission(assignment.name, student)
        for notebook in submission.notebooks:
            for mark in notebook.grades:
                mark.manual_score = mark.extra_credit = None
            for comment in notebook.comments:
                comment.manual_comment = None
        gradebook.db.commit()


def _run(assignment: Assignment, student: str, seconds: float) -> None:
    """nbgrader's own two steps, on the rebuilt notebook."""
    if glob.has_magic(student):
        raise CourseError("nbgrader can't take * ? [ ] in a name: rename the student's folder")
    own = settings(seconds)
    own.CourseDirectory.submitted_directory = str(grading_folder() / "rebuilt")
    api = nbgrader(own)
    for step in (api.autograde, api.generate_feedback):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader's own, on each new submission
            result = step(assignment.name, student, force=True)
        if not result["success"]:
            raise CourseError(f"nbgrader couldn't grade it: {reason(result)}")


def _scores(assignment: Assignment, student: str) -> tuple[dict[str, float | None], float]:
    """Points of each cell (None: a person has to give them), and the sum of those to be given."""
    with Gradebook(gradebook_url(), COURSE) as gradebook:
        submission = gradebook.find_submission(assignment.name, student)
        marks = [mark for notebook in submission.notebooks for mark in notebook.grades]
        scores = {
            mark.name: mark.manual_score if mark.manual_score is not None else mark.auto_score
            for mark in marks
        }
    ordered = {name: scores.get(name) for name in assignment.points}
    return ordered, sum(assignment.points[n] for n, score in ordered.items() if score is None)


def all_grades() -> tuple[list[str], dict[str, dict[str, float]]]:
    """Names of the assignments that were graded, and each student's scores in them.

    Raises:
        CourseError: nothing was graded yet.
    """
    _need_gradebook()
    with Gradebook(gradebook_url(), COURSE) as gradebook:
        names = sorted(a.name for a in gradebook.assignments if a.submissions)
        rows: dict[str, dict[str, float]] = {s.id: {} for s in gradebook.students}
        for name in names:
            for submission in gradebook.find_assignment(name).submissions:
                rows[submission.student.id][name] = submission.score
    return names, dict(sorted(rows.items()))


def export_grades(target: Path) -> None:
    """nbgrader's own CSV: a line for each student and assignment.

    Raises:
        CourseError: nothing was graded yet, or the file can't be written.
    """
    _need_gradebook()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "grades.csv"
        exporter: Any = CsvExportPlugin(parent=nbgrader(settings()))
        exporter.to = str(file)
        with Gradebook(gradebook_url(), COURSE) as gradebook:
            exporter.export(gradebook)
        write_file(target, file.read_bytes())


def _need_gradebook() -> None:
    if not (grading_folder() / "gradebook.db").exists():
        raise CourseError(
            f"Nothing was graded yet in {grading_folder()}: run course grade ASSIGNMENT."
        )
