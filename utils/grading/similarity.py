"""Whose answers are alike, more than an exercise makes everybody's: a hint for a person to look.

Answers are compared by shingles, runs of tokens in which a student's own names, numbers, texts,
comments and blanks don't count. What stands in the exercise, in its solution, or in the answers of
many says nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from nbformat import NotebookNode
from pygments.lexers import PythonLexer
from pygments.token import Comment, Name, Number, String, Text

from utils.grading.assignments import EXERCISES, SOLUTIONS, read_notebook
from utils.grading.class_folder import ClassFolder
from utils.grading.incoming.submissions import read_submission, students_of

LENGTH = 6  # tokens of a shingle
THRESHOLD = 0.6  # of the smaller answer's shingles, from which on two are told
FEWEST = 25  # shingles that two must share: three lines or so; fewer say nothing
MANY = 0.2  # of the class: what more of them wrote is no sign of copying …
FEW = 5  # … but what so many wrote may be, in a class of any size

Cells = Mapping[str, NotebookNode]  # answer cells by their id
Shingle = tuple[str, ...]  # the id of the cell, then tokens


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two students whose answers are alike."""

    students: tuple[str, str]
    share: float  # of the smaller one's telling shingles that the other has too
    cells: tuple[str, ...]  # in which cells


def similar(folder: ClassFolder, assignment: str) -> list[Pair]:
    """Pairs of students whose answers to an assignment are alike, the most alike first.

    Whatever state the notebooks are in, they are compared as far as there are answers.
    """
    released = read_notebook(EXERCISES / assignment / f"{assignment}.ipynb")
    solution = read_notebook(SOLUTIONS / assignment / f"{assignment}.ipynb")
    answers = {}
    for student in students_of(folder.submissions):
        handed_in = read_submission(folder.submitted(student, assignment), assignment, released)
        answers[student] = _answer_cells(handed_in.notebook)
    return compare(answers, (_answer_cells(released), _answer_cells(solution)))


def compare(answers: Mapping[str, Cells], given: tuple[Cells, ...]) -> list[Pair]:
    """`similar` for answers by student; `given` are answers whose shingles say nothing."""
    known = {shingle for cells in given for shingle in _shingles(cells)}
    written = {student: set(_shingles(cells)) - known for student, cells in answers.items()}
    holders: dict[Shingle, list[str]] = defaultdict(list)
    for student, own in sorted(written.items()):
        for shingle in own:
            holders[shingle].append(student)
    most = max(FEW, MANY * len(answers))
    telling = {shingle: who for shingle, who in holders.items() if len(who) <= most}
    sizes = Counter(student for who in telling.values() for student in who)
    shared = Counter(pair for who in telling.values() for pair in combinations(who, 2))
    alike = []
    for pair, count in shared.items():
        share = count / min(sizes[student] for student in pair)
        if count >= FEWEST and share >= THRESHOLD:
            both = written[pair[0]] & written[pair[1]] & telling.keys()
            cells = tuple(sorted({shingle[0] for shingle in both}))
            alike.append(Pair(students=pair, share=share, cells=cells))
    return sorted(alike, key=lambda pair: (-pair.share, pair.students))


def _answer_cells(notebook: NotebookNode) -> dict[str, NotebookNode]:
    settings = [(cell.metadata.get("nbgrader", {}), cell) for cell in notebook.cells]
    return {own["grade_id"]: cell for own, cell in settings if own.get("solution")}


def _shingles(cells: Cells) -> Iterator[Shingle]:
    for name, cell in cells.items():
        if cell.cell_type == "code":
            tokens = list(_code_tokens(cell.source))
        else:
            tokens = cell.source.casefold().split()
        for start in range(len(tokens) - LENGTH + 1):
            yield (name, *tokens[start : start + LENGTH])


def _code_tokens(source: str) -> Iterator[str]:
    """Tokens of code, also of code with errors; own names and literals are all the same.

    What comes after a dot, and Python's own names, are kept: they say how something is done.
    """
    before = ""
    for kind, text in PythonLexer().get_tokens(source):
        if kind in Text or kind in Comment or kind in String.Doc or not text.strip():
            continue
        if kind in String:
            token = "text"
        elif kind in Number:
            token = "number"
        elif kind in Name and kind not in Name.Builtin and before != ".":
            token = "name"
        else:
            token = text
        if not (token == before == "text"):  # a text comes in several pieces
            yield token
        before = token
