"""Read the question bank and check it, naming the line of any error.

A question proves its own key: each option carries an expression, `true_if`, that Python computes
with the installed libraries after the question's `setup`. Exactly one of the four must be true
(`proofs.py`).
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from utils.errors import CourseError, is_called
from utils.settings import PROJECT

QUIZZES = PROJECT / "quizzes"
TEST = "test"
LETTERS = ("A", "B", "C", "D")
Model = TypeVar("Model", bound=BaseModel)
Letter = Literal["A", "B", "C", "D"]
Kind = Literal["lesson", "practice", "test"]
Difficulty = Literal["easy", "medium", "hard"]


class Strict(BaseModel):
    """A record that knows all of its fields and doesn't change."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Option(Strict):
    """One of four answers: what it says, why it is right or what mistake leads to it, its proof."""

    text: str = Field(min_length=1)
    why: str = Field(min_length=15)
    true_if: str = Field(min_length=1)


class Question(Strict):
    """A multiple-choice question with one right answer."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    kind: Kind
    difficulty: Difficulty
    lesson: int = Field(ge=0)
    topic: str = Field(min_length=3)
    stem: str = Field(min_length=10)
    code: str = ""
    answer: Letter
    options: dict[Letter, Option]
    hint: str = Field(min_length=10)
    steps: tuple[str, ...] = Field(min_length=2)
    check: str = Field(min_length=5)
    setup: str = ""
    among_options: bool = False  # it can't be answered without seeing its options

    @model_validator(mode="after")
    def _four_options(self) -> "Question":
        if tuple(self.options) != LETTERS:
            raise ValueError("options must be A, B, C and D, in this order")
        if len({option.text for option in self.options.values()}) < len(LETTERS):
            raise ValueError("two options say the same")
        return self


class Bank(Strict):
    """The questions of one file."""

    topic: str
    key_insight: str = Field(min_length=20)
    questions: tuple[Question, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_differ(self) -> "Bank":
        twice = [i for i, n in Counter(q.id for q in self.questions).items() if n > 1]
        if twice:
            raise ValueError(f"two questions are called {twice[0]}")
        return self

    def of_kind(self, kind: Kind) -> tuple[Question, ...]:
        """The questions of one kind, in their order."""
        return tuple(question for question in self.questions if question.kind == kind)


def bank_files() -> list[Path]:
    """The files of the bank: one a lesson, and the test."""
    return [*sorted(QUIZZES.glob("[0-9][0-9]_*.yaml")), QUIZZES / f"{TEST}.yaml"]


def find_bank(name: str) -> Path:
    """The file that `name` means: "2", "02", "02_feature_extraction" or "test".

    Raises:
        CourseError: there is none, or the name fits several.
    """
    found = [file for file in bank_files() if is_called(file.stem, name)]
    if len(found) != 1:
        known = ", ".join(file.stem for file in bank_files())
        raise CourseError(f"There is no quiz '{name}': use one of {known}.")
    return found[0]


def read_bank(file: Path) -> Bank:
    """Read one file of the bank; raises CourseError as `read_model` does."""
    return read_model(file, Bank)


def read_model(file: Path, model: type[Model]) -> Model:
    """Read a YAML file into a record.

    Raises:
        CourseError: missing, not YAML, or against the schema; the line is named.
    """
    node, content = read_yaml(file)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        message = first["msg"].removeprefix("Value error, ")
        line = line_of(node, first["loc"])
        raise CourseError(f"{file}, line {line}: {place}: {message}.") from error


def read_yaml(file: Path) -> tuple[yaml.Node, Any]:
    """Read a YAML file as nodes, which carry line numbers, and as plain data.

    Raises:
        CourseError: missing, unreadable, or not YAML; the line is named.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{file} can't be read ({error}): check the path.") from error
    try:
        node, content = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CourseError(f"{file}, line {line}: this isn't YAML ({error.problem}).") from error
    except yaml.YAMLError as error:
        raise CourseError(f"{file} isn't YAML ({error}).") from error
    return node, content


def line_of(node: yaml.Node | None, path: Sequence[str | int]) -> int:
    """The line, counted from 1, on which the part of a YAML document at `path` begins."""
    line = 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if step not in pairs:
                break
            key, node = pairs[step]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def read_letter(text: object) -> str | None:
    """The letter that somebody means: " b" and "B" are B; None if it is none of A–D."""
    given = re.sub(r"[\s.)]", "", str(text)).upper()
    return given if given in LETTERS else None
