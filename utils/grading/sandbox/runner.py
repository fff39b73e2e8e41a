"""The student's side: run their cells as IPython does, and call their functions when asked.

Runs inside the sandbox. Whatever stands here can be read and changed by the code that it runs, so
nothing is decided here: the judge asks, and checks the form of each answer.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from utils.grading.sandbox import wire
from utils.grading.sandbox.confinement import UNCONFINED, confine
from utils.grading.sandbox.outputs import (
    COLLECTOR,
    CappedText,
    Output,
    error_output,
    message_of,
)


class OutOfTime(BaseException):
    """A cell or call took too long; no `except Exception` of a student's catches it."""


class Displays(DisplayPublisher):
    """Takes what `display` shows."""

    def publish(self, data: dict[str, Any], *_more: Any, **_options: Any) -> None:
        COLLECTOR.add("display_data", data)

    def clear_output(self, wait: bool = False) -> None:  # noqa: ARG002 (IPython's signature)
        COLLECTOR.outputs.clear()


class Values(DisplayHook):
    """Takes the value of a cell's last expression."""

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict[str, Any], *_more: Any) -> None:
        COLLECTOR.add("execute_result", format_dict)

    def finish_displayhook(self) -> None:
        self.exec_result = None


class Shell(InteractiveShell):
    """IPython without terminal or kernel: its cell semantics, and nothing else."""

    def _showtraceback(self, etype: type, evalue: BaseException, stb: Any) -> None:
        lines = stb if isinstance(stb, list) else [str(stb)]
        COLLECTOR.outputs.append(error_output(etype, evalue, lines))

    def ask_exit(self) -> None:
        self.exit_now = False


def new_shell() -> Shell:
    """A shell with an empty namespace that remembers nothing between processes."""
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.colors = "nocolor"
    settings.InteractiveShell.xmode = "Plain"
    return Shell.instance(
        config=settings, display_pub_class=Displays, displayhook_class=Values, user_module=None
    )


def run_cell(shell: Shell, source: str, seconds: float) -> list[Output]:
    """Run one cell; its outputs, an error among them if there was one."""
    outputs: list[Output] = []
    COLLECTOR.begin(outputs)
    with _captured(outputs), _limited(seconds):
        shell.run_cell(source, store_history=True)
    return outputs


@contextmanager
def _captured(outputs: list[Output]) -> Iterator[None]:
    out, err = CappedText(outputs, "stdout"), CappedText(outputs, "stderr")
    with redirect_stdout(out), redirect_stderr(err):
        yield


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Interrupt what takes too long; what ignores that is ended by the judge."""

    def interrupt(*_signal: Any) -> None:
        raise OutOfTime("it took too long")

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def serve(shell: Shell, channel: wire.Channel) -> None:
    """Answer the judge's questions until the channel is closed."""
    while True:
        try:
            question = wire.receive(channel, most=wire.LARGEST_QUESTION)
        except (EOFError, wire.WireError):
            return
        number, kind, details = question["number"], question["kind"], question["details"]
        answer = ANSWERS[kind](shell, **details)
        _reply(channel, {"number": number, **answer})


def _reply(channel: wire.Channel, answer: dict[str, Any]) -> None:
    try:
        wire.send(channel, answer)
    except wire.WireError as error:
        refusal = {"error": ["TypeError"], "text": f"the answer is no plain data: {error}"}
        wire.send(channel, {"number": answer["number"], "printed": "", **refusal})


def _run(shell: Shell, source: str, seconds: float) -> dict[str, Any]:
    return {"outputs": run_cell(shell, source, seconds)}


def _kinds(shell: Shell, names: list[str]) -> dict[str, Any]:
    kinds = {}
    for name in names:
        if name in shell.user_ns:
            kinds[name] = "function" if callable(shell.user_ns[name]) else "value"
    return {"kinds": kinds}


def _value(shell: Shell, name: str) -> dict[str, Any]:
    return _outcome(lambda: {"value": shell.user_ns[name]}, 5.0)


def _call(shell: Shell, name: str, inputs: list, options: dict, lent: dict) -> dict[str, Any]:
    """Call a function; `lent` has files, seconds, and whether the inputs afterwards are wanted."""

    def calling() -> dict[str, Any]:
        came = shell.user_ns[name](*inputs, **options)
        return {"value": list(inputs) if lent["inputs_after"] else came}

    with _files(lent["files"]):
        return _outcome(calling, lent["seconds"])


@contextmanager
def _files(files: dict[str, bytes]) -> Iterator[None]:
    """The judge's files at the places that it names them by, for one call."""
    for place, content in files.items():
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_bytes(content)
    try:
        yield
    finally:
        for place in files:
            Path(place).unlink(missing_ok=True)


def _outcome(calling: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
    """What a call gives or raises, and what it printed."""
    outputs: list[Output] = []
    try:
        with _captured(outputs), _limited(seconds):
            answer = calling()
            wire.encode(answer)  # while the clock runs: a student's object may take its time
    except wire.WireError as error:
        answer = {"error": ["TypeError"], "text": f"what came is no plain data: {error}"}
    except BaseException as error:
        names = [kind.__name__ for kind in type(error).__mro__]
        answer = {"error": names[:20], "text": message_of(error)}
    return {**answer, "printed": "".join(output["text"] for output in outputs)}


ANSWERS: dict[str, Callable[..., dict[str, Any]]] = {
    "run": _run, "kinds": _kinds, "value": _value, "call": _call,
}  # fmt: skip


def once(confined: bool) -> None:
    """Serve one judge over stdin and stdout, in a process that is used for one student only."""
    channel = wire.Pipes(os.dup(0), os.dup(1))
    silence()
    shell = new_shell()
    prepare(shell, channel)
    if confined:
        confine()
    wire.send(channel, {"ready": True})
    serve(shell, channel)


def silence() -> None:
    """Point stdin, stdout and stderr of the process nowhere: outputs are taken in Python."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)


def prepare(shell: Shell, channel: wire.Channel) -> None:
    """Run the released cells that the judge sends first: no student's line among them."""
    order = wire.receive(channel, most=wire.LARGEST_QUESTION)
    for source in order["cells"]:
        outputs = run_cell(shell, source, order["seconds"])
        failed = next((o for o in outputs if o["output_type"] == "error"), None)
        if failed:
            reason = f"{failed['ename']}: {failed['evalue']}"
            wire.send(channel, {"failed": reason})
            sys.exit(1)


if __name__ == "__main__":
    once(confined=UNCONFINED not in sys.argv)
