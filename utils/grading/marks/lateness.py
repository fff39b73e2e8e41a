"""When work was due, in which time zone, and what being late costs."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from utils.errors import CourseError
from utils.grading.incoming.timestamps import parse_time

DAY = 86_400  # seconds


@dataclass(frozen=True, kw_only=True)
class LateRule:
    """When an assignment is due, and what each day that has begun after that costs."""

    due: datetime  # with its time zone
    points_per_day: float = 0.0
    grace_minutes: float = 0.0  # up to so many minutes late cost nothing

    def penalty(self, seconds_late: float) -> float:
        """Points that work handed in so late loses; a score never falls below 0 by it."""
        if seconds_late <= self.grace_minutes * 60:
            return 0.0
        return math.ceil(seconds_late / DAY) * self.points_per_day


def read_due(text: str) -> datetime:
    """A due date as `2026-11-30T23:59+01:00`.

    Raises:
        CourseError: it is no date with a time of day and a time zone.
    """
    due = parse_time(text)
    if due is None or due.tzinfo is None:
        raise CourseError(
            f"--due '{text}' is no date with a time and a time zone: write it as "
            "2026-11-30T23:59+01:00."
        )
    return due


def revised(
    rule: LateRule | None, due: str | None, points_per_day: float | None, grace: float | None
) -> LateRule | None:
    """The rule with what was chosen anew; `due` is a date, or `none` for no deadline any more.

    Raises:
        CourseError: the date can't be read, or a penalty comes without any date.
    """
    if due == "none":
        return None
    if due is None and rule is None:
        raise CourseError("A penalty needs a deadline: add --due 2026-11-30T23:59+01:00.")
    before = rule or LateRule(due=read_due(str(due)))
    return LateRule(
        due=before.due if due is None else read_due(due),
        points_per_day=before.points_per_day if points_per_day is None else points_per_day,
        grace_minutes=before.grace_minutes if grace is None else grace,
    )


def zone_of(due: datetime) -> timezone:
    """The time zone of a due date, as its distance from UTC."""
    return timezone(due.utcoffset() or timedelta())
