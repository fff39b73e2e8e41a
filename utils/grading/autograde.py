"""Grading: each submission rebuilt, run by nbgrader within budgets, scored, and given feedback."""

import glob
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
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
from utils.files import write_file
from utils.grading.assignments import (
    COURSE,
    Assignment,
    find_assignment,
    generate,
    nbgrader,
    nbgrader_settings,
    read_notebook,
    reason,
    replace_folder,
)
from utils.grading.class_folder import ClassFolder
from utils.grading.sandbox import what_stopped
from utils.grading.submissions import TIMESTAMP, Submission, read_submission, students_of

SECONDS = 120.0  # for a whole notebook


@dataclass(frozen=True, kw_only=True)
class Graded:
    """One student's result in one assignment."""

    student: str
    score: float | None  # None: it couldn't be graded; the notes say why
    points: float
    pending_points: float  # those that a person has still to give
    cells: dict[str, float | None]
    notes: tuple[str, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The result as plain data; `waiting` are the pending points."""
        row = asdict(self)
        return {"waiting" if key == "pending_points" else key: row[key] for key in row}


def settings(folder: ClassFolder, seconds: float = SECONDS) -> Config:
    """nbgrader's settings for grading: careful runs, fair scores, silent feedback."""
    own = nbgrader_settings()
    own.CourseDirectory.submitted_directory = str(folder.submissions)
    for step in ("autograded", "feedback", "solution", "source_with_tests"):
        own.CourseDirectory[f"{step}_directory"] = str(folder.root / step)
    own.CourseDirectory.db_url = folder.gradebook_url
    own.LimitedExecute.seconds = seconds
    own.LimitedExecute.cache = str(folder.cache)
    own.LimitedExecute.extra_arguments = ["--IPKernelApp.log_level=ERROR"]
    own.Autograde.autograde_preprocessors = [
        "utils.grading.sandbox.LimitedExecute",
        "utils.grading.scores.NormalizeScores",
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


def grade(
    folder: ClassFolder,
    name: str,
    students: Sequence[str] = (),
    seconds: float = SECONDS,
    on_graded: Callable[[Graded], None] | None = None,
) -> list[Graded]:
    """Grade an assignment for these students (by default, all who have handed in anything).

    Each gets feedback, `feedback/STUDENT/NAME/NAME.html`. Whatever one submission does,
    the others are graded; a second run gives the same grades.

    Raises:
        CourseError: unknown assignment, no submissions, unknown student, or a folder that can't
            be written.
    """
    assignment, submitted = find_assignment(name), folder.submissions
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
    folder.root.mkdir(parents=True, exist_ok=True)
    generate([name], folder.released, folder.gradebook_url)
    graded = []
    for student in students or known:
        graded.append(_grade_student(folder, assignment, student, seconds))
        if on_graded:
            on_graded(graded[-1])
    return graded


def _grade_student(
    folder: ClassFolder, assignment: Assignment, student: str, seconds: float
) -> Graded:
    started, name = time.perf_counter(), assignment.name
    skeleton = read_notebook(folder.released / name / f"{name}.ipynb")
    submission = read_submission(folder.submitted(student, name), name, skeleton)
    notes = list(submission.notes)
    try:
        _write_rebuilt(folder, submission, assignment, student)
        _run(folder, assignment, student, seconds)
        scores, pending = _scores(folder, assignment, student)
        score = sum(value or 0.0 for value in scores.values())
        stopped = what_stopped(read_notebook(folder.autograded(student, name)).cells)
        notes += [stopped] if stopped else []
    except CourseError as error:
        scores, pending, score = {}, 0.0, None
        notes.append(str(error))
    return Graded(
        student=student,
        score=score,
        points=sum(assignment.points.values()),
        pending_points=pending,
        cells=scores,
        notes=tuple(notes),
        seconds=round(time.perf_counter() - started, 1),
    )


def _write_rebuilt(
    folder: ClassFolder, submission: Submission, assignment: Assignment, student: str
) -> None:
    """Write the notebook that will run to `rebuilt`, with only its timestamp beside it.

    If it differs from the one graded before, the manual marks given to that one are withdrawn.
    """
    notebook, name = submission.notebook, assignment.name
    if submission.notes:
        lines = "\n".join(f"- {note}" for note in submission.notes)
        notebook.cells.insert(0, new_markdown_cell(f"**About your file**\n\n{lines}", id="notes"))
    text = nbformat.writes(notebook) + "\n"
    target = folder.rebuilt / student / name
    before = target / f"{name}.ipynb"
    if before.exists() and before.read_text(encoding="utf-8") != text:
        _forget_manual_marks(folder, assignment, student)
    with tempfile.TemporaryDirectory() as new:
        write_file(Path(new) / f"{name}.ipynb", text)
        with suppress(OSError, ValueError, OverflowError):
            stamp = folder.submitted(student, name) / TIMESTAMP
            if not stamp.is_symlink():
                parse_utc(stamp.read_text(encoding="utf-8").strip())
                shutil.copyfile(stamp, Path(new) / TIMESTAMP)
        replace_folder(Path(new), target)


def _forget_manual_marks(folder: ClassFolder, assignment: Assignment, student: str) -> None:
    with Gradebook(folder.gradebook_url, COURSE) as gradebook, suppress(MissingEntry):
        submission = gradebook.find_submission(assignment.name, student)
        for notebook in submission.notebooks:
            for mark in notebook.grades:
                mark.manual_score = mark.extra_credit = None
            for comment in notebook.comments:
                comment.manual_comment = None
        gradebook.db.commit()


def _run(folder: ClassFolder, assignment: Assignment, student: str, seconds: float) -> None:
    """nbgrader's own two steps, on the rebuilt notebook."""
    if glob.has_magic(student):
        raise CourseError("nbgrader can't take * ? [ ] in a name: rename the student's folder")
    own = settings(folder, seconds)
    own.CourseDirectory.submitted_directory = str(folder.rebuilt)
    api = nbgrader(own)
    for step in (api.autograde, api.generate_feedback):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader's own, on each new submission
            result = step(assignment.name, student, force=True)
        if not result["success"]:
            raise CourseError(f"nbgrader couldn't grade it: {reason(result)}")


def _scores(
    folder: ClassFolder, assignment: Assignment, student: str
) -> tuple[dict[str, float | None], float]:
    """Points of each cell (None: a person has to give them), and the sum of those to be given."""
    with Gradebook(folder.gradebook_url, COURSE) as gradebook:
        submission = gradebook.find_submission(assignment.name, student)
        marks = [mark for notebook in submission.notebooks for mark in notebook.grades]
        scores = {
            mark.name: mark.manual_score if mark.manual_score is not None else mark.auto_score
            for mark in marks
        }
    ordered = {name: scores.get(name) for name in assignment.points}
    return ordered, sum(assignment.points[n] for n, score in ordered.items() if score is None)


def all_grades(folder: ClassFolder) -> tuple[list[str], dict[str, dict[str, float]]]:
    """Names of the assignments that were graded, and each student's scores in them.

    Raises:
        CourseError: nothing was graded yet.
    """
    _need_gradebook(folder)
    with Gradebook(folder.gradebook_url, COURSE) as gradebook:
        names = sorted(a.name for a in gradebook.assignments if a.submissions)
        rows: dict[str, dict[str, float]] = {s.id: {} for s in gradebook.students}
        for name in names:
            for submission in gradebook.find_assignment(name).submissions:
                rows[submission.student.id][name] = submission.score
    return names, dict(sorted(rows.items()))


def export_grades(folder: ClassFolder, target: Path) -> None:
    """nbgrader's own CSV: a line for each student and assignment.

    Raises:
        CourseError: nothing was graded yet, or the file can't be written.
    """
    _need_gradebook(folder)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "grades.csv"
        exporter: Any = CsvExportPlugin(parent=nbgrader(settings(folder)))
        exporter.to = str(file)
        with Gradebook(folder.gradebook_url, COURSE) as gradebook:
            exporter.export(gradebook)
        write_file(target, file.read_bytes())


def _need_gradebook(folder: ClassFolder) -> None:
    if not folder.gradebook.exists():
        raise CourseError(f"Nothing was graded yet in {folder.root}: run course grade ASSIGNMENT.")
