"""Code reading: the code stands in the course. (Keys are proved where items are made.)"""

import pytest

from utils.errors import CourseError
from utils.learning import generate, reading
from utils.learning.reading import reading_questions

QUESTIONS = reading_questions()


def test_code_that_is_not_in_its_source_is_named() -> None:
    quoted = next(q for q in QUESTIONS if not q.changed)
    invented = quoted.model_copy(update={"code": f"{quoted.code}\ninvented = True"})
    with pytest.raises(CourseError, match=f"{quoted.id}.*isn't in"):
        reading._check_quotation(invented)


def test_every_way_of_asking_is_there() -> None:
    assert {question.reads for question in QUESTIONS} == {"shape", "line", "does", "breaks"}


def test_a_question_with_a_wrong_key_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    right = QUESTIONS[0]
    wrong = right.model_copy(update={"answer": "A" if right.answer != "A" else "B"})
    monkeypatch.setattr(generate, "reading_questions", lambda: (wrong,))
    with pytest.raises(CourseError, match=f"The key of {wrong.id}"):
        generate.make(generate.READING)
