"""A page for each of the ten ways, with what there is of it for every lesson."""

import re
from collections.abc import Callable
from typing import Any

from utils.learning.catalogue import Task, catalogue, lesson_names
from utils.learning.items import lesson_items
from utils.learning.ways import LEADS, TITLES, Way
from utils.quiz.bank import TEST, Question, find_bank, read_bank
from utils.site.notebooks import element, plain_question
from utils.site.readme import Page

LIVE = """```{raw} html
<p><a href="../live/index.html"><strong>The live page</strong></a>: three networks in your own
browser, on your own photos, which never leave it. It needs this site from a server, as by
<code>course site --serve</code>.</p>
```

In a terminal, with the course installed:
"""
ATTRIBUTES = {Way.READING: {"way": "reading"}, Way.CARDS: {"pictures": "../lessons/"}}
TAGS = {
    Way.PREDICT: "course-predict", Way.QUIZ: "course-quiz", Way.CARDS: "course-cards",
    Way.PARSONS: "course-parsons", Way.BUGS: "course-bugs", Way.READING: "course-quiz",
}  # fmt: skip


def way_pages() -> list[Page]:
    """The ten pages, and one that shows a learner's progress in this browser."""
    pages = [_page(way) for way in Way]
    totals = element("course-progress", "", _totals())
    terminal = (
        "The file that is exported here is that of `course progress`, and "
        "`course progress --import FILE` takes it."
    )
    return [
        *pages,
        Page(
            name="ways/progress",
            text=f"# Your progress in this browser\n\n{totals}\n\n{terminal}\n",
        ),
    ]


def _page(way: Way) -> Page:
    body: Callable[[str], str] = _BODIES.get(way, lambda lesson: _asked(way, lesson))
    parts = [f"# {TITLES[way]}\n\n{LEADS[way]}\n\n[What this way rests on](evidence.md).\n"]
    for lesson in lesson_names():
        parts.append(f"## {lesson_items(lesson).title}\n\n{body(lesson)}\n")
    if way is Way.TRACE:
        parts.insert(1, LIVE)
    if way is Way.QUIZ:
        parts.append(f"## The test\n\n{_test()}\n")
    return Page(name=f"ways/{way.value}", text="\n".join(parts))


def _asked(way: Way, lesson: str) -> str:
    own = [task for task in catalogue() if task.way is way and task.lesson == lesson]
    if not own:
        return "This lesson has no exercise to make these from."
    return element(TAGS[way], lesson, [_plain(task) for task in own], **ATTRIBUTES.get(way, {}))


def _plain(task: Task) -> dict[str, Any]:
    content = task.content
    if isinstance(content, Question):
        return plain_question(content)
    return content.model_dump(exclude={"fails"})


def _test() -> str:
    """The test over the whole course, drawn anew each time."""
    bank = read_bank(find_bank(TEST))
    return element("course-quiz", TEST, [plain_question(own) for own in bank.questions])


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


def _totals() -> dict[str, list[dict[str, str]]]:
    lessons = [
        {"name": name, "title": lesson_items(name).title, "href": f"../lessons/{name}.html"}
        for name in lesson_names()
    ]
    items = [{"id": t.id, "way": t.way.value, "lesson": t.lesson} for t in catalogue()]
    return {"lessons": lessons, "items": items}


_BODIES: dict[Way, Callable[[str], str]] = {
    Way.LESSON: _lesson, Way.SHEET: _sheet, Way.TRACE: _trace, Way.MAKE: _make,
}  # fmt: skip
