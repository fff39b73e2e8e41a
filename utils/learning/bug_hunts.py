"""Bug hunts: functions with one mistake, from the wrong answers of the exercises."""

from utils.learning.exercise_code import ExerciseCode, Wrong
from utils.learning.items import BugHunt
from utils.learning.pieces import logical_lines, one_place, same_code, shuffled

MOST_LINES = 2  # logical lines that a mistake may span
HARD_CODED = "example's answer"  # easily ruled out among other mistakes
OTHERS = 3  # names of other mistakes to choose among
LEAST_LINES = 3  # of code: in a function of one line nothing is to be found


def bug_hunts_of(exercise: ExerciseCode) -> list[BugHunt]:
    """A hunt for each wrong answer that differs from a right one in one place."""
    found = [_hunt(exercise, wrong) for wrong in exercise.wrong]
    return [hunt for hunt in found if hunt]


def _hunt(exercise: ExerciseCode, wrong: Wrong) -> BugHunt | None:
    lines = logical_lines(wrong.code)
    for right in exercise.right[wrong.cell].values():
        place = one_place(logical_lines(right), lines, MOST_LINES)
        if place is None or len(lines) < LEAST_LINES or 0 in place.wrong:
            continue
        first = (
            lines[place.wrong.start].first if place.wrong else lines[place.wrong.start - 1].last + 1
        )
        last = lines[place.wrong.stop - 1].last if place.wrong else first - 1
        return BugHunt(
            id=f"{exercise.name}-{wrong.cell}-bug-{_number(exercise, wrong)}",
            exercise=exercise.name, cell=wrong.cell, task=exercise.tasks[wrong.cell],
            code=wrong.code, first=first, last=last, mended=right, mistake=wrong.name,
            others=_others(exercise, wrong), fails=wrong.fails,
        )  # fmt: skip
    return None


def _number(exercise: ExerciseCode, wrong: Wrong) -> int:
    return 1 + [other.name for other in exercise.wrong].index(wrong.name)


def _others(exercise: ExerciseCode, wrong: Wrong) -> tuple[str, ...]:
    """Mistakes to choose among: of the same cell where there are enough, else of the others."""
    told = [o for o in exercise.wrong if o.name != wrong.name and HARD_CODED not in o.name]
    near = [other.name for other in told if other.cell == wrong.cell]
    far = [other.name for other in told if other.cell != wrong.cell]
    return tuple([*shuffled(near, wrong.name), *shuffled(far, wrong.name)][:OTHERS])


def prove_bug_hunt(exercise: ExerciseCode, hunt: BugHunt) -> str:
    """Why a hunt is wrong; empty if it is right.

    The exercise's sample answers are graded one by one (tests/exercises): the code must be a wrong
    one with these failures, the mended code a right one, and the place the only difference.
    """
    wrong = [w for w in exercise.wrong if w.cell == hunt.cell and same_code(w.code, hunt.code)]
    if not any(set(known.fails) == set(hunt.fails) for known in wrong) or not hunt.fails:
        return f"{hunt.id}: its code is none of the wrong answers that fail these tests"
    right = exercise.right[hunt.cell].values()
    if not any(same_code(hunt.mended, known) for known in right):
        return f"{hunt.id}: the mended code is none of the right answers"
    lines = logical_lines(hunt.code)
    place = one_place(logical_lines(hunt.mended), lines, MOST_LINES)
    if place is None or [lines[i].first for i in place.wrong][:1] not in ([], [hunt.first]):
        return f"{hunt.id}: the mistake isn't in line {hunt.first}"
    return ""
