"""Judge a submission: tests run here, the student's code elsewhere, and only plain data between.

A student's process is asked twice. The first one answers the visible tests, and what it prints may
be shown, since it never sees a hidden input. The second one answers all tests; of these a student
learns whether they passed.
"""

import ast
import io
import math
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from utils.checks import drawing_from
from utils.files import variables
from utils.grading.exercise import Cell, Exercise, Step, label_at
from utils.grading.sandbox.engines import Engine
from utils.grading.sandbox.sandbox import Released, Sandbox
from utils.grading.sandbox.student_process import Answer, ProcessGone, StudentError, StudentProcess
from utils.grading.sanitize import SafeOutputs
from utils.lessons import PINNED

INPUTS = Path("/tmp")  # where both sides can have a file under one name
LOST = "the student's process was lost during hidden tests"
LATE = "a call took too long"
MOST_SHOWN = 5000  # characters of what a visible test prints
Outputs = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Tested:
    """How one test cell went."""

    score: float
    points: float
    visible: bool  # whether the visible part passed
    hidden: bool | None  # whether all of it passed; None: it wasn't asked
    message: str = ""  # of the visible test that failed
    label: str = ""  # what the hidden test that failed is about, as the exercise names it
    printed: str = ""  # by the visible part, and by the student's code meanwhile


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """All test cells by name, the outputs of the student's cells in order, and what went wrong."""

    tests: dict[str, Tested]
    outputs: list[Outputs]
    stopped: str | None


class Judge:
    """Tests of one exercise, ready for one submission after the other."""

    def __init__(self, exercise: Exercise, engine: Engine, cache: Path) -> None:
        self.exercise = exercise
        self.base = _run_released(exercise.released, cache)
        self.sandbox = Sandbox(engine, Released(cells=exercise.released, cache=cache))
        self.wanted = exercise.names_from_student()

    def judge(self, steps: Sequence[Step], seed: int, seconds: float) -> Verdict:
        """Judge one submission by its cells, in order. `seed` is where tests draw numbers."""
        visible = {cell.name: cell.source for cell in self.exercise.tests}
        with self._asking(seed, seconds) as first:
            shown = first.take(steps, visible)
        in_full = {c.name: c.in_full for c in self.exercise.tests if not shown[c.name].hung}
        with self._asking(seed, seconds) as second:
            full = second.take(steps, in_full)
        tests = {
            cell.name: _tested(cell, shown[cell.name], full.get(cell.name))
            for cell in self.exercise.tests
        }
        late = any(ran.late for ran in (*shown.values(), *full.values()))
        # Why the second process was lost could tell what it was asked.
        stopped = first.stopped or (LOST if second.stopped else None) or (LATE if late else None)
        return Verdict(tests=tests, outputs=first.outputs.cells, stopped=stopped)

    @contextmanager
    def _asking(self, seed: int, seconds: float) -> Iterator["Questions"]:
        with (
            tempfile.TemporaryDirectory(prefix="inputs-", dir=INPUTS) as folder,
            self.sandbox.student(seconds) as process,
            drawing_from(seed),
        ):
            cells = {cell.name: cell for cell in self.exercise.tests}
            yield Questions(process, cells, self.wanted, dict(self.base), Path(folder))

    def close(self) -> None:
        """End the sandbox."""
        self.sandbox.close()


def _run_released(sources: Sequence[str], cache: Path) -> dict[str, Any]:
    """The names that imports and helpers define, for the tests; features that they extract are
    kept in `cache`, where students' processes find them.
    """
    cache.mkdir(parents=True, exist_ok=True)
    settings = PINNED | {"COURSE_CACHE": str(cache)}
    names: dict[str, Any] = {"__name__": "__main__"}
    with variables(settings), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        for source in sources:
            exec(compile(source, "<released cell>", "exec"), names)
    return names


@dataclass(kw_only=True)
class Ran:
    """How one run of a test cell ended."""

    passed: bool
    hung: bool = False  # the student's process was lost, or a call took too long
    message: str = ""
    label: str = ""
    printed: str = ""
    score: float | None = None  # what the cell's last value says; None: nothing about points

    @property
    def late(self) -> bool:
        return self.message == LATE


