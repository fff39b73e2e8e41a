"""Lessons and exercises as pages: stored outputs, and the site's own quizzes in them."""

import json
import re

import nbformat
from nbformat import NotebookNode

from utils.grading.assignments import EXERCISES
from utils.learning.items import lesson_items
from utils.lessons import LESSONS, read_notebook
from utils.quiz.bank import Question, find_bank, read_bank
from utils.site.config import SiteConfig

PREDICT = re.compile(r'^show_predict\("(\w+)", "([\w-]+)"\)$')
QUIZ = re.compile(r'^(?:#.*\n)?show_quiz\("(\w+)"\)$')
NOTEBOOK = re.compile(r"\]\(\.\./(?:\.\./)?(lessons|exercises)/(?:\w+/)?(\w+)\.ipynb\)")
FILE = re.compile(r"\]\((?:\.\./)+(?!lessons|exercises)([\w./-]+)\)")


def element(tag: str, lesson: str, items: object, **attributes: str) -> str:
    """A web component with the items that it asks, embedded as data, as Markdown for Sphinx."""
    data = json.dumps(items, ensure_ascii=False).replace("<", "\\u003c")
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    page = (
        f'<{tag} lesson="{lesson}"{given}><script type="application/json">{data}</script>'
        f'<p class="course-fallback">This part needs JavaScript.</p></{tag}>'
    )
    return f"```{{raw}} html\n{page}\n```"


def plain_question(question: Question) -> dict[str, object]:
    """A question without the code that proves its key."""
    content = question.model_dump(exclude={"setup"})
    for option in content["options"].values():
        option.pop("true_if")
    return content


def lesson_page(lesson: str, config: SiteConfig) -> str:
    """A lesson's notebook for Sphinx."""
    notebook = read_notebook(LESSONS / f"{lesson}.ipynb")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if match := PREDICT.match(cell.source):
                _become(cell, _prediction(*match.groups()))
            elif match := QUIZ.match(cell.source):
                _become(cell, lesson_quiz(match[1]))
        else:
            cell.source = _with_links(cell.source, config)
    opened = nbformat.v4.new_markdown_cell(_launch_links(f"lessons/{lesson}.ipynb", config))
    notebook.cells.insert(1, opened)
    return nbformat.writes(notebook)


def exercise_page(exercise: str, config: SiteConfig) -> str:
    """An exercise as students get it."""
    notebook = read_notebook(EXERCISES / exercise / f"{exercise}.ipynb")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _with_links(cell.source, config)
    return nbformat.writes(notebook)


def colab_copy(lesson: str, config: SiteConfig) -> str:
    """A lesson that begins by fetching and installing the course, for a machine without it."""
    notebook = read_notebook(LESSONS / f"{lesson}.ipynb")
    folder = config.owner_and_name.split("/")[1]
    source = (
        "# Fetch the course, and install what it needs (versions by pyproject.toml's ranges).\n"
        f"!git clone --quiet --depth 1 {config.repository} {folder}\n"
        f"%cd {folder}/lessons\n"
        "%pip install --quiet -e .."
    )
    notebook.cells.insert(0, nbformat.v4.new_code_cell(source))
    return nbformat.writes(notebook)


def lesson_quiz(lesson: str) -> str:
    """The three questions that stand in a lesson."""
    asked = read_bank(find_bank(lesson)).of_kind("lesson")
    return element("course-quiz", lesson, [plain_question(question) for question in asked])


def _prediction(lesson: str, name: str) -> str:
    found = [p for p in lesson_items(lesson).predictions if p.id == name]
    return element("course-predict", lesson, [p.model_dump() for p in found])


def _become(cell: NotebookNode, page: str) -> None:
    """Turn a code cell into one that shows HTML."""
    cell.cell_type, cell.source = "markdown", page
    for key in ("outputs", "execution_count"):
        cell.pop(key, None)


def _with_links(text: str, config: SiteConfig) -> str:
    text = NOTEBOOK.sub(r"](../\1/\2.ipynb)", config.local(text, "../"))

    def in_repository(match: re.Match[str]) -> str:
        return f"]({config.file_address(match[1])})"

    return FILE.sub(in_repository, text)


def _launch_links(path: str, config: SiteConfig) -> str:
    name = config.owner_and_name
    stem = path.rpartition("/")[2]
    links = {
        "Colab": f"https://colab.research.google.com/github/{name}/blob/{config.pages_branch}/latest/colab/{stem}",
        "Binder": f"https://mybinder.org/v2/gh/{name}/{config.branch}?labpath={path}",
        "Codespaces": f"https://codespaces.new/{name}",
    }
    shown = " · ".join(f"[{service}]({address})" for service, address in links.items())
    return f"Open this lesson in {shown}, or on your own machine: `make lab`."
