"""What several of these tests use."""

from utils.quiz.bank import LETTERS, Question

TOPIC = "06_vgg"


def wrong_letters(question: Question) -> list[str]:
    return [letter for letter in LETTERS if letter != question.answer]
