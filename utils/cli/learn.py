"""The commands `course learn`, `cards`, `progress`, `sheets`, and `items` for maintainers."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from utils.cli.options import Json, out, print_json
from utils.errors import CourseError, is_called
from utils.learning.ways import ASKED, LEADS, TITLES, Way

if TYPE_CHECKING:  # the bank and the items take a moment to load
    from collections.abc import Sequence

    from utils.learning.catalogue import Task

app = typer.Typer()
SITTING = timedelta(minutes=10)
LessonName = Annotated[str | None, typer.Argument(help="A lesson, as in 05; all if none is given.")]


@app.command(rich_help_panel="Learn")
def learn(
    lesson: LessonName = None,
    mode: Annotated[Way | None, typer.Option(help="One way alone.")] = None,
    ways: Annotated[
        bool, typer.Option("--ways", help="Count what there is, by lesson and way.")
    ] = False,
) -> None:
    """What next? Ten minutes of what is due and what is new, in changing ways; q stops."""
    if ways:
        _count_ways()
        return
    tasks = _tasks(lesson, mode)
    if mode and not tasks:
        _point_to(_find_lesson(lesson) if lesson else None, mode)
    else:
        _sit(tasks)


@app.command(rich_help_panel="Learn")
def cards(
    lesson: LessonName = None,
    due: Annotated[bool, typer.Option("--due", help="Only those that are due.")] = False,
    anki: Annotated[
        Path | None, typer.Option(help="Write all cards into this .apkg file for Anki.")
    ] = None,
) -> None:
    """Cards that come back after 1, 3, 7, 16 and 35 days; or a deck for Anki."""
    from utils.learning.plan import due_tasks
    from utils.learning.progress import memories, progress_file, read_progress

    tasks = _tasks(lesson, Way.CARDS)
    if anki:
        from utils.learning.anki import write_deck

        write_deck([task.content for task in tasks], anki)
        out.print(f"{len(tasks)} cards: {anki}")
        return
    if due:
        known = memories(read_progress(progress_file()))
        tasks = due_tasks(tasks, known, _now(), [Way.CARDS])
        if not tasks:
            out.print("No card is due.")
            return
    _sit(tasks)


@app.command(rich_help_panel="Learn")
def progress(
    other: Annotated[
        Path | None,
        typer.Option("--import", help="Add the answers of another such file, as from a browser."),
    ] = None,
    as_json: Json = False,
) -> None:
    """What you have seen, what was right and what is due, by lesson and way; kept here alone."""
    from utils.learning.catalogue import catalogue, lesson_names
    from utils.learning.progress import merge, progress_file, read_progress, summary

    file = progress_file()
    if other:
        print(f"{merge(other, file)} answers added to {file}", file=sys.stderr)
    table = summary(catalogue(), read_progress(file), _now())
    if as_json:
        print_json({"file": str(file), "lessons": table})
        return
    shown = Table("lesson", *(way.value for way in ASKED), title="right of seen of all, and due")
    for lesson in lesson_names():
        cells = [table[lesson][way.value] for way in ASKED]
        shown.add_row(lesson, *(
            f"{cell['right']}/{cell['seen']}/{cell['items']}"
            + (f", {cell['due']} due" if cell["due"] else "")
            for cell in cells
        ))  # fmt: skip
    out.print(shown)
    out.print(f"Kept in {file}, and nowhere else; delete the file to begin anew.", soft_wrap=True)


@app.command(rich_help_panel="Learn")
def sheets(
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print all of them into one PDF file, a page each.")
    ] = False,
    folder: Annotated[Path, typer.Option("--out", help="Where the pages go.")] = Path(
        "reports/sheets"
    ),
) -> None:
    """Cheat sheets: a printable page for each lesson, and one for the course."""
    from utils.learning.catalogue import lesson_names
    from utils.learning.items import lesson_items
    from utils.learning.sheets import print_pdf, write_all, write_sheets

    items = [lesson_items(name) for name in lesson_names()]
    files = write_sheets(items, folder)
    out.print(f"{len(files)} pages: {folder}", soft_wrap=True)
    if pdf:
        printed = print_pdf(write_all(items, folder / "all.html"), folder / "sheets.pdf")
        out.print(f"All of them, a page each: {printed}", soft_wrap=True)


@app.command(rich_help_panel="Maintain")
def items() -> None:
    """Make learning/items/ anew from lessons, questions and exercises."""
    from utils.learning.generate import write_items
    from utils.learning.items import ITEMS

    write_items(ITEMS, lambda file: out.print(file.name))


def _now() -> datetime:
    return datetime.now(UTC)


def _find_lesson(name: str) -> str:
    from utils.learning.catalogue import lesson_names

    found = [lesson for lesson in lesson_names() if is_called(lesson, name)]
    if len(found) != 1:
        raise CourseError(f"There is no lesson '{name}': use one of {', '.join(lesson_names())}.")
    return found[0]


def _tasks(lesson: str | None, mode: Way | None) -> "list[Task]":
    """The items of a lesson and a way, of all where none is named."""
    from utils.learning.catalogue import catalogue

    wanted = _find_lesson(lesson) if lesson else None
    return [
        task for task in catalogue()
        if (wanted is None or task.lesson == wanted) and (mode is None or task.way is mode)
    ]  # fmt: skip


def _sit(tasks: "Sequence[Task]") -> None:
    """Ask until ten minutes are over, nothing is left, or the learner stops; keep each answer."""
    from utils.cli.asking import ask
    from utils.learning.plan import next_task
    from utils.learning.progress import Answered, memories, progress_file, read_progress, record

    file = progress_file()
    began, asked, right = _now(), [], 0
    out.print(
        f"Ten minutes. q stops at any time; what you answered is kept in {file}.", soft_wrap=True
    )
    while _now() - began < SITTING:
        answers = read_progress(file)
        task = next_task(tasks, memories(answers), asked, _now())
        if task is None:
            break
        if not any(own.lesson == task.lesson for own in answers):
            out.print(f"New to you: read and run lessons/{task.lesson}.ipynb first (make lab).")
        out.rule(f"{task.lesson} · {task.way.value}")
        answer = ask(task)
        if answer is None:
            break
        record(
            Answered(at=_now(), item=task.id, way=task.way, lesson=task.lesson, right=answer), file
        )
        asked.append(task)
        right += answer
    _end(asked, right)


def _end(asked: "Sequence[Task]", right: int) -> None:
    if not asked:
        out.print("Nothing was asked: nothing is due and nothing is new here, or you stopped.")
        return
    out.print(f"{right} of {len(asked)} right. `course learn` goes on from here.", highlight=False)
    _point_to(asked[-1].lesson, Way.LESSON)
    _point_to(asked[-1].lesson, Way.TRACE)


def _point_to(lesson: str | None, way: Way) -> None:
    """Say where a way begins that isn't asked in the terminal."""
    from utils.learning.items import lesson_items

    if way in ASKED:
        out.print("Nothing of this kind is here: it is made from exercises, when they are over.")
        return
    name = lesson or "NN_name"
    begin = {
        Way.LESSON: f"make lab, then lessons/{name}.ipynb", Way.SHEET: "course sheets",
        Way.TRACE: "course trace", Way.MAKE: "make lab, then the exercise that the lesson names",
    }  # fmt: skip
    out.print(f"{TITLES[way]}: {LEADS[way]} {begin[way]}", highlight=False)
    if lesson and way is Way.TRACE:
        for trace in lesson_items(lesson).traces:
            out.print(f"{trace.command}\n    {trace.watch}", highlight=False)
    if lesson and way is Way.MAKE:
        for make in lesson_items(lesson).makes:
            out.print(f"- {make}", highlight=False)


def _count_ways() -> None:
    from utils.learning.catalogue import counts

    table = Table("lesson", *(way.value for way in Way))
    counted = counts()
    for lesson, row in counted.items():
        table.add_row(lesson, *(str(row[way] or "–") for way in Way))
    table.add_row("all", *(str(sum(row[way] for row in counted.values())) for way in Way))
    out.print(table)
    out.print("–: the lesson has no exercise to make these from, or your class's isn't over yet.")
