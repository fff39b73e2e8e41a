"""The commands `course grades`, `course feedback` and `course similar`: what comes of marking."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from utils.cli.options import Json, out, print_json
from utils.errors import CourseError
from utils.settings import GradesFormat

if TYPE_CHECKING:
    from utils.grading.class_folder import ClassFolder
    from utils.grading.marks.gradebook import Marks

app = typer.Typer()
SHOWN = 50  # pairs in a table; JSON has all

RosterFile = Annotated[
    Path | None, typer.Option(help="Names and ids: a CSV that Canvas or Moodle exported.")
]


@app.command(rich_help_panel="Teach")
def grades(
    csv: Annotated[
        Path | None, typer.Option(help="Write a table of all marks, with times and penalties.")
    ] = None,
    form: Annotated[
        GradesFormat, typer.Option("--format", help="What --out is for.")
    ] = GradesFormat.CSV,
    roster: RosterFile = None,
    target: Annotated[
        Path | None, typer.Option("--out", help="Write what --format imports to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Everybody's scores in every assignment that was graded; files for Canvas and Moodle."""
    from utils.grading.class_folder import ClassFolder
    from utils.grading.marks.exports import export_table
    from utils.grading.marks.gradebook import all_marks

    if form != GradesFormat.CSV and not (roster and target):
        raise CourseError(f"--format {form} needs --roster FILE and --out FILE.")
    if form == GradesFormat.CSV and roster:
        raise CourseError("--roster goes with --format canvas or moodle.")
    folder = ClassFolder.chosen()
    rows = all_marks(folder)
    for file in {csv, target if form == GradesFormat.CSV else None} - {None}:
        export_table(folder, file)
    if as_json:
        _print_grades_json(rows)
    else:
        _show_grades(rows)
        if csv:
            out.print(f"Marks: {csv}")
    if form != GradesFormat.CSV:
        _export(form, folder, roster, target)


def _print_grades_json(rows: "dict[str, dict[str, Marks]]") -> None:
    from utils.grading.marks.exports import assignments_of

    scores = {s: {name: own.score for name, own in row.items()} for s, row in rows.items()}
    parts = {s: {name: own.parts() for name, own in row.items()} for s, row in rows.items()}
    print_json({"assignments": assignments_of(rows), "students": scores, "parts": parts})


def _show_grades(rows: "dict[str, dict[str, Marks]]") -> None:
    from utils.grading.marks.exports import assignments_of

    names = assignments_of(rows)
    table = Table("student", *names, "sum")
    for student, row in rows.items():
        cells = [f"{row[name].score:g}" if name in row else "–" for name in names]
        table.add_row(student, *cells, f"{sum(own.score for own in row.values()):g}")
    out.print(table)
    waiting = sum(own.pending_points > 0 for row in rows.values() for own in row.values())
    if waiting:
        print(f"{waiting} scores wait for points that are given by hand.", file=sys.stderr)


def _export(form: GradesFormat, folder: "ClassFolder", roster: Path, target: Path) -> None:
    """Write a platform's file; end with a sentence that names those who aren't in it."""
    from utils.grading.marks.exports import export_for

    exported = export_for(form, folder, roster, target)
    matches = exported.matches
    print(f"{target}: {exported.written} students, for {form.capitalize()}.", file=sys.stderr)
    if matches.absent:
        print(f"In the roster, without marks: {'; '.join(matches.absent)}.", file=sys.stderr)
    reasons = {
        "not in the roster": matches.unknown,
        "several people may be meant": matches.ambiguous,
    }
    missing = [f"{'; '.join(names)} ({why})" for why, names in reasons.items() if names]
    if missing:
        raise CourseError(
            f"{target} lacks students who have marks: {', '.join(missing)}. Call their folders in "
            f"{folder.submissions} as {roster} names them, or by their id there, and grade again."
        )


@app.command(rich_help_panel="Teach")
def feedback(
    assignment: Annotated[str, typer.Argument(help="As in exercises/: ex01_preprocess.")],
    target: Annotated[Path, typer.Option("--zip", help="Write the pages to this zip.")],
    roster: RosterFile = None,
) -> None:
    """Everybody's feedback in a zip with a folder a student, for Moodle's bulk upload."""
    from utils.grading.assignments import find_assignment
    from utils.grading.class_folder import ClassFolder
    from utils.grading.marks.feedback_files import zip_feedback

    find_assignment(assignment)
    students = zip_feedback(ClassFolder.chosen(), assignment, target, roster)
    out.print(f"{target}: feedback for {len(students)} students.")


@app.command(rich_help_panel="Teach")
def similar(
    assignment: Annotated[str, typer.Argument(help="As in exercises/: ex01_preprocess.")],
    as_json: Json = False,
) -> None:
    """Whose answers are alike: a hint for a person to look, never a mark."""
    from utils.grading.assignments import find_assignment
    from utils.grading.class_folder import ClassFolder
    from utils.grading.similarity import similar as find_similar

    find_assignment(assignment)
    pairs = find_similar(ClassFolder.chosen(), assignment)
    if as_json:
        rows = [{"students": p.students, "share": p.share, "cells": p.cells} for p in pairs]
        print_json({"assignment": assignment, "pairs": rows})
        return
    table = Table("students", "alike", "in", title=assignment)
    for pair in pairs[:SHOWN]:
        table.add_row(" and ".join(pair.students), f"{pair.share:.0%}", ", ".join(pair.cells))
    out.print(table if pairs else f"{assignment}: no two answers are alike.")
    if len(pairs) > SHOWN:
        out.print(f"And {len(pairs) - SHOWN} more: --json has all.")
    out.print(
        "A hint, not a mark: read both before you think anything. Names, numbers, comments and "
        "what the exercise, its solution or many students have in common were left out."
    )
