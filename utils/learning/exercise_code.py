"""An exercise as the ways that use its code need it: cells, right and wrong answers, its tests."""

import re
from dataclasses import dataclass, field
from functools import cache

from utils.grading.assignments import assignment_names, source_notebook
from utils.grading.exercise import Kind, kind_of
from utils.grading.grader_tests import SOLUTION, read_answers
from utils.learning.items import Piece
from utils.learning.pieces import same_code
from utils.lessons import find_lessons, read_notebook

MARKS = re.compile(r"^ *### (?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS)\n?", re.MULTILINE)
LINKED = re.compile(r"\]\(\.\./exercises/(\w+)/\1\.ipynb\)")


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A wrong answer of one cell."""

    name: str
    cell: str
    code: str
    fails: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ExerciseCode:
    """All that practice is made from."""

    name: str
    pieces: tuple[Piece, ...]
    tasks: dict[str, str]  # by answer cell: the prose before it
    right: dict[str, dict[str, str]] = field(default_factory=dict)  # by cell, then by name
    wrong: tuple[Wrong, ...] = ()


@cache
def exercise_code(name: str) -> ExerciseCode:
    """Read an exercise with all its sample answers.

    Raises:
        CourseError: no such exercise, or a damaged list of answers.
    """
    pieces, tasks, right, task = [], {}, {}, ""
    for cell in source_notebook(name).cells:
        kind = kind_of(cell)
        if kind is Kind.TEXT:
            task = cell.source
            continue
        own = Piece(
            name=cell.metadata.nbgrader.grade_id,
            kind=kind.value,
            code=_plain(MARKS.sub("", cell.source)),
        )
        pieces.append(own)
        if kind is Kind.ANSWER:
            tasks[own.name], right[own.name] = task, {SOLUTION: own.code}
    listed_wrong, listed_right = read_answers(name)
    for answer in listed_right:
        for cell, code in answer.cells.items():
            if cell in right and not any(same_code(code, known) for known in right[cell].values()):
                right[cell][answer.name] = _plain(code)
    wrong = [
        Wrong(name=answer.name, cell=cell, code=_plain(code), fails=answer.fails)
        for answer in listed_wrong if len(answer.cells) == 1
        for cell, code in answer.cells.items() if cell in right
    ]  # fmt: skip
    return ExerciseCode(
        name=name, pieces=tuple(pieces), tasks=tasks, right=right, wrong=tuple(wrong)
    )


def _plain(code: str) -> str:
    """Code without its notes to a formatter."""
    return code.replace("  # fmt: skip", "")


@cache
def lessons_of_exercises() -> dict[str, tuple[str, ...]]:
    """By exercise, the lessons whose work it is."""
    found: dict[str, tuple[str, ...]] = {name: () for name in assignment_names()}
    for file in find_lessons():
        for name in set(LINKED.findall(read_notebook(file).cells[-1].source)):
            found[name] = (*found[name], file.stem)
    return found
