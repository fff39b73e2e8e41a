"""How `course learn` asks: one dialogue for each way, by keyboard alone.

Each returns whether the answer was right, or None where the learner stops.
"""

from collections.abc import Callable, Sequence

from rich.markdown import Markdown
from rich.syntax import Syntax

from utils.cli.options import out
from utils.cli.quiz import ask_question
from utils.learning.catalogue import Content, Task
from utils.learning.items import (
    BugHunt,
    Card,
    Line,
    Parsons,
    Piece,
    Prediction,
    exercise_items,
)
from utils.learning.pieces import assembled, following_tests, mixed_lines, shuffled
from utils.learning.predictions import gap
from utils.learning.trial import failing_apart
from utils.learning.ways import Way

STOP, SHOW = "q", "s"
TRIES = 3
FORMS = {
    "number": "a number",
    "shape": "the dimensions, as in 1 512 7 7",
    "choice": "the number of an option",
}


def ask(task: Task) -> bool | None:
    """Ask one item; returns whether the answer was right, None to stop."""
    dialogues: dict[Way, Callable[[Content], bool | None]] = {
        Way.PREDICT: ask_prediction, Way.QUIZ: ask_question, Way.READING: ask_question,
        Way.CARDS: ask_card, Way.PARSONS: ask_parsons, Way.BUGS: ask_bug_hunt,
    }  # fmt: skip
    return dialogues[task.way](task.content)


def typed(prompt: str) -> str | None:
    """A typed line; None for q, or where the input ends."""
    try:
        line = input(prompt)
    except EOFError:
        return None
    return None if line.strip().lower() == STOP else line


def ask_prediction(prediction: Prediction) -> bool | None:
    """A guess at a stored output, then the output and the gap."""
    out.print(Syntax(prediction.code, "python", background_color="default", word_wrap=True))
    out.print(f"\n{prediction.ask}", highlight=False)
    for number, option in enumerate(prediction.options, start=1):
        out.print(f"  {number}. {option}", highlight=False)
    while True:
        guess = typed("Your guess> ")
        if guess is None:
            return None
        found = gap(prediction, guess)
        if found:
            break
        out.print(f"Type {FORMS[prediction.kind]}, or {STOP} to stop.")
    _verdict(found.right)
    out.print(f"It is {prediction.answer}. {found.words}", highlight=False)
    out.print(f"{prediction.why}\n", highlight=False)
    return found.right


def ask_card(card: Card) -> bool | None:
    """The front, then the back; the learner says whether it was known."""
    out.print(Markdown(card.front))
    if typed("Say it to yourself, then press Enter> ") is None:
        return None
    out.print(Markdown(card.back))
    while True:
        known = typed("Did you know it? y or n> ")
        if known is None:
            return None
        if known.strip().lower() in ("y", "n", "yes", "no"):
            out.print("")
            return known.strip().lower().startswith("y")


def ask_parsons(problem: Parsons) -> bool | None:
    """Lines to be put in order and set in; another order is right if the tests pass."""
    order = mixed_lines(problem)
    out.print(Markdown(problem.task))
    out.print(
        "\nPut the lines of the function in order and indent them. Some don't belong. Type the "
        "numbers in order, with > before a number for each level of indentation, as in "
        f"3 >1 >>2. {SHOW} shows the solution.\n",
        highlight=False,
    )
    for number, code in enumerate(order, start=1):
        out.print(_numbered(number, code), highlight=False)
    tries = 0
    while tries < TRIES:
        words = typed("Your order> ")
        if words is None:
            return None
        if words.strip().lower() == SHOW:
            break
        lines = read_order(words, order)
        if lines is None:
            out.print(f"Type numbers from 1 to {len(order)}, each at most once.")
            continue
        tries += 1
        code = assembled(lines)
        out.print(Syntax(code.rstrip(), "python", background_color="default", line_numbers=True))
        failed = (
            {} if lines == list(problem.lines) else _failed(problem.exercise, problem.cell, code)
        )
        if not failed:
            _verdict(True)
            return True
        _say_failed(failed)
    out.print("The solution:")
    out.print(Syntax(assembled(problem.lines), "python", background_color="default"))
    for distractor in problem.distractors:
        out.print(
            f"{distractor.code.strip()}\n    doesn't belong: {distractor.mistake}.", highlight=False
        )
    return False


def read_order(words: str, order: Sequence[str]) -> list[Line] | None:
    """The lines that a learner put in order; None if that can't be read."""
    lines, used = [], set()
    for word in words.replace(",", " ").replace("> ", ">").split():
        number = word.lstrip(">")
        if not number.isdecimal() or not 1 <= int(number) <= len(order) or number in used:
            return None
        used.add(number)
        lines.append(Line(code=order[int(number) - 1], indent=len(word) - len(number)))
    return lines or None


