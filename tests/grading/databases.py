"""Gradebooks for tests: a PostgreSQL server of their own, and marks without running a notebook."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from class_of_students import NAME
from nbgrader.api import Gradebook

from utils.grading.assignments import COURSE, find_assignment, generate
from utils.grading.class_folder import ClassFolder
from utils.grading.marks.database import alone
from utils.grading.marks.gradebook import AutoScores, Marks, record

FULL = dict(find_assignment(NAME).points)
NOBODY = 65534
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


def programs() -> Path | None:
    """Where PostgreSQL's server programs lie: Debian keeps them off the PATH."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = [folder for place in PLACES for folder in Path("/").glob(place[1:])]
    return max((own for own in folders if (own / "initdb").exists()), default=None)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a new server's database; the server answers on a socket in its own folder only."""
    bin_folder = programs()
    if bin_folder is None:
        pytest.skip("PostgreSQL's initdb isn't on this machine: apt-get install postgresql")
    with tempfile.TemporaryDirectory() as folder:  # its path is short enough for a socket's
        as_user: Sequence[str] = ()
        if os.geteuid() == 0:  # the server refuses to be root's
            os.chown(folder, NOBODY, NOBODY)
            as_user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")

        def run(program: str, *options: str) -> None:
            command = [*as_user, str(bin_folder / program), "-D", f"{folder}/data", *options]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

        run("initdb", "-U", "course", "--auth=trust", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"postgresql://course@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")


def new_class(root: Path, database: str | None = None, name: str = NAME) -> ClassFolder:
    """A class folder whose gradebook knows one assignment."""
    folder = ClassFolder(root, database)
    with alone(folder):
        generate([name], folder.released, folder.gradebook_url)
    return folder


def mark(folder: ClassFolder, student: str, notebook: str = "first", **scores: float) -> Marks:
    """Record full marks, apart from those of the cells given."""
    own = AutoScores(student=student, assignment=NAME, scores=FULL | scores, notebook=notebook)
    return record(folder, own)


def by_hand(folder: ClassFolder, student: str, cell: str, **given: float | str) -> None:
    """What formgrader does when a person types a mark, extra credit or a comment."""
    with Gradebook(folder.gradebook_url, COURSE) as gradebook:
        if "manual_comment" in given:
            row = gradebook.find_comment(cell, NAME, NAME, student)
        else:
            row = gradebook.find_grade(cell, NAME, NAME, student)
            row.needs_manual_grade = False
        for name, value in given.items():
            setattr(row, name, value)
        gradebook.db.commit()


def mark_all(folder: ClassFolder, students: list[str]) -> None:
    """Give each of these students full marks: what a process that writes beside others does."""
    for student in students:
        mark(folder, student)
