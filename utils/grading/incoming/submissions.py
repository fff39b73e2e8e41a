"""What a student handed in, rebuilt on the released notebook, with whatever was wrong with it."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from utils.files import SYSTEM
from utils.grading.exercise import is_solution
from utils.grading.incoming.layouts import NOTEBOOK
from utils.grading.incoming.matching import Match, match, same_text
from utils.grading.incoming.notebooks import Cell, clean_text, defined_names, read_cells
from utils.grading.incoming.sources import Unreadable, open_regular
from utils.grading.incoming.timestamps import TIMESTAMP, time_note
from utils.grading.names import clean_name, folder_id, shown_name

CAME = "came.json"  # what is known of the files that came in, written beside the notebook
LONGEST_TOLD = 300  # characters of one of them
MOST_TOLD = 8  # notes on files that were left out
AGAIN = "ask for the notebook as it was handed out, with the answers in its cells"
NOTES = "notes"  # the id of the cell in which a rebuilt notebook tells them
ELSEWHERE = "# answered in another cell"


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One student's notebook as it will be graded, and what was wrong with the file."""

    notebook: NotebookNode
    notes: tuple[str, ...] = ()
    ungraded: str | None = None  # why it can't be graded, and what to do; it has no score then


@dataclass(frozen=True, kw_only=True)
class Came:
    """What is kept of the files that came in for one student and assignment."""

    notes: tuple[str, ...] = ()
    platform_id: str | None = None

    @classmethod
    def read(cls, folder: Path) -> "Came":
        """What is kept in this folder, if anything."""
        try:
            with open_regular(folder / CAME) as file:
                found = json.loads(file.read(1_000_000))
            notes = tuple(clean_text(str(note))[:1000] for note in found["notes"][:20])
            number = found["platform_id"]
            return cls(notes=notes, platform_id=number if isinstance(number, str) else None)
        except (OSError, ValueError, RecursionError, KeyError, TypeError):
            return cls()

    def to_json(self) -> str:
        return json.dumps({"notes": self.notes, "platform_id": self.platform_id}, indent=1)


def students_of(submitted: Path) -> list[str]:
    """The ids of everybody who has handed in anything, each once; `shown_name` has the names."""
    folders = (f.name for f in submitted.glob("*") if f.is_dir() and not f.name.startswith("."))
    return sorted({folder_id(shown_name(name)) for name in folders if clean_name(name)})


def read_submission(folder: Path, assignment: str, skeleton: NotebookNode) -> Submission:
    """The notebook of a student's folder, rebuilt; a blank one if there is none to be read.

    Whatever is wrong with the files becomes a note or the reason for no score, never an error.
    """
    blank = rebuild([], skeleton)
    if folder.parent.is_symlink() or folder.is_symlink() or not folder.is_dir():
        return Submission(notebook=blank, notes=("nothing was handed in",))
    file, notes = _find_notebook(folder, assignment)
    note = time_note(folder)
    notes += [note] if note else []
    if file is None:
        why = None
        if notes:
            why = "no notebook was handed in: ask for the .ipynb file itself"
        notes = notes or ["nothing was handed in"]
        return Submission(notebook=blank, notes=tuple(notes), ungraded=why)
    try:
        cells = read_cells(file)
        found = match(cells, skeleton)
        why = _cannot_be_told_apart(file, found, assignment)
    except Unreadable as error:
        why = f"{clean_name(file.name)} {error}: ask for it again"
    except Exception as error:  # one student's file may never stop the others
        why = f"{clean_name(file.name)} can't be read ({type(error).__name__}): ask for it again"
    if why:
        return Submission(notebook=blank, notes=tuple(notes), ungraded=why)
    return Submission(notebook=_rebuild(found, skeleton), notes=(*notes, *_complaints(found)))


def _find_notebook(folder: Path, assignment: str) -> tuple[Path | None, list[str]]:
    """The notebook to grade, and notes on everything else that lies beside it."""
    notebooks, others = [], []
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        return None, [f"the folder can't be looked into ({error.strerror})"]
    for path in found:
        if path.name in (TIMESTAMP, CAME) or SYSTEM.fullmatch(path.name):
            continue
        if path.is_symlink():
            others.append(f"{clean_name(path.name)} (a link)")
        elif NOTEBOOK.fullmatch(path.name) and path.is_file():
            notebooks.append(path)
        else:
            others.append(clean_name(path.name))
    notes = list(Came.read(folder).notes)
    right = [path for path in notebooks if path.stem == assignment]
    chosen = (right or notebooks or [None])[0]
    others += [clean_name(path.name) for path in notebooks if path is not chosen]
    if chosen and not right:
        notes.append(f"the notebook was named {clean_name(chosen.name)}")
    if others:
        notes.append(f"left out: {shortened(others)}")
    return chosen, notes


def shortened(items: Sequence[str]) -> str:
    """The first few items, and how many more there are."""
    more = len(items) - MOST_TOLD
    return ", ".join(clean_name(item)[:LONGEST_TOLD] for item in items[:MOST_TOLD]) + (
        f" and {more} more" if more > 0 else ""
    )


