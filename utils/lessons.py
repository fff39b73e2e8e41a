"""The lessons as notebooks: which there are, running them, and measuring how they read.

The files in `lessons/` are the list of lessons. A file's name gives its number and the name of its
quiz, and its last cell links its exercise.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import nbformat
from nbformat import NotebookNode

from utils.errors import CourseError, is_called
from utils.files import write_file
from utils.settings import PROJECT

LESSONS = PROJECT / "lessons"
TIME_LIMIT = 600  # seconds for one cell
IGNORED = "nbval-ignore-output"  # tag of a cell whose outputs nbval doesn't compare
# What stored outputs depend on. Waiting threads sleep: two lessons at once share two cores.
PINNED = {
    "COURSE_WEIGHTS": "offline",
    "COURSE_DEVICE": "cpu",
    "COURSE_PRECISION": "fp32",
    "COURSE_ENGINE": "eager",
    "OMP_NUM_THREADS": "2",
    "OMP_WAIT_POLICY": "PASSIVE",
}


@dataclass(frozen=True)
class Rhythm:
    """How a lesson reads: lines per code cell, and prose cells per code cell."""

    median_lines: float
    p90_lines: float
    prose_per_code: float


@dataclass(frozen=True)
class LessonRun:
    """One lesson that was run from top to bottom."""

    name: str
    seconds: float
    code_cells: int
    rhythm: Rhythm


def find_lessons(names: Sequence[str] = ()) -> list[Path]:
    """Find the lessons with these numbers or name prefixes (all lessons if none are given).

    Raises:
        CourseError: a name that no lesson begins with.
    """
    lessons = sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))
    if not names:
        return lessons
    for name in names:
        if not any(is_called(lesson.stem, name) for lesson in lessons):
            known = ", ".join(lesson.stem for lesson in lessons)
            raise CourseError(f"There is no lesson '{name}': use {known}.")
    return [lesson for lesson in lessons if any(is_called(lesson.stem, name) for name in names)]


def run_lessons(
    lessons: Sequence[Path], jobs: int, on_run: Callable[[LessonRun], None] | None = None
) -> list[LessonRun]:
    """Run lessons from top to bottom, `jobs` at a time, and store their new outputs.

    Raises:
        CourseError: a cell failed; the stored outputs of its lesson stay as they were.
    """
    os.environ |= PINNED
    runs = []
    with ThreadPoolExecutor(jobs) as pool:
        for run in pool.map(run_lesson, lessons):
            runs.append(run)
            if on_run:
                on_run(run)
    return runs


def run_lesson(file: Path) -> LessonRun:
    """Run one lesson and store its outputs; raises CourseError if a cell fails."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = read_notebook(file)
    client = NotebookClient(
        notebook,
        timeout=TIME_LIMIT,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # it warns of each start
        resources={"metadata": {"path": str(file.parent)}},
    )
    started = time.perf_counter()
    try:
        client.execute()
    except CellExecutionError as error:
        raise CourseError(f"{file.name} failed: {error}") from error
    seconds = time.perf_counter() - started
    write_file(file, nbformat.writes(notebook) + "\n")
    return LessonRun(file.stem, seconds, len(code_cells(notebook)), rhythm(notebook))


def read_notebook(file: Path) -> NotebookNode:
    """A notebook's cells and outputs."""
    return nbformat.read(file, as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells of code, from top to bottom."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def lines_of(cell: NotebookNode) -> int:
    """Lines of a cell that aren't empty."""
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def rhythm(notebook: NotebookNode) -> Rhythm:
    """Measure the median and 90th percentile of lines, and Markdown cells, per code cell."""
    lines = [lines_of(cell) for cell in code_cells(notebook)]
    prose = sum(cell.cell_type == "markdown" for cell in notebook.cells)
    return Rhythm(median(lines), quantiles(lines, n=10)[-1], prose / len(lines))


def image_outputs(cells: Iterable[NotebookNode]) -> list[tuple[NotebookNode, NotebookNode, str]]:
    """Every picture that these cells show: (cell, output, kind of image)."""
    return [
        (cell, output, kind)
        for cell in cells
        for output in cell.get("outputs", ())
        for kind in output.get("data", ())
        if kind.startswith("image/")
    ]
