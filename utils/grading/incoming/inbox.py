"""Collecting: a folder or a zip of whatever came in becomes one notebook for each student."""

import re
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from utils.errors import CourseError
from utils.files import write_file
from utils.grading.assignments import assignment_names, replace_folder
from utils.grading.class_folder import ClassFolder
from utils.grading.incoming.identities import identify
from utils.grading.incoming.layouts import NOTEBOOK, Layout, Named, Names, find_owners
from utils.grading.incoming.notebooks import looks_like_a_notebook
from utils.grading.incoming.sources import LEADS_OUT, Entry, Unreadable, entries_of
from utils.grading.incoming.submissions import CAME, MOST_TOLD, Came, shortened
from utils.grading.incoming.timestamps import TIMESTAMP
from utils.grading.names import clean_name, folder_id, name_key

SNIFFED = ("", ".json", ".txt")  # endings that browsers and mail programs give to notebooks
ARCHIVES = (".rar", ".7z", ".gz", ".tgz", ".tar", ".bz2", ".xz")
BESIDE = (TIMESTAMP, CAME, "submission_secret.txt")  # nbgrader's own, no student's work
ITSELF = "ask for the .ipynb file itself"


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A file that came in, and what became of it."""

    student: str  # the name as people write it; the file's own where it belongs to nobody
    file: str  # its path in the folder or zip
    collected: bool
    somebodys: bool = True  # or it belongs to nobody, and no student's row tells of it
    note: str | None = None  # why it wasn't collected and what to do; or a word on one that was


@dataclass(frozen=True, kw_only=True)
class _File:
    """A file with what its names say."""

    entry: Entry
    named: Named

    @property
    def somebodys(self) -> bool:
        """Whether its names say whose it is; a path that leads elsewhere says nothing."""
        escapes = self.entry.problem == LEADS_OUT and len(self.entry.path) == 1
        return bool(self.named.student) and not self.named.stray and not escapes

    @property
    def rank(self) -> tuple[bool, int, int, int]:
        """Which of several notebooks counts: the right name, the platform's number, the newest."""
        checkpoint = self.named.stem.endswith("-checkpoint")
        right = self.named.assignment is not None and not checkpoint
        names = "/".join((*self.named.folders, self.named.stem)).lower()
        numbers = re.findall(r"\d{1,6}", re.sub(r"ex0?\d+", "", names))
        number = int(numbers[-1]) if numbers else 0
        # Zips keep every other second.
        return right, self.named.version - checkpoint, int(self.entry.modified // 2), number


def collect(
    source: Path, assignment: str, folder: ClassFolder, layout: Layout = Layout.AUTO
) -> list[Arrival]:
    """Put the notebooks of a folder or a zip where they are graded: one for each student.

    Every file has its row in what is returned. What is known of the files is kept beside the
    notebook, so that later runs tell it too. An earlier notebook of a student is replaced.

    Raises:
        CourseError: it is missing, is neither folder nor zip, holds nothing that a student could
            have handed in, or the class's folder can't be written.
    """
    with entries_of(source) as entries:
        names = Names(
            assignments=tuple(assignment_names()), collected=assignment, source=_title(source)
        )
        files = _named(entries, names, layout, folder.submissions)
        if not any(file.somebodys or file.named.notebook for file in files):
            raise CourseError(f"{source} holds no notebook (*.ipynb): nothing was collected.")
        arrivals = [_nobodys(file, layout) for file in files if not file.somebodys]
        students: dict[str, list[_File]] = defaultdict(list)
        for file in files:
            if file.somebodys and file.named.student:
                students[file.named.student].append(file)
        times = {entry.path: entry for entry in entries if entry.path[-1] == TIMESTAMP}
        for student, own in sorted(students.items()):
            arrivals += _hand_in(student, own, assignment, folder, times)
    return arrivals


def _title(source: Path) -> str:
    name = source.resolve().name
    return re.sub(r"\.zip$", "", name, flags=re.IGNORECASE) if source.is_file() else name


def _named(entries: Sequence[Entry], names: Names, layout: Layout, submitted: Path) -> list[_File]:
    """Every file with its student, each student in one spelling."""
    came = [entry for entry in entries if entry.path[-1] not in BESIDE]
    named = [names.read(entry.path, _is_notebook(entry)) for entry in came]
    owned = identify(find_owners(named, names, layout), submitted)
    return [_File(entry=entry, named=own) for entry, own in zip(came, owned, strict=True)]


def _is_notebook(entry: Entry) -> bool:
    """Whether it is meant to be one, or is a zip that couldn't be looked into."""
    name = entry.path[-1]
    suffix = Path(name).suffix.lower()
    if NOTEBOOK.fullmatch(name) or suffix == ".zip":
        return True
    if suffix not in SNIFFED or entry.problem:
        return False
    try:
        return looks_like_a_notebook(entry.read(4096))
    except Unreadable:
        return False


def _nobodys(file: _File, layout: Layout) -> Arrival:
    """The row of a file that belongs to no student."""
    if file.entry.problem:
        note = f"{file.entry.problem}: unpack it by hand and look"
    elif layout in (Layout.CANVAS, Layout.MOODLE):
        note = f"is not named as {layout.title()} names files: collect it with --from folder"
    elif file.named.notebook:
        note = "has no student's name: name it by its student, Ada Lovelace.ipynb"
    else:
        note = "is not a notebook, and belongs to no student"
    student = clean_name(file.named.stem) or file.entry.file
    return Arrival(
        student=student, file=file.entry.file, collected=False, somebodys=False, note=note
    )


def _hand_in(
    student: str,
    files: Sequence[_File],
    assignment: str,
    folder: ClassFolder,
    times: Mapping[tuple[str, ...], Entry],
) -> list[Arrival]:
    """Write a student's notebook and what is to be told of the other files."""
    target = folder.submitted(folder_id(student), assignment)
    if target.is_symlink() or target.parent.is_symlink():
        note = f"{target} is a link, which is never followed: delete it and collect again"
        return [_arrival(student, file, note) for file in files]
    taken, content, notes = _choose(files, assignment)
    arrivals = [_arrival(student, files[number], note) for number, note in sorted(notes.items())]
    told = [f"{own.file} {own.note}" for own in arrivals]
    numbers = [file.named.platform_id for file in files if file.named.platform is Layout.CANVAS]
    if taken is None:
        came = Came(notes=tuple(told[:MOST_TOLD]), platform_id=next(iter(numbers), None))
        write_file(target / CAME, came.to_json())
        return arrivals
    words = _words(taken, student)
    came = Came(
        notes=(*words, *([f"left out: {shortened(told)}"] if told else [])),
        platform_id=next(iter(numbers), None),
    )
    with tempfile.TemporaryDirectory() as new:
        write_file(Path(new) / f"{assignment}.ipynb", content)
        # On a platform and in a zip, whatever lies beside it comes from the student.
        trusted = taken.named.platform is Layout.FOLDER and taken.named.outer == taken.named.path
        with suppress(KeyError, Unreadable):
            stamp = times[(*taken.entry.path[:-1], TIMESTAMP)].read(1000)
            if trusted:
                write_file(Path(new) / TIMESTAMP, stamp)
        if came != Came():
            write_file(Path(new) / CAME, came.to_json())
        replace_folder(Path(new), target)
    note = "; ".join(words) or None
    done = Arrival(student=student, file=taken.entry.file, collected=True, note=note)
    return [done, *arrivals]


def _arrival(student: str, file: _File, note: str | None) -> Arrival:
    return Arrival(student=student, file=file.entry.file, collected=False, note=note)


def _choose(files: Sequence[_File], assignment: str) -> tuple[_File | None, bytes, dict[int, str]]:
    """The notebook that counts with its content, and what is said of each other file."""
    taken, content, notes = None, b"", {}
    ranked = sorted(enumerate(files), key=lambda own: (own[1].rank, own[0]), reverse=True)
    for number, file in ranked:
        zipped = file.entry.path[-1].lower().endswith(".zip")
        another = file.named.assignment not in (None, assignment)
        if file.entry.problem:
            notes[number] = f"{file.entry.problem}: {ITSELF}"
        elif zipped or not file.named.notebook:
            notes[number] = _no_notebook(file)
        elif another:
            other = file.named.assignment
            notes[number] = f"belongs to {other}: collect it with course grade {other}"
        elif taken:
            notes[number] = f"is another version: {taken.entry.file} was taken"
        else:
            try:
                content, taken = file.entry.read(), file
            except Unreadable as error:
                notes[number] = f"{error}: {ITSELF}"
    return taken, content, notes


def _no_notebook(file: _File) -> str:
    if Path(file.entry.path[-1]).suffix.lower() in ARCHIVES:
        return "is an archive that isn't read: unpack it, or hand in the notebook itself"
    return f"is not a notebook: {ITSELF}"


def _words(taken: _File, student: str) -> list[str]:
    """What there is to say of a notebook that was collected."""
    named = taken.named
    words = ["handed in late, as Canvas says"] if named.late else []
    usual = named.assignment or name_key(named.stem) == name_key(student)
    if not usual and len(named.path) > 1:
        words.append(f"the notebook was named {clean_name(named.path[-1])}")
    return words
