"""Cheat sheets: one printable page a lesson and one for the course, every number computed."""

import importlib
import inspect
import os
import re
import shutil
import subprocess
import tempfile
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from nbformat import NotebookNode

from utils.errors import CourseError
from utils.files import write_file
from utils.learning.cards import first_picture
from utils.learning.items import Call, LessonItems, Sheet, Table
from utils.learning.predictions import table_rows
from utils.learning.sources import lesson_source
from utils.lessons import LESSONS, code_cells, read_notebook
from utils.quiz.markup import as_html
from utils.settings import PROJECT

COURSE = "course"
STAGES = "02_feature_extraction"  # whose tables stand on the page of the whole course
LONGEST = 96  # characters of a signature: one line


def sheet_of(lesson: str) -> Sheet:
    """A lesson's goals, tables that its cells computed, its first diagram, and five calls.

    Raises:
        CourseError: a cell without a table, or a call that doesn't exist or isn't made.
    """
    source, notebook = lesson_source(lesson).sheet, read_notebook(LESSONS / f"{lesson}.ipynb")
    promised = notebook.cells[0].source.split("After this lesson you can", 1)[1]
    goals = re.findall(r"^- (.+?)[;.]?$", promised, re.MULTILINE)
    code = "\n".join(cell.source for cell in code_cells(notebook))
    return Sheet(
        goals=tuple(goals),
        tables=tuple(_table(lesson, notebook, cell) for cell in source.tables),
        calls=tuple(_call(lesson, name, code) for name in source.calls),
        picture=first_picture(lesson),
    )


def _table(lesson: str, notebook: NotebookNode, name: str) -> Table:
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for found in re.findall(r"^##+ (.+)$", cell.source, re.MULTILINE):
                heading = found
        elif cell.id == name and (rows := table_rows(cell)):
            return Table(heading=heading, rows=tuple(map(tuple, rows)))
    raise CourseError(f"learning/{lesson}.yaml: the cell {name} shows no table.")


def _call(lesson: str, name: str, code: str) -> Call:
    if not re.search(rf"\b{name.rsplit('.', 1)[1]}\b", code):
        raise CourseError(f"learning/{lesson}.yaml: the lesson never uses {name}.")
    found = _find(name)
    if found is None:
        raise CourseError(f"learning/{lesson}.yaml: there is no {name}.")
    first = (inspect.getdoc(found) or "").strip().split("\n\n")[0]
    return Call(name=name, signature=_signature(found), summary=" ".join(first.split()))


def _find(name: str) -> Any:
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for part in parts[length:]:
            found = getattr(found, part, None)
        return found
    return None


def _signature(found: Any) -> str:
    """A call's arguments with their defaults, without types, cut where it gets too long."""
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return "(…)"
    shown = [
        parameter.replace(annotation=inspect.Parameter.empty, default=_default(parameter.default))
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]
    text = str(inspect.Signature(shown))
    return text if len(text) <= LONGEST else text[: text.rindex(",", 0, LONGEST)] + ", …)"


class _Named:
    """A default that is shown by its name, not by where it lies in memory."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def _default(value: Any) -> Any:
    if value is inspect.Parameter.empty or not callable(value):
        return value
    return _Named(getattr(value, "__name__", type(value).__name__))


def write_sheets(items: Sequence[LessonItems], folder: Path) -> list[Path]:
    """Write a page for each lesson, and one for the course.

    Raises:
        CourseError: the folder can't be written.
    """
    files = [_write(folder / f"{own.lesson}.html", [_lesson_page(own)]) for own in items]
    return [*files, _write(folder / f"{COURSE}.html", [_course_page(items)])]


def write_all(items: Sequence[LessonItems], file: Path) -> Path:
    """Write one file with the course's page and every lesson's, each a printed page."""
    return _write(file, [_course_page(items), *map(_lesson_page, items)])


def _write(file: Path, pages: Sequence[Markup]) -> Path:
    write_file(file, _template("sheet_page.html").render(pages=pages, title=file.stem))
    return file


def _lesson_page(own: LessonItems) -> Markup:
    picture = (LESSONS / own.sheet.picture).read_text(encoding="utf-8") if own.sheet.picture else ""
    picture = picture[picture.index("<svg") :] if picture else ""
    terms = [card for card in own.cards if card.kind == "term"]
    return Markup(_template("sheet_lesson.html").render(
        own=own, sheet=own.sheet, picture=Markup(picture), terms=terms, text=_text,
    ))  # fmt: skip


def _course_page(items: Sequence[LessonItems]) -> Markup:
    return Markup(_template("sheet_course.html").render(lessons=items, stages=STAGES, text=_text))


def _text(markdown: str) -> Markup:
    """Code and emphasis of a line of Markdown as HTML."""
    return Markup(re.sub(r"\*([^*]+)\*", r"<em>\1</em>", as_html(markdown)))


def _template(name: str) -> typing.Any:
    loader = FileSystemLoader(PROJECT / "utils" / "learning" / "templates")
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    ).get_template(name)  # fmt: skip


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
            "msedge", "microsoft-edge", "brave-browser")  # fmt: skip
PRINTING = 120  # seconds


def print_pdf(page: Path, file: Path) -> Path:
    """Have a browser print a page into a PDF file.

    Raises:
        CourseError: no browser that can do this without a window, or it printed nothing.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise CourseError(
            f"No Chromium, Chrome or Edge was found to print with: open {page} and print it "
            "(A4, no margins)."
        )
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as profile:
        printed = Path(profile) / "printed.pdf"
        command = [
            browser, "--headless", *as_root, "--disable-gpu", "--no-pdf-header-footer",
            f"--user-data-dir={profile}", f"--print-to-pdf={printed}", page.resolve().as_uri(),
        ]  # fmt: skip
        try:
            subprocess.run(command, capture_output=True, timeout=PRINTING, check=False)
            write_file(file, printed.read_bytes())
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CourseError(
                f"{browser} printed nothing: open {page} and print it (A4, no margins)."
            ) from error
    return file


def count_pages(file: Path) -> int:
    """How many pages a PDF file that a browser printed has."""
    return len(re.findall(rb"/Type\s*/Page\b", file.read_bytes()))
