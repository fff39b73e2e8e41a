"""Make `learning/items/` from lessons, questions and exercises; what can't be proved isn't made."""

import re
from collections.abc import Callable
from pathlib import Path

from utils.errors import CourseError
from utils.files import write_file
from utils.grading.assignments import assignment_names
from utils.learning.bug_hunts import bug_hunts_of, prove_bug_hunt
from utils.learning.cards import cards_of, lesson_title
from utils.learning.exercise_code import exercise_code, lessons_of_exercises
from utils.learning.items import ExerciseItems, Item, LessonItems, ReadingItems
from utils.learning.parsons import parsons_of, prove_parsons
from utils.learning.predictions import predictions_of
from utils.learning.reading import reading_questions
from utils.learning.sheets import sheet_of
from utils.learning.sources import lesson_traces
from utils.lessons import LESSONS, find_lessons, read_notebook
from utils.quiz.bank import find_bank, read_bank
from utils.quiz.proofs import check_key, prove

READING = "reading"
BULLET = re.compile(r"^- (.+)$", re.MULTILINE)


def all_files() -> list[str]:
    """The names of all files of items."""
    return [*(file.stem for file in find_lessons()), *assignment_names(), READING]


def make(name: str) -> Item:
    """Make the items of a lesson or an exercise, or the code-reading questions.

    Raises:
        CourseError: something that can't be proved, or isn't where its source says.
    """
    if name == READING:
        questions = tuple(own.plain() for own in reading_questions())
        for question in questions:
            check_key(question, prove(question))
        return ReadingItems(questions=questions)
    return _of_exercise(name) if name.startswith("ex") else _of_lesson(name)


def _of_lesson(name: str) -> LessonItems:
    last = read_notebook(LESSONS / f"{name}.ipynb").cells[-1].source
    return LessonItems(
        lesson=name,
        title=lesson_title(name),
        key_insight=read_bank(find_bank(name)).key_insight,
        predictions=tuple(predictions_of(name)),
        cards=tuple(cards_of(name)),
        sheet=sheet_of(name),
        traces=lesson_traces(name),
        makes=tuple(BULLET.findall(last)),
    )


def _of_exercise(name: str) -> ExerciseItems:
    code = exercise_code(name)
    parsons, bugs = parsons_of(code), bug_hunts_of(code)
    doubts = [prove_parsons(code, own) for own in parsons]
    doubts += [prove_bug_hunt(code, own) for own in bugs]
    if any(doubts):
        raise CourseError(f"{name}: {'; '.join(filter(None, doubts))}.")
    return ExerciseItems(
        exercise=name, lessons=lessons_of_exercises()[name], pieces=code.pieces,
        parsons=tuple(parsons), bugs=tuple(bugs),
    )  # fmt: skip


def as_text(item: Item) -> str:
    """Items as they are written to a file."""
    return item.model_dump_json(indent=1) + "\n"


def write_items(folder: Path, on_file: Callable[[Path], None]) -> None:
    """Write every file of items anew.

    Raises:
        CourseError: as `make`; files made before it stay.
    """
    for name in all_files():
        file = folder / f"{name}.json"
        write_file(file, as_text(make(name)))
        on_file(file)