@dataclass
class Questions:
    """One student's process, and the names that the tests see."""

    process: StudentProcess
    cells: Mapping[str, Cell]
    wanted: Sequence[str]
    names: dict[str, Any]
    folder: Path
    outputs: SafeOutputs = field(default_factory=SafeOutputs)
    printed: list[str] = field(default_factory=list)
    stopped: str | None = None

    def take(self, steps: Sequence[Step], tests: Mapping[str, str]) -> dict[str, Ran]:
        """Run a student's cells, and these tests where they stand."""
        ran = {}
        for step in steps:
            if not step.test:
                self._run_own(step.source)
            elif step.test in tests:
                ran[step.test] = self._run_test(self.cells[step.test], tests[step.test])
        return ran

    def _run_own(self, source: str) -> None:
        if not self.stopped:
            try:
                self.outputs.add(self.process.run_cell(source))
            except ProcessGone as error:
                self.stopped = str(error)

    def _run_test(self, cell: Cell, source: str) -> Ran:
        """Run a test cell; whatever the student's process does becomes its result."""
        if self.stopped:
            return Ran(passed=False, hung=True, message=f"not run: {self.stopped}")
        self.printed = []
        own = io.StringIO()
        before, tempfile.tempdir = tempfile.tempdir, str(self.folder)
        try:
            self._find_names()
            with redirect_stdout(own), redirect_stderr(own):
                value = _last_value(source, self.names)
            ran = Ran(passed=True, score=_score(value, cell.points))
        except ProcessGone as error:
            self.stopped = str(error)
            ran = Ran(passed=False, hung=True, message=self.stopped)
        except Exception as error:  # a student's value may break a test in any way
            ran = _failed(error, source)
        finally:
            tempfile.tempdir = before
        ran.printed = ("".join(self.printed) + own.getvalue())[:MOST_SHOWN]
        return ran

    def _find_names(self) -> None:
        """Put proxies for the student's functions, and values, among the names."""
        for name, kind in self.process.kinds(self.wanted).items():
            if kind == "function":
                self.names[name] = Proxy(self, name)
            else:
                answer = self.process.value(name)
                if answer.error is None:
                    self.names[name] = answer.value

    def come(
        self, name: str, inputs: Sequence[Any], options: Mapping[str, Any], after: bool
    ) -> Any:
        """Call a student's function."""
        files = self._files([*inputs, *options.values()])
        answer: Answer = self.process.call(name, inputs, options, files, after)
        self.printed.append(answer.printed)
        if answer.error is not None:
            raise answer.error
        return answer.value

    def _files(self, values: Sequence[Any]) -> dict[str, bytes]:
        """Contents of the files in the judge's own folder that these values name."""
        found = {}
        for value in values:
            if isinstance(value, str | Path) and str(value).startswith(f"{self.folder}/"):
                path = Path(value)
                inside = path.resolve().is_relative_to(self.folder.resolve())
                if inside and path.is_file():
                    found[str(path)] = path.read_bytes()
        return found


class Proxy:
    """A student's function, called in their process with copies of what it is given."""

    def __init__(self, questions: Questions, name: str) -> None:
        self.questions, self.name = questions, name

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.questions.come(self.name, inputs, options, after=False)

    def inputs_after(self, *inputs: Any) -> tuple[Any, ...]:
        """The inputs as a call leaves them."""
        came = self.questions.come(self.name, inputs, {}, after=True)
        if type(came) is not list or len(came) != len(inputs):
            raise StudentError("its inputs didn't come back")
        return tuple(came)


def _last_value(source: str, names: dict[str, Any]) -> Any:
    """Run a cell; the value of its last line, None if that isn't an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<test>", "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "<test>", "eval"), names)


def _score(value: Any, points: float) -> float | None:
    """Points by a cell's last value: a number gives that many, False and nan none."""
    if isinstance(value, str | bytes | list | tuple | dict):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if number == 1.0 and np.asarray(value).dtype == np.bool_:
        return points
    return 0.0 if math.isnan(number) else min(max(number, 0.0), points)


def _failed(error: Exception, source: str) -> Ran:
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == "<test>"]
    label = label_at(source, lines[0] or 1) if lines else ""
    late = isinstance(error, StudentError) and str(error).startswith("OutOfTime")
    message = LATE if late else f"{type(error).__name__}: {error}"
    return Ran(passed=False, hung=late, message=message[:MOST_SHOWN], label=label)


def _tested(cell: Cell, shown: Ran, full: Ran | None) -> Tested:
    passed = shown.passed and full is not None and full.passed
    score = 0.0
    if passed and full is not None:
        score = cell.points if full.score is None else full.score
    return Tested(
        score=score, points=cell.points, visible=shown.passed,
        hidden=full.passed if full else None, message=shown.message,
        label="" if full is None or full.passed else full.label, printed=shown.printed,
    )  # fmt: skip
