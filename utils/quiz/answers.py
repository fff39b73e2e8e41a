"""A student's answers in a file: the template to fill in, reading it, and the attempts so far."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

from utils.errors import CourseError, known_name
from utils.files import write_file
from utils.quiz.bank import LETTERS, TEST, Question, bank_files, read_bank, read_letter, read_yaml

ANSWERS = "my_answers.yaml"


@dataclass(frozen=True)
class Answer:
    """What stands behind a question's id: a letter, or nothing yet."""

    question: Question
    given: str | None
    line: int


def questions_by_topic() -> dict[str, dict[str, Question]]:
    """Every question for checking oneself, by the name of its file and its id; test left out."""
    banks = {file.stem: read_bank(file) for file in bank_files() if file.stem != TEST}
    return {name: {q.id: q for q in bank.questions} for name, bank in banks.items()}


def write_template(file: Path) -> None:
    """Write a file with every question and room for its answer; an existing one is kept.

    Raises:
        CourseError: there is such a file already.
    """
    if file.exists():
        raise CourseError(f"{file} exists, and answers in it would be lost: rename it first.")
    lines = ["# Write A, B, C or D behind the name of a question, then run: pytest quizzes", ""]
    for topic, questions in questions_by_topic().items():
        lines.append(f"{topic}:")
        for question in questions.values():
            lines += [f"  # {line}" for line in question.stem.splitlines()]
            lines += [f"  #     {line}" for line in question.code.splitlines()]
            lines += [f"  #   {k}. {option.text}" for k, option in question.options.items()]
            lines += [f"  {question.id}:", ""]
    write_file(file, "\n".join(lines))


def read_answers(file: Path) -> list[Answer]:
    """The answers in a file, in its order.

    Raises:
        CourseError: not YAML, an unknown topic or question, not one letter from A to D, or two
            answers to one question; the line is named.
    """
    node, _ = read_yaml(file)
    known = questions_by_topic()
    answers = []
    for topic, questions in _pairs(file, node, "topics"):
        name = _known(file, topic, "topic", known)
        for key, value in _pairs(file, questions, "questions"):
            question = known[name][_known(file, key, "question", known[name])]
            line = key.start_mark.line + 1
            answers.append(Answer(question, _letter(file, key, value), line))
    twice = [i for i, n in Counter(a.question.id for a in answers).items() if n > 1]
    if twice:
        line = [answer.line for answer in answers if answer.question.id == twice[0]][-1]
        raise CourseError(f"{file}, line {line}: {twice[0]} has two answers: keep one.")
    return answers


def _pairs(
    file: Path, node: yaml.Node | None, what: str
) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
        return []
    if not isinstance(node, yaml.MappingNode):
        line = node.start_mark.line + 1
        raise CourseError(f"{file}, line {line}: expected {what} with their answers here.")
    return node.value


def _known(file: Path, key: yaml.Node, kind: str, known: dict) -> str:
    try:
        return known_name(kind, str(key.value), known)
    except CourseError as error:
        raise CourseError(f"{file}, line {key.start_mark.line + 1}: {error}") from error


def _letter(file: Path, key: yaml.ScalarNode, value: yaml.Node) -> str | None:
    if isinstance(value, yaml.ScalarNode):
        if value.value.strip() in ("", "~", "null"):
            return None
        letter = read_letter(value.value)
        if letter:
            return letter
    line = value.start_mark.line + 1
    raise CourseError(
        f"{file}, line {line}: the answer to {key.value} must be one of {', '.join(LETTERS)}."
    )


class Attempts:
    """Wrong answers of earlier attempts, in a small file beside the answers."""

    def __init__(self, answers: Path) -> None:
        self.file = answers.with_name(f".{answers.stem}.tries.json")
        try:
            self.seen: dict[str, list[str]] = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.seen = {}

    def add(self, answer: Answer) -> int:
        """Count a wrong answer; returns how many different ones there have been, this included."""
        tried = self.seen.setdefault(answer.question.id, [])
        if answer.given and answer.given not in tried:
            tried.append(answer.given)
        return len(tried)

    def save(self) -> None:
        """Keep the attempts for the next run."""
        write_file(self.file, json.dumps(self.seen, indent=1) + "\n")
