"""Files: writing that never leaves half a file, reading, and checksums."""

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from utils.errors import CourseError

SYSTEM = re.compile(
    r"__MACOSX|\.DS_Store|@eaDir|\.ipynb_checkpoints|\._.*|Thumbs\.db|desktop\.ini|__pycache__"
    r"|#recycle|\$RECYCLE\.BIN|System Volume Information|\.(?:Spotlight-V100|Trashes|fseventsd)"
    r"|\.(?:git|venv|idea|vscode)|\.~lock\..*#|~\$.*",
    re.IGNORECASE,
)  # what operating systems and editors put beside people's own files
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables with these values while the block runs."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def scratch_cache() -> Iterator[Path]:
    """An empty folder that `COURSE_CACHE` names while the block runs."""
    with tempfile.TemporaryDirectory() as folder, variables({"COURSE_CACHE": folder}):
        yield Path(folder)


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """A user's text file.

    Raises:
        CourseError: it can't be opened, or isn't text in that encoding.
    """
    try:
        return path.read_text(encoding=encoding)
    except OSError as error:
        raise CourseError(f"{path} can't be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is not UTF-8 text: save it as UTF-8.") from error


def write_file(path: Path, content: bytes | str) -> None:
    """Write `content` under a temporary name beside `path`, then rename it to `path`.

    A reader sees the old file or the whole new one, even after a power cut.

    Raises:
        CourseError: the disk is full, or the folder can't be written.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise _write_error(path, len(data), error) from error
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)


def _write_error(path: Path, size: int, error: OSError) -> CourseError:
    if error.errno in NO_ROOM:
        return CourseError(
            f"There is no room on the disk for {path} ({size / 1e6:.1f} MB): free some space, "
            "or choose another folder (COURSE_CACHE for the cache, --out for results)."
        )
    return CourseError(
        f"{path} can't be written ({error.strerror or error}): choose a folder that you may write "
        "to (COURSE_CACHE for the cache, --out for results)."
    )


def printable(name: str) -> str:
    """A file's name with the bytes that are no UTF-8 replaced: names may hold any, text may not."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
