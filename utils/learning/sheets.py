"""Cheat sheets: one printable page a lesson and one for the course, every number computed."""

import ast
import importlib
import inspect
import os
import re
import shutil
import subprocess
import tempfile
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
from utils.learning.sources import TableSource, lesson_source
from utils.lessons import LESSONS, code_cells, read_notebook
from utils.quiz.markup import as_html
from utils.settings import PROJECT

COURSE = "course"
WIDE, WIDE_IN_MANY, MANY_COLUMNS = 100, 72, 5  # characters, of the page's small print
STAGES = "02_feature_extraction"  # whose tables stand on the page of the whole course


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
        tables=tuple(_table(lesson, notebook, named(table)) for table in source.tables),
        calls=tuple(_call(lesson, name, code) for name in source.calls),
        picture=first_picture(lesson),
    )


def named(table: str | TableSource) -> TableSource:
    """A table's cell, with a note or without one."""
    return table if isinstance(table, TableSource) else TableSource(cell=table)


def _table(lesson: str, notebook: NotebookNode, table: TableSource) -> Table:
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for found in re.findall(r"^##+ (.+)$", cell.source, re.MULTILINE):
                heading = found
        elif cell.id == table.cell and (rows := table_rows(cell)):
            return Table(heading=heading, note=table.note, rows=tuple(map(tuple, rows)))
    raise CourseError(f"learning/{lesson}.yaml: the cell {table.cell} shows no table.")


def _call(lesson: str, name: str, code: str) -> Call:
    short = name.rsplit(".", 1)[1]
    if not re.search(rf"\b{short}\b", code):
        raise CourseError(f"learning/{lesson}.yaml: the lesson never uses {name}.")
    found = _find(name)
    if found is None:
        raise CourseError(f"learning/{lesson}.yaml: there is no {name}.")
    first = (inspect.getdoc(found) or "").strip().split("\n\n")[0]
    signature = _signature(found, _keywords(code, short))
    return Call(name=name, signature=signature, summary=" ".join(first.split()))


def _keywords(code: str, name: str) -> set[str]:
    """The arguments that a lesson gives to a call by name."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    named_so = [call for call in calls if ast.unparse(call.func).rsplit(".", 1)[-1] == name]
    return {keyword.arg for call in named_so for keyword in call.keywords if keyword.arg}


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


def _signature(found: Any, used: set[str]) -> str:
    """A call's required arguments and those that the lesson gives; … stands for the others."""
    try:
        parameters = list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):
        return "(…)"
    own = [
        parameter for parameter in parameters if parameter.name not in ("self", "args", "kwargs")
    ]
    shown = [p.name for p in own if p.default is inspect.Parameter.empty]
    shown += [f"{p.name}=" for p in own if p.name in used and p.name not in shown]
    return f"({', '.join([*shown, *(['…'] if len(shown) < len(parameters) else [])])})"


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
        own=own, sheet=own.sheet, picture=Markup(picture), terms=terms, text=_text, is_wide=is_wide,
    ))  # fmt: skip


def is_wide(table: Table) -> bool:
    """Whether a table needs the whole width: by its longest texts, and by its columns."""
    columns = list(zip(*table.rows, strict=True))
    width = sum(2 + max(map(len, column)) for column in columns)
    return width > WIDE or (len(columns) > MANY_COLUMNS and width > WIDE_IN_MANY)


def _course_page(items: Sequence[LessonItems]) -> Markup:
    return Markup(
        _template("sheet_course.html").render(
            lessons=items, stages=STAGES, text=_text, is_wide=is_wide
        )
    )


def _text(markdown: str) -> Markup:
    """Code and emphasis of a line of Markdown as HTML."""
    return Markup(re.sub(r"\*([^*]+)\*", r"<em>\1</em>", as_html(markdown)))


def _template(name: str) -> Any:
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
