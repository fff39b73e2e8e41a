"""A quiz in progress: which questions, which answers so far, kept on disk after each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from utils.files import write_file
from utils.quiz.bank import TEST, Question, find_bank, read_bank
from utils.quiz.scoring import Score, draw_test, score
from utils.settings import Settings


@dataclass
class Session:
    """Questions in their order, and the letters that were answered so far."""

    name: str
    questions: Sequence[Question]
    file: Path
    given: dict[str, str] = field(default_factory=dict)

    @property
    def open(self) -> list[Question]:
        """The questions without an answer."""
        return [question for question in self.questions if question.id not in self.given]

    def answer(self, question: Question, letter: str) -> bool:
        """Keep an answer; returns whether it is right."""
        self.given[question.id] = letter
        write_file(self.file, json.dumps(self.given, indent=1) + "\n")
        return letter == question.answer

    def finish(self) -> Score:
        """Count the answers, and forget them: the next run begins anew."""
        self.file.unlink(missing_ok=True)
        return score([(question, self.given.get(question.id)) for question in self.questions])


def begin(name: str, seed: int = 0) -> Session:
    """Begin a lesson's quiz, or the test drawn with a seed, or resume a run that was stopped.

    Raises:
        CourseError: there is no such quiz, or its file is damaged.
    """
    file = find_bank(name)
    bank = read_bank(file)
    questions = draw_test(bank, seed) if file.stem == TEST else bank.questions
    known = {question.id for question in questions}
    kept = Settings().cache / "quiz" / f"{file.stem}-{seed}.json"
    try:
        given = {
            i: letter
            for i, letter in json.loads(kept.read_text(encoding="utf-8")).items()
            if i in known
        }
    except (OSError, ValueError, AttributeError):
        given = {}
    return Session(file.stem, questions, kept, given)
