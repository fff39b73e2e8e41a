"""`course learn`, `cards`, `progress` and `sheets`, by keyboard alone."""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from utils.cli import app
from utils.learning.catalogue import Task, catalogue, lesson_names
from utils.learning.items import BugHunt, Card, Parsons, Prediction, lesson_items
from utils.learning.pieces import mixed_lines, shuffled
from utils.learning.ways import Way
from utils.quiz.bank import Question
from utils.settings import PROJECT

LESSON = "05_resnet"
COMMAND = [sys.executable, "-m", "utils.cli"]


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"COURSE_PROGRESS": str(folder / "progress.jsonl")}


def course(folder: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], input=typed, capture_output=True, encoding="utf-8",
        env=environment(folder), cwd=PROJECT,
    )  # fmt: skip


def kept(folder: Path) -> list[dict]:
    lines = (folder / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def tasks_of(way: Way) -> list[Task]:
    return [task for task in catalogue() if task.lesson == LESSON and task.way is way]


def right_answer(content: object) -> str:
    """What is typed to answer an item rightly."""
    if isinstance(content, Question):
        return f"{content.answer}\n"
    if isinstance(content, Card):
        return "\ny\n"
    if isinstance(content, Prediction):
        numbered = content.kind == "choice"
        return f"{content.options.index(content.answer) + 1 if numbered else content.answer}\n"
    if isinstance(content, Parsons):
        order = mixed_lines(content)
        words = [">" * line.indent + str(order.index(line.code) + 1) for line in content.lines]
        return " ".join(words) + "\n"
    assert isinstance(content, BugHunt)
    number = shuffled([content.mistake, *content.others], content.id).index(content.mistake) + 1
    rows, right = content.code.splitlines(), content.mended.splitlines()
    last = len(right) - (len(rows) - content.last)
    mended = "\n".join(right[content.first - 1 : last])
    return f"{content.first}\n{number}\n{mended}\n\n"


@pytest.mark.parametrize("way", ["predict", "quiz", "cards", "parsons", "bugs", "reading"])
def test_a_right_answer_counts(way: str, tmp_path: Path) -> None:
    task = tasks_of(Way(way))[0]
    run = course(tmp_path, "learn", "05", "--mode", way, typed=right_answer(task.content) + "q\n")
    assert run.returncode == 0, run.stderr
    assert [(own["item"], own["right"]) for own in kept(tmp_path)] == [(task.id, True)]
    assert "1 of 1 right" in run.stdout


def test_a_bug_that_is_not_mended_is_told_and_shown(tmp_path: Path) -> None:
    hunt = tasks_of(Way.BUGS)[0].content
    run = course(tmp_path, "learn", "05", "--mode", "bugs", typed="1\n1\npass\n\ns\n\nq\n")
    assert run.returncode == 0, run.stderr
    assert kept(tmp_path)[0]["right"] is False
    assert "fails:" in run.stdout
    assert hunt.mistake in " ".join(run.stdout.split())


def test_a_wrong_order_is_told_and_the_solution_shown(tmp_path: Path) -> None:
    problem = tasks_of(Way.PARSONS)[0].content
    words = right_answer(problem.model_copy(update={"lines": problem.lines[:-1]}))
    run = course(tmp_path, "learn", "05", "--mode", "parsons", typed=f"99\n{words}s\nq\n")
    assert "Type numbers from 1 to" in run.stdout
    assert "fails:" in run.stdout
    assert "doesn't belong:" in run.stdout
    assert kept(tmp_path)[0]["right"] is False


def test_a_sitting_that_was_killed_is_gone_on_with(tmp_path: Path) -> None:
    first, second = (task.content for task in tasks_of(Way.QUIZ)[:2])
    words = [*COMMAND, "learn", "05", "--mode", "quiz"]
    sitting = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment(tmp_path),
        cwd=PROJECT,
    )  # fmt: skip
    assert sitting.stdin
    sitting.stdin.write(f"{first.answer}\n".encode())
    sitting.stdin.flush()
    file = tmp_path / "progress.jsonl"
    for _ in range(600):
        if file.exists() and file.stat().st_size:
            break
        time.sleep(0.1)
    sitting.kill()
    sitting.wait()
    run = course(tmp_path, "learn", "05", "--mode", "quiz", typed="q\n")
    shown = " ".join(run.stdout.split())
    assert " ".join(second.stem.split())[:40] in shown
    assert " ".join(first.stem.split())[:40] not in shown


def test_progress_is_counted_and_its_place_is_named(tmp_path: Path) -> None:
    typed = right_answer(tasks_of(Way.QUIZ)[0].content) + "q\n"
    course(tmp_path, "quiz", "05", typed=typed)
    content = json.loads(course(tmp_path, "progress", "--json").stdout)
    assert content["file"] == str(tmp_path / "progress.jsonl")
    cell = content["lessons"][LESSON]["quiz"]
    assert (cell["seen"], cell["right"], cell["due"]) == (1, 1, 0)
    table = course(tmp_path, "progress").stdout
    assert "1/1/8" in table
    assert "progress.jsonl" in table


def test_the_ten_ways_are_counted_for_every_lesson(tmp_path: Path) -> None:
    table = course(tmp_path, "learn", "--ways").stdout
    assert all(way.value in table for way in Way)
    assert all(name[:10] in table for name in lesson_names())


def test_no_card_is_due_at_first(tmp_path: Path) -> None:
    assert "No card is due" in course(tmp_path, "cards", "--due").stdout


@pytest.mark.parametrize(
    ("way", "word"),
    [("trace", "course trace"), ("make", "ex05"), ("lesson", "lab"), ("sheet", "course sheets")],
)
def test_what_is_not_asked_is_pointed_to(way: str, word: str, tmp_path: Path) -> None:
    assert word in course(tmp_path, "learn", "05", "--mode", way).stdout


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("learn", "77"), "no lesson '77'"),
        (("learn", "--mode", "dreaming"), "'dreaming' is not one of"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(
    words: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    run = course(tmp_path, *words)
    assert run.returncode == 2
    assert named in " ".join(run.stderr.split())


@pytest.mark.parametrize("lesson", lesson_names())
def test_every_trace_is_a_command_that_would_run(lesson: str) -> None:
    group = typer.main.get_command(app)
    for trace in lesson_items(lesson).traces:
        _, name, *words = shlex.split(trace.command)
        context = group.commands[name].make_context(name, words)
        for photo in [word for word in words if word.endswith(".jpg")]:
            assert (PROJECT / photo).exists()
        assert context.params


def test_a_missing_line_may_have_several_places(monkeypatch: pytest.MonkeyPatch) -> None:
    from utils.cli import asking

    hunts = [task.content for task in catalogue() if task.way is Way.BUGS]
    hunt = next(own for own in hunts if own.last < own.first and "optimizer" in own.code)
    assert "zero_grad" in asking.missing_lines(hunt)[0]
    rows = hunt.code.splitlines()
    in_the_loop = 2 + next(number for number, row in enumerate(rows) if "    for " in row)
    answers = iter(["0", str(in_the_loop)])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(answers))
    assert in_the_loop != hunt.first
    assert asking._ask_line(hunt) is True
