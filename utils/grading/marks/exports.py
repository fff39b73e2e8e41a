"""Marks as files: a table of all, and what the gradebooks of Canvas and Moodle import."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Student
from sqlalchemy import select

from utils.errors import CourseError
from utils.files import write_file
from utils.grading.class_folder import ClassFolder
from utils.grading.marks.database import reading
from utils.grading.marks.gradebook import Marks, all_marks
from utils.grading.marks.roster import Matches, Person, Roster, match, read_roster
from utils.grading.names import shown_name
from utils.settings import GradesFormat

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute
NBGRADER_COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "raw_score", "late_submission_penalty", "score", "max_score",
)  # fmt: skip

Grades = Mapping[str, Mapping[str, Marks]]  # by student and assignment


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What a platform's file holds, and whom it doesn't."""

    written: int  # students
    matches: Matches


def assignments_of(grades: Grades) -> list[str]:
    """The assignments that anybody has marks in, in order."""
    return sorted({name for own in grades.values() for name in own})


def export_table(folder: ClassFolder, target: Path) -> None:
    """Write a line for each student and assignment, in the columns of nbgrader's own export.

    Raises:
        CourseError: nothing was graded yet, or the file can't be written.
    """
    grades = all_marks(folder)
    with reading(folder) as gradebook:
        assignments = [own for own in gradebook.assignments if own.name in assignments_of(grades)]
        due = {own.name: (own.duedate, own.max_score) for own in assignments}
        known = select(Student.id, Student.last_name, Student.first_name, Student.email)
        people = {shown_name(row.id): tuple(row)[1:] for row in gradebook.db.execute(known)}
    rows: list[Sequence[Any]] = [NBGRADER_COLUMNS]
    for name, (duedate, most) in due.items():
        for student, own in grades.items():
            marks = own.get(name)
            scores = (marks.raw_score, marks.penalty, marks.score) if marks else (0.0, 0.0, 0.0)
            time = marks.handed_in.replace(tzinfo=None) if marks and marks.handed_in else None
            rows.append((name, duedate, time, student, *people[student], *scores, most))
    write_file(target, _csv(rows))


def export_for(
    platform: GradesFormat, folder: ClassFolder, roster_file: Path, out: Path
) -> Exported:
    """Write what a platform imports, with a line for each student who is in its roster.

    A cell without a mark keeps what the roster says of it, since an empty one may delete that.

    Canvas (its `lib/gradebook_importer.rb` and `gradebook_exporter.rb`): the columns up to Section
    as it exports them, at least Student and ID; then an assignment each, found by the id in
    brackets behind its title; a line "Points Possible" before the students.
    Moodle (https://docs.moodle.org/en/Grade_import): who it is by Email address or ID number, then
    a column for each grade item, which one maps to Moodle's own in the preview.

    Raises:
        CourseError: nothing was graded yet, the roster isn't one of this platform, or a file can't
            be read or written.
    """
    grades, roster = all_marks(folder), read_roster(roster_file)
    matches = match([student for student, own in grades.items() if own], roster)
    columns = _who(platform, roster, roster_file)
    names = assignments_of(grades)
    headers = [_header(name, roster) for name in names]
    rows: list[Sequence[Any]] = [[*columns, *headers]]
    if platform == GradesFormat.CANVAS:
        points = [
            next(own[name].points for own in grades.values() if name in own) for name in names
        ]
        rows.append(["    Points Possible", *[""] * (len(columns) - 1), *map(_number, points)])
    for student, person in sorted(matches.people.items(), key=lambda pair: pair[1].name):
        scores = [_score(grades[student].get(name), person, head)
                  for name, head in zip(names, headers, strict=True)]  # fmt: skip
        rows.append([*(person.row.get(column, "") for column in columns), *scores])
    write_file(out, _csv(rows))
    return Exported(written=len(matches.people), matches=matches)


def _who(platform: GradesFormat, roster: Roster, file: Path) -> list[str]:
    """The columns of the roster by which the platform knows its people again."""
    if platform == GradesFormat.CANVAS:
        section, number = roster.column("section"), roster.column("id")
        if not (section and number and roster.column("student")):
            raise CourseError(
                f"{file} isn't Canvas's: it needs the columns Student, ID and Section. Export the "
                "gradebook in Canvas (Grades, Export) and give that file as --roster."
            )
        return list(roster.columns[: roster.columns.index(section) + 1])
    ids = [roster.column("email address", "email"), roster.column("id number")]
    if not any(ids):
        raise CourseError(
            f"{file} isn't Moodle's: it needs a column Email address or ID number. Export the "
            "grades in Moodle (Grades, Export, Plain text file) and give that file as --roster."
        )
    named = [roster.column(name) for name in ("first name", "last name", "surname", "full name")]
    return [column for column in (*named, *ids) if column]


def _header(assignment: str, roster: Roster) -> str:
    """How the platform calls an assignment: by its id or kind too, if the roster shows it."""
    shown = re.compile(rf"(?:\w+: ?)?{re.escape(assignment)}(?: \((?:\d+|Real)\))?")
    return next((own for own in roster.columns if shown.fullmatch(own.strip())), assignment)


def _score(marks: Marks | None, person: Person, header: str) -> str:
    return person.row.get(header, "") if marks is None else _number(marks.score)


def _number(value: float) -> str:
    return f"{value:.10g}"


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    """Lines of CSV in which no text is taken for a formula."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([_harmless(c) for c in row] for row in rows)
    return written.getvalue()


def _harmless(cell: Any) -> Any:
    """A text as a spreadsheet shows it and doesn't compute it; a plain number stays one."""
    if not isinstance(cell, str) or not cell.lstrip().startswith(FORMULA):
        return cell
    return cell if re.fullmatch(r"-|-?\d+(\.\d+)?", cell) else f"'{cell}"
