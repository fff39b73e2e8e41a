"""Limits of memory and processes for a process tree, where the kernel lets this user set them.

Control groups of version 2 in a folder that is delegated to this user, else of version 1; without
either, the limits of `confinement` (for each process by itself) are all there is.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMORY = 3 * 2**30  # bytes of a student's processes in all, /tmp included
PERIOD = "100000"  # µs, in which they get as much time of the processors: one core's worth
PROCESSES = 64
STALE = 24 * 3600  # seconds after which an empty group is nobody's


@dataclass(frozen=True, kw_only=True)
class Group:
    """A folder for each controller (one for all in version 2); a process is put in by number."""

    folders: tuple[Path, ...]

    def add(self, process: int) -> None:
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(process), encoding="ascii")


@contextmanager
def limited_group() -> Iterator[Group | None]:
    """A group with the limits above for the time of a block; None where none can be made."""
    folders = []
    try:
        for parent, limits in _places():
            _remove([own for own in parent.glob("vision-course-*") if _is_old(own)])
            folder = Path(tempfile.mkdtemp(prefix="vision-course-", dir=parent))
            folders.append(folder)
            for file, value in limits.items():
                (folder / file).write_text(value, encoding="ascii")
    except OSError:
        _remove(folders)
        folders = []
    try:
        yield Group(folders=tuple(folders)) if folders else None
    finally:
        _remove(folders)


def _places() -> list[tuple[Path, dict[str, str]]]:
    """Where groups can be made, and the files to write there."""
    memory, processes = str(MEMORY), str(PROCESSES)
    if (ROOT / "cgroup.controllers").exists():
        limits = {
            "memory.max": memory, "memory.swap.max": "0", "pids.max": processes,
            "cpu.max": f"{PERIOD} {PERIOD}",
        }  # fmt: skip
        return [(ROOT if os.geteuid() == 0 else _own_group().parent, limits)]
    if all((ROOT / name).is_dir() for name in ("memory", "pids", "cpu")):
        return [
            (ROOT / "memory", {"memory.limit_in_bytes": memory}),
            (ROOT / "pids", {"pids.max": processes}),
            (ROOT / "cpu", {"cpu.cfs_period_us": PERIOD, "cpu.cfs_quota_us": PERIOD}),
        ]
    raise FileNotFoundError("no control groups")


def _own_group() -> Path:
    """This process's own group in version 2; groups are made beside it, since one that holds
    processes can't limit others."""
    line = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()[-1]
    return ROOT / line.split("::", 1)[-1].lstrip("/")


def _is_old(folder: Path) -> bool:
    """Whether a group is of a run that was killed; a younger one may only not be in use yet."""
    with suppress(OSError):
        return time.time() - folder.stat().st_ctime > STALE
    return False


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            os.rmdir(folder)
