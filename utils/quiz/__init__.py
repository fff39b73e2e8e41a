"""The question bank: read, proved, asked, scored and exported."""

from utils.quiz.notebook import show_quiz

__all__ = ["show_quiz"]
