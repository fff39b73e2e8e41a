"""Whose file is it? Read from the names that people, Canvas and Moodle give to files."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from utils.grading.names import clean_name, name_key

CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_(?P<rest>.+)")
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)")
NOTEBOOK = re.compile(r"(?P<stem>.*?)\.ipynb(?!\w).*", re.IGNORECASE | re.DOTALL)
EXERCISE = re.compile(r"(?:exercise|exc|ex)[ -]?0*(?P<number>\d+)(?!\d)")
# Words that say nothing about whose file it is.
GENERIC = frozenset(
    ("abgabe", "assignment", "assignments", "attempt", "backup", "code", "copy", "course", "data",
     "done", "draft", "exercise", "exercises", "final", "finished", "homework", "lessons", "my",
     "new", "notebook", "notebooks", "of", "old", "part", "quizzes", "scratch", "solution",
     "solutions", "src", "submission", "submissions", "tests", "the", "tmp", "untitled", "utils",
     "ver", "version", "work")
)  # fmt: skip


class Layout(StrEnum):
    """How files and folders are named: found out, by students' names, or as a platform does."""

    AUTO = "auto"
    FOLDER = "folder"
    CANVAS = "canvas"
    MOODLE = "moodle"


@dataclass(frozen=True, kw_only=True)
class Named:
    """A file's path, and what its names say."""

    path: tuple[str, ...]
    outer: tuple[str, ...]  # down to a student's own zip, in which names mean nothing to others
    notebook: bool
    stem: str  # of the file's own name
    folders: tuple[str, ...]  # around it, without those that are named by an assignment
    assignment: str | None  # which one its names point to
    student: str | None = None
    platform: Layout = Layout.FOLDER
    platform_id: str | None = None
    version: int = 0  # as the platform counts
    late: bool = False
    stray: bool = False  # no notebook, and beside the students' files instead of with them


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of the assignments, and of the one that is collected."""

    assignments: tuple[str, ...]
    collected: str
    source: str  # what the folder or zip is called, without its ending

    def meant(self, text: str) -> str | None:
        """The assignment that a file's or folder's name points to."""
        key = name_key(text)
        for name in self.assignments:
            if name_key(name) in key:
                return name
        if not (found := EXERCISE.match(key)):
            return None
        numbers = {int(re.sub(r"\D", "", n.split("_")[0]) or 0): n for n in self.assignments}
        return numbers.get(int(found["number"][:9]))

    def person(self, text: str) -> str | None:
        """What is left of a name without the assignment's, unless it says nothing."""
        left = clean_name(text)
        if name := self.meant(text):
            pattern = re.escape(name).replace("_", "[ _]")
            left, count = re.subn(pattern, " ", left, flags=re.IGNORECASE)
            if not count:
                left = re.sub(EXERCISE.pattern, " ", left, flags=re.IGNORECASE)
            left = re.sub(r"^[\s_.-]+|[\s_-]+$", "", left)
        words = re.findall(r"[^\W\d_]+", left.casefold())
        if re.fullmatch(r"[vV] ?[\d.]+", left):  # a version's number
            return None
        if not words:  # a student's number, or a version's behind an assignment's name
            return left if len(left) > 2 or left == clean_name(text) else None
        own = set(re.findall(r"[^\W\d_]+", self.collected))
        return left if any(word not in GENERIC | own for word in words) else None

    def read(self, path: tuple[str, ...], notebook: bool) -> Named:
        """What the names of a path say, before it is compared with the others."""
        stems = [stem_of(part) for part in path]
        pointing = [name for part in reversed(stems) if (name := self.meant(part))]
        zips = [n for n, part in enumerate(path[:-1], 1) if part.lower().endswith(".zip")]
        outer = path[: zips[0]] if zips else path
        folders = stems[: len(outer)] if zips else stems[:-1]
        return Named(
            path=path,
            outer=outer,
            notebook=notebook,
            stem=stems[-1],
            folders=tuple(f for f in folders if not self.meant(f) or self.person(f)),
            assignment=pointing[0] if pointing else None,
        )


def stem_of(name: str) -> str:
    """A file's name without its ending: `Ada` of `Ada.ipynb.txt`, `Ada.zip`, `Ada.pdf`."""
    if found := NOTEBOOK.fullmatch(name):
        return found["stem"]
    return re.sub(r"(?<=.)\.[A-Za-z][A-Za-z0-9]{0,4}$", "", name)


def find_owners(files: Sequence[Named], names: Names, layout: Layout) -> list[Named]:
    """Say of each file whose it is, in the same order; nobody's where no name is found."""
    notebooks = [file for file in files if file.notebook]
    # A platform names what lies beside one another: deeper names are a student's own.
    deepest = _shared_folders(notebooks) if layout is Layout.AUTO else None
    canvas = bool(notebooks) and all(_of_canvas(file, deepest) for file in notebooks)
    if layout is Layout.AUTO and canvas:
        layout = Layout.CANVAS
    owned: dict[int, Named] = {}
    for number, file in enumerate(files):
        of_canvas = _of_canvas(file, deepest) if layout is Layout.CANVAS else None
        moodle = layout in (Layout.AUTO, Layout.MOODLE)
        if found := of_canvas or (_of_moodle(file, deepest) if moodle else None):
            owned[number] = found
    if layout in (Layout.AUTO, Layout.FOLDER):
        owned |= _by_folders({n: f for n, f in enumerate(files) if n not in owned}, names)
    return [owned.get(n, file) for n, file in enumerate(files)]


