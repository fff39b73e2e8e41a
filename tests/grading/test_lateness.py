"""Late days: times in any zone, a rule that is kept, and a score that everybody counts alike."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from class_of_students import NAME
from databases import FULL, by_hand, mark, new_class
from nbgrader.api import Gradebook
from nbgrader.utils import parse_utc

from utils.errors import CourseError
from utils.grading.assignments import COURSE
from utils.grading.class_folder import ClassFolder
from utils.grading.incoming.timestamps import read_time
from utils.grading.marks.deadlines import choose_late_rule, chosen_late_rule
from utils.grading.marks.gradebook import marks_of
from utils.grading.marks.lateness import LateRule, read_due, revised

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
BERLIN = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30T12:00Z", "2026-11-30T13:00+01:00", "2026-11-30 13:00:00.000000+01:00",
        "2026-11-30 12:00:00.000000 UTC", "2026-11-30 13:00:00 +0100", "2026-11-30 13:00:00 +01:00",
        "2026-11-30 13:00:00 CET", "2026-11-30 14:00 CEST", "2026-11-30 07:00 EST",
        "2026-11-30 13:00 Europe/Berlin", "20261130T130000+0100", "2026-11-30 12:00:00 gmt\n",
        "\ufeff2026-11-30 12:00:00 UTC\r\n", "2026-11-30T13:00", "2026-11-30 13:00:00",
    ],
)  # fmt: skip
def test_the_same_noon_in_any_spelling(text: str) -> None:
    assert read_time(text, BERLIN) == NOON


@pytest.mark.parametrize(
    "text",
    ["yesterday, about ten", "", "2026-11-30", "30/11/2026 13:00", "2026-11-30 11:59 PM",
     "2026-11-30 13:00 IST", "2026-13-01 12:00", "0001-01-01T00:00+14:00", "2026-11-30 13:00 ../x"],
)  # fmt: skip
def test_what_may_mean_several_times_is_none(text: str) -> None:
    assert read_time(text, BERLIN) is None


def test_nbgrader_itself_reads_some_zones_wrong() -> None:
    wrong = parse_utc("2026-11-30 13:00:00 +0100")  # a hundred seconds
    assert (
        wrong
        != NOON.replace(tzinfo=None)
        == read_time("2026-11-30 13:00:00 +0100").replace(tzinfo=None)
    )


def test_each_day_that_has_begun_costs_after_a_time_of_grace() -> None:
    rule = LateRule(due=NOON, points_per_day=1.5, grace_minutes=10)
    hours = (0, 0.1, 1, 24, 24.1, 72)
    assert [rule.penalty(3600 * n) for n in hours] == [0, 0, 1.5, 1.5, 3, 4.5]


@pytest.mark.parametrize("due", ["2026-11-30", "2026-11-30T23:59", "tomorrow", "2026-11-31T00:00Z"])
def test_a_due_date_needs_a_time_and_a_zone(due: str) -> None:
    with pytest.raises(CourseError, match=f"--due '{due}' is no date"):
        read_due(due)


def test_a_rule_is_changed_part_by_part() -> None:
    rule = revised(None, "2026-11-30T13:00+01:00", 1, None)
    assert rule == LateRule(due=NOON, points_per_day=1)
    assert revised(rule, None, None, 5) == LateRule(due=NOON, points_per_day=1, grace_minutes=5)
    assert revised(rule, "none", None, None) is None
    with pytest.raises(CourseError, match="needs a deadline"):
        revised(None, None, 1, None)


def hand_in_at(folder: ClassFolder, student: str, time: str) -> None:
    own = folder.submitted(student, NAME)
    own.mkdir(parents=True, exist_ok=True)
    (own / "timestamp.txt").write_text(time, encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ClassFolder:
    folder = new_class(tmp_path_factory.mktemp("class"))
    late = "2026-12-01 13:00:01"
    for student, time in (
        ("late", late),
        ("in time", "2026-11-30 13:00:00"),
        ("utc", f"{late} UTC"),
    ):
        hand_in_at(folder, student, time)
    return folder


RULE = LateRule(due=NOON.astimezone(BERLIN), points_per_day=1)


def test_a_rule_is_kept_and_applied_to_those_who_have_marks(folder: ClassFolder) -> None:
    assert mark(folder, "late").penalty == 0
    choose_late_rule(folder, NAME, RULE)
    kept = chosen_late_rule(folder, NAME)
    assert (kept, kept.due.utcoffset()) == (RULE, timedelta(hours=1))
    assert (marks_of(folder, "late", NAME).score, marks_of(folder, "late", NAME).penalty) == (8, 2)
    assert (mark(folder, "utc").score, mark(folder, "in time").score) == (8, 10)
    assert mark(folder, "no time").score == 10


def test_a_penalty_takes_no_more_than_there_is_but_all_of_it_later(folder: ClassFolder) -> None:
    choose_late_rule(folder, NAME, RULE)
    nearly_none = {**dict.fromkeys(FULL, 0.0), "decide_test_edge": 1.0}
    hand_in_at(folder, "weak", "2026-12-01 13:00:01")
    marks = mark(folder, "weak", **nearly_none)
    assert (marks.raw_score, marks.penalty, marks.score) == (1, 1, 0)
    by_hand(folder, "weak", "softmax_test", manual_score=2)
    marks = marks_of(folder, "weak", NAME)
    assert (marks.raw_score, marks.penalty, marks.score) == (3, 2, 1)


def test_an_extension_that_was_granted_with_nbgrader_counts(folder: ClassFolder) -> None:
    choose_late_rule(folder, NAME, RULE)
    hand_in_at(folder, "ill", "2026-12-01 13:00:01")
    mark(folder, "ill")
    with Gradebook(folder.gradebook_url, COURSE) as gradebook:
        gradebook.grant_extension(NAME, "ill", days=1)
    assert mark(folder, "ill").penalty == 1


def test_a_rule_can_be_taken_away(folder: ClassFolder) -> None:
    mark(folder, "late")
    choose_late_rule(folder, NAME, None)
    assert (marks_of(folder, "late", NAME).penalty, chosen_late_rule(folder, NAME)) == (0, None)
    choose_late_rule(folder, NAME, RULE)


def test_a_rule_may_come_before_the_assignment(tmp_path: Path) -> None:
    folder = ClassFolder(tmp_path)
    assert chosen_late_rule(folder, NAME) is None
    choose_late_rule(folder, NAME, RULE)
    new_class(tmp_path)
    hand_in_at(folder, "late", "2026-11-30 13:00:01")
    assert mark(folder, "late").penalty == 1


def test_a_due_date_set_with_nbgrader_costs_nothing_by_itself(tmp_path: Path) -> None:
    folder = new_class(tmp_path)
    with Gradebook(folder.gradebook_url, COURSE) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-11-30 12:00:00")
    assert chosen_late_rule(folder, NAME) == LateRule(due=NOON)


def test_times_noted_on_another_machine_stay(folder: ClassFolder) -> None:
    hand_in_at(folder, "elsewhere", "2026-12-01 12:00:01 UTC")
    mark(folder, "elsewhere")
    (folder.submitted("elsewhere", NAME) / "timestamp.txt").unlink()
    choose_late_rule(folder, NAME, RULE)
    assert marks_of(folder, "elsewhere", NAME).penalty == 2


def test_a_link_or_another_thing_for_a_timestamp_is_no_time(folder: ClassFolder) -> None:
    choose_late_rule(folder, NAME, RULE)
    elsewhere = folder.root / "time.txt"
    elsewhere.write_text("2026-12-01 12:00:01 UTC", encoding="utf-8")
    for student in ("link", "folder", "binary"):
        folder.submitted(student, NAME).mkdir(parents=True)
    (folder.submitted("link", NAME) / "timestamp.txt").symlink_to(elsewhere)
    (folder.submitted("folder", NAME) / "timestamp.txt").mkdir()
    (folder.submitted("binary", NAME) / "timestamp.txt").write_bytes(b"\xff\xfe\x00")
    for student in ("link", "folder", "binary"):
        assert mark(folder, student).handed_in is None
