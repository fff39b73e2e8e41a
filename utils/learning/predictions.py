"""Predictions: what a cell will show, answered by its stored output; and how far a guess is off."""

import math
import re
from dataclasses import dataclass
from functools import cache

from nbformat import NotebookNode

from utils.errors import CourseError
from utils.learning.items import Prediction
from utils.learning.sources import Asked, lesson_source
from utils.lessons import IGNORED, LESSONS, code_cells, read_notebook

NUMBER = re.compile(
    r"[+-]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE
)
MOST_OPTIONS = 8


def predictions_of(lesson: str) -> list[Prediction]:
    """The predictions of a lesson with their answers, read from its stored outputs.

    Raises:
        CourseError: an answer isn't where the source says, or isn't compared by nbval.
    """
    return [_answered(lesson, asked) for asked in lesson_source(lesson).predictions]


def _answered(lesson: str, asked: Asked) -> Prediction:
    cells = {cell.id: cell for cell in code_cells(_notebook(lesson))}
    place = f"The prediction {lesson}, {asked.id}"
    if asked.cell not in cells:
        raise CourseError(f"{place}: the lesson has no code cell {asked.cell}.")
    cell = cells[asked.cell]
    if IGNORED in cell.metadata.get("tags", ()):
        raise CourseError(f"{place}: the output of {asked.cell} is never compared.")
    options = asked.options
    if asked.line:
        answer = _in_line(cell, asked.line, place)
    elif asked.row:
        answer = _in_row(cell, asked, place)
    else:
        options, answer = _extreme(cell, asked, place)
    if asked.kind == "choice" and options.count(answer) != 1:
        raise CourseError(f"{place}: the output says '{answer}', which isn't among its options.")
    if asked.kind == "number" and read_number(answer) is None:
        raise CourseError(f"{place}: '{answer}' isn't a number.")
    if asked.kind == "shape" and not read_shape(answer):
        raise CourseError(f"{place}: '{answer}' isn't a shape.")
    return Prediction(
        id=asked.id, lesson=lesson, cell=asked.cell, code=cell.source, ask=asked.ask,
        kind=asked.kind, options=options, answer=answer, why=asked.why,
        in_lesson=asked.in_lesson,
    )  # fmt: skip


@cache
def _notebook(lesson: str) -> NotebookNode:
    return read_notebook(LESSONS / f"{lesson}.ipynb")


def printed(cell: NotebookNode) -> str:
    """All that a cell shows as text."""
    parts = []
    for output in cell.outputs:
        data = output.get("data", {})
        parts.append(output.get("text") or data.get("text/markdown") or data.get("text/plain", ""))
    return "\n".join(parts)


def table_rows(cell: NotebookNode) -> list[list[str]]:
    """The rows of the tables that a cell shows, the first with the names of the columns."""
    lines = [line for line in printed(cell).splitlines() if line.startswith("| ")]
    rows = [[part.strip() for part in line.strip("|").split(" | ")] for line in lines]
    return [row for row in rows if not all(re.fullmatch(r"-+:?", part) for part in row)]


def _in_line(cell: NotebookNode, line: str, place: str) -> str:
    before, after = (re.escape(part).replace("…", ".*?") for part in line.split("{}"))
    found = re.findall(rf"^{before}(.+?){after}$", printed(cell), re.MULTILINE)
    if len(found) != 1:
        raise CourseError(f"{place}: {len(found)} lines of {cell.id}'s output fit '{line}'.")
    return found[0].strip()


def _columns(cell: NotebookNode, column: str, place: str) -> tuple[list[list[str]], int]:
    head, *rows = table_rows(cell) or [[]]
    if column not in head:
        raise CourseError(f"{place}: no column '{column}' in {cell.id}: {', '.join(head)}.")
    return rows, head.index(column)


def _in_row(cell: NotebookNode, asked: Asked, place: str) -> str:
    rows, position = _columns(cell, asked.column, place)
    fitting = [row for row in rows if row[0] == asked.row]
    if len(fitting) < asked.nth:
        labels = ", ".join(row[0] for row in rows)
        raise CourseError(f"{place}: no row '{asked.row}' in {cell.id}: {labels}.")
    return fitting[asked.nth - 1][position]


