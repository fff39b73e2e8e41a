"""When it was handed in: `timestamp.txt` beside a notebook, read with its time zone."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from utils.grading.incoming.sources import open_regular

TIMESTAMP = "timestamp.txt"  # as nbgrader's own tools write it
LONGEST = 100  # characters of it that are read
# Abbreviations that mean one zone only, in hours from UTC; other names are those of the time zone
# database. (CST, IST and their like mean several.)
HOURS = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2,
    "EET": 2, "EEST": 3, "EST": -5, "EDT": -4, "CDT": -5, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip


def read_stamp(folder: Path) -> str | None:
    """What stands in a folder's `timestamp.txt`; None if it has none that is a text."""
    try:
        with open_regular(folder / TIMESTAMP) as stream:
            return stream.read(LONGEST).decode("utf-8-sig").strip()
    except (OSError, ValueError):
        return None


def time_note(folder: Path) -> str | None:
    """What is wrong with a folder's `timestamp.txt`; None if nothing is, or there is none."""
    file = folder / TIMESTAMP
    if not file.is_symlink() and not file.exists():
        return None
    stamp = read_stamp(folder) or ""
    time = parse_time(stamp)
    if time is None or read_time(stamp) is None:
        return (
            f"{TIMESTAMP} can't be read: the time of handing in isn't known; write it as "
            "2026-11-25 17:41:24 Europe/Berlin"
        )
    return None if time.tzinfo else f"{TIMESTAMP} names no time zone: it is read in the deadline's"


def read_time(text: str, zone: timezone = UTC) -> datetime | None:
    """When something was handed in, in UTC; None if the text is no time.

    A time without a time zone is one of `zone`: that of the due date. Understood are ISO 8601 and
    what nbgrader writes into `timestamp.txt`: `2026-11-30 22:59:00.123456 UTC`, `… +0100`, `… CET`.
    nbgrader itself takes `+0100` for a hundred seconds, and `CEST` for UTC.
    """
    time = parse_time(text)
    if time is None:
        return None
    try:
        return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:  # a year that no time zone can be applied to
        return None


def parse_time(text: str) -> datetime | None:
    """A date and time as it is written, with its zone if one is; None if it is neither."""
    words, zone = _without_zone(text.replace("\ufeff", "").strip())
    try:
        time = datetime.fromisoformat(words)
    except ValueError:
        return None
    if ":" not in words and "T" not in words.upper():
        return None  # a date alone says nothing about the hour, and would count as its first second
    return time if zone is None else time.replace(tzinfo=zone)


def _without_zone(words: str) -> tuple[str, tzinfo | None]:
    """A time without the zone that stands behind a blank, and that zone, if its name is known."""
    time, _, zone = words.rpartition(" ")
    if zone[:1] in ("+", "-"):
        return time + zone, None
    if zone.upper() in HOURS:
        return time, timezone(timedelta(hours=HOURS[zone.upper()]))
    try:
        return (time, ZoneInfo(zone)) if zone[:1].isalpha() else (words, None)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return words, None
