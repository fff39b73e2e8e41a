"""Who is in a class: a learning platform's own list of names and ids, and who of them handed in."""

import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from utils.errors import CourseError

# What platforms call the columns, in the words of their English exports.
FULL_NAME = ("student", "full name", "name")
FIRST_NAME = ("first name", "firstname", "given name")
LAST_NAME = ("last name", "surname", "lastname", "family name")
IDS = ("id", "sis user id", "sis login id", "id number", "email address", "email", "username")
PARTICIPANT = "identifier"  # of Moodle's grading worksheet: "Participant 1234"
NO_PERSON = re.compile(r"\s*(points possible|student, test|test student)\s*", re.IGNORECASE)
MOODLE_FOLDER = re.compile(r"(?P<name>.*)_(?P<number>\d+)_assignsubmission_file_?")
ENCODINGS = ("utf-8-sig", "utf-16")


@dataclass(frozen=True, kw_only=True)
class Person:
    """One line of a roster."""

    name: str  # "Ada Lovelace", whichever way the roster writes it
    last_first: str  # "Lovelace Ada", as in the names of files that Canvas gives out
    row: Mapping[str, str]  # all that it says, by column

    def identifiers(self) -> set[str]:
        """The ids, addresses and login names that this person alone has."""
        own = {value for column, value in self.row.items() if column.strip().lower() in IDS}
        return {value.strip().casefold() for value in own if value.strip()}

    @property
    def participant(self) -> str | None:
        """The number that Moodle gives a person in one of its assignments; None: not told."""
        told = {column.strip().lower(): value for column, value in self.row.items()}
        return re.sub(r"\D", "", told.get(PARTICIPANT, "")) or None


@dataclass(frozen=True, kw_only=True)
class Roster:
    """A platform's list: its columns, in order, and everybody in it."""

    columns: tuple[str, ...]
    people: tuple[Person, ...]

    def column(self, *names: str) -> str | None:
        """How it writes the first of these columns that it has."""
        written = {column.strip().lower(): column for column in self.columns}
        return next((written[name] for name in names if name in written), None)


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Which student of the class is whom in the roster."""

    people: dict[str, Person]  # by the student's name in the gradebook
    unknown: tuple[str, ...]  # students whom the roster doesn't have
    ambiguous: tuple[str, ...]  # students who may be several people, or people who may be several
    absent: tuple[str, ...]  # names of the roster without a student


def read_roster(file: Path) -> Roster:
    """A CSV that Canvas or Moodle exported: gradebook, grades, participants or grading worksheet.

    Raises:
        CourseError: it can't be read, or has no column with names.
    """
    lines = list(csv.reader(io.StringIO(_text(file)), delimiter=_delimiter(_text(file))))
    rows = [line for line in lines if any(cell.strip() for cell in line)]
    columns = tuple(rows[0]) if rows else ()
    roster = Roster(columns=columns, people=())
    full = roster.column(*FULL_NAME)
    first, last = roster.column(*FIRST_NAME), roster.column(*LAST_NAME)
    if not full and not (first and last):
        raise CourseError(
            f"{file} has no names: a roster has a column Student, or Full name, or First name and "
            f"Last name, as the English exports of Canvas and Moodle do; its columns are "
            f"{', '.join(columns) or 'none'}."
        )
    people = []
    for cells in rows[1:]:
        row = dict(zip(columns, cells, strict=False))
        name = row.get(full, "") if full else f"{row.get(first, '')} {row.get(last, '')}"
        if name.strip() and not NO_PERSON.fullmatch(name):
            people.append(_person(name, row.get(last or ""), row))
    return Roster(columns=columns, people=tuple(people))


def match(students: Iterable[str], roster: Roster) -> Matches:
    """Find each student in a roster: by an id, else by name, else by name in the other order.

    Case, blanks, punctuation and the Unicode form of accents don't count. Whoever may be several
    people is none of them.
    """
    by_id, by_name, by_reversed = (defaultdict(list) for _ in range(3))
    for person in roster.people:
        for value in person.identifiers():
            by_id[value].append(person)
        by_name[name_key(person.name)].append(person)
        by_reversed[name_key(person.last_first)].append(person)
    candidates: dict[str, list[Person]] = {}
    for student in students:
        name = without_folder_marks(student)
        key = name_key(name)
        found = by_id.get(name.strip().casefold()) or (key and by_name.get(key))
        candidates[student] = found or (key and by_reversed.get(key)) or []
    taken: dict[int, list[str]] = defaultdict(list)
    for student, found in candidates.items():
        if len(found) == 1:
            taken[id(found[0])].append(student)
    people = {s: found[0] for s, found in candidates.items() if taken.get(_only(found)) == [s]}
    matched = {id(person) for person in people.values()}
    return Matches(
        people=people,
        unknown=tuple(s for s, found in candidates.items() if not found),
        ambiguous=tuple(s for s, found in candidates.items() if found and s not in people),
        absent=tuple(own.name for own in roster.people if id(own) not in matched),
    )


def name_key(name: str) -> str:
    """A name as it is compared: "Lovelace,  ADA" and "Ada Lovelace" are the same."""
    plain = unicodedata.normalize("NFKC", _in_order(name)).casefold()
    letters = (c for c in plain if c.isalnum() or unicodedata.category(c).startswith("M"))
    return unicodedata.normalize("NFKC", "".join(letters))


def without_folder_marks(student: str) -> str:
    """A student's name without what Moodle adds to it in the names of folders."""
    folder = MOODLE_FOLDER.fullmatch(student)
    return folder["name"] if folder else student


def _person(name: str, last: str | None, row: Mapping[str, str]) -> Person:
    """One line; the last name is in a column, or stands before a comma, or is the last word."""
    ordered = _in_order(name)
    last = last or (name.partition(",")[0] if "," in name else ordered.split()[-1])
    rest = ordered.removesuffix(" ".join(last.split()))
    return Person(name=ordered, last_first=f"{last} {rest}", row=row)


def _in_order(name: str) -> str:
    last, comma, first = name.partition(",")
    return " ".join((f"{first} {last}" if comma else name).split())


def _only(found: list[Person]) -> int | None:
    return id(found[0]) if len(found) == 1 else None


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise CourseError(f"{file} can't be read ({error.strerror or error}).") from error
    for encoding in ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeError:
            continue
    raise CourseError(f"{file} is not UTF-8 text: save it as CSV in UTF-8.")


def _delimiter(text: str) -> str:
    """What stands between the columns: the most frequent of the three that are usual."""
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)
