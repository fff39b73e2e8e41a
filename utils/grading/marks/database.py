"""The gradebook's database: nbgrader's tables and two of the course's own, one writer at a time.

Every instructor who grades may write at once: each waits for the others, and none fails.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from nbgrader.api import Assignment, Gradebook, InvalidEntry, MissingEntry
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from utils.errors import CourseError
from utils.grading.assignments import COURSE
from utils.grading.class_folder import ClassFolder
from utils.grading.gradebook_tables import create_tables

LOCK = 0x636F75727365  # "course": the number of the lock that PostgreSQL keeps
BUSY = "PRAGMA busy_timeout = 60000"  # ms that SQLite waits for another program, such as formgrader
SEED_BITS = 63  # what a signed integer of a database holds
_PREPARED: dict[str, Gradebook] = {}  # by URL: those whose tables are known to be there

OWN_TABLES = MetaData()
# What the course knows of a submission beyond nbgrader.
SUBMISSIONS = Table(
    "course_submission",
    OWN_TABLES,
    Column("assignment", String(128), primary_key=True),
    Column("student", String(128), primary_key=True),
    Column("seed", BigInteger, nullable=False),
    Column("notebook", String(64)),  # SHA-256 of the one that the marks are for
    Column("handed_in", DateTime()),  # UTC; nbgrader's own time may be misread, see `set_time`
)
# nbgrader keeps when an assignment is due; this is what being late costs.
LATE_RULES = Table(
    "course_late_rule",
    OWN_TABLES,
    Column("assignment", String(128), primary_key=True),
    Column("utc_offset", Integer, nullable=False),  # seconds: the time zone of the due date
    Column("points_per_day", Float, nullable=False),
    Column("grace_minutes", Float, nullable=False),
)


@contextmanager
def reading(folder: ClassFolder) -> Iterator[Gradebook]:
    """The gradebook, to read from.

    Raises:
        CourseError: nothing was graded yet, or the database doesn't answer.
    """
    url = make_url(folder.gradebook_url)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        raise nothing_graded(folder)
    with _told(url), _open(url) as gradebook:
        yield gradebook


def nothing_graded(folder: ClassFolder) -> CourseError:
    """What to say where there are no marks."""
    return CourseError(f"Nothing was graded yet in {folder.root}: run course grade ASSIGNMENT.")


@contextmanager
def writing(folder: ClassFolder) -> Iterator[Gradebook]:
    """The gradebook, to write to: one transaction, kept whole or not at all.

    Raises:
        CourseError: the database doesn't answer, or can't be written.
    """
    url = make_url(folder.gradebook_url)
    with alone(folder), _open(url) as gradebook:
        yield gradebook
        gradebook.db.commit()


@contextmanager
def alone(folder: ClassFolder) -> Iterator[None]:
    """Let no other process of the course write to the gradebook; wait until none does.

    For nbgrader's own steps that write, such as `generate`. Not to be nested.

    Raises:
        CourseError: the database doesn't answer, or its folder can't be written.
    """
    url = make_url(folder.gradebook_url)
    with ExitStack() as held, _told(url):
        if url.get_backend_name() == "sqlite":
            file = Path(str(url.database))
            file.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(file.with_name(f".{file.name}.lock")))
        else:
            engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            server = held.enter_context(engine.connect())  # closed, it gives the lock back
            server.execute(select(func.pg_advisory_lock(LOCK)))
        yield


def seeds_of(folder: ClassFolder, students: Sequence[str], assignment: str) -> dict[str, int]:
    """A random number of 63 bits for each student, made once for each of them and assignment.

    Raises:
        CourseError: the database doesn't answer, or can't be written.
    """
    with writing(folder) as gradebook:
        return {student: own_row(gradebook, student, assignment).seed for student in students}


def own_row(gradebook: Gradebook, student: str, assignment: str) -> Any:
    """The course's row of a submission, with a new seed if there is none yet."""
    query = select(SUBMISSIONS).where(submission_key(student, assignment))
    if row := gradebook.db.execute(query).first():
        return row
    new = {"student": student, "assignment": assignment, "seed": secrets.randbits(SEED_BITS)}
    gradebook.db.execute(insert(SUBMISSIONS).values(new))
    return gradebook.db.execute(query).one()


def submission_key(student: str, assignment: str) -> ColumnElement[bool]:
    """The condition that finds a submission among the course's own rows."""
    return (SUBMISSIONS.c.student == student) & (SUBMISSIONS.c.assignment == assignment)


def find_recorded(gradebook: Gradebook, assignment: str) -> Assignment:
    """The assignment as the gradebook has it.

    Raises:
        CourseError: the gradebook doesn't have it yet.
    """
    try:
        return gradebook.find_assignment(assignment)
    except MissingEntry as error:
        raise CourseError(
            f"The gradebook doesn't know {assignment} yet: run course grade {assignment}."
        ) from error


@contextmanager
def prepared(folder: ClassFolder) -> Iterator[None]:
    """Look once whether the gradebook's tables are there, instead of each time that it is opened.

    Raises:
        CourseError: the database doesn't answer, or can't be written.
    """
    url = make_url(folder.gradebook_url)
    with writing(folder) as gradebook:
        pass
    _PREPARED[_address(url)] = gradebook
    try:
        yield
    finally:
        del _PREPARED[_address(url)]


@contextmanager
def _open(url: URL) -> Iterator[Gradebook]:
    gradebook = _PREPARED.get(_address(url)) or _prepare(url)
    with gradebook:  # closed, it can be used again: it connects anew
        if url.get_backend_name() == "sqlite":
            gradebook.db.execute(text(BUSY))
        yield gradebook


def _prepare(url: URL) -> Gradebook:
    create_tables(_address(url))
    gradebook = Gradebook(_address(url), COURSE)
    OWN_TABLES.create_all(gradebook.engine)
    return gradebook


def _address(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@contextmanager
def _told(url: URL) -> Iterator[None]:
    """Say what a database complains about in one sentence, without its password."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise CourseError(
            f"COURSE_GRADEBOOK needs the package {error.name}: pip install 'psycopg[binary]'."
        ) from error
    except (SQLAlchemyError, InvalidEntry, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise CourseError(
            f"The gradebook {url.render_as_string()} can't be used ({reason}): is its server "
            "running, its disk writable, and COURSE_GRADEBOOK right?"
        ) from error
