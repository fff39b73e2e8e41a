"""A quiz in the terminal."""

import os
import subprocess
import sys
from pathlib import Path

from answer_files import TOPIC, wrong_letters

from utils.quiz.bank import bank_files, read_bank
from utils.quiz.session import begin


def play(name: str, typed: str, cache: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COURSE_CACHE": str(cache)}
    command = [sys.executable, "-m", "utils.cli", "quiz", name]
    return subprocess.run(
        command, input=typed, capture_output=True, encoding="utf-8", env=environment
    )


def test_in_the_terminal_progress_is_kept_and_gone_on_with(tmp_path: Path) -> None:
    asked = read_bank(next(f for f in bank_files() if f.stem == TOPIC)).questions
    first = play(
        "06", f"h\nx\n{asked[0].answer.lower()}\n{wrong_letters(asked[1])[0]}\nq\n", tmp_path
    )
    output = " ".join(first.stdout.split())
    assert f"Hint: {asked[0].hint}" in output
    for number, line in enumerate(asked[0].code.splitlines(), start=1):
        assert f"\n{number:4}  {line}\n" in first.stdout
    assert "Type one of A, B, C, D, h or q." in output
    assert "Right." in output
    assert f"It is {asked[1].answer}: {asked[1].options[asked[1].answer].why}" in output
    rest = "".join(f"{question.answer}\n" for question in asked[2:])
    second = play("06", rest, tmp_path)
    output = " ".join(second.stdout.split())
    assert "Going on after 2 of 8 questions." in output
    assert asked[0].code.splitlines()[-1] not in output
    assert "Verdict: strong" in output
    assert "Going on" not in play("06", "q\n", tmp_path).stdout


def test_an_unknown_quiz_ends_with_one_sentence(tmp_path: Path) -> None:
    run = play("99", "", tmp_path)
    assert run.returncode == 2
    assert "There is no quiz '99'" in run.stderr


def test_the_test_in_the_terminal_has_ten_questions() -> None:
    assert len(begin("test", seed=3).questions) == 10
