"""Archives that lead out, lie or never end: nothing is written elsewhere, and it is said."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from utils.cli import app
from utils.grading.assignments import EXERCISES
from utils.grading.names import shown_name
from utils.settings import PROJECT

NAME = "ex03_softmax_head"
NOTEBOOK = (EXERCISES / NAME / f"{NAME}.ipynb").read_bytes()


@pytest.fixture
def collect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Result]:
    """Run `course grade --submissions` with a grading folder of its own."""
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "in" / "grading"))

    def run(source: Path) -> Result:
        command = ["grade", NAME, "--submissions", str(source), "--seconds", "9", "--jobs", "1"]
        return CliRunner().invoke(app, command)

    return run


def linked(name: str, target: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    entry.comment = target.encode()
    return entry


@pytest.mark.parametrize(
    "name",
    [
        f"../../{NAME}.ipynb", "/tmp/hostile-left.ipynb", "a/../../../hostile-left.ipynb",
        linked("hostile-left.ipynb", "/etc/passwd"),
    ],
    ids=str,
)  # fmt: skip
def test_a_path_out_of_the_archive_is_left_out_and_told(
    name: str | zipfile.ZipInfo, collect: Callable[[Path], Result], tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox.zip"
    with zipfile.ZipFile(inbox, "w") as archive:
        archive.writestr("Ada.ipynb", NOTEBOOK)
        archive.writestr(name, b"/etc/passwd")
    done = collect(inbox)
    assert done.exit_code == 0, done.output
    assert "not graded" in done.output
    assert [file for file in tmp_path.rglob("Ada") if file.is_dir()]
    assert b"root:" not in b"".join(f.read_bytes() for f in tmp_path.rglob("*.ipynb"))
    assert not Path("/tmp/hostile-left.ipynb").exists()
    outside = tmp_path.glob("*.ipynb"), tmp_path.parent.glob("*.ipynb"), PROJECT.glob("*.ipynb")
    assert [file for place in outside for file in place] == []


def test_odd_names_are_names_and_nothing_else(
    collect: Callable[[Path], Result], tmp_path: Path
) -> None:
    """Each of them is a student, whatever a shell, a database or a page would make of the name."""
    inbox = tmp_path / "inbox.zip"
    names = ["ada", "Ada", "x" * 200, "a' or 1=1 --", "<b>", "%2e%2e", "$(touch hostile-left)"]
    with zipfile.ZipFile(inbox, "w") as archive:
        for name in names:
            archive.writestr(f"{name}.ipynb", NOTEBOOK)
    done = collect(inbox)
    assert done.exit_code == 0, done.output
    submitted = tmp_path / "in" / "grading" / "submitted"
    found = [shown_name(folder.name) for folder in submitted.iterdir()]
    assert {"a' or 1=1 --", "<b>", "%2e%2e", "$(touch hostile-left)"} < set(found)
    assert len(found) == len(names) - 1  # capitals make no second student
    assert not list(PROJECT.glob("hostile-left*"))


def test_links_in_a_folder_of_submissions_are_not_followed(
    collect: Callable[[Path], Result], tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "Ada.ipynb").write_bytes(NOTEBOOK)
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(NOTEBOOK.replace(b"Ten points", b"canary-of-a-link-3b1d"))
    (inbox / "Mallory.ipynb").symlink_to(secret)
    (inbox / "Trent").symlink_to(tmp_path)
    done = collect(inbox)
    assert done.exit_code == 0, done.output
    seen = [file for file in (tmp_path / "in").rglob("*") if file.is_file()]
    assert not [file for file in seen if b"canary-of-a-link" in file.read_bytes()]
