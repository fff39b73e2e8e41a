"""The question bank: read, checked with the line of an error, and drawn from.

A question proves its own key: each option carries an expression, `holds`, that Python computes
against the installed libraries. Exactly one of the four must be true (`quiz_proofs.py`).
"""

import html
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from utils.errors import CourseError
from utils.files import PROJECT

QUIZZES = PROJECT / "quizzes"
TEST = "test"
LETTERS = ("A", "B", "C", "D")
Letter = Literal["A", "B", "C", "D"]
Kind = Literal["model_quiz", "practice", "test"]
Difficulty = Literal["easy", "medium", "hard"]
# A drawn test: questions by difficulty, and at least two from each part of the course.
DRAWN: dict[str, int] = {"easy": 4, "medium": 3, "hard": 3}
PARTS = (range(1, 5), range(5, 8), range(8, 13))
LEAST_BY_PART = 2


class Strict(BaseModel):
    """A record that knows all of its fields and doesn't change."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Option(Strict):
    """One of four answers: what it says, why it is right or what mistake leads to it, its proof."""

    text: str = Field(min_length=1)
    why: str = Field(min_length=15)
    holds: str = Field(min_length=1)


class Question(Strict):
    """A multiple-choice question with one right answer."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    kind: Kind
    difficulty: Difficulty
    lesson: int = Field(ge=1, le=12)
    topic: str = Field(min_length=3)
    stem: str = Field(min_length=10)
    code: str = ""
    answer: Letter
    options: dict[Letter, Option]
    hint: str = Field(min_length=10)
    steps: tuple[str, ...] = Field(min_length=2)
    check: str = Field(min_length=5)
    proof: str = ""

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
    """The file whose name begins with `name`: "02", "02_feature_extraction" or "test".

    Raises:
        CourseError: there is none, or the name fits several.
    """
    found = [file for file in bank_files() if file.stem.startswith(name)]
    if len(found) != 1:
        known = ", ".join(file.stem for file in bank_files())
        raise CourseError(f"There is no quiz '{name}': use one of {known}.")
    return found[0]


def read_bank(file: Path) -> Bank:
    """Read one file of the bank.

    Raises:
        CourseError: missing, not YAML, or against the schema; the line is named.
    """
    node, content = read_yaml(file)
    try:
        return Bank.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        message = first["msg"].removeprefix("Value error, ")
        line = line_of(node, first["loc"])
        raise CourseError(f"{file}, line {line}: {place}: {message}.") from error


def read_yaml(file: Path) -> tuple[yaml.Node, Any]:
    """A YAML file as nodes, which know their lines, and as plain data.

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


def draw_test(bank: Bank, seed: int) -> tuple[Question, ...]:
    """Ten questions: four easy, three medium, three hard; each part of the course twice at least.

    The same seed draws the same questions, from easy to hard.
    """
    chance = random.Random(seed)
    while True:
        drawn = [
            question
            for difficulty, count in DRAWN.items()
            for question in chance.sample(
                [q for q in bank.questions if q.difficulty == difficulty], count
            )
        ]
        if all(sum(q.lesson in part for q in drawn) >= LEAST_BY_PART for part in PARTS):
            return tuple(drawn)


class Score(Strict):
    """Right answers, by difficulty, and what they say."""

    right: dict[str, int]
    asked: dict[str, int]
    weakest: int | None  # the lesson with the most wrong answers

    @property
    def share(self) -> float:
        return sum(self.right.values()) / max(1, sum(self.asked.values()))

    @property
    def verdict(self) -> str:
        """strong: at least 80 % right, and of the hard ones at least half; nearly: at least 60 %;
        else the lesson with the most wrong answers, to review.
        """
        hard, hard_right = self.asked.get("hard", 0), self.right.get("hard", 0)
        if self.share >= STRONG and 2 * hard_right >= hard:
            return "strong"
        if self.share >= NEARLY:
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


def read_letter(text: object) -> str | None:
    """The letter that somebody means: " b" and "B" are B; None if it is none of A–D."""
    given = re.sub(r"[\s.)]", "", str(text)).upper()
    return given if given in LETTERS else None


# jupyterquiz's own colours of right and wrong have too little contrast with their white text.
CONTRAST = {"--jq-correct-color": "#00700f", "--jq-incorrect-color": "#a80000",
            "--jq-text-color": "#ffffff"}  # fmt: skip
MATHJAX = "https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-svg.js"  # never fetched: no formulas
PALETTE = {
    "--jq-multiple-choice-bg": "#392061",
    "--jq-mc-button-bg": "#fafafa",
    "--jq-mc-button-border": "#e0e0e0e0",
    "--jq-mc-button-inset-shadow": "#555555",
    "--jq-link-color": "#9abafa",
}


def show_quiz(lesson: str) -> None:
    """Show the three questions of a lesson in a notebook, through jupyterquiz.

    Answers stay in the browser: this is for checking oneself, not for marks.

    Raises:
        CourseError: there is no such lesson, or its file is damaged.
    """
    from IPython.display import HTML, Javascript, display

    page, script = notebook_quiz(lesson)
    display(HTML(page))
    display(Javascript(script))


def notebook_quiz(lesson: str) -> tuple[str, str]:
    """The HTML and the script of a lesson's quiz; they ask no other host for anything."""
    from jupyterquiz.dynamic.loader import load_questions_script
    from jupyterquiz.dynamic.renderer import build_script, build_styles, render_div

    shown = [for_jupyterquiz(q) for q in read_bank(find_bank(lesson)).of_kind("model_quiz")]
    # Always the same id, so that running a lesson again changes nothing in its file.
    place = f"quiz_{lesson}"
    prefix, static, url = load_questions_script(shown, place)
    script = build_script(prefix, static, url, place, True).replace(MATHJAX, "")
    div = render_div(place, False, False, False, len(shown), 700, 10, "left")
    return div + build_styles(place, PALETTE | CONTRAST), script


def for_jupyterquiz(question: Question) -> dict[str, Any]:
    """A question in jupyterquiz's format: one column, for answers may be long or code."""
    answers = [
        {
            "answer": html.escape(f"{letter}. {option.text}"),
            "correct": letter == question.answer,
            "feedback": html.escape(option.why),
        }
        for letter, option in question.options.items()
    ]
    content = {
        "question": html.escape(question.stem),
        "type": "multiple_choice",
        "answer_cols": 1,
        "answers": answers,
    }
    return content | ({"code": html.escape(question.code.rstrip())} if question.code else {})
