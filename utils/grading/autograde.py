"""Grading: each submission rebuilt, judged in two processes, marked, and given feedback."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

from utils.errors import CourseError
from utils.files import write_file
from utils.grading.assignments import (
    Assignment,
    find_assignment,
    generate,
    read_notebook,
    source_notebook,
)
from utils.grading.class_folder import ClassFolder
from utils.grading.exercise import (
    Exercise,
    Kind,
    Step,
    is_students,
    kind_of,
    read_exercise,
)
from utils.grading.feedback import RECORD, Page, write_feedback
from utils.grading.graded_notebook import graded_notebook, unanswered
from utils.grading.incoming.submissions import read_submission, students_of
from utils.grading.marks.database import alone, prepared, seeds_of
from utils.grading.marks.gradebook import AutoScores, Marks, comments_of, marks_of, record
from utils.grading.names import name_key, shown_name
from utils.grading.sandbox.engines import Engine, choose_engine
from utils.grading.workers import Job, Judged, judge_all

SECONDS = 120.0  # for a whole notebook


@dataclass(frozen=True, kw_only=True)
class Grading:
    """How to grade."""

    seconds: float = SECONDS
    jobs: int = 1  # students at a time on this machine
    scheduler: str | None = None  # of a Dask cluster that takes the place of this machine's cores
    sandbox: bool = True
    again: bool = False  # grade those too who were graded as they are


@dataclass(frozen=True, kw_only=True)
class Graded:
    """One student's result in one assignment."""

    student: str
    score: float | None  # None: it couldn't be graded; the notes say why
    points: float
    pending_points: float = 0.0  # those that a person has still to give
    extra_credit: float = 0.0  # given by hand
    penalty: float = 0.0  # points lost by being late
    cells: dict[str, float | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The result as plain data; `waiting` are the pending points."""
        row = asdict(self)
        return {"waiting" if key == "pending_points" else key: row[key] for key in row}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One student's notebook, ready to be judged."""

    student: str
    notebook: NotebookNode
    notes: tuple[str, ...]
    ungraded: str | None  # why it can't be graded
    digest: str  # of the student's own text: marks by hand are for this work
    key: str  # of all that its result depends on

    @property
    def steps(self) -> tuple[Step, ...]:
        """The student's code cells and the tests, in order."""
        steps = []
        for cell in self.notebook.cells:
            kind = kind_of(cell)
            if kind is Kind.TEST:
                steps.append(Step(test=cell.metadata.nbgrader.grade_id))
            elif kind in (Kind.ANSWER, Kind.OWN):
                steps.append(Step(source=cell.source))
        return tuple(steps)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What all students of a run share."""

    folder: ClassFolder
    assignment: Assignment
    exercise: Exercise
    skeleton: NotebookNode  # the released notebook, which submissions are rebuilt on
    how: Grading
    engine: Engine

    @property
    def name(self) -> str:
        return self.assignment.name


def grade(
    folder: ClassFolder,
    name: str,
    students: Sequence[str] = (),
    how: Grading | None = None,
    on_graded: Callable[[Graded], None] | None = None,
) -> list[Graded]:
    """Grade an assignment for these students (by default, all who have handed in anything).

    Each gets feedback, `feedback/STUDENT/NAME/NAME.html`. Whatever one submission does,
    the others are graded; a run that was stopped goes on where it was, and ends the same.

    Raises:
        CourseError: unknown assignment, no submissions, unknown student, no sandbox, or a folder
            that can't be written.
    """
    how = how or Grading()
    assignment, known = find_assignment(name), _known_students(folder, name)
    chosen = [_find_student(student, known, folder) for student in students] or known
    engine, released = choose_engine(how.sandbox), _release(folder, name)
    batch = Batch(
        folder=folder, assignment=assignment, how=how, engine=engine, skeleton=released,
        exercise=read_exercise(name, source_notebook(name), released),
    )  # fmt: skip
    found: dict[str, Graded] = {}
    with prepared(folder):
        for student, graded in _grade_each(batch, chosen):
            found[student] = graded
            if on_graded:
                on_graded(graded)
    return [found[student] for student in chosen]


def _known_students(folder: ClassFolder, name: str) -> list[str]:
    submitted = folder.submissions
    known = students_of(submitted)
    if not known:
        raise CourseError(
            f"There are no submissions in {submitted}: put STUDENT/{name}/{name}.ipynb there, or "
            "give a folder or a zip of notebooks with --submissions."
        )
    return known


def _find_student(name: str, known: Sequence[str], folder: ClassFolder) -> str:
    """The id of the student who is meant, in any spelling of the name."""
    for student in known:
        if name_key(shown_name(student)) == name_key(name):
            return student
    names = ", ".join(map(shown_name, known))
    raise CourseError(f"'{name}' has handed in nothing: {folder.submissions} has {names}.")


def _release(folder: ClassFolder, name: str) -> NotebookNode:
    """Write the released notebook, and its cells to the marks."""
    folder.root.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        generate([name], folder.released, folder.gradebook_url)
    return read_notebook(folder.released / name / f"{name}.ipynb")


def _grade_each(batch: Batch, students: Sequence[str]) -> Iterator[tuple[str, Graded]]:
    """Results as they come: those that are there already, then those that are judged."""
    waiting: dict[str, Entry] = {}
    for student in students:
        try:
            entry = _prepare(batch, student)
            kept = None if batch.how.again or entry.ungraded else _kept(batch, entry)
        except CourseError as error:
            yield student, _not_graded(student, batch, [str(error)])
            continue
        if entry.ungraded:
            notes = [*entry.notes, f"not graded: {entry.ungraded}"]
            yield student, _not_graded(student, batch, notes)
        elif kept:
            yield student, kept
        else:
            waiting[student] = entry
    seeds = seeds_of(batch.folder, list(waiting), batch.name)
    jobs = [_job(batch, entry, seeds[student]) for student, entry in waiting.items()]
    for judged in judge_all(jobs, batch.how.jobs, batch.how.scheduler):
        yield judged.student, _finish(batch, waiting[judged.student], judged)


def _prepare(batch: Batch, student: str) -> Entry:
    folder = batch.folder.submitted(student, batch.name)
    submission = read_submission(folder, batch.name, batch.skeleton)
    text = nbformat.writes(submission.notebook)
    work = [cell.source for cell in submission.notebook.cells if is_students(cell)]
    parts = (text, batch.exercise, batch.engine, batch.how.seconds, submission.notes)
    return Entry(
        student=student, notebook=submission.notebook, notes=submission.notes,
        ungraded=submission.ungraded,
        digest=_digest(repr(work)), key=_digest(repr(parts)),
    )  # fmt: skip


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _job(batch: Batch, entry: Entry, seed: int) -> Job:
    return Job(
        student=entry.student, exercise=batch.exercise, steps=entry.steps, seed=seed,
        seconds=batch.how.seconds, engine=batch.engine,
    )  # fmt: skip


def _kept(batch: Batch, entry: Entry) -> Graded | None:
    """The result of an earlier run on the same notebook and the same tests."""
    file = batch.folder.autograded(entry.student, batch.name)
    if not file.exists():
        return None
    notebook = read_notebook(file)
    before = notebook.metadata.get(RECORD, {})
    marks = marks_of(batch.folder, entry.student, batch.name)
    if before.get("key") != entry.key or marks is None:
        return None
    _write_page(batch, notebook, marks)
    return _graded(marks, before["notes"], before["seconds"])


def _finish(batch: Batch, entry: Entry, judged: Judged) -> Graded:
    """Write what came of one submission: the notebook, the marks, the page."""
    if judged.failure:
        return _not_graded(entry.student, batch, [*entry.notes, judged.failure])
    try:
        notes = [*entry.notes, *([judged.stopped] if judged.stopped else [])]
        details = {"key": entry.key, "notes": notes, "seconds": judged.seconds}
        notebook = graded_notebook(entry.notebook, judged, details)
        blank = unanswered(entry.notebook, batch.exercise)
        scores: dict[str, float | None] = {n: own.score for n, own in judged.tests.items()}
        scores |= {n: 0.0 if n in blank else None for n in batch.assignment.manually_graded}
        marks = record(batch.folder, AutoScores(
            student=entry.student, assignment=batch.name, scores=scores, notebook=entry.digest,
            unanswered=blank,
        ))  # fmt: skip
        _write_page(batch, notebook, marks)
        file = batch.folder.autograded(entry.student, batch.name)
        write_file(file, nbformat.writes(notebook) + "\n")
    except CourseError as error:
        return _not_graded(entry.student, batch, [*entry.notes, str(error)])
    return _graded(marks, notes, judged.seconds)


def _write_page(batch: Batch, notebook: NotebookNode, marks: Marks) -> None:
    comments = comments_of(batch.folder, marks.student, batch.name)
    page = Page(notebook=notebook, marks=marks, comments=comments)
    write_feedback(page, batch.folder.page(marks.student, batch.name))


def _graded(marks: Marks, notes: Sequence[str], seconds: float) -> Graded:
    return Graded(
        student=shown_name(marks.student), score=marks.score, points=marks.points,
        pending_points=marks.pending_points, extra_credit=marks.extra_credit,
        penalty=marks.penalty, cells=marks.cells, notes=tuple(notes), seconds=seconds,
    )  # fmt: skip


def _not_graded(student: str, batch: Batch, notes: Sequence[str]) -> Graded:
    points = sum(batch.assignment.points.values())
    return Graded(student=shown_name(student), score=None, points=points, notes=tuple(notes))
