"""What students hand in: collected from folders and zips, and rebuilt on the released skeleton."""

import lzma
import shutil
import tempfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from utils.errors import CourseError
from utils.grading.assignments import assignment_names, read_notebook, replace_folder

NOTEBOOK = ".ipynb"
TIMESTAMP = "timestamp.txt"  # when it was handed in, as nbgrader's own tools write it
LARGEST = 100_000_000  # bytes of a file that is read
LARGEST_ZIP = 2_000_000_000  # bytes of all notebooks that are unpacked from a zip
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    UnicodeDecodeError,
    RuntimeError,
    OSError,
)  # what a damaged or encrypted zip raises
EXPECTED = (".ipynb_checkpoints", TIMESTAMP, ".DS_Store")  # files beside a notebook, no comment


@dataclass(frozen=True)
class Submission:
    """One student's notebook as it will be graded, and what was wrong with the file."""

    notebook: NotebookNode
    notes: tuple[str, ...]


def students_of(submitted: Path) -> list[str]:
    """Everybody who has handed in anything."""
    return sorted(f.name for f in submitted.glob("*") if f.is_dir() and not f.name.startswith("."))


def collect(source: Path, assignment: str, submitted: Path) -> list[str]:
    """Put the notebooks of a folder or a zip where nbgrader looks for them.

    A notebook is named by its student (`Ada Lovelace.ipynb`), or lies in a folder that is
    (`Ada Lovelace/ex01_preprocess.ipynb`, also a folder deeper). A student's earlier submission of
    the same assignment is replaced. Returns the students.

    Raises:
        CourseError: it is missing, isn't a zip, has a path that leads out of it, or no notebook.
    """
    if not source.exists():
        raise CourseError(f"{source} isn't there: give a folder or a zip of notebooks.")
    with tempfile.TemporaryDirectory() as unpacked:
        if source.is_dir():
            root = source
        elif zipfile.is_zipfile(source):
            root = Path(unpacked)
            _unpack(source, root)
        else:
            raise CourseError(f"{source} is neither a folder nor a zip: give one, with notebooks.")
        found = dict(_named_by_student(root, assignment))
        if not found:
            raise CourseError(f"{source} holds no notebook (*{NOTEBOOK}): nothing was collected.")
        for student, file in found.items():
            _hand_in(file, submitted / student / assignment, assignment)
    return sorted(found)


def _unpack(source: Path, target: Path) -> None:
    """Unpack the notebooks of a zip; refuse links, absolute paths, `..` and damaged entries."""
    unpacked = 0
    try:
        with zipfile.ZipFile(source) as archive:
            for entry in archive.infolist():
                path = PurePosixPath(entry.filename)
                link = (entry.external_attr >> 16) & 0o170000 == 0o120000
                if link or path.is_absolute() or ".." in path.parts:
                    raise CourseError(
                        f"{source} holds '{entry.filename}', a link or a path that leads out of "
                        "it: nothing was collected; unpack it by hand and look."
                    )
                if path.suffix == NOTEBOOK and entry.file_size <= LARGEST:
                    unpacked += entry.file_size
                    if unpacked > LARGEST_ZIP:
                        raise CourseError(
                            f"{source} would unpack to more than {LARGEST_ZIP / 1e9:g} GB: nothing "
                            "was collected; hand it over in several zips."
                        )
                    archive.extract(entry, target)
    except DAMAGED as error:
        raise CourseError(
            f"{source} can't be unpacked ({error}): nothing was collected; ask for it again."
        ) from error


def _named_by_student(root: Path, assignment: str) -> Iterator[tuple[str, Path]]:
    """Each student's notebook; of several in a folder, the one of the right name comes last."""
    others = set(assignment_names()) - {assignment}
    files = root.rglob(f"*{NOTEBOOK}")
    for file in sorted(files, key=lambda file: (file.stem == assignment, file)):
        parts = file.relative_to(root).parts
        hidden = any(part.startswith((".", "__")) for part in parts)
        of_another = file.stem in others or others.intersection(parts)
        if not (hidden or of_another or file.is_symlink()):
            yield (parts[0] if len(parts) > 1 else file.stem), file


def _hand_in(file: Path, folder: Path, assignment: str) -> None:
    with tempfile.TemporaryDirectory() as new:
        shutil.copyfile(file, Path(new) / f"{assignment}{NOTEBOOK}")
        replace_folder(Path(new), folder)


