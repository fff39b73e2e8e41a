"""What several of these tests begin with."""

import pytest
from banks import BANKS

from utils.quiz.bank import Question


@pytest.fixture
def example() -> Question:
    return BANKS["06_vgg"].questions[0]
