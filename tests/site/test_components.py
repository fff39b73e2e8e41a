"""The site's components follow the same rules as the Python side, and pass their own tests."""

import json
import random
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from utils.learning.catalogue import Task, catalogue
from utils.learning.items import Prediction, lesson_items
from utils.learning.plan import next_task
from utils.learning.predictions import gap
from utils.learning.progress import Answered, memories, read_progress, record, summary
from utils.learning.ways import ASKED, Way
from utils.quiz.bank import find_bank, read_bank
from utils.quiz.scoring import draw_test, score
from utils.settings import PROJECT

NODE = shutil.which("node")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NUMBERS = [
    "0", "1", "-1", ".5", "3.5", "0.25", "12.5", "100", "1,234", "25,557,032", "1e10", "1e-6",
    "22.4% (19% to 26%)", "94 of 120", "no idea", "", "-", "−2", "≈7", "64.1%", "0.0001", "1e999",
    "e5",
]  # fmt: skip

pytestmark = pytest.mark.skipif(NODE is None, reason="node isn't installed")


def by_node(questions: Sequence[dict[str, Any]]) -> list[Any]:
    """What the components answer."""
    given = "\n".join(json.dumps(question) for question in questions)
    command = [str(NODE), str(Path(__file__).with_name("parity.mjs"))]
    done = subprocess.run(
        command, input=given, capture_output=True, encoding="utf-8", timeout=120, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def moment(at: datetime) -> int:
    """Microseconds, in which the components count."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def guesses(prediction: Prediction) -> list[str]:
    if prediction.kind == "choice":
        return [str(number) for number in range(len(prediction.options) + 2)]
    shapes = ["(1, 512, 7, 7)", "512×7×7", "1", prediction.answer]
    return [*shapes, *NUMBERS]


def some_answers(tasks: Sequence[Task], count: int) -> list[Answered]:
    chance = random.Random(0)
    found = []
    for _ in range(count):
        task, days = chance.choice(tasks), chance.uniform(0, 60)
        at, right = NOON + timedelta(days=days), chance.random() < 0.7
        found.append(Answered(at=at, item=task.id, way=task.way, lesson=task.lesson, right=right))
    return found


def as_json(answers: Sequence[Answered]) -> list[dict[str, Any]]:
    return [answered.model_dump(mode="json") for answered in answers]


def test_gaps_are_told_alike() -> None:
    lessons = {task.lesson: None for task in catalogue()}
    predictions = [p for name in lessons for p in lesson_items(name).predictions]
    pairs = [(p, guess) for p in predictions for guess in guesses(p)]
    answered = by_node(
        [{"rule": "gap", "asked": p.model_dump(mode="json"), "guess": guess} for p, guess in pairs]
    )
    assert len(pairs) > 1500
    for (prediction, guess), found in zip(pairs, answered, strict=True):
        own = gap(prediction, guess)
        expected = own and {"right": own.right, "words": own.words}
        assert found == expected, (prediction.answer, guess)


def test_memories_and_the_table_are_the_same() -> None:
    tasks = catalogue()
    items = [{"id": task.id, "way": task.way, "lesson": task.lesson} for task in tasks]
    answers, now = some_answers(tasks[:150], 2000), NOON + timedelta(days=70)
    given = {"answers": as_json(answers)}
    asked = {"rule": "summary", "items": items, "at": moment(now)} | given
    known, table = by_node([{"rule": "memories"} | given, asked])
    in_order = sorted(answers, key=lambda answered: answered.at)
    expected = {
        item: {
            "seen": own.seen, "right": own.right, "lastRight": own.last_right,
            "due": own.due and moment(own.due),
        } for item, own in memories(in_order).items()
    }  # fmt: skip
    assert known == expected
    assert table == summary(tasks, in_order, now)


def test_a_sitting_asks_the_same_items() -> None:
    tasks = [task for task in catalogue() if task.way in (Way.CARDS, Way.QUIZ)][:80]
    answers, now = some_answers(tasks[:40], 60), NOON + timedelta(days=61)
    given = [{"id": task.id, "way": task.way, "lesson": task.lesson} for task in tasks]
    question = {"rule": "sitting", "tasks": given, "answers": as_json(answers), "at": moment(now)}
    known = memories(sorted(answers, key=lambda answered: answered.at))
    asked: list[Task] = []
    while task := next_task(tasks, known, asked, now):
        asked.append(task)
    assert by_node([question]) == [[task.id for task in asked]]
    assert len(asked) > 10


def test_the_file_of_answers_goes_there_and_back(tmp_path: Path) -> None:
    answers = some_answers(catalogue(), 50)
    file = tmp_path / "progress.jsonl"
    for answered in answers:
        record(answered, file)
    (text,) = by_node([{"rule": "lines", "text": file.read_text(encoding="utf-8")}])
    back = tmp_path / "back.jsonl"
    back.write_text(text, encoding="utf-8")
    assert read_progress(back) == read_progress(file)
    assert len(read_progress(back)) == 50


def test_the_test_gets_the_same_verdict() -> None:
    bank, chance = read_bank(find_bank("test")), random.Random(0)
    questions, expected = [], []
    for seed in range(60):
        drawn = draw_test(bank, seed)
        given = [(q, q.answer if chance.random() < seed / 60 else None) for q in drawn]
        expected.append(score(given).verdict)
        answers = [
            {"difficulty": q.difficulty, "lesson": q.lesson, "right": letter == q.answer}
            for q, letter in given
        ]
        questions.append({"rule": "verdict", "answers": answers})
    assert by_node(questions) == expected
    assert len(set(expected)) > 2


def test_ways_have_the_same_names() -> None:
    source = (PROJECT / "site" / "components" / "answers.js").read_text(encoding="utf-8")
    assert f"ASKED = {json.dumps([way.value for way in ASKED])};" in source


@pytest.mark.skipif(
    not (PROJECT / "site" / "node_modules").is_dir(), reason="`npm ci` hasn't run in site/"
)
def test_the_components_own_tests_pass() -> None:
    command = [str(NODE), "--test", "components/test/"]
    done = subprocess.run(
        command, cwd=PROJECT / "site", capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:]
