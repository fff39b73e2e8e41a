"""Grade wrong and right sample answers through nbgrader, to test the graders themselves."""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

from utils.datasets import Progress, no_progress
from utils.errors import CourseError
from utils.grading.assignments import (
    EXERCISES,
    GRADERS_TESTS,
    SOLUTIONS,
    assignment_names,
    find_assignment,
    read_notebook,
)
from utils.grading.autograde import grade
from utils.grading.class_folder import ClassFolder
from utils.grading.exercise import is_solution

SOLUTION, UNTOUCHED = "the solution", "the untouched exercise"


@dataclass(frozen=True)
class SampleAnswer:
    """Sources of some solution cells; the others keep the right solution."""

    name: str
    cells: dict[str, str]
    fails: tuple[str, ...] = ()  # the test cells that must fail; none for a right answer


@dataclass(frozen=True)
class Outcome:
    """Which test cells an answer lost, and which it should have lost."""

    kind: str  # wrong, right, SOLUTION or UNTOUCHED
    name: str
    expected: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def as_listed(self) -> bool:
        return sorted(self.lost) == sorted(self.expected)

    def __str__(self) -> str:
        lost, expected = (", ".join(cells) or "nothing" for cells in (self.lost, self.expected))
        return f"{self.name}: fails {lost}, and should fail {expected}"


def read_answers(assignment: str) -> tuple[list[SampleAnswer], list[SampleAnswer]]:
    """The wrong and the right answers that are listed for an assignment.

    Raises:
        CourseError: no list, or one that names a cell that isn't there or fails nothing.
    """
    file = GRADERS_TESTS / f"{assignment}.yaml"
    if not file.exists():
        raise CourseError(f"{file} is missing: list wrong and right answers of {assignment} there.")
    listed = yaml.safe_load(file.read_text(encoding="utf-8"))
    wrong = [SampleAnswer(a["name"], a["cells"], tuple(a["fails"])) for a in listed["wrong"]]
    right = [SampleAnswer(a["name"], a["cells"]) for a in listed["right"]]
    solution = read_notebook(SOLUTIONS / assignment / f"{assignment}.ipynb")
    answered = {cell.metadata.nbgrader.grade_id for cell in _solution_cells(solution)}
    for answer in [*wrong, *right]:
        if foreign := set(answer.cells) - answered:
            raise CourseError(f"{file}, '{answer.name}': there is no cell {', '.join(foreign)}.")
    if idle := [answer.name for answer in wrong if not answer.fails]:
        raise CourseError(f"{file}: these wrong answers fail nothing: {', '.join(idle)}.")
    return wrong, right


def _solution_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if is_solution(cell)]


def submission_of(assignment: str, answer: SampleAnswer) -> NotebookNode:
    """The released notebook, filled in with the solution except where the answer says otherwise."""
    solution = read_notebook(SOLUTIONS / assignment / f"{assignment}.ipynb")
    sources = {c.metadata.nbgrader.grade_id: c.source for c in _solution_cells(solution)}
    notebook = read_notebook(EXERCISES / assignment / f"{assignment}.ipynb")
    for cell in _solution_cells(notebook):
        name = cell.metadata.nbgrader.grade_id
        cell.source = answer.cells.get(name, sources[name])
    return notebook


def hand_in(assignment: str, student: str, notebook: NotebookNode, submitted: Path) -> None:
    """Put a notebook where a student's submission lies."""
    folder = submitted / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{assignment}.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")


def check(assignment: str, progress: Progress = no_progress) -> list[Outcome]:
    """Grade the solution, the untouched exercise and every listed answer of one assignment."""
    wrong, right = read_answers(assignment)
    own = find_assignment(assignment)
    tests = tuple(name for name in own.points if name not in own.manually_graded)
    rows = [(SOLUTION, SampleAnswer(SOLUTION, {})), (UNTOUCHED, SampleAnswer(UNTOUCHED, {}, tests))]
    rows += [("wrong", answer) for answer in wrong] + [("right", answer) for answer in right]
    outcomes = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = ClassFolder(Path(scratch))
        for number, (_, answer) in enumerate(rows):
            notebook = submission_of(assignment, answer)
            if answer.name == UNTOUCHED:
                notebook = read_notebook(EXERCISES / assignment / f"{assignment}.ipynb")
            hand_in(assignment, f"{number:03}", notebook, folder.submissions)
        bar = iter(progress(rows, desc=assignment))
        graded = grade(folder, assignment, on_graded=lambda _graded: next(bar, None))
        for (kind, answer), result in zip(rows, graded, strict=True):
            lost = tuple(name for name in tests if result.cells.get(name) != own.points[name])
            outcomes.append(Outcome(kind, answer.name, answer.fails, lost))
    return outcomes


def check_all(jobs: int, progress: Progress = no_progress) -> dict[str, list[Outcome]]:
    """`check` for every assignment, `jobs` at a time."""
    names = assignment_names()
    with ProcessPoolExecutor(jobs) as pool:
        return dict(zip(names, progress(pool.map(check, names), total=len(names)), strict=True))
