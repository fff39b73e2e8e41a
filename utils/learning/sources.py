"""What is written by hand for the items of a lesson: `learning/NN_name.yaml`.

No answer stands there: predictions name the cell whose stored output answers them, terms are found
where the lesson introduces them, a sheet names the cells whose tables it shows.
"""

from typing import Literal

from pydantic import Field, model_validator

from utils.learning.items import TraceTry
from utils.quiz.bank import Strict, read_model
from utils.settings import PROJECT

LEARNING = PROJECT / "learning"


class Asked(Strict):
    """A prediction without its answer: what is asked, and where the stored outputs answer it.

    The answer stands in the output of `cell`: in the place of `{}` in a printed `line`, of which
    `…` stands for whatever differs from processor to processor; in a table at `row` (the text of
    its first column; the `nth` such row) and `column`; or it is the first column's text in the row
    with the `largest` or `smallest` value of a column.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    cell: str
    ask: str = Field(min_length=20)
    kind: Literal["number", "shape", "choice"]
    line: str = ""
    row: str = ""
    column: str = ""
    nth: int = Field(default=1, ge=1)
    largest: str = ""
    smallest: str = ""
    options: tuple[str, ...] = ()
    why: str = Field(min_length=30)
    in_lesson: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> "Asked":
        places = [bool(self.line), bool(self.row and self.column), bool(self.largest),
                  bool(self.smallest)]  # fmt: skip
        if sum(places) != 1:
            raise ValueError("give one of line, row with column, largest, smallest")
        if self.line and self.line.count("{}") != 1:
            raise ValueError("line must have one {}, in the place of the answer")
        if (self.largest or self.smallest) and self.kind != "choice":
            raise ValueError("largest and smallest are answered by a choice of rows")
        return self


class Term(Strict):
    """A term whose sentence in the lesson doesn't stand alone, with what it means."""

    term: str
    means: str = Field(min_length=30)


class Shapes(Strict):
    """A column of shapes in the table of a cell, a card a row: `ask` has {row} for its name."""

    cell: str
    column: str
    ask: str = Field(min_length=20)
    rows: tuple[str, ...] = ()  # only these; else all


class TableSource(Strict):
    """A table that a sheet shows, with what has to be known to read it."""

    cell: str
    note: str = ""


class SheetSource(Strict):
    """What a lesson's cheat sheet shows besides its key insight: tables, and calls that matter."""

    tables: tuple[str | TableSource, ...] = Field(min_length=1, max_length=4)
    calls: tuple[str, ...] = Field(min_length=5, max_length=5)


class LessonSource(Strict):
    """All that is written by hand for one lesson."""

    terms: tuple[str | Term, ...] = Field(min_length=3)
    shapes: tuple[Shapes, ...] = ()
    predictions: tuple[Asked, ...] = Field(min_length=6)
    sheet: SheetSource

    @model_validator(mode="after")
    def _ids_differ(self) -> "LessonSource":
        ids = [asked.id for asked in self.predictions]
        if len(set(ids)) < len(ids):
            raise ValueError("two predictions have the same id")
        return self


class TraceSource(Strict):
    """What to change in a trace, for each lesson."""

    lessons: dict[str, tuple[TraceTry, ...]]


def lesson_source(lesson: str) -> LessonSource:
    """What is written by hand for a lesson, as in "05_resnet"."""
    return read_model(LEARNING / f"{lesson}.yaml", LessonSource)


def lesson_traces(lesson: str) -> tuple[TraceTry, ...]:
    """What to change in a trace to see a lesson's matter live."""
    return read_model(LEARNING / "traces.yaml", TraceSource).lessons.get(lesson, ())
