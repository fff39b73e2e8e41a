"""Grading a class: the course's two processes beside nbgrader's command, on the same notebooks."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results import Result
from utils.grading.assignments import SOLUTIONS
from utils.grading.grader_tests import SampleAnswer, hand_in, submission_of

GOALS = {"ex03_softmax_head": 4.0, "ex05_residual_block": 3.0}  # times nbgrader's speed
SPEEDUP = 1.8  # of two workers
STOCK = """\
c = get_config()
c.CourseDirectory.course_id = "bench"
c.CourseDirectory.root = "{root}"
c.CourseDirectory.db_url = "sqlite:///{root}/gradebook.db"
c.ClearSolutions.code_stub = {{"python": "raise NotImplementedError()"}}
"""


def measure(students: int, workers: int = 2) -> list[Result]:
    """Seconds for so many students of each exercise: ours with two workers and one, nbgrader's."""
    results = []
    for assignment, goal in GOALS.items():
        with tempfile.TemporaryDirectory() as scratch:
            folders = {name: Path(scratch) / name for name in ("two", "one", "stock")}
            for folder in folders.values():
                _hand_in(assignment, students, folder / "submitted")
            two = _ours(assignment, folders["two"], workers)
            one = _ours(assignment, folders["one"], 1)
            stock = _stock(assignment, folders["stock"])
        name = f"{students} × {assignment}"
        results += [
            Result(name=f"{name}, nbgrader", ours=two, other=stock, unit="s", goal=goal),
            Result(name=f"{name}, one worker", ours=two, other=one, unit="s", goal=SPEEDUP),
        ]
    return results


def _hand_in(assignment: str, students: int, submitted: Path) -> None:
    solution = submission_of(assignment, SampleAnswer("", {}))
    for number in range(students):
        hand_in(assignment, f"student{number:03}", solution, submitted)


def _ours(assignment: str, folder: Path, workers: int) -> float:
    command = [sys.executable, "-m", "utils.cli", "grade", assignment, "--jobs", str(workers)]
    return _seconds([*command, "--json"], Path.cwd(), COURSE_GRADING=str(folder))


def _stock(assignment: str, folder: Path) -> float:
    """nbgrader as it comes: its own source folder, its own kernel for each student."""
    shutil.copytree(SOLUTIONS / assignment, folder / "source" / assignment)
    settings = STOCK.format(root=folder)
    (folder / "nbgrader_config.py").write_text(settings, encoding="utf-8")
    nbgrader = [sys.executable, "-m", "nbgrader"]
    _seconds([*nbgrader, "generate_assignment", assignment], folder)
    steps = ("autograde", "generate_feedback")
    return sum(_seconds([*nbgrader, step, assignment], folder) for step in steps)


def _seconds(command: list[str], folder: Path, **variables: str) -> float:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(Path.cwd())} | variables
    started = time.perf_counter()
    subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, encoding="utf-8"
    )
    return time.perf_counter() - started
