"""Inside the sandbox: a process with the exercise's libraries loaded, and a fork of it a student.

It runs released cells and no student's line, and holds nothing that a student may not see. A fork
leaves its namespaces before it runs anything, so it reaches neither this process nor another fork.
"""

import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from utils.grading.sandbox import wire
from utils.grading.sandbox.confinement import confine, die_with_parent, isolate
from utils.grading.sandbox.runner import Shell, new_shell, prepare, serve, silence


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """The process that holds a student's one; closing `leash` ends both."""

    process: int
    leash: int


def main() -> None:
    """Prepare the shell, then start and end students as the judge asks, until it is gone."""
    control = socket.socket(fileno=os.dup(0))
    silence()
    shell = new_shell()
    prepare(shell, control)
    _load_late_imports()
    gc.freeze()
    wire.send(control, {"ready": True})
    keeper = None
    for order, descriptor in _orders(control):
        if keeper is not None:
            _end(keeper)
            keeper = None
        if order == wire.START and descriptor is not None:
            keeper = _start(shell, descriptor)
        control.sendall(order)
    if keeper is not None:
        _end(keeper)


def _load_late_imports() -> None:
    """Import what torch imports at the first step of an optimizer: seconds, in every fork."""
    if "torch" in sys.modules:
        import torch._dynamo  # noqa: F401


def _orders(control: socket.socket) -> Iterator[tuple[bytes, int | None]]:
    while True:
        order, descriptors, *_ = socket.recv_fds(control, 1, 1)
        if not order:
            return
        yield order, descriptors[0] if descriptors else None


def _start(shell: Shell, channel: int) -> Keeper:
    reader, leash = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(leash)
        _keep(shell, channel, reader)
    os.close(reader)
    os.close(channel)
    return Keeper(process=process, leash=leash)


def _end(keeper: Keeper) -> None:
    os.close(keeper.leash)
    os.waitpid(keeper.process, 0)


def _keep(shell: Shell, channel: int, leash: int) -> NoReturn:
    """Fork the student's process into its own namespaces, and end it with the leash."""
    connection = socket.socket(fileno=channel)
    try:
        student = isolate()
        if student == 0:
            _be_student(shell, connection)
    except OSError as error:
        with suppress(OSError):
            connection.sendall(b".")
            wire.send(connection, {"failed": str(error)})
        os._exit(1)
    connection.close()
    os.read(leash, 1)  # returns when the fork server closes its end, or is gone
    with suppress(ProcessLookupError):
        os.kill(student, signal.SIGKILL)
    os.waitpid(student, 0)
    os._exit(0)


def _be_student(shell: Shell, connection: socket.socket) -> NoReturn:
    """Keep the channel alone, say who it is, wait to be put under limits, and serve."""
    try:
        die_with_parent()
        channel = connection.fileno()
        os.closerange(3, channel)
        os.closerange(channel + 1, os.sysconf("SC_OPEN_MAX"))
        connection.sendall(b".")  # the kernel attaches the process number that the judge sees
        wire.receive(connection)
        confine()
        wire.send(connection, {"ready": True})
        serve(shell, connection)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
