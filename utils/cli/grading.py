"""The commands `course exercises`, `course grade` and `course grades`: hand out, mark, export."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from utils.cli.options import Json, bars, out, print_json
from utils.errors import CourseError

app = typer.Typer()


@app.command(rich_help_panel="Teach")
def exercises(
    copy: Annotated[
        Path | None, typer.Option(help="Write what a class gets into this new folder.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Grade every known wrong and right answer.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Assignments at a time in a report.")] = 2,
) -> None:
    """Make exercises/ from solutions/; or a class's copy of the repository; or test the graders."""
    from utils.grading.assignments import EXERCISES, assignment_names, generate, students_copy

    if report:
        _report(jobs)
        return
    names = assignment_names()
    generate(names, EXERCISES)
    out.print(f"{len(names)} exercises: {EXERCISES}")
    if copy:
        out.print(f"What a class gets: {students_copy(copy)}")


def _report(jobs: int) -> None:
    from utils.grading.assignments import find_assignment
    from utils.grading.grader_tests import check_all

    checked = check_all(jobs, bars)
    head = ("assignment", "points", "cells", "wrong answers caught", "right answers accepted")
    table, caught, accepted = Table(*head), 0, 0
    for name, outcomes in checked.items():
        points = find_assignment(name).points
        wrong, right = (
            [outcome.as_listed for outcome in outcomes if outcome.kind == kind]
            for kind in ("wrong", "right")
        )
        caught, accepted = caught + sum(wrong), accepted + sum(right)
        counts = [f"{sum(kind)} of {len(kind)}" for kind in (wrong, right)]
        table.add_row(name, f"{sum(points.values()):g}", str(len(points)), *counts)
    out.print(table)
    out.print(f"In all: {caught} wrong answers caught, {accepted} right ones accepted.")
    surprises = [
        f"{name}, {outcome}"
        for name, outcomes in checked.items()
        for outcome in outcomes
        if not outcome.as_listed
    ]
    if surprises:
        raise CourseError("Not as tests/exercises lists it: " + "; ".join(surprises))


@app.command(rich_help_panel="Teach")
def grade(
    assignment: Annotated[str, typer.Argument(help="As in exercises/: ex01_preprocess.")],
    submissions: Annotated[
        Path | None,
        typer.Option(help="A folder or zip of notebooks named by student, collected first."),
    ] = None,
    student: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    seconds: Annotated[
        float, typer.Option(min=5, help="Time limit of a notebook; a cell gets a third of it.")
    ] = 120,
    as_json: Json = False,
) -> None:
    """Grade what lies in grading/submitted/STUDENT/ASSIGNMENT, with feedback for each student."""
    from utils.grading.assignments import find_assignment
    from utils.grading.autograde import grade as grade_all
    from utils.grading.class_folder import ClassFolder
    from utils.grading.submissions import collect, students_of

    find_assignment(assignment)  # report a wrong name before collecting anything
    folder = ClassFolder.chosen()
    if submissions:
        collect(submissions, assignment, folder.submissions)
    names = [student] if student else students_of(folder.submissions)
    with bars(total=len(names), desc=assignment) as bar:
        graded = grade_all(
            folder, assignment, [student] if student else (), seconds, lambda _graded: bar.update()
        )
    if as_json:
        print_json({"assignment": assignment, "students": [own.to_json() for own in graded]})
        return
    table = Table("student", "score", "about the file", "seconds")
    for own in graded:
        score = "not graded" if own.score is None else f"{own.score:g} of {own.points:g}"
        waits = f" ({own.pending_points:g} to be given by hand)" if own.pending_points else ""
        table.add_row(own.student, score + waits, "; ".join(own.notes), f"{own.seconds:.1f}")
    out.print(table)
    out.print(f"Feedback: {folder.feedback}/STUDENT/{assignment}/{assignment}.html")


@app.command(rich_help_panel="Teach")
def grades(
    csv: Annotated[
        Path | None, typer.Option(help="Write nbgrader's table of all marks to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Everybody's scores in every assignment that was graded."""
    from utils.grading.autograde import all_grades, export_grades
    from utils.grading.class_folder import ClassFolder

    folder = ClassFolder.chosen()
    names, rows = all_grades(folder)
    if csv:
        export_grades(folder, csv)
    if as_json:
        print_json({"assignments": names, "students": rows})
        return
    table = Table("student", *names, "sum")
    for student, scores in rows.items():
        cells = [f"{scores[name]:g}" if name in scores else "–" for name in names]
        table.add_row(student, *cells, f"{sum(scores.values()):g}")
    out.print(table)
    if csv:
        out.print(f"Marks: {csv}")
