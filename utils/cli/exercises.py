"""The command `course exercises`: hand out, and test the graders."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from utils.cli.options import bars, out
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