def ask_bug_hunt(hunt: BugHunt) -> bool | None:
    """Find the line, name the mistake, mend it; the exercise's tests judge the mended code."""
    out.print(Markdown(hunt.task))
    out.print("\nOne thing is wrong in this function:\n")
    out.print(Syntax(hunt.code.rstrip(), "python", background_color="default", line_numbers=True))
    found = _ask_line(hunt)
    named = None if found is None else _ask_mistake(hunt)
    mended = None if named is None else _ask_mended(hunt)
    return None if mended is None else bool(found and named and mended)


def _ask_line(hunt: BugHunt) -> bool | None:
    missing = hunt.last < hunt.first
    count = len(hunt.code.splitlines()) + missing
    question = "Before which line is one missing?" if missing else "Which line is wrong?"
    line = _number(f"{question} Its number> ", count)
    if line is None:
        return None
    right = line in range(hunt.first, max(hunt.first, hunt.last) + 1)
    if missing and not right:  # there can be several places for it
        moved = hunt.model_copy(update={"first": line, "last": line - 1})
        code = mend(moved, missing_lines(hunt))
        right = not _failed(hunt.exercise, hunt.cell, code, hunt.fails)
    _verdict(right)
    if not right:
        out.print(f"It is line {hunt.first}.", highlight=False)
    return right


def _number(prompt: str, most: int) -> int | None:
    """A typed number from 1 to `most`; None to stop."""
    while True:
        words = typed(prompt)
        if words is None:
            return None
        if words.strip().isdecimal() and 1 <= int(words) <= most:
            return int(words)
        out.print(f"Type a number from 1 to {most}, or {STOP} to stop.")


def missing_lines(hunt: BugHunt) -> list[str]:
    """The lines that the mended code has at the place of the mistake."""
    right, wrong = hunt.mended.splitlines(), hunt.code.splitlines()
    return right[hunt.first - 1 : hunt.last + len(right) - len(wrong)]


def _ask_mistake(hunt: BugHunt) -> bool | None:
    names = shuffled([hunt.mistake, *hunt.others], hunt.id)
    out.print("Which mistake is it?")
    for number, name in enumerate(names, start=1):
        out.print(f"  {number}. {name}", highlight=False)
    choice = _number("> ", len(names))
    if choice is None:
        return None
    right = names[choice - 1] == hunt.mistake
    _verdict(right)
    if not right:
        out.print(f"It is: {hunt.mistake}.", highlight=False)
    return right


def _ask_mended(hunt: BugHunt) -> bool | None:
    place = f"the line before line {hunt.first}" if hunt.last < hunt.first else (
        f"line {hunt.first}" if hunt.first == hunt.last else f"lines {hunt.first} to {hunt.last}"
    )  # fmt: skip
    out.print(f"Type {place} as it should be, then an empty line. {SHOW} shows the solution.")
    for _ in range(TRIES):
        lines = _typed_lines()
        if lines is None:
            return None
        if [line.strip().lower() for line in lines] == [SHOW]:
            break
        failed = _failed(hunt.exercise, hunt.cell, mend(hunt, lines), hunt.fails)
        if not failed:
            _verdict(True)
            return True
        _say_failed(failed)
    out.print(Syntax(hunt.mended, "python", background_color="default"))
    return False


def _typed_lines() -> list[str] | None:
    lines: list[str] = []
    while True:
        line = typed("… " if lines else "> ")
        if line is None:
            return None
        if not line.strip() and lines:
            return lines
        if line.strip():
            lines.append(line)


def mend(hunt: BugHunt, lines: Sequence[str]) -> str:
    """The code with these lines in the place of the mistake, set in like it where they aren't."""
    rows = hunt.code.splitlines()
    like = rows[min(hunt.first, len(rows)) - 1]
    if not lines[0][:1].isspace():
        spaces = like[: len(like) - len(like.lstrip())]
        lines = [spaces + line for line in lines]
    return "\n".join([*rows[: hunt.first - 1], *lines, *rows[hunt.last :]]) + "\n"


def _failed(exercise: str, cell: str, code: str, tests: Sequence[str] = ()) -> dict[str, str]:
    pieces: tuple[Piece, ...] = exercise_items(exercise).pieces
    out.print("The exercise's tests run …")
    return failing_apart(pieces, {cell: code}, tests or following_tests(pieces, cell))


def _say_failed(failed: dict[str, str]) -> None:
    for test, message in failed.items():
        out.print(f"{test} fails: {message}", style="red", highlight=False)


def _numbered(number: int, code: str) -> str:
    first, *rest = code.splitlines()
    return "\n".join([f"{number:3}  {first}", *(f"     {line}" for line in rest)])


def _verdict(right: bool) -> None:
    out.print("Right." if right else "Not this time.", style="green" if right else "red")
