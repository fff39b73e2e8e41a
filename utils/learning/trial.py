"""Run an exercise's own tests on an answer: here, for proofs, or in a process that can be stopped.

This is practice on one's own machine: nothing is marked, and no sandbox is needed.
"""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from utils.checks import drawing_from
from utils.files import variables
from utils.learning.items import Piece
from utils.lessons import PINNED
from utils.settings import PROJECT

SECONDS = 60.0
_RELEASED: dict[tuple[str, ...], dict[str, Any]] = {}  # names of imports and helpers, run once


def failing(
    pieces: Sequence[Piece], answers: Mapping[str, str], tests: Sequence[str]
) -> dict[str, str]:
    """The tests that fail, with what they say; cells without an answer keep the solution."""
    failed: dict[str, str] = {}
    broken = ""
    with (
        variables(PINNED),
        drawing_from(0),
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
    ):
        names = dict(_released(pieces))
        for piece in pieces:
            if piece.kind == "answer":
                broken = broken or _error(answers.get(piece.name, piece.code), names)
            elif piece.name in tests and (error := broken or _error(piece.code, names)):
                failed[piece.name] = error
    return failed


def _released(pieces: Sequence[Piece]) -> dict[str, Any]:
    sources = tuple(piece.code for piece in pieces if piece.kind == "released")
    if sources not in _RELEASED:
        names: dict[str, Any] = {"__name__": "__main__"}
        for source in sources:
            exec(compile(source, "<released cell>", "exec"), names)
        _RELEASED[sources] = names
    return _RELEASED[sources]


def _error(source: str, names: dict[str, Any]) -> str:
    """What a cell ends with; empty if it runs to its end."""
    try:
        exec(compile(source, "<cell>", "exec"), names)
    except Exception as error:  # whatever an answer does, it only fails its tests
        return f"{type(error).__name__}: {error}"
    return ""


def failing_apart(
    pieces: Sequence[Piece],
    answers: Mapping[str, str],
    tests: Sequence[str],
    seconds: float = SECONDS,
) -> dict[str, str]:
    """`failing` in a process of its own, ended after `seconds`: all tests count as failed then."""
    asked = {
        "pieces": [piece.model_dump() for piece in pieces], "answers": dict(answers),
        "tests": list(tests),
    }  # fmt: skip
    try:
        run = subprocess.run(
            [sys.executable, "-m", "utils.learning.trial"], input=json.dumps(asked),
            capture_output=True, encoding="utf-8", timeout=seconds, cwd=PROJECT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return dict.fromkeys(tests, f"It didn't end within {seconds:.0f} seconds.")
    try:
        return json.loads(run.stdout)
    except ValueError:
        return dict.fromkeys(tests, "The process that ran it ended early.")


def _answer() -> None:
    if hasattr(signal, "alarm"):  # else an endless loop outlives a learner who is killed meanwhile
        signal.alarm(int(SECONDS) + 1)
    asked = json.loads(sys.stdin.buffer.read())
    pieces = [Piece.model_validate(piece) for piece in asked["pieces"]]
    sys.stdout.write(json.dumps(failing(pieces, asked["answers"], asked["tests"])))


if __name__ == "__main__":
    _answer()
