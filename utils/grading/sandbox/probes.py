"""What a student's code might try, tried: does this machine's sandbox hold?"""

import socket
import tempfile
import textwrap
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from utils.errors import CourseError
from utils.grading.sandbox.engines import Engine
from utils.grading.sandbox.sandbox import Released, Sandbox
from utils.grading.sandbox.student_process import ProcessGone

SECONDS = 20.0
MEMORY = 12 * 2**30  # bytes: more than a student gets
DISK = 512 * 2**20
PROCESSES = 400

# Each prints OUT if it got what it wanted; an error, a limit or the end of its process is what one
# hopes for. Names in capitals are filled in.
ATTEMPTS = {
    "a server on this machine": """
        import socket
        socket.create_connection(("127.0.0.1", PORT), timeout=2)
        print("OUT")""",
    "a file in the home folder": """
        print("OUT" if open(SECRET).read() else "")""",
    "the files of other students and the marks": """
        import os
        print("OUT" if os.listdir(FOLDER) else "")""",
    "the solutions": """
        import os
        print("OUT" if os.listdir(SOLUTIONS) else "")""",
    "the course's own code, to change it": """
        open(MODULE, "a").write("#")
        print("OUT")""",
    "other processes": """
        import os
        others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) > 9]
        print("OUT" if others else "")""",
    "namespaces with more rights": """
        import ctypes
        print("OUT" if ctypes.CDLL(None).unshare(0x10000000) == 0 else "")""",
    "the kernel's keyrings": """
        import ctypes, os
        number = {"x86_64": 248, "aarch64": 217}[os.uname().machine]
        key = ctypes.CDLL(None).syscall(number, b"user", b"probe", b"x", 1, -3)
        print("OUT" if key > 0 else "")""",
    "more memory than there is for one": """
        pieces = [bytearray(2**27) for _ in range(MEMORY // 2**27)]
        print("OUT")""",
    "more disk than there is for one": """
        import os
        for n in range(DISK // 2**20):
            open(f"/tmp/{n // 32}", "ab").write(os.urandom(2**20))
        print("OUT")""",
    "hundreds of processes": """
        import os, time
        for _ in range(PROCESSES):
            if os.fork() == 0:
                time.sleep(3)
                os._exit(0)
        print("OUT")""",
}


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What was tried, and whether the sandbox kept it in."""

    name: str
    kept_in: bool


def probe(
    engine: Engine, forks: bool = True, only: Collection[str] = tuple(ATTEMPTS)
) -> list[Probe]:
    """Try these attempts in a sandbox of this kind, each in a process of its own.

    Raises:
        CourseError: the sandbox doesn't start.
    """
    with tempfile.TemporaryDirectory() as cache, _places() as places:
        sandbox = Sandbox(engine, Released(cells=(), cache=Path(cache)))
        sandbox.forks &= forks
        try:
            return [
                Probe(name=name, kept_in=not _gets_out(sandbox, source, places))
                for name, source in ATTEMPTS.items()
                if name in only
            ]
        finally:
            sandbox.close()


@contextmanager
def _places() -> Iterator[dict[str, str]]:
    """Something to find outside: a server, a secret, a class's folder."""
    from utils.settings import PROJECT

    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        tempfile.NamedTemporaryFile(dir=Path.home(), prefix=".course-probe-") as secret,
        tempfile.TemporaryDirectory() as folder,
    ):
        secret.write(b"secret")
        secret.flush()
        (Path(folder) / "gradebook.db").touch()
        yield {
            "PORT": str(server.getsockname()[1]), "SECRET": repr(secret.name),
            "FOLDER": repr(folder), "SOLUTIONS": repr(str(PROJECT / "solutions")),
            "MODULE": repr(__file__), "MEMORY": str(MEMORY), "DISK": str(DISK),
            "PROCESSES": str(PROCESSES),
        }  # fmt: skip


def _gets_out(sandbox: Sandbox, attempt: str, places: dict[str, str]) -> bool:
    source = textwrap.dedent(attempt)
    for name, value in places.items():
        source = source.replace(name, value)
    with sandbox.student(SECONDS) as process:
        try:
            outputs = process.run_cell(source)
        except ProcessGone:
            return False
        return any("OUT" in str(output.get("text", "")) for output in outputs)


def advice(probes: list[Probe]) -> None:
    """Raise CourseError if something got out."""
    if leaks := [own.name for own in probes if not own.kept_in]:
        raise CourseError(
            f"The sandbox lets students' code reach {', '.join(leaks)}: grade on a machine that "
            "holds nothing else, and tell the course's maintainers."
        )
