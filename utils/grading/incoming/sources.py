"""What comes in, file by file, from a folder or a zip: nothing unsafe is opened or unpacked."""

import io
import lzma
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import IO

from utils.errors import CourseError
from utils.files import SYSTEM
from utils.grading.names import clean_name

LARGEST = 50_000_000  # bytes of a file that is read
MOST_FILES = 20_000  # of a student's own zip
MOST_FILES_OF_A_CLASS = 100_000
DEEPEST = 30  # folders in one another
LONGEST_NAME = 255  # of a file or folder, as on most disks
ZIPS_IN_ZIPS = 2  # a class's zip, a student's zip in it, and one more
DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, UnicodeDecodeError, ValueError,
    NotImplementedError, RuntimeError, OSError, KeyError, MemoryError,
)  # fmt: skip # what a damaged or encrypted zip raises
LEADS_OUT = "has a path that leads out of the zip"
UTF8_NAME, ENCRYPTED = 0x800, 0x1  # flags of an entry
Open = Callable[[], IO[bytes]]


class Unreadable(Exception):
    """Why a file can't be read, in words that follow its name."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file that came in, wherever it lies, or what was wrong with it."""

    path: tuple[str, ...]
    modified: float
    open: Open
    problem: str | None = None  # it must not be opened

    @property
    def file(self) -> str:
        """The path as people write it."""
        return clean_name("/".join(self.path))

    def read(self, most: int | None = None) -> bytes:
        """The content, or its first bytes.

        Raises:
            Unreadable: it is unsafe, too large, damaged, or asks for a password.
        """
        if self.problem:
            raise Unreadable(self.problem)
        try:
            with self.open() as file:
                content = file.read(most or LARGEST + 1)
        except DAMAGED as error:
            locked = "password" in str(error)
            raise Unreadable("asks for a password" if locked else "is damaged") from error
        if len(content) > LARGEST:
            raise Unreadable(f"is larger than {LARGEST // 1_000_000} MB")
        return content


@contextmanager
def entries_of(source: Path) -> Iterator[list[Entry]]:
    """All files of a folder or a zip, those of students' own zips among them.

    Raises:
        CourseError: it is missing, can't be read, is neither, or holds too many files.
    """
    if not source.exists():
        raise CourseError(f"{source} isn't there: give a folder or a zip of notebooks.")
    if not source.is_dir() and not zipfile.is_zipfile(source):
        raise CourseError(f"{source} is neither a folder nor a zip: give one, with notebooks.")
    with ExitStack() as stack:
        stack.callback(_archive.cache_clear)
        if source.is_dir():
            yield [inner for entry in _of_folder(source) for inner in _unpacked(entry)]
            return
        try:
            archive = stack.enter_context(zipfile.ZipFile(source))
            found = list(_of_zip(archive, (), lambda info: lambda: archive.open(info)))
        except DAMAGED as error:
            raise CourseError(
                f"{source} can't be unpacked ({error}): nothing was collected; ask for it again."
            ) from error
        if len(archive.infolist()) > MOST_FILES_OF_A_CLASS:
            raise CourseError(
                f"{source} holds more than {MOST_FILES_OF_A_CLASS} files: nothing was collected; "
                "hand it over in several zips."
            )
        yield [inner for entry in found for inner in _unpacked(entry)]


def _of_folder(root: Path) -> Iterator[Entry]:
    """The files below a folder; links are never followed, special files never opened."""
    waiting: list[tuple[Path, tuple[str, ...]]] = [(root, ())]
    while waiting:
        folder, parts = waiting.pop()
        try:
            found = sorted(os.scandir(folder), key=lambda item: item.name)
        except OSError as error:
            yield _unsafe(parts, f"can't be looked into ({error.strerror})")
            continue
        for item in found:
            path = (*parts, _name_of(item.name))
            if SYSTEM.fullmatch(item.name):
                continue
            if not item.is_dir(follow_symlinks=False):
                yield _file_of(Path(item.path), path)
            elif len(path) > DEEPEST:
                yield _unsafe(path, f"lies more than {DEEPEST} folders deep")
            else:
                waiting.append((Path(item.path), path))


