"""The command `course grade`: what came in, judged and marked."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from utils.cli.options import Json, out, print_json
from utils.errors import CourseError
from utils.grading.incoming.layouts import Layout

if TYPE_CHECKING:
    from utils.grading.autograde import Graded, Grading
    from utils.grading.class_folder import ClassFolder
    from utils.grading.incoming.inbox import Arrival

app = typer.Typer()
NO_SANDBOX = (
    "Without a sandbox: students' code runs with your rights, and can read and change what you can."
)


@app.command(rich_help_panel="Teach")
def grade(
    assignment: Annotated[
        str | None, typer.Argument(help="As in exercises/: ex01_preprocess.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every assignment that anybody has handed in.")
    ] = False,
    submissions: Annotated[
        Path | None, typer.Option(help="A folder or zip of what came in, collected first.")
    ] = None,
    layout: Annotated[
        Layout, typer.Option("--from", help="Who named the files in it; auto finds that out.")
    ] = Layout.AUTO,
    student: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    seconds: Annotated[
        float, typer.Option(min=5, help="Time limit of a notebook; a cell gets a third of it.")
    ] = 120,
    due: Annotated[
        str | None, typer.Option(help="Deadline, 2026-11-30T23:59+01:00; none takes it away.")
    ] = None,
    penalty_per_day: Annotated[
        float | None, typer.Option(min=0, help="Points lost for each day begun after it.")
    ] = None,
    grace: Annotated[
        float | None, typer.Option(min=0, help="Minutes after it that cost nothing.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Students at a time; by default one a core.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Use the Dask cluster at tcp://HOST:PORT instead.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Judge those too whose result is there already.")
    ] = False,
    no_sandbox: Annotated[
        bool, typer.Option("--no-sandbox", help="Let students' code run with your rights.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Grade what lies in grading/submitted/STUDENT/ASSIGNMENT, with feedback for each student."""
    from utils.grading.assignments import find_assignment
    from utils.grading.autograde import Grading
    from utils.grading.class_folder import ClassFolder
    from utils.grading.incoming.inbox import collect

    folder, rule = ClassFolder.chosen(), (due, penalty_per_day, grace)
    how = Grading(
        seconds=seconds, jobs=jobs or os.cpu_count() or 1, scheduler=scheduler,
        sandbox=not no_sandbox, again=again,
    )  # fmt: skip
    if no_sandbox:
        out.print(Text(NO_SANDBOX, style="bold red"))
    run = _Run(folder=folder, student=student, how=how, silent=as_json)
    if every:
        if assignment or submissions or any(own is not None for own in rule):
            raise CourseError(
                "--all grades what has been collected, by the rules chosen before: give --all, or "
                "an assignment with --submissions, --due, --penalty-per-day and --grace."
            )
        _grade_all(run)
        return
    if assignment is None:
        raise CourseError("Which assignment? Name one, such as ex01_preprocess, or give --all.")
    find_assignment(assignment)  # report a wrong name before collecting anything
    arrivals = collect(submissions, assignment, folder, layout) if submissions else []
    if any(own is not None for own in rule):
        _choose_late_rule(folder, assignment, *rule)
    graded = run.grade(assignment, arrivals)
    if as_json:
        print_json(_as_json(assignment, graded))


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What all assignments of a command share."""

    folder: "ClassFolder"
    student: str | None
    how: "Grading"
    silent: bool

    def grade(self, assignment: str, arrivals: "list[Arrival]") -> "list[Graded]":
        """Grade one assignment; the table fills as students are done."""
        from utils.grading.autograde import grade as grade_all
        from utils.grading.incoming.submissions import students_of

        names = [self.student] if self.student else students_of(self.folder.submissions)
        graded: list[Graded] = []
        with _filling(assignment, len(names), self.silent) as add:
            if names or not arrivals:
                only = [self.student] if self.student else ()
                graded = grade_all(self.folder, assignment, only, self.how, add)
            for row in _of_nobody(arrivals, assignment) if not self.student else ():
                graded.append(row)
                add(row)
        if not self.silent:
            out.print(f"Feedback: {self.folder.page('STUDENT', assignment)}")
        return graded


@contextmanager
def _filling(title: str, count: int, silent: bool) -> Iterator[Any]:
    """A table with a line for each result, and how fast they come; yields how to add one."""
    table = Table("student", "score", "about the file", "seconds", title=title)
    started, done = time.monotonic(), 0
    if silent:
        yield lambda _graded: None
        return
    with Live(table, console=out, refresh_per_second=4, vertical_overflow="crop") as live:

        def add(own: "Graded") -> None:
            nonlocal done
            done += 1
            table.add_row(*_cells(own))
            minutes = (time.monotonic() - started) / 60
            speed = f"{done} of {count}, {done / max(minutes, 1e-3):.0f} a minute"
            live.update(Group(table, Text(speed)))

        yield add
        live.update(table)
    if not out.is_terminal:  # there, rich ends the table without a line break
        out.line()


def _cells(own: "Graded") -> tuple[str, str, str, str]:
    score = "not graded" if own.score is None else f"{own.score:g} of {own.points:g}"
    parts = [
        f"{points:g} {what}"
        for points, what in (
            (own.extra_credit, "of it extra credit"),
            (own.penalty, "lost by being late"),
            (own.pending_points, "to be given by hand"),
        )
        if points
    ]
    shown = f"{score} ({', '.join(parts)})" if parts else score
    return own.student, shown, "; ".join(own.notes), f"{own.seconds:.1f}"


def _of_nobody(arrivals: "list[Arrival]", assignment: str) -> "Iterator[Graded]":
    """A row for each file that belongs to no student; the other files are in a student's row."""
    from utils.grading.assignments import find_assignment
    from utils.grading.autograde import Graded

    points = sum(find_assignment(assignment).points.values())
    for own in arrivals:
        if not own.somebodys:
            note = f"not graded: {own.file} {own.note}"
            yield Graded(student=own.student, score=None, points=points, notes=(note,))


def _choose_late_rule(
    folder: "ClassFolder",
    assignment: str,
    due: str | None,
    penalty_per_day: float | None,
    grace: float | None,
) -> None:
    from utils.grading.marks.deadlines import choose_late_rule, chosen_late_rule
    from utils.grading.marks.lateness import revised

    before = chosen_late_rule(folder, assignment)
    choose_late_rule(folder, assignment, revised(before, due, penalty_per_day, grace))


def _grade_all(run: _Run) -> None:
    """Grade each assignment in turn; one that can't be graded doesn't stop the others."""
    from utils.grading.assignments import assignment_names
    from utils.grading.incoming.submissions import students_of

    folder = run.folder
    names = [
        name
        for name in assignment_names()
        if any(folder.submitted(s, name).is_dir() for s in students_of(folder.submissions))
    ]
    if not names:
        raise CourseError(
            f"There are no submissions in {folder.submissions}: give them with --submissions, "
            "one assignment at a time."
        )
    rows, failed = [], []
    for name in names:
        try:
            rows.append(_as_json(name, run.grade(name, [])))
        except CourseError as error:
            failed.append(f"{name}: {error}")
    if run.silent:
        print_json(rows)
    if failed:
        raise CourseError(" ".join(failed))


def _as_json(assignment: str, graded: "list[Graded]") -> dict[str, Any]:
    return {"assignment": assignment, "students": [own.to_json() for own in graded]}
