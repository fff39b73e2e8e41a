"""Predictions and Parsons problems in a notebook: plain HTML without a kernel or a network."""

import html
import json
from typing import Any

from utils.errors import CourseError
from utils.learning.items import Parsons, Prediction, exercise_items, lesson_items
from utils.learning.pieces import STEP, mixed_lines
from utils.settings import PROJECT

SCRIPTS = PROJECT / "utils" / "learning" / "templates"
STYLE = (
    "border:1px solid #767676;border-left:6px solid #392061;border-radius:4px;"
    "padding:8px 14px;margin:6px 0;max-width:700px"
)


def show_predict(lesson: str, name: str) -> Any:
    """Ask for a guess at what a later cell shows, and tell the gap; nothing is sent or kept.

    Raises:
        CourseError: no such lesson or prediction.
    """
    from IPython.display import HTML

    for prediction in lesson_items(lesson).predictions:
        if prediction.id == name:
            return HTML(predict_page(prediction))
    raise CourseError(f"Lesson {lesson} has no prediction '{name}': see learning/{lesson}.yaml.")


def show_parsons(exercise: str, name: str = "") -> Any:
    """Show the lines of a function to be put in order; the first problem where none is named.

    Raises:
        CourseError: no such exercise or problem.
    """
    from IPython.display import HTML

    for problem in exercise_items(exercise).parsons:
        if name in ("", problem.id, problem.cell):
            return HTML(parsons_page(problem))
    raise CourseError(f"Exercise {exercise} has no Parsons problem '{name}'.")


def predict_page(prediction: Prediction) -> str:
    """A prediction as HTML: a question, a place for the guess, and the answer behind a button."""
    data = {
        "kind": prediction.kind, "answer": prediction.answer,
        "options": list(prediction.options), "why": prediction.why,
    }  # fmt: skip
    name = f"predict-{prediction.lesson}-{prediction.id}"
    return _page(name, prediction.ask, _entry(prediction, name), "predict.js", data)


def _entry(prediction: Prediction, name: str) -> str:
    if prediction.kind != "choice":
        place = "as in 1, 512, 7, 7" if prediction.kind == "shape" else ""
        return (
            f'<label>Your guess <input type="text" placeholder="{place}" size="18"></label> '
            '<button type="button">Compare</button>'
        )
    options = "".join(
        f'<label style="display:block"><input type="radio" name="{name}" value="{number}"> '
        f"{html.escape(option)}</label>"
        for number, option in enumerate(prediction.options)
    )
    return f'{options}<button type="button">Compare</button>'


def parsons_page(problem: Parsons) -> str:
    """A Parsons problem as HTML: lines that buttons move and set in, by mouse or keyboard."""
    codes = mixed_lines(problem)
    data = {
        "lines": [line.model_dump() for line in problem.lines],
        "mistakes": {d.code: d.mistake for d in problem.distractors},
        "codes": codes, "step": STEP,
    }  # fmt: skip
    task = "Put the lines in order and indent them; some don't belong. " + _first(problem.task)
    entry = '<ol></ol><button type="button">Check</button>'
    return _page(f"parsons-{problem.id}", task, entry, "parsons.js", data)


def _first(task: str) -> str:
    """The first paragraph of an exercise's task, without its heading."""
    paragraphs = [part for part in task.split("\n\n") if not part.startswith("#")]
    return paragraphs[0] if paragraphs else ""


def _page(name: str, question: str, entry: str, script: str, data: dict[str, Any]) -> str:
    own = json.dumps(data, ensure_ascii=True).replace("<", "\\u003c")
    code = (SCRIPTS / script).read_text(encoding="utf-8")
    return (
        f'<div id="{name}" style="{STYLE}"><p>{html.escape(question)}</p>'
        f'<form onsubmit="return false">{entry}</form><p role="status"></p></div>'
        f'<script>(() => {{ const root = document.getElementById("{name}"); const item = {own};\n'
        f"{code}}})();</script>"
    )
