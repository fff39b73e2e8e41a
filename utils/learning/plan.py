"""What next: due items first, mixed with new ones, the ways in turn."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from utils.learning.catalogue import Task
from utils.learning.progress import Memory
from utils.learning.ways import Way

DUE_IN_A_ROW = 2  # then a new item, where there is one: old and new are mixed
NEW_CARDS = 4  # of a lesson in one sitting: each comes back many times


def next_task(
    tasks: Sequence[Task],
    known: Mapping[str, Memory],
    asked: Sequence[Task],
    now: datetime,
) -> Task | None:
    """The next thing to ask in a sitting in which `asked` came before; None if nothing is left.

    After two due items comes a new one. New ones are taken from the first lesson that isn't
    finished, another way each time. Nothing is asked twice in one sitting.
    """
    done = {task.id for task in asked}
    open_tasks = [task for task in tasks if task.id not in done]
    due = [task for task in open_tasks if is_due(known.get(task.id), now)]
    new = _new(open_tasks, known, asked)
    recent = [is_due(known.get(task.id), now) for task in asked[-DUE_IN_A_ROW:]]
    rested = len(recent) < DUE_IN_A_ROW or not all(recent)
    if due and (rested or not new):
        return _in_turn(sorted(due, key=lambda task: known[task.id].due or now), asked)
    return _in_turn(new, asked) if new else None


def is_due(memory: Memory | None, now: datetime) -> bool:
    """Whether an item that was seen should be asked again."""
    return memory is not None and memory.due is not None and memory.due <= now


def _new(
    open_tasks: Sequence[Task], known: Mapping[str, Memory], asked: Sequence[Task]
) -> list[Task]:
    """Unseen items of the first lesson that has any; no more cards than a sitting should bring."""
    just_asked = {_matter(task) for task in asked}
    unseen = [
        task for task in open_tasks if task.id not in known and _matter(task) not in just_asked
    ]
    cards = sum(task.way is Way.CARDS for task in asked)
    if cards >= NEW_CARDS:
        unseen = [task for task in unseen if task.way is not Way.CARDS]
    first = unseen[0].lesson if unseen else ""
    return [task for task in unseen if task.lesson == first]


def _matter(task: Task) -> str:
    """What an item is about: the card of a question is about the same as the question."""
    return task.id.partition("/")[2].removeprefix("q-") or task.id


def _in_turn(tasks: Sequence[Task], asked: Sequence[Task]) -> Task:
    """The first item of the way that came least in this sitting."""
    times = {way: sum(task.way is way for task in asked) for way in Way}
    return min(tasks, key=lambda task: times[task.way])


def due_tasks(
    tasks: Sequence[Task], known: Mapping[str, Memory], now: datetime, ways: Collection[Way]
) -> list[Task]:
    """The items of these ways that are due, the longest overdue first."""
    due = [t for t in tasks if t.way in ways and is_due(known.get(t.id), now)]
    return sorted(due, key=lambda task: known[task.id].due or now)