def rebuild(handed_in: Sequence[Cell], skeleton: NotebookNode) -> NotebookNode:
    """Put a student's answers into the released notebook.

    Only text is taken from the student's notebook: that of the answer cells, and of cells that
    the student added, which stay after the cell that they followed. All else (tests, ids, points,
    tags, outputs, the kernel's name) is the skeleton's.
    """
    return _rebuild(match(handed_in, skeleton), skeleton)


def _rebuild(found: Match, skeleton: NotebookNode) -> NotebookNode:
    own = _own_cells(found)
    cells = [_plain(cell) for cell in own[None]]
    for name, released in found.released.items():
        cell = NotebookNode(released)
        if is_solution(released):
            cell.source = _answer(found, name)
            if name in found.places and (pictures := _attachments(found, name)):
                cell.attachments = pictures
        cells += [cell, *(_plain(own_cell) for own_cell in own[name])]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return new_notebook(cells=cells, metadata=skeleton.metadata)


def _own_cells(found: Match) -> dict[str | None, list[Cell]]:
    """The cells that a student added, by the released cell that they followed."""
    own: dict[str | None, list[Cell]] = defaultdict(list)
    names = {number: name for name, number in found.places.items()}
    taken, place = found.taken, None
    stubs = [cell.source for cell in found.released.values() if is_solution(cell)]
    for number, cell in enumerate(found.cells):
        place = names.get(number, place)
        again = cell.grade_id in found.released and not is_solution(found.released[cell.grade_id])
        stub = any(same_text(cell.text, text) for text in stubs)
        if number not in taken and not again and not stub:
            own[place].append(cell)
    return own


def _answer(found: Match, name: str) -> str:
    """The text of an answer; the stub gives way where the student answered in another cell."""
    released = found.released[name]
    place = found.places.get(name)
    parts = [] if place is None else [place, *found.added.get(name, ())]
    text = "\n\n".join(found.cells[number].text for number in parts)
    if parts and not same_text(text, released.source):
        return text
    names = defined_names(released.source) if released.cell_type == "code" else set()
    elsewhere = [
        cell for cell in found.cells
        if cell.kind == "code" and not same_text(cell.text, released.source)
        and names & cell.defines
    ]  # fmt: skip
    return ELSEWHERE if names and elsewhere else released.source


def _attachments(found: Match, name: str) -> dict[str, Any]:
    numbers = [found.places[name], *found.added.get(name, ())]
    return {key: own for number in numbers for key, own in found.cells[number].attachments.items()}


def _cannot_be_told_apart(file: Path, found: Match, assignment: str) -> str | None:
    """Why a notebook has no answers that could be graded; a blank exercise has its stubs."""
    if not found.cells:
        return f"{clean_name(file.name)} has no cells: {AGAIN}"
    answers = [n for n, c in found.released.items() if is_solution(c)]
    code = [name for name in answers if found.released[name].cell_type == "code"]
    if any(name in found.places for name in code or answers):
        return None
    return (
        f"none of its cells answers {assignment}: it is another exercise, or its cells can't be "
        f"told apart; {AGAIN}"
    )


def _complaints(found: Match) -> list[str]:
    """What was missing, changed or foreign in a notebook, a sentence for each kind."""
    released, cells = found.released, found.cells
    numbers = set(found.places.values())
    others = [cell.grade_id for n, cell in enumerate(cells) if cell.grade_id and n not in numbers]
    twice = [name for name in others if name in released and is_solution(released[name])]
    foreign = [name for name in others if name not in released]
    notes = []
    if twice:
        notes.append(f"{shortened(twice)} stood there twice: the second runs as an ordinary cell")
    if foreign:
        notes.append(
            f"{shortened(foreign)} isn't a cell of this exercise: it runs as an ordinary one"
        )
    missing = [name for name in released if name not in found.places]
    changed = [
        name for name, cell in released.items()
        if name in found.places and not is_solution(cell)
        and not same_text(cells[found.places[name]].text, cell.source)
    ]  # fmt: skip
    tags = {tag for cell in cells for tag in cell.tags}
    own = [c.metadata["nbgrader"]["schema_version"] for c in released.values()
           if "nbgrader" in c.metadata]  # fmt: skip
    versions = [cells[number].schema for number in numbers if cells[number].grade_id]
    kinds = {
        "missing, put back": missing,
        "changed, put back": changed,
        "tags dropped": sorted(tags),
        "found by text and place": found.by_text,
    }
    notes += [f"{kind}: {shortened(names)}" for kind, names in kinds.items() if names]
    if any(version not in own for version in versions):
        notes.append("made for another version of nbgrader")
    return notes


def _plain(cell: Cell) -> NotebookNode:
    """The text of a cell and nothing else."""
    return new_code_cell(cell.text) if cell.kind == "code" else new_markdown_cell(cell.text)
