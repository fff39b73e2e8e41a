"""A new gradebook's tables: those that nbgrader itself would make."""

import os
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from sqlalchemy import create_engine, inspect, text

from utils.errors import CourseError
from utils.grading.class_folder import ClassFolder
from utils.grading.gradebook_tables import create_tables
from utils.grading.marks.database import writing


def content(file: Path) -> tuple[list[str], str]:
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        return sorted(inspect(connection).get_table_names()), version


def test_the_tables_are_nbgraders_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    create_tables(f"sqlite:///{ours}")
    commands = Path(sys.executable).parent  # nbgrader calls `alembic`
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    Gradebook(f"sqlite:///{theirs}", "course").close()
    assert content(ours) == content(theirs)


def test_a_gradebook_that_is_no_database_is_named(tmp_path: Path) -> None:
    folder = ClassFolder(tmp_path)
    (tmp_path / "gradebook.db").write_text("no database, but a text of some length", "utf-8")
    refused = pytest.raises(CourseError, match=r"gradebook.*can't be used .*not a database")
    with refused, writing(folder):
        pass
