"""What a learner saw and got right: one file of JSON lines, appended to and never rewritten.

Two terminals may write at once, and a stop at any moment loses the last line at most. A line has
`at` (UTC, ISO 8601), `item`, `way`, `lesson` and `right`. The file stays on this machine.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from utils.errors import CourseError
from utils.learning.ways import ASKED, Way

INTERVALS = (1, 3, 7, 16, 35)  # days until a card comes back, by how often it was known in a row


class ProgressSettings(BaseSettings):
    """The variable `COURSE_PROGRESS`: the file of a learner's progress."""

    model_config = SettingsConfigDict(env_prefix="COURSE_", env_ignore_empty=True)

    progress: Path = platformdirs.user_data_path("vision-course") / "progress.jsonl"


class Answered(BaseModel):
    """One answer to one item."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    at: datetime
    item: str
    way: Way
    lesson: str
    right: bool


def progress_file() -> Path:
    """Where progress is kept."""
    return ProgressSettings().progress.expanduser()


def record(answered: Answered, file: Path) -> None:
    """Append one answer, in one write that is on the disk before this returns.

    Raises:
        CourseError: the file can't be written.
    """
    line = json.dumps(answered.model_dump(mode="json"), ensure_ascii=False) + "\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, (("\n" if torn else "") + line).encode("utf-8"))
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise CourseError(
            f"Progress can't be written to {file} ({error.strerror or error}): set COURSE_PROGRESS "
            "to a file that you may write to."
        ) from error


def read_progress(file: Path) -> list[Answered]:
    """All answers, in their order; a line that was cut short is left out.

    Raises:
        CourseError: the file is there and can't be read.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CourseError(
            f"{file} can't be read ({error.strerror or error}): make it readable, or set "
            "COURSE_PROGRESS to another file."
        ) from error
    found = []
    for line in lines:
        try:
            found.append(Answered.model_validate_json(line))
        except ValidationError:
            continue
    return sorted(found, key=lambda answered: _utc(answered.at))


def merge(other: Path, file: Path) -> int:
    """Add the answers of another file that aren't here yet, as from a browser; returns how many.

    Raises:
        CourseError: the other file isn't there or holds no answers, or this one can't be written.
    """
    answers = read_progress(other)
    if not answers:
        raise CourseError(f"{other} holds no answers: give a file that `course progress` names.")
    known = {(answered.at, answered.item) for answered in read_progress(file)}
    new = [answered for answered in answers if (answered.at, answered.item) not in known]
    for answered in new:
        record(answered, file)
    return len(new)


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What the answers to one item say: how often seen and right, and when it comes back."""

    seen: int
    right: int
    last_right: bool
    due: datetime | None  # None: it needn't come back


def memories(answers: Iterable[Answered]) -> dict[str, Memory]:
    """By item, what its answers say.

    A card comes back after 1, 3, 7, 16 and 35 days while it is known, else the next day.
    Any other item comes back the day after a miss, until it is right.
    """
    by_item: dict[str, list[Answered]] = defaultdict(list)
    for answered in answers:
        by_item[answered.item].append(answered)
    return {item: _memory(own) for item, own in by_item.items()}


def _memory(answers: Sequence[Answered]) -> Memory:
    known, due = 0, None
    for answered in answers:
        at, early = _utc(answered.at), due is not None and _utc(answered.at) < due
        if not answered.right:
            known, due = 0, at + timedelta(days=1)
        elif answered.way is not Way.CARDS:
            due = None
        elif not early:  # knowing it again on the same day says nothing about the next
            due = at + timedelta(days=INTERVALS[min(known, len(INTERVALS) - 1)])
            known += 1
    right = sum(answered.right for answered in answers)
    return Memory(seen=len(answers), right=right, last_right=answers[-1].right, due=due)


def summary(
    items: Sequence[Any], answers: Sequence[Answered], now: datetime
) -> dict[str, dict[str, dict[str, int]]]:
    """By lesson and way: how many items there are, were seen, were right at last, and are due."""
    known = memories(answers)
    table = {
        item.lesson: {
            way.value: dict.fromkeys(("items", "seen", "right", "due"), 0) for way in ASKED
        }
        for item in items
    }
    for item in items:
        cell = table[item.lesson][item.way.value]
        cell["items"] += 1
        memory = known.get(item.id)
        if memory:
            cell["seen"] += 1
            cell["right"] += memory.last_right
            cell["due"] += memory.due is not None and memory.due <= now
    return table
