"""A student's feedback: one page without scripts, out of the graded notebook and the marks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from nbformat import NotebookNode

from utils.files import write_file
from utils.grading.exercise import Kind, is_students, kind_of
from utils.grading.marks.gradebook import Marks
from utils.grading.names import shown_name
from utils.grading.sanitize import PICTURES, markdown_html, plain_text, safe_html

RECORD = "vision_course"  # where a graded notebook's metadata says how it was graded


@dataclass(frozen=True, kw_only=True)
class Shown:
    """An output on the page: a picture, HTML, or text."""

    text: str = ""
    html: Markup | None = None
    picture: str = ""
    error: bool = False


@dataclass(frozen=True, kw_only=True)
class Section:
    """A cell on the page."""

    source: str
    html: Markup | None = None
    heading: str = ""
    anchor: str = ""
    state: str = ""  # passed or failed, of a test
    outputs: tuple[Shown, ...] = ()
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A line in the table of points."""

    name: str
    score: float | None
    points: float


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page is made of."""

    notebook: NotebookNode
    marks: Marks
    comments: Mapping[str, str] = field(default_factory=dict)  # a person's, by cell


def write_feedback(page: Page, file: Path) -> None:
    """Write the page; raises CourseError where it can't be written."""
    write_file(file, render_feedback(page))


def render_feedback(page: Page) -> str:
    """The page as HTML; it holds everything and asks for nothing."""
    record = page.notebook.metadata[RECORD]
    points = {
        cell.metadata.nbgrader.grade_id: float(cell.metadata.nbgrader.points)
        for cell in page.notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    parts = [
        Part(name=name, score=page.marks.cells.get(name), points=most)
        for name, most in points.items()
    ]
    return _template().render(
        assignment=page.marks.assignment, student=shown_name(page.marks.student), marks=page.marks,
        notes=[plain_text(note) for note in record["notes"]], parts=parts,
        cells=[_section(cell, page) for cell in page.notebook.cells],
    )  # fmt: skip


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("utils.grading"), autoescape=True, trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    return environment.get_template("feedback.html.j2")


def _section(cell: NotebookNode, page: Page) -> Section:
    name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    kind, outputs = kind_of(cell), tuple(_shown(own) for own in cell.get("outputs", ()))
    comment = plain_text(page.comments.get(name, ""))
    if kind is Kind.TEXT:
        html = Markup(cell.source if is_students(cell) else markdown_html(cell.source))
        return Section(source="", html=html, anchor=name, comment=comment)
    own = {"source": plain_text(cell.source), "outputs": outputs, "comment": comment}
    if kind is not Kind.TEST:
        return Section(**own, anchor=name)
    score, points = page.marks.cells.get(name), float(cell.metadata.nbgrader.points)
    state = "passed" if score == points else "failed"
    heading = f"Test {name}: {score or 0:g} of {points:g}"
    return Section(**own, heading=heading, anchor=name, state=state)


def _shown(output: Any) -> Shown:
    if output["output_type"] == "stream":
        return Shown(text=output["text"], error=output["name"] == "stderr")
    if output["output_type"] == "error":
        return Shown(text="\n".join(output["traceback"]), error=True)
    data = output["data"]
    picture = next((f"data:{kind};base64,{data[kind]}" for kind in PICTURES if kind in data), "")
    html = Markup(safe_html(data["text/html"])) if "text/html" in data else None
    return Shown(text=data.get("text/plain", ""), html=html, picture=picture)
