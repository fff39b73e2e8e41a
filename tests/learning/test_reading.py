"""Code reading: every key is proved, and the code stands in the course."""

import pytest

from utils.errors import CourseError
from utils.learning import reading
from utils.learning.reading import ReadingQuestion, reading_questions
from utils.quiz.proofs import check_key, prove

QUESTIONS = reading_questions()


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_the_key_is_what_python_computes(question: ReadingQuestion) -> None:
    plain = question.plain()
    check_key(plain, prove(plain))


def test_code_that_is_not_in_its_source_is_named() -> None:
    quoted = next(q for q in QUESTIONS if not q.changed)
    invented = quoted.model_copy(update={"code": f"{quoted.code}\ninvented = True"})
    with pytest.raises(CourseError, match=f"{quoted.id}.*isn't in"):
        reading._check_quotation(invented)


def test_every_way_of_asking_is_there() -> None:
    assert {question.reads for question in QUESTIONS} == {"shape", "line", "does", "breaks"}
