"""Files are written whole or not at all, and what stands in the way is said."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from utils.errors import CourseError
from utils.files import sha256_of_file, write_file

FULL_DISK = """
import resource, sys
from pathlib import Path
from utils.errors import CourseError
from utils.files import write_file

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_file(Path(sys.argv[1]), b"new" * 100_000)
except CourseError as error:
    print(error)
    sys.exit(2)
"""


@pytest.mark.parametrize("content", ["naïve", b"\x00\xff", ""])
def test_content_arrives_as_it_was(content: bytes | str, tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "file"
    write_file(file, content)
    assert file.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(file.parent.iterdir()) == [file]


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_file(file, "a long old text")
    write_file(file, "new")
    assert file.read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("old", [b"old", None])
@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    old: bytes | None, tmp_path: Path
) -> None:
    """The limit on file size stands in for a disk on which there is no room."""
    file = tmp_path / "results.bin"
    if old is not None:
        file.write_bytes(old)
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(file)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (2, "")
    assert f"no room on the disk for {file} (0.3 MB): free some space" in ended.stdout
    assert {f.name: f.read_bytes() for f in tmp_path.iterdir()} == (
        {} if old is None else {"results.bin": old}
    )


@pytest.mark.parametrize(
    "name", ["file/results.bin", "file/deeper/results.bin", "folder", "x" * 300]
)
def test_a_place_that_cannot_be_written_is_named_with_a_remedy(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CourseError) as refused:
        write_file(tmp_path / name, "content")
    assert f"{tmp_path / name} can't be written" in str(refused.value)
    assert "choose a folder that you may write to" in str(refused.value)
    assert sorted(f.name for f in tmp_path.rglob("*")) == ["file", "folder"]


def test_checksums_are_those_of_the_bytes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"pixels" * 50_000)
    assert sha256_of_file(file) == hashlib.sha256(b"pixels" * 50_000).hexdigest()
