"""The question bank: its schema, its balance, and errors told with their line."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from banks import BANKS, QUESTIONS

from utils.errors import CourseError
from utils.lessons import find_lessons
from utils.quiz.bank import LETTERS, Question, find_bank, read_bank

LESSONS = [name for name in BANKS if name != "test"]


def test_every_lesson_has_its_quiz_and_questions_of_the_promised_kinds() -> None:
    assert [file.stem for file in find_lessons()] == LESSONS
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS)
    for name in LESSONS:
        kinds = Counter(question.kind for question in BANKS[name].questions)
        assert kinds == {"lesson": 3, "practice": 5}, name
        assert {question.lesson for question in BANKS[name].questions} == {int(name[:2])}
    test = BANKS["test"].questions
    by_difficulty = Counter(question.difficulty for question in test)
    assert by_difficulty.keys() == {"easy", "medium", "hard"}
    assert len(set(by_difficulty.values())) == 1


def test_a_third_of_the_questions_show_code_in_lines_of_a_page() -> None:
    with_code = [question for question in QUESTIONS if question.code]
    assert len(with_code) >= len(QUESTIONS) / 3
    for question in with_code:
        assert max(map(len, question.code.splitlines())) <= 88, question.id


def test_keys_are_spread_over_the_letters() -> None:
    for name in LESSONS:
        keys = Counter(question.answer for question in BANKS[name].questions)
        assert all(1 <= keys[letter] <= 3 for letter in LETTERS), name
    keys = Counter(question.answer for question in QUESTIONS)
    assert all(0.2 <= keys[letter] / len(QUESTIONS) <= 0.3 for letter in LETTERS)
    for bank in BANKS.values():
        row = "".join(question.answer for question in bank.questions)
        assert not re.search(r"(.)\1\1\1", row)


def test_the_right_option_is_seldom_the_longest() -> None:
    def longest(question: Question) -> bool:
        lengths = {letter: len(option.text) for letter, option in question.options.items()}
        right = lengths.pop(question.answer)
        return right > max(lengths.values())

    assert sum(map(longest, QUESTIONS)) <= 0.35 * len(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_no_question_gives_its_answer_away(question: Question) -> None:
    texts = [option.text.lower() for option in question.options.values()]
    assert not [text for text in texts if re.search(r"(all|none) of the above", text)]
    right = question.options[question.answer].text
    told = rf"(?<![\w.]){re.escape(right.lower())}(?![\w.])"
    assert not re.search(told, question.stem.lower())
    assert not re.search(told, question.hint.lower())


def test_an_error_in_a_file_is_told_with_its_line(tmp_path: Path, example: Question) -> None:
    file = tmp_path / "bank.yaml"
    text = find_bank("06").read_text(encoding="utf-8")
    file.write_text(text.replace("difficulty: easy", "difficulty: simple", 1), encoding="utf-8")
    line = text.splitlines().index("  difficulty: easy") + 1
    with pytest.raises(CourseError, match=f"bank.yaml, line {line}: questions.0.difficulty"):
        read_bank(file)
    file.write_text("topic: [", encoding="utf-8")
    with pytest.raises(CourseError, match="line 1: this isn't YAML"):
        read_bank(file)
    content = yaml.safe_load(text)
    content["questions"][1]["id"] = content["questions"][0]["id"]
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(CourseError, match="two questions are called"):
        read_bank(file)


def test_an_unknown_quiz_is_named() -> None:
    with pytest.raises(CourseError, match="no quiz '77'"):
        find_bank("77")
    assert find_bank("1").stem == "01_input_image"