def read_submission(folder: Path, assignment: str, skeleton: NotebookNode) -> Submission:
    """The notebook of a student's folder, rebuilt; a blank one if there is none to be read.

    Whatever is wrong with the file becomes a note, never an error.
    """
    file, notes = _find_notebook(folder, assignment)
    blank = new_notebook(cells=[])
    if file is None:
        return Submission(rebuild(blank, skeleton)[0], (*notes, "nothing to grade: a blank one"))
    try:
        if file.stat().st_size > LARGEST:
            raise ValueError(f"larger than {LARGEST // 1_000_000} MB")
        if not file.read_bytes().strip():
            raise ValueError("an empty file")
        notebook, more = rebuild(read_notebook(file), skeleton)
    except Exception as error:  # a damaged file raises many types; none may stop the others
        reason = str(error) if type(error) is ValueError else "not a notebook"
        notes = [*notes, f"{file.name} can't be read ({reason[:60]}): graded as a blank one"]
        return Submission(rebuild(blank, skeleton)[0], tuple(notes))
    return Submission(notebook, (*notes, *more))


def _find_notebook(folder: Path, assignment: str) -> tuple[Path | None, list[str]]:
    """The notebook to grade, and notes on everything else that lies beside it."""
    if folder.parent.is_symlink() or folder.is_symlink() or not folder.is_dir():
        return None, ["nothing was handed in"]
    notes, notebooks, others = [], [], []
    for path in sorted(folder.iterdir()):
        if path.name in EXPECTED:
            continue
        if path.is_symlink():
            others.append(f"{path.name} (a link)")
        elif path.suffix == NOTEBOOK and path.is_file():
            notebooks.append(path)
        else:
            others.append(path.name)
    right = [path for path in notebooks if path.stem == assignment]
    chosen = (right or notebooks or [None])[0]
    others += [path.name for path in notebooks if path is not chosen]
    if chosen and not right:
        notes.append(f"the notebook was named {chosen.name}")
    if others:
        notes.append(f"left out: {', '.join(others)}")
    if not chosen:
        notes.append("no notebook was handed in")
    return chosen, notes


def rebuild(handed_in: NotebookNode, skeleton: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """Put a student's answers into the released notebook; returns notes on what had to be repaired.

    Only text is taken from the student's notebook: that of the solution cells, and of cells that
    the student added, which stay after the cell that they followed. All else (tests, ids, points,
    tags, outputs) is the skeleton's.
    """
    released = {_id(cell): cell for cell in skeleton.cells}
    answers: dict[str, NotebookNode] = {}
    own: dict[str | None, list[NotebookNode]] = defaultdict(list)
    notes, place = [], None
    for cell in handed_in.cells:
        name = _id(cell)
        if name in released and name not in answers:
            answers[name], place = cell, name
        elif name not in released or _is_solution(released[name]):
            own[place].append(_plain(cell))
            if name in released:
                notes.append(f"{name} stood there twice: the second runs as an ordinary cell")
            elif "grade_id" in cell.metadata.get("nbgrader", {}):
                notes.append(f"{name} isn't a cell of this exercise: it runs as an ordinary cell")
    cells = list(own[None])
    for name, cell in released.items():
        copy = NotebookNode(cell)
        if _is_solution(cell) and name in answers:
            copy.source = answers[name].source
            copy |= {k: v for k, v in answers[name].items() if k == "attachments"}
        cells += [copy, *own[name]]
    if handed_in.cells:
        notes += _complaints(handed_in, released, answers)
    notebook = new_notebook(cells=cells, metadata=skeleton.metadata)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return notebook, notes


def _complaints(
    handed_in: NotebookNode, released: dict[str, NotebookNode], answers: dict[str, NotebookNode]
) -> list[str]:
    """What was missing, changed or foreign in a notebook, a sentence for each kind."""
    missing = [name for name in released if name not in answers]
    changed = [
        name
        for name, cell in answers.items()
        if not _is_solution(released[name]) and cell.source != released[name].source
    ]
    tags = {str(tag) for cell in handed_in.cells for tag in cell.metadata.get("tags", ())}
    versions = {
        cell.metadata["nbgrader"].get("schema_version")
        for cell in answers.values()
        if "nbgrader" in cell.metadata
    }
    own = {
        cell.metadata["nbgrader"]["schema_version"]
        for cell in released.values()
        if "nbgrader" in cell.metadata
    }
    notes = []
    if missing:
        notes.append(f"missing, put back: {', '.join(missing)}")
    if changed:
        notes.append(f"changed, put back: {', '.join(changed)}")
    if tags:
        notes.append(f"tags dropped: {', '.join(sorted(tags))}")
    if versions - own:
        notes.append("made for another version of nbgrader")
    return notes


def _id(cell: NotebookNode) -> str:
    """A released cell's grade id; a student's own cell has its id as a cell, or none."""
    return cell.metadata.get("nbgrader", {}).get("grade_id") or f"own {cell.get('id', '')}"


def _is_solution(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _plain(cell: NotebookNode) -> NotebookNode:
    """The text of a cell and nothing else."""
    if cell.cell_type == "code":
        return new_code_cell(cell.source)
    return new_markdown_cell(cell.source)
