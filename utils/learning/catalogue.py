"""All items of the course, by lesson and way; and how many there are."""

from dataclasses import dataclass
from functools import cache

from utils.learning.items import (
    ITEMS,
    BugHunt,
    Card,
    Parsons,
    Prediction,
    exercise_items,
    lesson_items,
    reading_items,
)
from utils.learning.ways import Way
from utils.quiz.bank import TEST, Question, bank_files, find_bank, read_bank

Content = Prediction | Card | Question | Parsons | BugHunt


@dataclass(frozen=True, kw_only=True)
class Task:
    """One item where it belongs."""

    id: str
    way: Way
    lesson: str
    content: Content


@cache
def lesson_names() -> tuple[str, ...]:
    """All lessons, as in "05_resnet"."""
    return tuple(file.stem for file in bank_files() if file.stem != TEST)


@cache
def catalogue() -> tuple[Task, ...]:
    """Every item that can be asked, lesson by lesson.

    Raises:
        CourseError: a file of items is missing or damaged.
    """
    found: list[Task] = []
    for name in lesson_names():
        own = lesson_items(name)
        found += [_task(Way.PREDICT, name, f"{name[:2]}-{p.id}", p) for p in own.predictions]
        questions = read_bank(find_bank(name)).questions
        found += [_task(Way.QUIZ, name, question.id, question) for question in questions]
        found += [_task(Way.CARDS, name, card.id, card) for card in own.cards]
    by_number = {int(name[:2]): name for name in lesson_names()}
    for question in reading_items().questions:
        found.append(_task(Way.READING, by_number[question.lesson], question.id, question))
    for exercise in exercises_here():
        own_items = exercise_items(exercise)
        for lesson in own_items.lessons:
            found += [_task(Way.PARSONS, lesson, p.id, p) for p in own_items.parsons]
            found += [_task(Way.BUGS, lesson, bug.id, bug) for bug in own_items.bugs]
    return tuple(found)


def exercises_here() -> list[str]:
    """Exercises with items in this copy: a class gets those of an exercise when it is over."""
    return sorted(file.stem for file in ITEMS.glob("ex*.json"))


def _task(way: Way, lesson: str, name: str, content: Content) -> Task:
    return Task(id=f"{way}/{name}", way=way, lesson=lesson, content=content)


def counts() -> dict[str, dict[Way, int]]:
    """By lesson and way, how many items or things to do there are."""
    found = {}
    for lesson in lesson_names():
        own = lesson_items(lesson)
        to_do = {Way.LESSON: 1, Way.SHEET: 1, Way.TRACE: len(own.traces), Way.MAKE: len(own.makes)}
        found[lesson] = {
            way: to_do[way]
            if way in to_do
            else sum(task.lesson == lesson and task.way is way for task in catalogue())
            for way in Way
        }
    return found
