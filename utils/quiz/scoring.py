"""A drawn test, and what its answers say."""

import random
from collections import Counter
from collections.abc import Sequence

from utils.errors import CourseError
from utils.quiz.bank import Bank, Question, Strict

# A drawn test: questions by difficulty, and at least two from each section of the course.
TEST_MIX: dict[str, int] = {"easy": 4, "medium": 3, "hard": 3}
SECTIONS = (range(0, 5), range(5, 8), range(8, 100))  # stages, families, practice
LEAST_BY_SECTION = 2
DRAWS = 1000  # with today's bank, nearly one draw in two covers the sections


def draw_test(bank: Bank, seed: int) -> tuple[Question, ...]:
    """Ten questions: four easy, three medium, three hard; at least two from each section.

    The same seed draws the same questions, from easy to hard.

    Raises:
        CourseError: the bank doesn't hold such a mix.
    """
    chance = random.Random(seed)
    pools = {level: [q for q in bank.questions if q.difficulty == level] for level in TEST_MIX}
    if all(len(pools[level]) >= count for level, count in TEST_MIX.items()):
        for _ in range(DRAWS):
            drawn = [q for level, n in TEST_MIX.items() for q in chance.sample(pools[level], n)]
            if all(sum(q.lesson in s for q in drawn) >= LEAST_BY_SECTION for s in SECTIONS):
                return tuple(drawn)
    mix = ", ".join(f"{count} {level}" for level, count in TEST_MIX.items())
    raise CourseError(
        f"No test can be drawn from '{bank.topic}': it needs {mix} questions, and "
        f"{LEAST_BY_SECTION} from each section of the course; add questions."
    )


class Score(Strict):
    """Right answers, by difficulty, and what they say."""

    right: dict[str, int]
    asked: dict[str, int]
    weakest: int | None  # the lesson with the most wrong answers

    @property
    def fraction(self) -> float:
        return sum(self.right.values()) / max(1, sum(self.asked.values()))

    @property
    def verdict(self) -> str:
        """strong: at least 80 % right, and of the hard ones at least half; nearly: at least 60 %;
        else the lesson with the most wrong answers, to review.
        """
        hard, hard_right = self.asked.get("hard", 0), self.right.get("hard", 0)
        if self.fraction >= STRONG and 2 * hard_right >= hard:
            return "strong"
        if self.fraction >= NEARLY:
            return "nearly"
        return f"review lesson {self.weakest}"


STRONG, NEARLY = 0.8, 0.6
RULE = (
    f"strong: at least {STRONG:.0%} right, and at least half of the hard ones; nearly: at least "
    f"{NEARLY:.0%}; else review the lesson with the most wrong answers"
)


def score(answers: Sequence[tuple[Question, str | None]]) -> Score:
    """Count answers; a question without one counts as asked and not right."""
    asked = Counter(question.difficulty for question, _ in answers)
    right = Counter(question.difficulty for question, given in answers if given == question.answer)
    wrong = Counter(question.lesson for question, given in answers if given != question.answer)
    weakest = min(wrong, key=lambda lesson: (-wrong[lesson], lesson)) if wrong else None
    return Score(right=dict(right), asked=dict(asked), weakest=weakest)
