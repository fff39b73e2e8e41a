"""A student's answers, checked by pytest."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from answer_files import TOPIC, wrong_letters

from utils.errors import CourseError
from utils.quiz.answers import questions_by_topic, read_answers, write_template
from utils.quiz.bank import Question
from utils.settings import PROJECT


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """A folder with the plugin, as `quizzes/` is, for a student's answers."""
    shutil.copy(PROJECT / "quizzes/conftest.py", tmp_path)
    return tmp_path


def questions() -> list[Question]:
    return list(questions_by_topic()[TOPIC].values())


def write_answers(folder: Path, answers: dict[str, str]) -> None:
    lines = [f"  {question.id}: {answers.get(question.id, '')}" for question in questions()]
    (folder / "my_answers.yaml").write_text("\n".join([f"{TOPIC}:", *lines, ""]), encoding="utf-8")


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", str(folder)]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=folder, env=environment
    )


def test_right_answers_pass_and_say_strong(student: Path) -> None:
    write_answers(student, {q.id: q.answer for q in questions()})
    run = check(student)
    assert run.returncode == 0, run.stdout
    assert f"{questions()[0].id} PASSED" in run.stdout
    assert "Quiz: 8 of 8 answered questions right, 0 open; verdict: strong" in run.stdout


def test_a_wrong_answer_gets_a_hint_then_its_explanation_and_never_the_key(student: Path) -> None:
    question = questions()[0]
    first, second, _ = wrong_letters(question)
    write_answers(student, {question.id: first})
    for _ in range(2):  # the same answer again is no new try
        run = check(student)
        assert run.returncode == 1
        assert f"{first} is wrong. Hint: {question.hint}" in run.stdout
        assert f"\n    {question.code.splitlines()[-1]}\n" in run.stdout
    write_answers(student, {question.id: second})
    run = check(student)
    assert f"{second} is wrong. {question.options[second].why}" in run.stdout
    assert question.options[question.answer].why not in run.stdout
    assert question.hint not in run.stdout


def test_open_questions_are_skipped(student: Path) -> None:
    half = questions()[:4]
    write_answers(student, {q.id: q.answer for q in half})
    run = check(student)
    assert run.returncode == 0
    assert "4 passed, 4 skipped" in run.stdout
    assert "4 of 4 answered questions right, 4 open" in run.stdout
    write_answers(student, {})
    run = check(student)
    assert "8 skipped" in run.stdout
    assert "nothing answered yet" in run.stdout


def test_without_a_file_it_says_how_to_get_one(student: Path) -> None:
    assert "course quiz --template" in check(student).stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("07_vgg:\n  x: A\n", "line 1: Unknown topic '07_vgg' (did you mean 06_vgg"),
        ("06_vgg:\n  vgg-sixteem: A\n", "line 2: Unknown question 'vgg-sixteem' (did you mean"),
        ("06_vgg:\n  vgg-sixteen: E\n", "line 2: the answer to vgg-sixteen must be one of A, B"),
        ("06_vgg:\n  vgg-sixteen: [A, B]\n", "line 2: the answer to vgg-sixteen must be one of"),
        ("06_vgg:\n  vgg-sixteen: A\n  vgg-sixteen: B\n", "line 3: vgg-sixteen has two answers"),
        ("06_vgg:\n  vgg-sixteen: A\n - x", "isn't YAML"),
        ("just words", "line 1: expected topics"),
    ],
)
def test_bad_files_are_told_with_their_line(student: Path, text: str, message: str) -> None:
    (student / "my_answers.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=re.escape(message)):
        read_answers(student / "my_answers.yaml")
    run = check(student)
    assert run.returncode == 2
    assert message.split(" (")[0].split(": ", 1)[-1][:20] in run.stdout.replace("\n", " ")
    assert "Traceback" not in run.stdout


def test_letters_may_be_small_and_spaced(tmp_path: Path) -> None:
    file = tmp_path / "my_answers.yaml"
    file.write_text("06_vgg:\n  vgg-sixteen: ' b '\n", encoding="utf-8")
    assert [answer.given for answer in read_answers(file)] == ["B"]


def test_the_template_asks_every_question_and_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "my_answers.yaml"
    write_template(file)
    answers = read_answers(file)
    asked = [q.id for topic in questions_by_topic().values() for q in topic.values()]
    assert [answer.question.id for answer in answers] == asked
    assert {answer.given for answer in answers} == {None}
    with pytest.raises(CourseError, match="exists"):
        write_template(file)


def test_a_bare_pytest_leaves_the_quizzes_alone(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.getini("testpaths") == ["tests"]
