"""Items as data: what the ten ways ask, written to `learning/items/` and read by everything else.

They are made by `course items` from lessons, questions and exercises, and never edited.
"""

from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from utils.errors import CourseError
from utils.quiz.bank import Question
from utils.settings import PROJECT

ITEMS = PROJECT / "learning" / "items"


class Item(BaseModel):
    """An item: it knows all of its fields and doesn't change; code keeps its spaces."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Id = Field(pattern=r"^[a-z0-9_]+(-[a-z0-9_]+)*$")


Items = TypeVar("Items", bound=Item)


class Prediction(Item):
    """A stored output to be guessed; `answer` is the text that stands there."""

    id: str = Id
    lesson: str
    cell: str
    code: str  # of the cell
    ask: str
    kind: Literal["number", "shape", "choice"]
    options: tuple[str, ...] = ()
    answer: str
    why: str
    in_lesson: bool = False


class Card(Item):
    """A card: Markdown on both sides. `picture` is a file beside the lessons."""

    id: str = Id
    lesson: str
    kind: Literal["question", "insight", "term", "shape"]
    front: str
    back: str
    picture: str = ""


class Line(Item):
    """A line of a Parsons problem: its code without indentation, and the levels it is set in by."""

    code: str
    indent: int = Field(ge=0)


class Distractor(Item):
    """A line that looks like one of the right lines; in its place, the tests fail."""

    code: str
    instead_of: int = Field(ge=0)  # the index of the right line
    mistake: str


class Parsons(Item):
    """A function in pieces. `lines` are in the right order, and shuffled where they're shown."""

    id: str = Id
    exercise: str
    cell: str
    task: str
    lines: tuple[Line, ...] = Field(min_length=3)
    distractors: tuple[Distractor, ...] = Field(min_length=1)


class BugHunt(Item):
    """A function with one mistake. `first` and `last` are its lines, counted from 1."""

    id: str = Id
    exercise: str
    cell: str
    task: str
    code: str
    first: int
    last: int
    mended: str  # the whole function without the mistake
    mistake: str  # as the list of wrong answers names it
    others: tuple[str, ...]  # mistakes of other answers, to choose among
    fails: tuple[str, ...]  # the test cells that see it


class Call(Item):
    """A function or class that matters in a lesson, as its own documentation has it."""

    name: str
    signature: str
    summary: str


class Table(Item):
    """A table that a lesson computed: the first row names the columns."""

    heading: str  # the section that it stands in
    note: str = ""  # what has to be known to read it
    rows: tuple[tuple[str, ...], ...]


class Sheet(Item):
    """What stands on the cheat sheet of a lesson."""

    goals: tuple[str, ...]
    tables: tuple[Table, ...]
    calls: tuple[Call, ...]
    picture: str  # the lesson's first diagram, a file beside the lessons


class TraceTry(Item):
    """Something to change in a trace: the command, and what to watch."""

    command: str = Field(pattern=r"^course (trace|predict|evaluate|train)\b")
    watch: str = Field(min_length=20)


class LessonItems(Item):
    """All items of one lesson, and what can be done without being asked."""

    lesson: str
    title: str
    key_insight: str
    predictions: tuple[Prediction, ...]
    cards: tuple[Card, ...]
    sheet: Sheet
    traces: tuple[TraceTry, ...]
    makes: tuple[str, ...]  # exercises, and what to try next


class Piece(Item):
    """A cell of an exercise's code: a released one, an answer (the solution), or a test in full."""

    name: str
    kind: Literal["released", "answer", "test"]
    code: str


class ExerciseItems(Item):
    """All items of one exercise; a class's copy gets them when the exercise is over."""

    exercise: str
    lessons: tuple[str, ...]  # whose work it is
    pieces: tuple[Piece, ...]  # what its tests need
    parsons: tuple[Parsons, ...]
    bugs: tuple[BugHunt, ...]


class ReadingItems(Item):
    """The code-reading questions of the whole course."""

    questions: tuple[Question, ...]


def lesson_items(lesson: str) -> LessonItems:
    """The items of a lesson, as in "05_resnet"."""
    return _read(lesson, LessonItems)


def exercise_items(exercise: str) -> ExerciseItems:
    """The items of an exercise."""
    return _read(exercise, ExerciseItems)


def reading_items() -> ReadingItems:
    """The code-reading questions."""
    return _read("reading", ReadingItems)


def _read(name: str, model: type[Items]) -> Items:
    file = ITEMS / f"{name}.json"
    try:
        return model.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise CourseError(
            f"{file} is missing or damaged: restore it with `git checkout learning`, or make it "
            "anew with `course items`."
        ) from error
