"""The stored items: made from what is there today, proved, and enough of them."""

import pytest

from utils.grading.assignments import assignment_names
from utils.learning.catalogue import counts, lesson_names
from utils.learning.generate import all_files, as_text, make
from utils.learning.items import ITEMS, exercise_items, lesson_items, reading_items
from utils.learning.ways import Way

AT_LEAST = {Way.PREDICT: 6, Way.CARDS: 12, Way.SHEET: 1, Way.QUIZ: 8, Way.READING: 1}
WITHOUT_EXERCISE = {"11_scaling_up", "13_todays_backbones", "14_out_of_the_notebook"}


@pytest.mark.parametrize("name", all_files())
def test_stored_items_are_those_that_can_be_made_and_proved_today(name: str) -> None:
    stored = (ITEMS / f"{name}.json").read_text(encoding="utf-8")
    assert as_text(make(name)) == stored, "run `course items`, and look at what changed"


def test_no_file_of_items_is_left_over() -> None:
    assert {file.stem for file in ITEMS.glob("*.json")} == set(all_files())


@pytest.mark.parametrize("lesson", lesson_names())
def test_every_lesson_has_every_way(lesson: str) -> None:
    row = counts()[lesson]
    for way in Way:
        if way in (Way.PARSONS, Way.BUGS) and lesson in WITHOUT_EXERCISE:
            assert row[way] == 0
        else:
            assert row[way] >= AT_LEAST.get(way, 1), way
    own = lesson_items(lesson)
    assert sum(prediction.in_lesson for prediction in own.predictions) == 3
    assert len({card.id for card in own.cards}) == len(own.cards)


@pytest.mark.parametrize("exercise", assignment_names())
def test_every_exercise_has_two_parsons_problems_and_four_bug_hunts(exercise: str) -> None:
    own = exercise_items(exercise)
    assert own.lessons
    assert len(own.parsons) >= 2
    assert len(own.bugs) >= 4
    assert len({item.id for item in [*own.parsons, *own.bugs]}) == len(own.parsons) + len(own.bugs)


def test_there_are_forty_questions_about_code() -> None:
    assert len(reading_items().questions) >= 40
