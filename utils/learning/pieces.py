"""A function cut into logical lines, and where two versions of it differ."""

import ast
import difflib
import io
import random
import textwrap
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

from utils.learning.items import Line, Parsons, Piece

STEP = 4  # spaces of a level
SKIPPED = {
    tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A logical line and where it stands: its physical lines, counted from 1."""

    line: Line
    first: int
    last: int


def logical_lines(source: str) -> list[Placed]:
    """The statements' lines of a piece of code; comments on lines of their own are left out.

    What stands in brackets over several lines is one logical line; inside, it keeps its shape.

    Raises:
        SyntaxError, tokenize.TokenError: it isn't Python.
    """
    lines, found, first = source.splitlines(), [], 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in SKIPPED:
            continue
        first = first or token.start[0]
        if token.type == tokenize.NEWLINE:
            found.append(_placed(lines, first, token.end[0]))
            first = 0
    return found


def _placed(lines: Sequence[str], first: int, last: int) -> Placed:
    block = lines[first - 1 : last]
    spaces = len(block[0]) - len(block[0].lstrip())
    code = "\n".join(row[spaces:] if row[:spaces].isspace() else row.lstrip() for row in block)
    line = Line(code=code if spaces else "\n".join(block), indent=spaces // STEP)
    return Placed(line=line, first=first, last=last)


def assembled(lines: Sequence[Line]) -> str:
    """The code of these lines, in this order."""
    return "\n".join(textwrap.indent(line.code, " " * STEP * line.indent) for line in lines) + "\n"


def same_code(one: str, other: str) -> bool:
    """Whether two pieces of code are the same but for comments and layout."""
    return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))


@dataclass(frozen=True, kw_only=True)
class Place:
    """The one place where two versions differ, as ranges of logical lines."""

    right: range
    wrong: range


def one_place(right: Sequence[Placed], wrong: Sequence[Placed], most: int) -> Place | None:
    """The only place where two versions differ; None if there are several, or too many lines.

    Lines are the same whatever their layout and comments.
    """
    keys = [[_key(placed.line) for placed in side] for side in (right, wrong)]
    changes = [
        change for change in difflib.SequenceMatcher(None, *keys, autojunk=False).get_opcodes()
        if change[0] != "equal"
    ]  # fmt: skip
    if len(changes) != 1:
        return None
    _, i1, i2, j1, j2 = changes[0]
    if max(i2 - i1, j2 - j1) > most:
        return None
    return Place(right=range(i1, i2), wrong=range(j1, j2))


def _key(line: Line) -> tuple[int, str]:
    """What a line says, without layout and comments: a header gets a body to be parsed with."""
    code = line.code
    for body in ("", " pass"):
        for lead in ("", "if True: pass\n", "try: pass\n"):
            try:
                return line.indent, ast.dump(ast.parse(lead + code + body))
            except SyntaxError:
                continue
    return line.indent, code


def following_tests(pieces: Sequence[Piece], cell: str) -> tuple[str, ...]:
    """The test cells between an answer cell and the next one."""
    names, behind = [], False
    for piece in pieces:
        if piece.kind == "answer":
            behind = piece.name == cell
        elif behind and piece.kind == "test":
            names.append(piece.name)
    return tuple(names)


def mixed_lines(problem: Parsons) -> list[str]:
    """Right lines and distractors in an order that is the same each time."""
    codes = [line.code for line in problem.lines] + [d.code for d in problem.distractors]
    return shuffled(codes, problem.id)


def shuffled(names: Sequence[str], seed: str) -> list[str]:
    """Names in an order that hangs on the seed alone."""
    order = list(names)
    random.Random(seed).shuffle(order)
    return order
