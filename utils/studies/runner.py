"""Studies: computations too long for a lesson, done once, piece by piece, and kept as JSON."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from utils.device import Runtime, machine
from utils.errors import CourseError
from utils.files import write_file

Record = dict[str, Any]
Measurement = Callable[[], Record]


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a long computation found, how, where, and in how much time."""

    command: str  # of `course`, that computes it
    machine: str
    runtime: str
    minutes: float
    settings: dict[str, Any]
    rows: tuple[Record, ...]


def run_study(
    command: str,
    settings: dict[str, Any],
    measurements: Mapping[str, Measurement],
    runtime: Runtime,
    progress_file: Path,
    on_row: Callable[[Record], None] | None = None,
) -> Study:
    """Compute every measurement that the progress file doesn't hold yet, and keep each when done.

    Every row gets its measurement's name and its seconds. A study that was stopped goes on after
    the last finished measurement if command, settings, machine and runtime are the same.

    Raises:
        CourseError: the progress file is damaged, or of another study.
    """
    head = {
        "command": command,
        "machine": machine(runtime.device),
        "runtime": str(runtime),
        "settings": json.loads(json.dumps(settings)),
    }
    rows = _finished(progress_file, head)
    for name, compute in measurements.items():
        if any(row["measurement"] == name for row in rows):
            continue
        started = perf_counter()
        found = compute()
        row = {"measurement": name, **found, "seconds": round(perf_counter() - started, 1)}
        rows.append(row)
        write_file(progress_file, json.dumps(head | {"rows": rows}) + "\n")
        if on_row:
            on_row(row)
    minutes = round(sum(row["seconds"] for row in rows) / 60, 1)
    return Study(**head, minutes=minutes, rows=tuple(rows))


def _finished(progress_file: Path, head: dict[str, Any]) -> list[Record]:
    if not progress_file.exists():
        return []
    try:
        content = json.loads(progress_file.read_text(encoding="utf-8"))
        rows = content.pop("rows")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise CourseError(f"{progress_file} is damaged: delete it and start again.") from error
    other = [key for key in head if content.get(key) != head[key]]
    if other:
        raise CourseError(
            f"{progress_file} was begun with another {' and '.join(other)}: delete it to start "
            "anew."
        )
    return rows


def write_study(study: Study, file: Path) -> None:
    """Write a finished study where lessons read it."""
    write_file(file, json.dumps(asdict(study), indent=1, ensure_ascii=False) + "\n")
