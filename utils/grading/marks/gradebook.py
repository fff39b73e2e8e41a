"""Marks: what the judge gave and what a person gave, written to nbgrader's gradebook and read."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from sqlalchemy import func, select, update

from utils.errors import CourseError
from utils.grading.class_folder import ClassFolder
from utils.grading.incoming.timestamps import read_stamp
from utils.grading.marks.database import (
    SUBMISSIONS,
    find_recorded,
    nothing_graded,
    own_row,
    reading,
    submission_key,
    writing,
)
from utils.grading.marks.deadlines import late_rule, set_time
from utils.grading.names import shown_name

NO_RESPONSE = "No response."  # nbgrader's comment on an answer that was left as released


@dataclass(frozen=True, kw_only=True)
class AutoScores:
    """What grading one submission found, to be recorded."""

    student: str
    assignment: str
    scores: Mapping[str, float | None]  # points of each marked cell; None: a person gives them
    notebook: (
        str  # SHA-256 of what was graded: where it is another one, marks by hand are withdrawn
    )
    unanswered: frozenset[str] = frozenset()  # answer cells that were left as released


@dataclass(frozen=True, kw_only=True)
class Marks:
    """One student's score in one assignment, in its parts."""

    student: str
    assignment: str
    points: float  # at most, without extra credit
    cells: dict[str, float | None]  # as a person gave them, or else the judge; None: to be given
    extra_credit: float  # given by hand
    penalty: float  # points lost by being late: at most the raw score
    pending_points: float  # those that a person has still to give
    handed_in: datetime | None  # UTC

    @property
    def raw_score(self) -> float:
        """Points of all cells and extra credit; never below 0."""
        return max(0.0, _total(self.cells.values()) + self.extra_credit)

    @property
    def score(self) -> float:
        """What counts: the raw score less the penalty."""
        return self.raw_score - self.penalty

    def parts(self) -> dict[str, Any]:
        """The score and what it is made of, as plain data."""
        return {
            "score": self.score,
            "cells": self.cells,
            "extra_credit": self.extra_credit,
            "penalty": self.penalty,
            "waiting": self.pending_points,
        }


def record(folder: ClassFolder, result: AutoScores) -> Marks:
    """Write one student's automatic scores, in one transaction; marks and comments by hand stay.

    They are withdrawn where another notebook was graded than before. When it was handed in is read
    from its `timestamp.txt`. The assignment's cells must be in the gradebook: `generate` puts them
    there.

    Raises:
        CourseError: its cells aren't those in the gradebook, or points lie outside of a cell's
            range; or the database doesn't answer.
    """
    with writing(folder) as gradebook:
        submission = _submission(gradebook, result.student, result.assignment)
        marks = [mark for notebook in submission.notebooks for mark in notebook.grades]
        _check(result, marks)
        if _is_another(gradebook, result):
            _withdraw(submission)
        for mark in marks:
            before, mark.auto_score = mark.auto_score, result.scores[mark.name]
            # A mark by hand is looked at again where the judge has changed its mind about the cell.
            changed = before is not None and before != mark.auto_score
            by_hand = mark.manual_score is not None
            mark.needs_manual_grade = changed if by_hand else mark.auto_score is None
        for comment in [own for notebook in submission.notebooks for own in notebook.comments]:
            comment.auto_comment = NO_RESPONSE if comment.name in result.unanswered else None
        rule = late_rule(gradebook, result.assignment)
        stamp = read_stamp(folder.submitted(result.student, result.assignment))
        set_time(gradebook, submission, stamp, rule)
        gradebook.db.flush()
        return _read(gradebook, result.assignment, result.student)[0]


def marks_of(folder: ClassFolder, student: str, assignment: str) -> Marks | None:
    """A student's marks in an assignment; None if none were recorded.

    Raises:
        CourseError: nothing was graded yet, or the database doesn't answer.
    """
    with reading(folder) as gradebook:
        found = _read(gradebook, assignment, student)
    return found[0] if found else None


def all_marks(folder: ClassFolder) -> dict[str, dict[str, Marks]]:
    """Marks of everybody in every assignment that was graded, by student and assignment.

    Raises:
        CourseError: nothing was graded yet, or the database doesn't answer.
    """
    with reading(folder) as gradebook:
        students = map(shown_name, gradebook.db.scalars(select(Student.id)))
        rows: dict[str, dict[str, Marks]] = {student: {} for student in sorted(students)}
        for marks in _read(gradebook):
            rows.setdefault(shown_name(marks.student), {})[marks.assignment] = marks
    if not any(rows.values()):
        raise nothing_graded(folder)
    return rows


def comments_of(folder: ClassFolder, student: str, assignment: str) -> dict[str, str]:
    """What a person wrote about a student's answers, by cell.

    Raises:
        CourseError: nothing was graded yet, or the database doesn't answer.
    """
    with reading(folder) as gradebook:
        try:
            submission = gradebook.find_submission(assignment, student)
        except MissingEntry:
            return {}
        comments = [own for notebook in submission.notebooks for own in notebook.comments]
        return {own.name: own.manual_comment for own in comments if own.manual_comment}