def _shared_folders(files: Sequence[Named]) -> int:
    """How many folders lie around all of them."""
    shared = 0
    for parts in zip(*(file.outer[:-1] for file in files), strict=False):
        if len(set(parts)) > 1:
            break
        shared += 1
    return shared


def _outermost(pattern: re.Pattern[str], file: Named, deepest: int | None) -> re.Match[str] | None:
    parts = file.outer if deepest is None else file.outer[: deepest + 1]
    return next((found for part in parts if (found := pattern.fullmatch(part))), None)


def _of_canvas(file: Named, deepest: int | None) -> Named | None:
    found = _outermost(CANVAS, file, deepest)
    if not found:
        return None
    version = re.search(r"-(\d{1,6})$", stem_of(found["rest"]))
    return replace(
        file,
        student=clean_name(found["name"]),
        platform=Layout.CANVAS,
        platform_id=found["id"],
        version=int(version[1]) if version else 0,
        late=bool(found["late"]),
    )


def _of_moodle(file: Named, deepest: int | None) -> Named | None:
    found = _outermost(MOODLE, file, deepest)
    if not found:
        return None
    flat = found.string == file.path[-1]  # without a folder for each student
    return replace(
        file,
        student=clean_name(found["name"]),
        platform=Layout.MOODLE,
        platform_id=found["id"],
        stem=stem_of(found["rest"] if flat else file.path[-1]),
    )


@dataclass(frozen=True, kw_only=True)
class _Folder:
    """A folder with the files right in it and the folders in it."""

    files: dict[int, Named]
    folders: dict[str, "_Folder"]

    @classmethod
    def of(cls, files: dict[int, Named], depth: int = 0) -> "_Folder":
        inner: dict[str, dict[int, Named]] = defaultdict(dict)
        for number, file in files.items():
            if len(file.folders) > depth:
                inner[file.folders[depth]][number] = file
        return cls(
            files={n: file for n, file in files.items() if len(file.folders) == depth},
            folders={name: cls.of(own, depth + 1) for name, own in inner.items()},
        )

    @property
    def all_files(self) -> dict[int, Named]:
        inner = [folder.all_files for folder in self.folders.values()]
        return {n: file for own in (self.files, *inner) for n, file in own.items()}

    @property
    def has_notebooks(self) -> bool:
        return any(file.notebook for file in self.all_files.values())

    @property
    def notebooks(self) -> list[Named]:
        return [file for file in self.files.values() if file.notebook]

    @property
    def filled(self) -> dict[str, "_Folder"]:
        """The folders in it that hold notebooks, at whatever depth."""
        return {name: own for name, own in self.folders.items() if own.has_notebooks}


def _by_folders(files: dict[int, Named], names: Names) -> dict[int, Named]:
    root = _Folder.of(files)
    owned = _share_out(root, names)
    nameless = [n for n, file in owned.items() if not file.student]
    person = names.person(names.source)
    if person and not root.filled and len(nameless) == len(owned):  # one student's own files
        return {n: replace(f, student=person, stray=False) for n, f in owned.items()}
    return owned


def _share_out(folder: _Folder, names: Names) -> dict[int, Named]:
    """Files right here are named by their students, and so are the folders, unless they group."""
    owned = {
        n: replace(file, student=names.person(file.stem), stray=not file.notebook)
        for n, file in folder.files.items()
    }
    groups = _groups(folder, names)
    for name, inner in folder.folders.items():
        if name in groups:
            owned |= _share_out(inner, names)
        else:
            student = names.person(name) or clean_name(name)
            owned |= {n: replace(f, student=student) for n, f in inner.all_files.items()}
    return owned


def _groups(folder: _Folder, names: Names) -> set[str]:
    """Which folders hold several students' work instead of one's: all of them, or none.

    One that differs from the others is a student's, who may call files as they like.
    """
    filled = folder.filled
    if folder.notebooks or not filled:
        return set()
    lone = next(iter(filled)) if len(filled) == 1 else None
    around = lone is not None and name_key(lone) == name_key(names.source)
    people = [_students_folders(own, names) for own in filled.values()]
    sections = all(people) and max(map(len, people)) > 1
    sections &= not any(own.notebooks for own in filled.values())
    alike = all(_holds_a_class(own, names) for own in filled.values())
    return set(filled) if around or sections or alike else set()


def _holds_a_class(folder: _Folder, names: Names) -> bool:
    own = folder.notebooks
    zipped = any(file.outer != file.path for file in own)
    if zipped or any(names.meant(file.stem) and not names.person(file.stem) for file in own):
        return False
    people = {names.person(file.stem) for file in own}
    people |= {names.person(name) for name in folder.filled}
    if len(people - {None}) > 1:
        return True
    inner = list(folder.filled.values())
    return len(inner) == 1 and not own and _holds_a_class(inner[0], names)


def _students_folders(folder: _Folder, names: Names) -> set[str]:
    """Folders in it with a person's name, and with a notebook named by an assignment."""
    return {
        name
        for name, own in folder.filled.items()
        if names.person(name) and any(names.meant(f.stem) for f in own.all_files.values())
    }
