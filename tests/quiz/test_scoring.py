"""The drawn test, and the verdict."""

from collections import Counter
from itertools import pairwise

import pytest
from banks import BANKS

from utils.errors import CourseError
from utils.quiz.bank import LETTERS
from utils.quiz.scoring import LEAST_BY_SECTION, SECTIONS, TEST_MIX, draw_test, score


def test_a_drawn_test_has_the_promised_mix_and_depends_on_its_seed() -> None:
    draws = [draw_test(BANKS["test"], seed) for seed in range(30)]
    for drawn in draws:
        assert Counter(q.difficulty for q in drawn) == TEST_MIX
        for section in SECTIONS:
            assert sum(q.lesson in section for q in drawn) >= LEAST_BY_SECTION
    assert draw_test(BANKS["test"], 5) == draws[5]
    assert any(first != second for first, second in pairwise(draws))


def test_a_bank_without_the_mix_is_refused() -> None:
    bank = BANKS["test"]
    without = [q for q in bank.questions if q.difficulty != "hard"]
    first_lesson = [q.model_copy(update={"lesson": 1}) for q in bank.questions]
    for questions in (without, first_lesson):
        with pytest.raises(CourseError, match="No test can be drawn"):
            draw_test(bank.model_copy(update={"questions": tuple(questions)}), 0)


def test_the_verdict_follows_the_stated_rule() -> None:
    bank = BANKS["test"].questions
    wrong = {q.id: next(x for x in LETTERS if x != q.answer) for q in bank}

    def verdict(right: int) -> str:
        return score(
            [(q, q.answer if n < right else wrong[q.id]) for n, q in enumerate(bank)]
        ).verdict

    assert verdict(len(bank)) == "strong"
    assert verdict(len(bank) * 2 // 3) == "nearly"
    assert verdict(0).startswith("review lesson ")
    hard_ones_wrong = [(q, wrong[q.id] if q.difficulty == "hard" else q.answer) for q in bank]
    assert score(hard_ones_wrong).verdict == "nearly"
