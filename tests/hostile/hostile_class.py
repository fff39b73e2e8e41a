"""A class of hostile and honest students: the attacks as listed, made into what is handed in."""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from utils.grading.assignments import EXERCISES, SOLUTIONS, read_notebook
from utils.grading.names import folder_id, shown_name

ATTACKS = Path(__file__).parent / "attacks"
# Code that could do harm asks this first: whoever sees the instructor's home isn't kept in.
INSIDE = (
    '(lambda os: not os.path.exists("@HOME@/canary.txt") and os.getpid() < 1000)(__import__("os"))'
)


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What one student hands in to get more than it deserves."""

    name: str
    why: str
    deserves: float
    exercise: str = "ex03_softmax_head"
    student: str = ""
    right: list[str] | str = field(default_factory=list)  # cells that keep the solution, or "all"
    cells: dict[str, str] = field(default_factory=dict)
    own: list[dict[str, str]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)  # grade id -> nbgrader's keys
    changed_cells: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)  # what no page may show, beside the usual
    notebook: str = ""  # "none": only files are handed in

    @property
    def shown(self) -> str:
        """The student's name as rows and pages have it."""
        return shown_name(self.folder)

    @property
    def folder(self) -> str:
        """The name of the student's folders."""
        return folder_id(shown_name(self.who))

    @property
    def who(self) -> str:
        return self.student or self.name


def read_attacks() -> list[Attack]:
    """Every attack that is listed, the name of its file left aside."""
    files = sorted(ATTACKS.glob("*.yaml"))
    lists = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    return [Attack(**one) for attacks in lists for one in attacks]


HONEST = {  # beside the attacks on ex03: student -> points and what is other than the solution
    "Ada": (10, {}),
    "Grace": (9, {
        "softmax": "def softmax(logits):\n    e = np.exp(logits)\n"
        "    return e / e.sum(axis=1, keepdims=True)",
    }),
    "Mary": (10, {
        "decide": "# canary of Mary: 7f3a91c2\nprint('Mary works on it')\n"
        "def decide(probabilities, threshold):\n"
        "    best, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)\n"
        "    return [int(b) if s >= threshold else -1 for b, s in zip(best, sure)]",
    }),
}  # fmt: skip


def honest(exercise: str) -> list[Attack]:
    """Students who only do their work."""
    if exercise != "ex03_softmax_head":
        return [Attack(name="Ada", why="", exercise=exercise, right="all", deserves=10)]
    return [
        Attack(name=name, why="", right="all", cells=cells, deserves=points)
        for name, (points, cells) in HONEST.items()
    ]


def filled(value: Any, places: dict[str, str]) -> Any:
    """The same data with places like @HOME@ in all its texts filled in."""
    if isinstance(value, str):
        for name in ("INSIDE", *places):
            value = value.replace(f"@{name}@", places.get(name, INSIDE))
        return value
    if isinstance(value, dict):
        return {filled(key, places): filled(item, places) for key, item in value.items()}
    return [filled(item, places) for item in value] if isinstance(value, list) else value


@cache
def cells_of(exercise: str, root: Path) -> dict[str, str]:
    """Sources of an exercise's cells by name, in `solutions/` or `exercises/`."""
    cells = read_notebook(root / exercise / f"{exercise}.ipynb").cells
    return {c.metadata.nbgrader.grade_id: c.source for c in cells}


def hand_in(attack: Attack, submitted: Path, places: dict[str, str]) -> None:
    """Put an attack's notebook and files where a student's submission lies."""
    filled_in = {
        name: filled(getattr(attack, name), places)
        for name in ("cells", "own", "files", "metadata", "changed", "changed_cells", "outputs")
    }
    attack = replace(attack, **filled_in)
    folder = submitted / attack.who / attack.exercise
    folder.mkdir(parents=True)
    if attack.notebook != "none":
        text = nbformat.writes(_notebook(attack))
        (folder / f"{attack.exercise}.ipynb").write_text(text, encoding="utf-8")
    for file in attack.files:
        _make(folder / file["name"], file)


def _notebook(attack: Attack) -> NotebookNode:
    solution = cells_of(attack.exercise, SOLUTIONS)
    notebook = read_notebook(EXERCISES / attack.exercise / f"{attack.exercise}.ipynb")
    for cell in list(notebook.cells):
        name, own = cell.metadata.nbgrader.grade_id, cell.metadata.nbgrader
        if own.solution and (attack.right == "all" or name in attack.right):
            cell.source = solution[name]
        cell.source = attack.cells.get(name, cell.source)
        own.update(attack.changed.get(name, {}))
        cell.update(attack.changed_cells.get(name, {}))
        if name in attack.outputs:
            cell.outputs = [new_output("stream", text=attack.outputs[name])]
        place = notebook.cells.index(cell) + 1
        notebook.cells[place:place] = _own_cells(attack, name)
    notebook.metadata.update(attack.metadata)
    return notebook


def _own_cells(attack: Attack, after: str) -> Iterator[NotebookNode]:
    for cell in attack.own:
        if cell["after"] == after:
            make = new_markdown_cell if cell.get("kind") == "markdown" else new_code_cell
            yield make(cell["source"])


def _make(path: Path, file: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if "link" in file:
        path.symlink_to(file["link"])
    elif "fifo" in file:
        os.mkfifo(path)
    elif "socket" in file:
        at_hand = os.open(path.parent, os.O_RDONLY)  # an address holds 108 bytes, a path more
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{at_hand}/{path.name}")
        os.close(at_hand)
    elif "sparse" in file:
        path.touch()
        os.truncate(path, file["sparse"])
    else:
        text = file["text"] * file.get("times", 1) + "9" * file.get("digits", 0)
        path.write_text(text + file.get("end", ""), encoding="utf-8")
