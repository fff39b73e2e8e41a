"""Progress: kept through kills and beside another terminal; cards come back when they should."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from utils.errors import CourseError
from utils.learning.catalogue import Task
from utils.learning.items import Card
from utils.learning.plan import NEW_CARDS, next_task
from utils.learning.progress import Answered, memories, merge, read_progress, record, summary
from utils.learning.ways import Way
from utils.settings import PROJECT

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def answer(item: str, right: bool = True, days: float = 0, way: Way = Way.CARDS) -> Answered:
    return Answered(at=NOON + timedelta(days=days), item=item, way=way, lesson="05", right=right)


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from utils.learning.progress import Answered, record

for number in range(50):
    item = f"{sys.argv[2]}{number}"
    now = datetime.now(UTC)
    record(Answered(at=now, item=item, way="cards", lesson="05", right=True), Path(sys.argv[1]))
"""


def test_two_terminals_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "new" / "progress.jsonl"
    command = [sys.executable, "-c", WRITER, str(file)]
    writers = [subprocess.Popen([*command, name], cwd=PROJECT) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert {own.item for own in read_progress(file)} == {f"{n}{i}" for n in "ab" for i in range(50)}


def test_a_line_that_was_cut_short_costs_itself_alone(tmp_path: Path) -> None:
    file = tmp_path / "progress.jsonl"
    record(answer("first"), file)
    with open(file, "ab") as torn:
        torn.write(b'{"at": "2026-03-01T12:0')
    record(answer("second"), file)
    assert [own.item for own in read_progress(file)] == ["first", "second"]


def test_a_file_from_elsewhere_is_merged_once(tmp_path: Path) -> None:
    here, other = tmp_path / "here.jsonl", tmp_path / "other.jsonl"
    record(answer("both"), here)
    for name in ("both", "new"):
        record(answer(name), other)
    assert merge(other, here) == 1
    assert merge(other, here) == 0
    assert {own.item for own in read_progress(here)} == {"both", "new"}
    with pytest.raises(CourseError, match="holds no answers"):
        merge(tmp_path / "nothing.jsonl", here)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="COURSE_PROGRESS"):
        record(answer("first"), tmp_path)
    with pytest.raises(CourseError, match="COURSE_PROGRESS"):
        read_progress(tmp_path)


def test_a_card_comes_back_after_1_3_7_16_and_35_days() -> None:
    day, answers, waits = 0.0, [], []
    for _ in range(6):
        answers.append(answer("card", days=day))
        due = memories(answers)["card"].due
        assert due
        waits.append((due - answers[-1].at).days)
        day += waits[-1]
    assert waits == [1, 3, 7, 16, 35, 35]


def test_a_card_that_was_not_known_begins_again() -> None:
    answers = [answer("card"), answer("card", days=1), answer("card", right=False, days=4)]
    due = memories(answers)["card"].due
    assert due == NOON + timedelta(days=5)
    again = memories([*answers, answer("card", days=5)])["card"]
    assert again.due == NOON + timedelta(days=6)
    assert (again.seen, again.right) == (4, 3)


def test_knowing_a_card_twice_on_a_day_says_nothing_about_the_next() -> None:
    assert memories([answer("card"), answer("card", days=0.1)])["card"].due == NOON + timedelta(1)


def test_a_missed_question_comes_back_the_next_day_and_a_known_one_never() -> None:
    missed = memories([answer("q", right=False, way=Way.QUIZ)])["q"]
    assert missed.due == NOON + timedelta(days=1)
    known = memories([answer("q", False, 0, Way.QUIZ), answer("q", True, 1, Way.QUIZ)])["q"]
    assert known.due is None


def card_task(name: str, way: Way = Way.CARDS, lesson: str = "05_resnet") -> Task:
    card = Card(id="small", lesson=lesson, kind="term", front="?", back="!")
    return Task(id=name, way=way, lesson=lesson, content=card)


def sitting(tasks: list[Task], answers: list[Answered], now: datetime) -> list[Task]:
    asked: list[Task] = []
    while task := next_task(tasks, memories(answers), asked, now):
        asked.append(task)
    return asked


def test_after_two_due_items_comes_a_new_one() -> None:
    tasks = [card_task(name) for name in ("old1", "old2", "old3", "new1")]
    answers = [answer(name, right=False) for name in ("old1", "old2", "old3")]
    asked = sitting(tasks, answers, NOON + timedelta(days=2))
    assert [task.id for task in asked] == ["old1", "old2", "new1", "old3"]


def test_nothing_comes_before_it_is_due_nor_twice() -> None:
    tasks = [card_task("old"), card_task("new")]
    assert [task.id for task in sitting(tasks, [answer("old")], NOON)] == ["new"]


def test_new_items_change_their_way_and_stay_with_a_lesson() -> None:
    tasks = [
        card_task("c1"), card_task("c2"), card_task("p1", Way.PREDICT), card_task("q1", Way.QUIZ),
        card_task("later", Way.PREDICT, "06_vgg"),
    ]  # fmt: skip
    asked = sitting(tasks, [], NOON)
    assert [task.id for task in asked] == ["c1", "p1", "q1", "c2", "later"]


def test_the_card_of_a_question_waits_for_another_sitting() -> None:
    tasks = [card_task("quiz/skip", Way.QUIZ), card_task("cards/q-skip"), card_task("cards/term")]
    assert [task.id for task in sitting(tasks, [], NOON)] == ["quiz/skip", "cards/term"]


def test_a_sitting_brings_few_new_cards() -> None:
    asked = sitting([card_task(f"c{number}") for number in range(20)], [], NOON)
    assert len(asked) == NEW_CARDS


def test_the_summary_counts_by_lesson_and_way() -> None:
    tasks = [card_task("a"), card_task("b"), card_task("c")]
    answers = [answer("a"), answer("b", right=False)]
    row = summary(tasks, answers, NOON + timedelta(days=2))["05_resnet"]
    assert row["cards"] == {"items": 3, "seen": 2, "right": 1, "due": 2}
    assert row["parsons"] == dict.fromkeys(("items", "seen", "right", "due"), 0)
