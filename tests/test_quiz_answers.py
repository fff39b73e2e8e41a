"""`pytest quizzes` as a student runs it, the template, the terminal, and the exports."""

import csv
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from utils.errors import CourseError
from utils.quiz.answers import questions_by_topic, read_answers, write_template
from utils.quiz.bank import LETTERS, Question, bank_files, read_bank
from utils.quiz.export import export_quiz
from utils.quiz.session import begin
from utils.settings import PROJECT

TOPIC = "06_vgg"


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """A folder with the plugin, as `quizzes/` is, for a student's answers."""
    shutil.copy(PROJECT / "quizzes/conftest.py", tmp_path)
    return tmp_path


def questions() -> list[Question]:
    return list(questions_by_topic()[TOPIC].values())


def wrong_letters(question: Question) -> list[str]:
    return [letter for letter in LETTERS if letter != question.answer]


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
        ("just words", "line 1: here topics"),
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
    assert len(answers) == 96
    assert {answer.given for answer in answers} == {None}
    with pytest.raises(CourseError, match="exists"):
        write_template(file)


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
    assert "Type one of A, B, C, D, h or q." in output
    assert "Right." in output
    assert f"It is {asked[1].answer}: {asked[1].options[asked[1].answer].why}" in output
    rest = "".join(f"{question.answer}\n" for question in asked[2:])
    second = play("06", rest, tmp_path)
    output = " ".join(second.stdout.split())
    assert "Going on after 2 of 8 questions." in output
    assert asked[0].stem not in output
    assert "Verdict: strong" in output
    assert "Going on" not in play("06", "q\n", tmp_path).stdout


def test_an_unknown_quiz_ends_with_one_sentence(tmp_path: Path) -> None:
    run = play("99", "", tmp_path)
    assert run.returncode == 2
    assert "There is no quiz '99'" in run.stderr


def test_the_test_in_the_terminal_has_ten_questions() -> None:
    assert len(begin("test", seed=3).questions) == 10


@pytest.fixture(scope="module")
def bank() -> tuple[Question, ...]:
    return tuple(q for file in bank_files() for q in read_bank(file).questions)


def test_the_qti_file_holds_the_same_keys(bank: tuple[Question, ...], tmp_path: Path) -> None:
    export_quiz(bank, "course", "qti", tmp_path / "quiz.zip")
    with zipfile.ZipFile(tmp_path / "quiz.zip") as archive:
        name = max((i for i in archive.infolist() if i.filename.endswith(".xml")),
                   key=lambda info: info.file_size)  # fmt: skip
        tree = ElementTree.fromstring(archive.read(name))
    space = {"q": tree.tag.split("}")[0].strip("{")}
    items = tree.findall(".//q:item", space)
    assert [item.get("title") for item in items] == [question.id for question in bank]
    for item, question in zip(items, bank, strict=True):
        choices = [label.get("ident") for label in item.findall(".//q:response_label", space)]
        right = [
            condition.find(".//q:varequal", space).text
            for condition in item.findall(".//q:respcondition", space)
            if condition.find("q:setvar", space) is not None
        ]
        assert [LETTERS[choices.index(ident)] for ident in right] == [question.answer]


def test_the_gift_file_holds_the_same_keys(bank: tuple[Question, ...], tmp_path: Path) -> None:
    export_quiz(bank, "course", "gift", tmp_path / "quiz.txt")
    text = (tmp_path / "quiz.txt").read_text(encoding="utf-8")
    blocks = re.findall(r"^::(.+?)::.*?(?<!\\)\{\n(.*?)^\}$", text, re.DOTALL | re.MULTILINE)
    assert [name for name, _ in blocks] == [question.id for question in bank]
    for (_, body), question in zip(blocks, bank, strict=True):
        marks = [line.strip()[0] for line in body.splitlines()]
        assert [letter for letter, mark in zip(LETTERS, marks, strict=True) if mark == "="] == [
            question.answer
        ]


def test_the_csv_file_holds_the_same_keys(bank: tuple[Question, ...], tmp_path: Path) -> None:
    export_quiz(bank, "course", "csv", tmp_path / "quiz.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "quiz.csv").read_text(encoding="utf-8"))))
    assert [(row["id"], row["answer"]) for row in rows] == [(q.id, q.answer) for q in bank]


def test_an_unknown_format_is_named(bank: tuple[Question, ...], tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="Unknown format 'doc': use qti, gift, csv"):
        export_quiz(bank, "course", "doc", tmp_path / "quiz.doc")


def test_a_bare_pytest_leaves_the_quizzes_alone(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.getini("testpaths") == ["tests"]