def _submission(gradebook: Gradebook, student: str, assignment: str) -> SubmittedAssignment:
    """A student's submission; one with a row for each mark and comment is made if there is none.

    nbgrader's own methods would commit after each step.
    """
    with suppress(MissingEntry):
        return gradebook.find_submission(assignment, student)
    session, own = gradebook.db, find_recorded(gradebook, assignment)
    known = session.get(Student, student) or Student(id=student)
    submission = SubmittedAssignment(assignment=own, student=known)
    with session.no_autoflush:
        session.add_all([known, submission])
        for notebook in own.notebooks:
            part = SubmittedNotebook(notebook=notebook, assignment=submission)
            marked = (*notebook.grade_cells, *notebook.task_cells)
            answered = (*notebook.solution_cells, *notebook.task_cells)
            session.add(part)
            session.add_all(Grade(cell=cell, notebook=part) for cell in marked)
            session.add_all(Comment(cell=cell, notebook=part) for cell in answered)
    session.flush()
    return submission


def _is_another(gradebook: Gradebook, result: AutoScores) -> bool:
    """Whether marks were recorded for another notebook than this one, which is noted."""
    before = own_row(gradebook, result.student, result.assignment).notebook
    key = submission_key(result.student, result.assignment)
    gradebook.db.execute(update(SUBMISSIONS).where(key).values(notebook=result.notebook))
    return before not in (None, result.notebook)


def _withdraw(submission: SubmittedAssignment) -> None:
    for notebook in submission.notebooks:
        for mark in notebook.grades:
            mark.manual_score = mark.extra_credit = None
        for comment in notebook.comments:
            comment.manual_comment = None


def _check(result: AutoScores, marks: Iterable[Grade]) -> None:
    """Raise CourseError unless there are points for exactly these cells, within their ranges."""
    known = {mark.name: mark.cell.max_score for mark in marks}
    if strange := known.keys() ^ result.scores.keys():
        raise CourseError(
            f"The gradebook's cells of {result.assignment} aren't those that were graded "
            f"({', '.join(sorted(strange))}): was solutions/ changed while grading? Grade it again."
        )
    for name, score in result.scores.items():
        if score is not None and not 0 <= score <= known[name]:
            raise CourseError(
                f"{result.assignment}, {name}: {score:g} points were given of {known[name]:g}: "
                "correct the cell's tests in solutions/."
            )


def _read(
    gradebook: Gradebook, assignment: str | None = None, student: str | None = None
) -> list[Marks]:
    """All recorded marks, or those of an assignment and a student, in a single query."""
    most = func.coalesce(GradeCell.__table__.c.max_score, TaskCell.__table__.c.max_score, 0.0)
    query = (
        select(
            Assignment.name.label("assignment"),
            SubmittedAssignment.student_id.label("student"),
            SUBMISSIONS.c.handed_in,
            SubmittedNotebook.late_submission_penalty.label("penalty"),
            BaseCell.__table__.c.name.label("cell"),
            most.label("points"),
            Grade.auto_score,
            Grade.manual_score,
            Grade.extra_credit,
        )
        .select_from(Grade)
        .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        .outerjoin(
            SUBMISSIONS,
            (SUBMISSIONS.c.student == SubmittedAssignment.student_id)
            & (SUBMISSIONS.c.assignment == Assignment.name),
        )
        .join(BaseCell.__table__, Grade.cell_id == BaseCell.__table__.c.id)
        .outerjoin(GradeCell.__table__, GradeCell.__table__.c.id == Grade.cell_id)
        .outerjoin(TaskCell.__table__, TaskCell.__table__.c.id == Grade.cell_id)
    )
    if assignment is not None:
        query = query.where(Assignment.name == assignment)
    if student is not None:
        query = query.where(SubmittedAssignment.student_id == student)
    rows = sorted(
        gradebook.db.execute(query), key=lambda row: (row.assignment, row.student, row.cell)
    )
    return [
        _marks(list(group)) for _, group in groupby(rows, lambda row: (row.assignment, row.student))
    ]


def _marks(rows: list[Any]) -> Marks:
    """Marks of one submission out of a row for each of its cells."""
    cells, extra, pending = {}, 0.0, 0.0
    for row in rows:
        given = row.auto_score if row.manual_score is None else row.manual_score
        cells[row.cell] = given
        if given is None:
            pending += row.points
        else:  # extra credit counts only beside points, as in nbgrader
            extra += row.extra_credit or 0.0
    first = rows[0]
    earned = max(0.0, _total(cells.values()) + extra)
    return Marks(
        student=first.student,
        assignment=first.assignment,
        points=sum(row.points for row in rows),
        cells=cells,
        extra_credit=extra,
        penalty=min(first.penalty or 0.0, earned),
        pending_points=pending,
        handed_in=first.handed_in and first.handed_in.replace(tzinfo=UTC),
    )


def _total(scores: Iterable[float | None]) -> float:
    return sum(score for score in scores if score is not None)
