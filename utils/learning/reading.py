"""Code reading: questions about the code of `utils` and of the lessons, with proved keys."""

import re
from typing import Literal

from pydantic import Field

from utils.errors import CourseError
from utils.learning.sources import LEARNING
from utils.lessons import LESSONS, code_cells, read_notebook
from utils.quiz.bank import Question, Strict, read_model
from utils.settings import PROJECT

READING = LEARNING / "reading.yaml"


class ReadingQuestion(Question):
    """A question about code that stands in the course: where, and which of its lines differ."""

    source: str = Field(pattern=r"^(utils/[\w/]+\.py|lessons/\w+\.ipynb#[\w-]+)$")
    reads: Literal["shape", "line", "does", "breaks"]
    changed: tuple[int, ...] = ()  # lines of `code`, from 1, that were left open or broken

    def plain(self) -> Question:
        """The question as any other one."""
        return Question.model_validate(self.model_dump(exclude={"source", "reads", "changed"}))


class ReadingBank(Strict):
    """All of them."""

    questions: tuple[ReadingQuestion, ...] = Field(min_length=1)


def reading_questions() -> tuple[ReadingQuestion, ...]:
    """The code-reading questions, each quoting its source.

    Raises:
        CourseError: a damaged file, or code that isn't in its source.
    """
    questions = read_model(READING, ReadingBank).questions
    for question in questions:
        _check_quotation(question)
    return questions


def _check_quotation(question: ReadingQuestion) -> None:
    rest = [_bare(line) for line in _source(question).splitlines()]
    for number, line in enumerate(question.code.splitlines(), start=1):
        if number in question.changed or not line.strip() or line.strip() == "...":
            continue
        if _bare(line) not in rest:
            raise CourseError(
                f"{READING}, {question.id}: line {number} of its code isn't in {question.source}, "
                "or not behind the line before."
            )
        rest = rest[rest.index(_bare(line)) + 1 :]


def _bare(line: str) -> str:
    """A line without indentation and comment."""
    return re.sub(r"\s+#.*$", "", line.strip())


def _source(question: ReadingQuestion) -> str:
    file, _, cell = question.source.partition("#")
    if not cell:
        return (PROJECT / file).read_text(encoding="utf-8")
    cells = {c.id: c.source for c in code_cells(read_notebook(LESSONS / file.split("/")[1]))}
    if cell not in cells:
        raise CourseError(f"{READING}, {question.id}: there is no cell {cell} in {file}.")
    return cells[cell]