def _file_of(file: Path, path: tuple[str, ...]) -> Entry:
    try:
        found = file.lstat()
    except OSError as error:
        return _unsafe(path, f"can't be read ({error.strerror})")
    if not stat.S_ISREG(found.st_mode):
        return _unsafe(path, _kind(found.st_mode))
    if found.st_size > LARGEST:
        return _unsafe(path, f"is larger than {LARGEST // 1_000_000} MB")
    return Entry(path=path, modified=found.st_mtime, open=lambda: open_regular(file))


def open_regular(file: Path) -> IO[bytes]:
    """Open a file unless it has become a link or a special one, which may block or lead elsewhere.

    Raises:
        OSError: it is no regular file, or can't be read.
    """
    careful = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    handle = os.open(file, os.O_RDONLY | careful)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{file} is no regular file")
    return os.fdopen(handle, "rb")


def _of_zip(
    archive: zipfile.ZipFile, around: tuple[str, ...], opener: Callable[[zipfile.ZipInfo], Open]
) -> Iterator[Entry]:
    """The files of a zip. Their names are only read: nothing is unpacked under them."""
    for info in archive.infolist():
        name = _name_in_zip(info)
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        path, mode = (*around, *parts), info.external_attr >> 16
        if name.endswith("/") or any(SYSTEM.fullmatch(part) for part in parts):
            continue
        problem = None
        if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
            problem, path = LEADS_OUT, (*around, *parts[-1:])
        elif any(len(part) > LONGEST_NAME for part in path):
            problem = f"has a name of more than {LONGEST_NAME} characters"
            path = tuple(part[: LONGEST_NAME // 4] for part in path)
        elif len(path) > DEEPEST + 1:
            problem = f"lies more than {DEEPEST} folders deep"
        elif stat.S_IFMT(mode) and not stat.S_ISREG(mode):
            problem = _kind(mode)
        elif info.file_size > LARGEST:
            problem = f"is larger than {LARGEST // 1_000_000} MB"
        elif info.flag_bits & ENCRYPTED:
            problem = "asks for a password"
        when = datetime(1980, 1, 1).timestamp()
        with suppress(ValueError, OverflowError):  # a zip may hold the 31st of February
            when = datetime(*info.date_time).timestamp()
        yield Entry(path=path or (name,), modified=when, open=opener(info), problem=problem)


def _unpacked(entry: Entry, level: int = 0) -> Iterator[Entry]:
    """The entry itself, or what a student's own zip holds."""
    if entry.problem or not entry.path[-1].lower().endswith(".zip"):
        yield entry
        return
    if level == ZIPS_IN_ZIPS:
        yield _unsafe(entry.path, "is a zip in a zip in a zip")
        return

    def opener(info: zipfile.ZipInfo) -> Open:
        return lambda: _archive(entry).open(info)

    try:
        inner = list(_of_zip(_archive(entry), entry.path, opener))
        count = len(_archive(entry).infolist())
    except (Unreadable, *DAMAGED):
        yield _unsafe(entry.path, "can't be unpacked: it is damaged")
        return
    if not inner or count > MOST_FILES:
        what = f"holds more than {MOST_FILES} files" if inner else "is empty"
        yield _unsafe(entry.path, what)
        return
    for own in inner:
        yield from _unpacked(own, level + 1)


@lru_cache(maxsize=ZIPS_IN_ZIPS)  # so that a class's zips are neither all in memory nor read often
def _archive(entry: Entry) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(entry.read()))


def _unsafe(path: tuple[str, ...], problem: str) -> Entry:
    return Entry(path=path, modified=0.0, open=io.BytesIO, problem=problem)


def _kind(mode: int) -> str:
    return "is a link" if stat.S_ISLNK(mode) else "is a special file"


def _name_of(name: str) -> str:
    """A file's name as text; one that isn't UTF-8 was most likely written on Windows."""
    data = os.fsencode(name)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """An entry's name: many tools write UTF-8 without saying so, and some `\\` between folders."""
    name = info.orig_filename
    if not info.flag_bits & UTF8_NAME:
        raw = name.encode("cp437")
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            name = raw.decode("cp437")
    return name if "/" in name else name.replace("\\", "/")
