"""Which of a student's cells is which released one: by id, then by text and place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nbformat import NotebookNode

from utils.grading.exercise import is_solution
from utils.grading.incoming.notebooks import Cell, defined_names


@dataclass(kw_only=True)
class Match:
    """Where each released cell stands in a student's notebook; cells are numbered by position."""

    released: dict[str, NotebookNode]  # by grade id, in order
    cells: Sequence[Cell]
    places: dict[str, int] = field(default_factory=dict)  # grade id -> the student's cell
    added: dict[str, list[int]] = field(default_factory=dict)  # more cells of the same answer
    by_text: list[str] = field(default_factory=list)  # answers that were found by text and place

    @property
    def taken(self) -> set[int]:
        more = [number for numbers in self.added.values() for number in numbers]
        return {*self.places.values(), *more}

    def free(self, kinds: Iterable[str]) -> list[int]:
        """The student's cells of these kinds that are no released cell so far."""
        return [n for n, c in enumerate(self.cells) if n not in self.taken and c.kind in kinds]

    def between_neighbours(self, name: str, numbers: Iterable[int]) -> list[int]:
        """Those of the cells that stand between the released cells before and after this one."""
        order = list(self.released)
        here = order.index(name)
        before = [self.places[n] for n in order[:here] if n in self.places]
        after = [self.places[n] for n in order[here + 1 :] if n in self.places]
        first = max(before, default=-1)
        last = min((n for n in after if n > first), default=len(self.cells))
        return [n for n in numbers if first < n < last]


def match(cells: Sequence[Cell], skeleton: NotebookNode) -> Match:
    """Find the released cells in a student's notebook."""
    found = Match(released={grade_id(cell): cell for cell in skeleton.cells}, cells=cells)
    _match_ids(found)
    _match_texts(found)
    for name, cell in found.released.items():
        if is_solution(cell) and name not in found.places:
            (_match_code if cell.cell_type == "code" else _match_prose)(found, name)
    return found


def grade_id(cell: NotebookNode) -> str:
    """A released cell's grade id, or else its id as a cell."""
    return cell.metadata.get("nbgrader", {}).get("grade_id") or f"own {cell.get('id', '')}"


def _match_ids(found: Match) -> None:
    """By grade id; then by id as a cell, where the text doesn't speak against it."""
    for number, cell in enumerate(found.cells):
        if cell.grade_id in found.released and cell.grade_id not in found.places:
            found.places[cell.grade_id] = number
    by_id = {cell.get("id"): name for name, cell in found.released.items()}
    for number, cell in enumerate(found.cells):
        name = by_id.get(cell.id) if cell.id and not cell.grade_id else None
        if name and name not in found.places and _fits(cell, found.released[name]):
            found.places[name] = number


def _fits(cell: Cell, released: NotebookNode) -> bool:
    """Whether a cell with a released cell's id can be it: some editors number cells anew."""
    if not is_solution(released):
        return same_text(cell.text, released.source)
    names = defined_names(released.source) if released.cell_type == "code" else set()
    return cell.kind == released.cell_type and names <= cell.defines


def _match_texts(found: Match) -> None:
    """Tests and texts, which students leave as they are."""
    for name, released in found.released.items():
        if name in found.places or is_solution(released):
            continue
        same = [n for n in found.free(("code", "markdown", "raw"))
                if same_text(found.cells[n].text, released.source)]  # fmt: skip
        if same:
            found.places[name] = same[0]


def _match_code(found: Match, name: str) -> None:
    """The cell that defines what the released one does: at its place, or else anywhere.

    Of several the last one counts, as it does when they run; a stub that was left only if there
    is nothing else.
    """
    released = found.released[name]
    names = defined_names(released.source)
    own = [
        n for n in found.free(("code", "raw"))
        if names and names & found.cells[n].defines
    ]  # fmt: skip
    own = found.between_neighbours(name, own) or own
    written = [n for n in own if not same_text(found.cells[n].text, released.source)]
    if own:
        found.places[name] = (written or own)[-1]
        if written:
            found.by_text.append(name)


def _match_prose(found: Match, name: str) -> None:
    """All text that stands where the answer has to be."""
    own = found.between_neighbours(name, found.free(("markdown", "raw")))
    if own:
        found.places[name], found.added[name] = own[0], own[1:]
        if not same_text(found.cells[own[0]].text, found.released[name].source):
            found.by_text.append(name)


def same_text(one: str, other: str) -> bool:
    """Whether two texts differ in nothing but blanks at the ends of lines and around."""
    first, second = ([line.rstrip() for line in t.strip().split("\n")] for t in (one, other))
    return first == second
