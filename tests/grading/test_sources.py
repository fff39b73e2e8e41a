"""Folders and zips as they come in: nothing unsafe is opened, and the rest is collected."""

import os
import socket
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from class_of_students import NAME
from inboxes import FULL, OWN, folder_of, took, zip_bytes, zip_of

from utils.grading.incoming import sources
from utils.grading.incoming.submissions import students_of

OTHER = "ex10_final_test"


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2026, 11, 25, 12, 0, 0))
    info.external_attr = mode << 16
    return info


BAD_ENTRIES = {
    "../../Bo.ipynb": (0, "leads out"), "/etc/Bo.ipynb": (0, "leads out"),
    "C:\\Bo.ipynb": (0, "leads out"), "a/../../Bo.ipynb": (0, "leads out"),
    "Bo.ipynb": (stat.S_IFLNK | 0o777, "a link"), "pipe.ipynb": (stat.S_IFIFO, "a special file"),
    "disk.ipynb": (stat.S_IFBLK, "a special file"),
    "/".join(["deep"] * 80) + "/x.ipynb": (0, "folders deep"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_a_bad_entry_of_a_zip_has_a_row_and_the_rest_is_collected(
    name: str, tmp_path: Path
) -> None:
    mode, note = BAD_ENTRIES[name]
    file = zip_of(tmp_path / "in.zip", {"Ada.ipynb": FULL})
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(entry(name, mode), FULL)
    taken, told = took(file, tmp_path / "out" / "grading")
    assert list(taken) == ["Ada"]
    assert [note in came for came in told.values()] == [True]
    assert [p.name for p in tmp_path.rglob("Bo*.ipynb")] == []


def test_a_damaged_entry_has_a_row_and_the_rest_is_collected(tmp_path: Path) -> None:
    file = tmp_path / "in.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("Ada.ipynb", FULL)
        archive.writestr("Ben.ipynb", FULL.replace(b"softmax", b"hardmax"))
    file.write_bytes(file.read_bytes().replace(b"hardmax", b"weakmax", 1))
    taken, told = took(file, tmp_path / "grading")
    assert list(taken) == ["Ada"]
    assert "damaged" in told["Ben.ipynb"]


def test_an_entry_with_a_password_has_a_row(tmp_path: Path) -> None:
    file = zip_of(tmp_path / "in.zip", {"Ada.ipynb": FULL, "Ben.ipynb": FULL})
    data = bytearray(file.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(data)
    taken, told = took(file, tmp_path / "grading")
    assert (list(taken), "password" in told["Ben.ipynb"]) == (["Ada"], True)


def test_a_bomb_has_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGEST", 1_000_000)
    bomb = zip_bytes({OWN: bytes(2_000_000)})
    monkeypatch.setattr(sources, "MOST_FILES", 50)
    many = zip_bytes({f"{n}.txt": b"" for n in range(sources.MOST_FILES + 1)})
    files = {"Ada.ipynb": FULL, "Ben.ipynb": bytes(2_000_000), "Cy.zip": bomb, "Dora.zip": many}
    taken, told = took(zip_of(tmp_path / "in.zip", files), tmp_path / "grading")
    assert list(taken) == ["Ada"]
    assert "larger than" in told["Ben.ipynb"]
    assert "larger than" in told[f"Cy.zip/{OWN}"]
    assert "files" in told["Dora.zip"]


def test_an_entry_that_understates_its_size_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = zip_of(tmp_path / "in.zip", {"Ada.ipynb": FULL, "Ben.ipynb": bytes(2_000_000)})
    data = file.read_bytes().replace((2_000_000).to_bytes(4, "little"), (20).to_bytes(4, "little"))
    file.write_bytes(data)
    taken, told = took(file, tmp_path / "grading")
    assert (list(taken), list(told)) == (["Ada"], ["Ben.ipynb"])


def fifo(path: Path) -> None:
    os.mkfifo(path)


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(path))


def link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def linked_folder(path: Path) -> None:
    path.symlink_to("/etc", target_is_directory=True)


def sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(10**12)


def deep(path: Path) -> None:
    here = os.open(path.parent, os.O_RDONLY)
    for _ in range(200):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


SPECIAL = {
    "a FIFO": (fifo, "a special file"), "a socket": (bound_socket, "a special file"),
    "a link": (link, "a link"), "a link to a folder": (linked_folder, "a link"),
    "a sparse file": (sparse, "larger than"), "a deep folder": (deep, "folders deep"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_files_are_never_opened(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, note = SPECIAL[kind]
    folder_of(tmp_path / "in", {f"Ada/{OWN}": FULL, "Ben/notes.md": b"x"})
    monkeypatch.chdir(tmp_path / "in" / "Ben")
    make(Path("Ben.ipynb") if make is bound_socket else tmp_path / "in" / "Ben" / "Ben.ipynb")
    taken, told = took(tmp_path / "in", tmp_path / "grading")
    assert list(taken) == ["Ada"]
    assert any(note in came for came in told.values())
    assert students_of(tmp_path / "grading" / "submitted") == ["Ada", "Ben"]


def test_links_in_the_class_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "grading" / "submitted").mkdir(parents=True)
    (tmp_path / "grading" / "submitted" / "Ada").symlink_to(tmp_path / "elsewhere")
    _, told = took(folder_of(tmp_path / "in", {"Ada.ipynb": FULL}), tmp_path / "grading")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert "a link" in told["Ada.ipynb"]


def test_a_zip_of_too_many_files_is_refused(
    tmp_path: Path, course: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "grading"))
    monkeypatch.setattr(sources, "MOST_FILES_OF_A_CLASS", 3)
    file = zip_of(tmp_path / "in.zip", {f"{n}.ipynb": b"" for n in range(5)})
    assert "several zips" in course("grade", NAME, "--submissions", file)
