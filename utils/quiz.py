"""Quizzes: the question bank beside the pipeline."""

from utils.files import PROJECT

QUIZZES = PROJECT / "quizzes"


def show_quiz(lesson: str) -> None:
    """The three questions of a lesson, in the notebook; nothing while it has no question bank."""
    if not (QUIZZES / f"{lesson}.yaml").exists():
        return
