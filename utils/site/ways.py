"""A page for each of the ten ways, with what there is of it for every lesson."""

import re
from collections.abc import Callable
from typing import Any

from utils.learning.catalogue import Task, catalogue, lesson_names
from utils.learning.items import Way, lesson_items
from utils.quiz.bank import Question
from utils.site.notebooks import element, plain_question
from utils.site.readme import Page

TITLES = {
    Way.LESSON: "Worked lessons",
    Way.PREDICT: "Predict, then run",
    Way.QUIZ: "Quizzes",
    Way.CARDS: "Spaced cards",
    Way.SHEET: "Cheat sheets",
    Way.PARSONS: "Parsons problems",
    Way.BUGS: "Bug hunts",
    Way.TRACE: "Live trace",
    Way.READING: "Code reading",
    Way.MAKE: "Make",
}
LEADS = {
    Way.LESSON: "Read a lesson, run it, change a line and run it again.",
    Way.PREDICT: "Guess what a cell shows before you see it; the gap is what you learn from.",
    Way.QUIZ: "Questions that explain each answer. Keys are proved by code.",
    Way.CARDS: "Recall; a card comes back after 1, 3, 7, 16 and 35 days.",
    Way.SHEET: "A page for each lesson, and one for the course, to be printed.",
    Way.PARSONS: "Put the lines of a function in order; some don't belong.",
    Way.BUGS: "Find the line, name the mistake, mend it.",
    Way.TRACE: "Change what goes into a network, and watch.",
    Way.READING: "Read code of the course: what comes out, what is missing, what breaks?",
    Way.MAKE: "Do the exercises, use your own photos, build the capstone.",
}
TAGS = {
    Way.PREDICT: "course-predict", Way.QUIZ: "course-quiz", Way.CARDS: "course-cards",
    Way.PARSONS: "course-parsons", Way.BUGS: "course-bugs", Way.READING: "course-quiz",
}  # fmt: skip


def way_pages() -> list[Page]:
    """The ten pages, and one that shows a learner's progress in this browser."""
    pages = [_page(way) for way in Way]
    totals = element("course-progress", "", _totals())
    return [
        *pages,
        Page(name="ways/progress", text=f"# Your progress in this browser\n\n{totals}\n"),
    ]


def _page(way: Way) -> Page:
    body: Callable[[str], str] = _BODIES.get(way, lambda lesson: _asked(way, lesson))
    parts = [f"# {TITLES[way]}\n\n{LEADS[way]}\n\n[What this way rests on](evidence.md).\n"]
    for lesson in lesson_names():
        parts.append(f"## {lesson_items(lesson).title}\n\n{body(lesson)}\n")
    return Page(name=f"ways/{way.value}", text="\n".join(parts))


def _asked(way: Way, lesson: str) -> str:
    own = [task for task in catalogue() if task.way is way and task.lesson == lesson]
    if not own:
        return "This lesson has no exercise to make these from."
    return element(TAGS[way], lesson, [_plain(task) for task in own])


def _plain(task: Task) -> dict[str, Any]:
    content = task.content
    plain = plain_question(content) if isinstance(content, Question) else content.model_dump()
    return {**plain, "item": task.id}


def _lesson(lesson: str) -> str:
    return f"[{lesson_items(lesson).title}](../lessons/{lesson}.ipynb)"


def _sheet(lesson: str) -> str:
    return f'```{{raw}} html\n<a href="../sheets/{lesson}.html">The page, to be printed</a>\n```'


def _trace(lesson: str) -> str:
    return "\n\n".join(f"    {own.command}\n\n{own.watch}" for own in lesson_items(lesson).traces)


def _make(lesson: str) -> str:
    """What to try next, with links as seen from this page; exercises stand in one folder."""
    text = "\n".join(f"- {make}" for make in lesson_items(lesson).makes)
    text = re.sub(r"\]\((\d\d_\w+\.ipynb)\)", r"](../lessons/\1)", text)
    return re.sub(r"\.\./exercises/\w+/(\w+)\.ipynb", r"../exercises/\1.ipynb", text)


def _totals() -> list[dict[str, str]]:
    return [{"item": task.id, "way": task.way.value, "lesson": task.lesson} for task in catalogue()]


_BODIES: dict[Way, Callable[[str], str]] = {
    Way.LESSON: _lesson, Way.SHEET: _sheet, Way.TRACE: _trace, Way.MAKE: _make,
}  # fmt: skip
