"""`pytest quizzes` checks the answers in my_answers.yaml: each question is a test item.

A wrong answer fails with a hint, another wrong one with the explanation of what was chosen; the
key is never told. Questions without an answer are skipped.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from utils.errors import CourseError
from utils.quiz.answers import ANSWERS, Answer, Attempts, read_answers
from utils.quiz.scoring import RULE, score

GIVEN = pytest.StashKey[list[Answer]]()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.name == ANSWERS:
        return AnswersFile.from_parent(parent, path=file_path)
    return None


class AnswersFile(pytest.File):
    """A student's answers."""

    def collect(self) -> Iterator[pytest.Item]:
        try:
            answers = read_answers(self.path)
        except CourseError as error:
            raise self.CollectError(str(error)) from error
        attempts = Attempts(self.path)
        for answer in answers:
            yield QuestionItem.from_parent(
                self, name=answer.question.id, answer=answer, attempts=attempts
            )


class WrongAnswer(Exception):
    """A wrong answer, with what may help."""


class QuestionItem(pytest.Item):
    """One question."""

    def __init__(self, *, answer: Answer, attempts: Attempts, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.answer, self.attempts = answer, attempts

    def runtest(self) -> None:
        question, given = self.answer.question, self.answer.given
        self.session.stash.setdefault(GIVEN, []).append(self.answer)
        if given is None:
            pytest.skip("not answered yet")
        if given == question.answer:
            return
        tried = self.attempts.add(self.answer)
        self.attempts.save()
        if tried == 1:
            raise WrongAnswer(f"{given} is wrong. Hint: {question.hint}")
        raise WrongAnswer(f"{given} is wrong. {question.options[given].why}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo, style: str | None = None) -> str:
        if isinstance(excinfo.value, WrongAnswer):
            question = self.answer.question
            shown = [f"    {line}" for line in question.code.splitlines()]
            return "\n".join([question.stem, *shown, str(excinfo.value)])
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.answer.line - 1, self.name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    session = terminalreporter._session
    answers = session.stash.get(GIVEN, None) if session else None
    if answers is None:
        folder = Path(__file__).parent
        if not (folder / ANSWERS).exists():
            terminalreporter.write_line(f"There is no {ANSWERS} yet: course quiz --template")
        return
    answered = [(answer.question, answer.given) for answer in answers if answer.given]
    if not answered:
        terminalreporter.write_line("Quiz: nothing answered yet.")
        return
    result = score(answered)
    right, asked = sum(result.right.values()), sum(result.asked.values())
    terminalreporter.write_line(
        f"Quiz: {right} of {asked} answered questions right, {len(answers) - asked} open; "
        f"verdict: {result.verdict} ({RULE})"
    )
