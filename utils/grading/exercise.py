"""An exercise as its grading needs it: cells in order, tests as released and in full."""

import ast
import builtins
from dataclasses import dataclass
from enum import StrEnum

from nbformat import NotebookNode

HIDDEN_BEGIN, HIDDEN_END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"


class Kind(StrEnum):
    """What a cell is for."""

    TEXT = "text"
    RELEASED = "released"  # imports and helpers that a student can't change
    ANSWER = "answer"
    TEST = "test"
    OWN = "own"  # a cell that a student added


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell; `source` as students see it, `in_full` with the hidden tests."""

    name: str
    kind: Kind
    source: str
    in_full: str = ""
    points: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """An assignment's cells, plain data that can be sent to another machine."""

    name: str
    cells: tuple[Cell, ...]

    @property
    def released(self) -> tuple[str, ...]:
        """Sources of imports and helpers."""
        return tuple(cell.source for cell in self.cells if cell.kind is Kind.RELEASED)

    @property
    def tests(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.kind is Kind.TEST)

    def names_from_student(self) -> list[str]:
        """Names that tests read and that neither a test nor a helper defines."""
        loaded, stored = set(), set()
        for cell in self.cells:
            if cell.kind in (Kind.TEST, Kind.RELEASED):
                for node in ast.walk(ast.parse(cell.in_full or cell.source)):
                    loaded |= _loaded(node) if cell.kind is Kind.TEST else set()
                    stored |= _stored(node)
        return sorted(loaded - stored - set(dir(builtins)))


def _loaded(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return {node.id}
    return set()


def _stored(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return {node.id}
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, ast.arg):
        return {node.arg}
    return set()


@dataclass(frozen=True, kw_only=True)
class Step:
    """What happens next in a submission, in the notebook's order: a student's cell, or a test."""

    source: str = ""  # of the student's cell
    test: str = ""  # or the test cell's name


def kind_of(cell: NotebookNode) -> Kind:
    """What a cell of a notebook with nbgrader's metadata is for."""
    own = cell.metadata.get("nbgrader", {})
    if cell.cell_type != "code":
        return Kind.TEXT
    if is_solution(cell):
        return Kind.ANSWER
    if own.get("grade"):
        return Kind.TEST
    return Kind.RELEASED if "grade_id" in own else Kind.OWN


def is_solution(cell: NotebookNode) -> bool:
    """Whether students answer in this cell, in code or in words."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def is_students(cell: NotebookNode) -> bool:
    """Whether a cell is a student's: an answer, or one that they added."""
    return is_solution(cell) or "grade_id" not in cell.metadata.get("nbgrader", {})


def read_exercise(name: str, source: NotebookNode, released: NotebookNode) -> Exercise:
    """The exercise of a source notebook and of what students get of it."""
    settings = [cell.metadata.get("nbgrader", {}) for cell in released.cells]
    shown = {o.get("grade_id"): c.source for o, c in zip(settings, released.cells, strict=True)}
    cells = []
    for cell in source.cells:
        own, kind = cell.metadata.get("nbgrader", {}), kind_of(cell)
        if "grade_id" in own:
            cells.append(Cell(
                name=own.grade_id, kind=kind, source=shown[own.grade_id],
                in_full=cell.source if kind is Kind.TEST else "",
                points=float(own.get("points", 0)),
            ))  # fmt: skip
    return Exercise(name=name, cells=tuple(cells))


def label_at(source: str, line: int) -> str:
    """What the check at or after a line of a test cell is about; "" where that isn't fixed."""
    return next((label for last, label in _checks(source) if last >= line), "")


def hidden_labels(source: str) -> list[str]:
    """What a test cell's hidden tests are about, each once, in order."""
    before, hidden, _ = source.partition(HIDDEN_BEGIN)
    first = before.count("\n") + 1
    labels = [label for last, label in _checks(source) if hidden and last > first]
    return list(dict.fromkeys(filter(None, labels)))


def _checks(source: str) -> list[tuple[int, str]]:
    """The last line of each check in a test cell, and what it says that it is about."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    checks = [call for call in calls if getattr(call.func, "id", "").startswith("expect_")]
    return sorted((call.end_lineno or call.lineno, _label(call)) for call in checks)


def _label(check: ast.Call) -> str:
    first = check.args[0] if check.args else None
    told = isinstance(first, ast.Constant) and isinstance(first.value, str)
    return first.value if told else ""
