"""Parsons problems: right answers in pieces, with lines of wrong answers among them."""

import ast
from collections.abc import Sequence

from utils.grading.grader_tests import SOLUTION
from utils.learning.exercise_code import ExerciseCode
from utils.learning.items import Distractor, Line, Parsons
from utils.learning.pieces import (
    Placed,
    assembled,
    following_tests,
    logical_lines,
    one_place,
    same_code,
)
from utils.learning.trial import failing

LEAST_LINES = 4  # with the line that begins the function
LEAST_PIECES = 3  # when lines whose order doesn't matter are joined
MOST_LINES = 16
MOST_DISTRACTORS = 4


def parsons_of(exercise: ExerciseCode) -> list[Parsons]:
    """A problem for each cell that has enough lines and at least one distractor.

    Built on the right answer with the most distractors, on the solution where others have no more.
    """
    found = []
    for cell, versions in exercise.right.items():
        problems = [p for name in versions if (p := _problem(exercise, cell, name))]
        if problems:
            found.append(max(problems, key=lambda problem: len(problem.distractors)))
    return found


def _problem(exercise: ExerciseCode, cell: str, version: str) -> Parsons | None:
    source = exercise.right[cell][version]
    placed = logical_lines(source)
    distractors = _distractors(exercise, cell, placed)
    if not distractors or not LEAST_LINES <= len(placed) <= MOST_LINES:
        return None
    number = 1 if version == SOLUTION else 1 + list(exercise.right[cell]).index(version)
    lines = [placed_line.line for placed_line in placed]
    lines, distractors = joined(exercise, cell, lines, distractors)
    if len(lines) < LEAST_PIECES:
        return None
    return Parsons(
        id=f"{exercise.name}-{cell}-order-{number}", exercise=exercise.name, cell=cell,
        task=exercise.tasks[cell], lines=tuple(lines), distractors=tuple(distractors),
    )  # fmt: skip


def _distractors(exercise: ExerciseCode, cell: str, right: Sequence[Placed]) -> list[Distractor]:
    """Lines of wrong answers that stand in the place of exactly one right line."""
    found: list[Distractor] = []
    for wrong in exercise.wrong:
        if wrong.cell != cell:
            continue
        lines = logical_lines(wrong.code)
        place = one_place(right, lines, most=1)
        if place is None or len(place.right) != 1 or len(place.wrong) != 1:
            continue
        line, instead_of = lines[place.wrong[0]].line, place.right[0]
        stands_there = {placed.line.code for placed in right} | {d.code for d in found}
        if line.indent == right[instead_of].line.indent and line.code not in stands_there:
            found.append(Distractor(code=line.code, instead_of=instead_of, mistake=wrong.name))
    return found[:MOST_DISTRACTORS]


def joined(
    exercise: ExerciseCode, cell: str, lines: list[Line], distractors: list[Distractor]
) -> tuple[list[Line], list[Distractor]]:
    """Join neighbouring lines whose order doesn't matter, so that one order alone is right.

    Two lines that may change places are found by their names, or by the exercise's tests.
    """
    position = len(lines) - 2
    while position >= 1:
        one, other = lines[position], lines[position + 1]
        if exchangeable(one, other) and not _order_matters(exercise, cell, lines, position):
            both = Line(code=f"{one.code}\n{other.code}", indent=one.indent)
            lines = [*lines[:position], both, *lines[position + 2 :]]
            distractors = [_within(d, position, one, other) for d in distractors]
        position -= 1
    return lines, distractors


def _within(distractor: Distractor, position: int, one: Line, other: Line) -> Distractor:
    """A distractor where two lines became one: if it was for one of them, the other joins it."""
    code, instead_of = distractor.code, distractor.instead_of
    if instead_of == position:
        code = f"{code}\n{other.code}"
    elif instead_of == position + 1:
        code = f"{one.code}\n{code}"
    moved = instead_of - (instead_of > position)
    return distractor.model_copy(update={"code": code, "instead_of": moved})


def exchangeable(one: Line, other: Line) -> bool:
    """Whether two neighbouring simple statements share no name that either of them changes."""
    if one.indent != other.indent:
        return False
    try:
        first, second = ast.parse(one.code), ast.parse(other.code)
    except SyntaxError:  # a header with its colon, or a return
        return False
    return not (_changed(first) & _named(second)) and not (_changed(second) & _named(first))


def _named(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _changed(tree: ast.AST) -> set[str]:
    """Names that are bound, whose attributes or items are, or whose methods are called."""
    names = {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            names |= _named(node.value)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            names |= _named(node.value)
    return names


def _order_matters(exercise: ExerciseCode, cell: str, lines: list[Line], position: int) -> bool:
    swapped = [*lines]
    swapped[position], swapped[position + 1] = lines[position + 1], lines[position]
    tests = following_tests(exercise.pieces, cell)
    return bool(failing(exercise.pieces, {cell: assembled(swapped)}, tests))


def with_distractor(problem: Parsons, distractor: Distractor) -> str:
    """The code with a distractor in the place of its right line."""
    lines = list(problem.lines)
    indent = lines[distractor.instead_of].indent
    lines[distractor.instead_of] = Line(code=distractor.code, indent=indent)
    return assembled(lines)


def prove_parsons(exercise: ExerciseCode, problem: Parsons) -> str:
    """Why a problem is wrong; empty if it is right.

    The exercise's sample answers are graded one by one (tests/exercises): the right order must be
    one of the right answers, and each distractor must make it one of the wrong ones.
    """
    right = exercise.right[problem.cell].values()
    if not any(same_code(assembled(problem.lines), known) for known in right):
        return f"{problem.id}: the right order is none of the right answers"
    for distractor in problem.distractors:
        code = with_distractor(problem, distractor)
        wrong = [w for w in exercise.wrong if w.cell == problem.cell and w.fails]
        if not any(same_code(code, known.code) for known in wrong):
            return f"{problem.id}: '{distractor.code}' makes it none of the wrong answers"
    return ""
