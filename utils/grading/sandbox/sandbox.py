"""A sandbox is made once for an exercise, with its released cells run.

Each student gets a fork of it in namespaces of its own; where the system doesn't allow that, a
sandbox of its own, which takes longer and holds as well.
"""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from utils.errors import CourseError
from utils.grading.sandbox import wire
from utils.grading.sandbox.control_groups import Group, limited_group
from utils.grading.sandbox.engines import Engine, command, end_container
from utils.grading.sandbox.student_process import StudentProcess, process_number

START_SECONDS = 180.0  # until the released cells have run: torch alone takes some on a busy machine
END_SECONDS = 10.0  # until all processes of a student are gone; else the sandbox is ended with them
FORK_SERVER, RUNNER = "utils.grading.sandbox.fork_server", "utils.grading.sandbox.runner"
BROKEN = (EOFError, OSError, TimeoutError, wire.WireError)  # what a lost process raises here


@dataclass(frozen=True, kw_only=True)
class Released:
    """What a sandbox is made for: an exercise's cells that are no answers and no tests."""

    cells: tuple[str, ...]
    cache: Path  # features that students' code may read


class Sandbox:
    """A sandbox for one exercise; `student()` gives one process after the other."""

    def __init__(self, engine: Engine, released: Released) -> None:
        self.engine, self.released = engine, released
        self.forks = engine is Engine.BUBBLEWRAP
        self.server: tuple[subprocess.Popen, socket.socket] | None = None
        self.name = ""  # of the last sandbox that was started

    @contextmanager
    def student(self, seconds: float) -> Iterator[StudentProcess]:
        """A process for a student, ended with all that it started when the block ends.

        Raises:
            CourseError: the sandbox doesn't start here.
        """
        if self.forks:
            with self._fork(seconds) as process:
                if process is not None:
                    yield process
                    return
            self.forks = False
            self.close()
        with self._own_sandbox(seconds) as process:
            yield process

    @contextmanager
    def _fork(self, seconds: float) -> Iterator[StudentProcess | None]:
        """A fork of the prepared process; None where the system allows no namespaces within."""
        with limited_group() as group:
            try:
                channel = self._new_student(group)
            except BROKEN:  # the process that forks was lost: another one
                self.close()
                channel = self._new_student(group)
            try:
                yield StudentProcess(channel, seconds) if channel else None
            finally:
                if channel:
                    channel.close()
                self._end_fork()

    def _new_student(self, group: Group | None) -> socket.socket | None:
        """The channel to a new fork, put under limits; None where none is allowed.

        Raises one of BROKEN where the process that forks is lost.
        """
        control = self._server()
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        try:
            with theirs:
                socket.send_fds(control, [wire.START], [theirs.fileno()])
            control.recv(1)
            number = process_number(ours, START_SECONDS)
            if group:
                group.add(number)
            wire.send(ours, {"go": True})
            if "ready" in wire.receive(ours, time.monotonic() + START_SECONDS):
                return ours
        except BROKEN:
            ours.close()
            raise
        ours.close()
        return None

    def _end_fork(self) -> None:
        """Return once all processes of the student are gone."""
        if self.server is None:
            return
        control = self.server[1]
        try:
            control.settimeout(END_SECONDS)
            control.sendall(wire.END)
            if control.recv(1):
                control.settimeout(START_SECONDS)
                return
        except OSError:
            pass
        self.close()

    def _server(self) -> socket.socket:
        """The channel to the process that forks, started if need be."""
        if self.server is None or self.server[0].poll() is not None:
            self.close()
            ours, theirs = socket.socketpair()
            with theirs:
                process = self._start(FORK_SERVER, theirs, subprocess.DEVNULL)
            self._prepare(process, ours)
            ours.settimeout(START_SECONDS)
            self.server = process, ours
        return self.server[1]

    @contextmanager
    def _own_sandbox(self, seconds: float) -> Iterator[StudentProcess]:
        process = self._start(RUNNER, subprocess.PIPE, subprocess.PIPE)
        channel = wire.Pipes(os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno()))
        process.stdin.close()
        process.stdout.close()
        with limited_group() as group:
            try:
                if group:
                    group.add(process.pid)
                self._prepare(process, channel)
                yield StudentProcess(channel, seconds)
            finally:
                channel.close()
                self._end(process)

    def _start(self, module: str, read: socket.socket | int, write: int) -> subprocess.Popen:
        self.name = f"vision-course-{secrets.token_hex(8)}"
        line = command(self.engine, module, self.released.cache, self.name)
        try:
            return subprocess.Popen(
                line, stdin=read, stdout=write, stderr=subprocess.PIPE, start_new_session=True,
                cwd="/",
            )  # fmt: skip
        except OSError as error:
            raise CourseError(f"The sandbox ({self.engine}) doesn't start: {error}.") from error

    def _prepare(self, process: subprocess.Popen, channel: wire.Channel) -> None:
        """Have a new sandbox run the released cells."""
        order = {"cells": list(self.released.cells), "seconds": START_SECONDS}
        reason = ""
        try:
            wire.send(channel, order)
            answer = wire.receive(channel, time.monotonic() + START_SECONDS)
            if answer.get("ready"):
                return
            reason = str(answer.get("failed"))
        except BROKEN:
            pass
        channel.close()
        self._end(process)
        raise CourseError(
            f"The sandbox ({self.engine}) doesn't start: {reason or _last_line(process)}. "
            "Run course doctor."
        )

    def _end(self, process: subprocess.Popen) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, 9)
        process.wait()
        end_container(self.engine, self.name)

    def close(self) -> None:
        """End the process that forks, and with it all that runs in the sandbox."""
        if self.server is not None:
            process, control = self.server
            self.server = None
            control.close()
            self._end(process)


def _last_line(process: subprocess.Popen) -> str:
    lines = process.stderr.read().decode("utf-8", "replace").split("\n") if process.stderr else []
    told = [line.strip() for line in lines if line.strip()]
    return told[-1][:300] if told else "it ended without a word"
