"""What several of these tests begin with."""

import pytest
from banks import BANKS

from utils.quiz.bank import Question


@pytest.fixture
def code_question(example: Question) -> Question:
    """A question with indented code, and with signs that are markup somewhere."""
    code = 'for i in range(2):\n    x = {"a": i}  # <b> & *c*\n\n    print(x["a"] < 1)'
    options = dict(example.options)
    options["A"] = options["A"].model_copy(update={"text": "`x[_1] = a*b*c`, if a < b"})
    stem = "What is `x` here, if 2 * 3 > $5 and [a] <b>?"
    return example.model_copy(update={"stem": stem, "code": code, "options": options})


@pytest.fixture
def example() -> Question:
    return BANKS["06_vgg"].questions[0]
