"""Folders and zips as they come in, made for tests."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
from class_of_students import NAME, notebook

from utils.grading.class_folder import ClassFolder
from utils.grading.incoming.inbox import collect
from utils.grading.incoming.layouts import Layout

CASES = Path(__file__).parent / "cases"
FULL = nbformat.writes(notebook()).encode("utf-8")
OWN = f"{NAME}.ipynb"


def folder_of(root: Path, files: Mapping[str, bytes]) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    with io.BytesIO() as memory:
        with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return memory.getvalue()


def zip_of(file: Path, files: Mapping[str, bytes]) -> Path:
    """A zip with these files."""
    file.write_bytes(zip_bytes(files))
    return file


def took(
    source: Path, grading: Path, layout: Layout = Layout.AUTO, assignment: str = NAME
) -> tuple[dict[str, str], dict[str, str]]:
    """Collect; returns each student's file, and what is said of the files that were left out."""
    arrivals = collect(source, assignment, ClassFolder(grading), layout)
    taken = {own.student: own.file for own in arrivals if own.collected}
    assert len(taken) == sum(own.collected for own in arrivals)
    for own in arrivals:
        if own.collected:
            file = handed_in(grading, own.student, assignment)
            kept = source.is_relative_to(CASES)  # made for an earlier release of the exercise
            assert file.read_bytes() == FULL or assignment != NAME or kept
    return taken, {own.file: own.note or "" for own in arrivals if not own.collected}


def handed_in(grading: Path, student: str, assignment: str = NAME) -> Path:
    """Where a student's notebook lies, whatever their name."""
    from utils.grading.names import folder_id

    return ClassFolder(grading).submitted(folder_id(student), assignment) / f"{assignment}.ipynb"
