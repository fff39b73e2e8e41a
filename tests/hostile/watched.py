"""What attacks must leave as it was: servers, files, processes and objects of this machine."""

import ctypes
import hashlib
import os
import selectors
import socket
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

MARK = "hostile-left"  # in the names of all that attacks try to leave behind
KEYS = [str(0x5EC2E7), str(0x5EC2E8)]  # of their System V objects


@dataclass
class Canaries:
    """Servers on this machine that nobody should reach: TCP, a socket in /tmp, an abstract one."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="course-canary-")))
    visits: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.unix = str(self.folder / "canary.sock")
        self.abstract = f"course-canary-{os.getpid()}"
        self._open = {
            "TCP": socket.create_server(("127.0.0.1", 0)),
            "a socket in /tmp": _listening(self.unix),
            "an abstract socket": _listening("\0" + self.abstract),
        }
        self.port = self._open["TCP"].getsockname()[1]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()
        return self

    def _wait(self) -> None:
        with selectors.DefaultSelector() as waiting:
            for name, server in self._open.items():
                waiting.register(server, selectors.EVENT_READ, name)
            while not self._ended.is_set():
                for key, _ in waiting.select(0.2):
                    visitor, _address = key.fileobj.accept()
                    visitor.settimeout(0.5)
                    with visitor:
                        try:
                            said = visitor.recv(200)
                        except OSError:
                            said = b""
                    self.visits.append(f"{key.data}: {said!r}")

    def __exit__(self, *ended: object) -> None:
        self._ended.set()
        self._thread.join()
        for server in self._open.values():
            server.close()
        Path(self.unix).unlink(missing_ok=True)
        for left in self.folder.iterdir():
            left.unlink()
        self.folder.rmdir()


def _listening(address: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    Path(address).chmod(0o777) if address[0] == "/" else None
    server.listen()
    return server


def take_orphans() -> None:
    """Become the parent of whatever outlives a command that this process starts."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def descendants() -> list[str]:
    """Command lines of processes that this one or its commands started and that still run."""
    running = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                process.wait(0)
            else:
                running.append(" ".join(process.cmdline())[:200])
        except psutil.Error:
            continue
    return running


def left_on_this_machine() -> set[str]:
    """Names of what attacks would leave: files, groups of processes, shared objects and keys."""
    found = {
        str(path)
        for place in ("/tmp", "/dev/shm", "/var/tmp", "/dev/mqueue", "/run", "/")
        for path in Path(place).glob("*")
        if MARK in path.name
    }
    for table in ("shm", "sem", "msg"):
        keys = [line.split()[0] for line in _lines(Path(f"/proc/sysvipc/{table}"))]
        found |= {f"{table} {key}" for key in keys if key in KEYS}
    found |= {line for line in _lines(Path("/proc/keys")) if MARK in line}
    return found | {line.split()[-1] for line in _lines(Path("/proc/net/unix")) if MARK in line}


class Groups:
    """The control groups that commands put processes in, as seen while a block runs."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __enter__(self) -> Self:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            for process in psutil.Process().children(recursive=True):
                for line in _lines(Path(f"/proc/{process.pid}/cgroup")):
                    if "vision-course-" in line:
                        self.seen.add(line.rsplit("/", 1)[1])

    def __exit__(self, *ended: object) -> None:
        self._ended.set()
        self._thread.join()

    def left(self) -> set[str]:
        """Those whose folders are still there."""
        # Unlike glob, walk passes over folders that other tests' gradings remove meanwhile.
        walked = os.walk("/sys/fs/cgroup")
        return {
            f"{folder}/{name}" for folder, names, _ in walked for name in names if name in self.seen
        }


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def contents(*folders: Path) -> dict[str, str]:
    """A digest for each file and link in these folders, with its mode."""
    found = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if "__pycache__" in path.parts or path.is_dir():
            continue
        if path.is_symlink():
            found[str(path)] = f"-> {os.readlink(path)}"
        elif path.is_file() and path.stat().st_size < 10_000_000:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path)] = f"{path.stat().st_mode:o} {digest}"
        else:
            found[str(path)] = f"{path.lstat().st_mode:o} {path.lstat().st_size}"
    return found