def _extreme(cell: NotebookNode, asked: Asked, place: str) -> tuple[tuple[str, ...], str]:
    rows, position = _columns(cell, asked.largest or asked.smallest, place)
    if asked.options:
        rows = [row for row in rows if row[0] in asked.options]
    values = [(read_number(row[position]), row[0]) for row in rows]
    known = [(value, label) for value, label in values if value is not None]
    labels = [label for _, label in known]
    if not 2 <= len(labels) <= MOST_OPTIONS or len(set(labels)) < len(labels):
        raise CourseError(
            f"{place}: {len(labels)} rows to choose from, or two alike: name options."
        )
    wanted = (max if asked.largest else min)(value for value, _ in known)
    winners = [label for value, label in known if value == wanted]
    if len(winners) != 1:
        raise CourseError(f"{place}: {' and '.join(winners)} are equal.")
    return tuple(labels), winners[0]


def read_number(text: str) -> float | None:
    """The number that a text begins with or that stands behind a sign; a unit may follow."""
    cleaned = text.strip().replace("−", "-").replace("\u202f", "").lstrip("≈~")
    found = NUMBER.match(cleaned)
    return float(found.group().replace(",", "")) if found else None


def read_shape(text: str) -> tuple[int, ...]:
    """The dimensions in "(1, 512, 7, 7)", "1 512 7 7" or "512×7×7"; empty if there are none."""
    return tuple(map(int, re.findall(r"\d+", text))) if re.search(r"\d", text) else ()


@dataclass(frozen=True, kw_only=True)
class Gap:
    """How far a guess is from the answer: whether it counts as right, and in words."""

    right: bool
    words: str


CLOSE = 0.1  # of the answer: a guess within it counts as right
CLOSE_POINTS = 5.0  # of percentages


def gap(prediction: Prediction, guess: str) -> Gap | None:
    """Compare a guess with the answer; None if the guess can't be read as what is asked for."""
    if prediction.kind == "choice":
        return _choice_gap(prediction, guess)
    if prediction.kind == "shape":
        return _shape_gap(read_shape(prediction.answer), read_shape(guess))
    expected, guessed = read_number(prediction.answer), read_number(guess)
    if expected is None or guessed is None or not math.isfinite(guessed):
        return None
    if prediction.answer.endswith("%"):
        points = guessed - expected
        words = "Exactly." if points == 0 else f"{abs(points):.1f} points too {_side(points)}."
        return Gap(right=abs(points) <= CLOSE_POINTS, words=words)
    return _number_gap(expected, guessed)


def _choice_gap(prediction: Prediction, guess: str) -> Gap | None:
    number = read_number(guess)
    if number is None or number not in range(1, len(prediction.options) + 1):
        return None
    right = prediction.options[int(number) - 1] == prediction.answer
    return Gap(right=right, words="")


def _shape_gap(expected: tuple[int, ...], guessed: tuple[int, ...]) -> Gap | None:
    if not guessed:
        return None
    if len(guessed) != len(expected):
        words = f"Dimensions named: {len(guessed)}; there are {len(expected)}."
        return Gap(right=False, words=words)
    off = [f"dimension {i}" for i, pair in enumerate(zip(expected, guessed, strict=True), 1)
           if pair[0] != pair[1]]  # fmt: skip
    return Gap(right=not off, words=f"Off: {', '.join(off)}." if off else "Exactly.")


def _number_gap(expected: float, guessed: float) -> Gap:
    difference = guessed - expected
    if difference == 0:
        return Gap(right=True, words="Exactly.")
    side = _side(difference)
    if expected == 0 or guessed * expected <= 0:
        return Gap(right=False, words=f"{abs(difference):g} too {side}.")
    ratio = guessed / expected
    right = abs(difference) <= CLOSE * abs(expected)
    if 0.5 <= ratio <= 2:
        return Gap(right=right, words=f"{abs(ratio - 1):.0%} too {side}.")
    return Gap(right=right, words=f"{max(ratio, 1 / ratio):.3g} times too {side}.")


def _side(difference: float) -> str:
    return "high" if difference > 0 else "low"
