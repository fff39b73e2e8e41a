"""Rosters: what platforms export is understood, and nobody is taken for somebody else."""

from pathlib import Path

import pytest

from utils.errors import CourseError
from utils.grading.marks.roster import match, read_roster

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,ex03_softmax_head (77),Current Score
    Points Possible,,,,,10,(read only)
"Lovelace, Ada",11,s-1,ada,Section A,,90
"Hopper, Grace",12,s-2,grace@uni.example,Section A,,90
"de la Cruz, Zoë",13,s-3,zoe,Section B,,
"Student, Test",99,,,Section A,,
"""
MOODLE = """\
First name,Last name,ID number,Email address,Assignment: ex03_softmax_head (Real)
Ada,Lovelace,s-1,ada@uni.example,-
Zoë,de la Cruz,s-3,zoe@uni.example,7
"""


def roster(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "roster.csv"
    file.write_text(text, encoding=encoding)
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text", [CANVAS, MOODLE, MOODLE.replace(",", ";"), MOODLE.replace(",", "\t")]
)
def test_names_are_found_in_what_platforms_export(tmp_path: Path, text: str, encoding: str) -> None:
    names = [person.name for person in read_roster(roster(tmp_path, text, encoding)).people]
    assert [name for name in names if name != "Grace Hopper"] == ["Ada Lovelace", "Zoë de la Cruz"]


@pytest.mark.parametrize(
    "student",
    [
        "Zoë de la Cruz", "zoe\u0308 DE LA CRUZ", "de la Cruz, Zoë", "  Zoë   de la\tCruz ",
        "Zoë_de_la_Cruz", "s-3", "ZOE", "13", "Zoë de la Cruz_4711_assignsubmission_file_",
    ],
)  # fmt: skip
def test_one_person_in_many_spellings(tmp_path: Path, student: str) -> None:
    matches = match([student], read_roster(roster(tmp_path, CANVAS)))
    assert matches.people[student].row["ID"] == "13"
    assert matches.absent == ("Ada Lovelace", "Grace Hopper")


def test_canvas_puts_the_last_name_first_in_names_of_files(tmp_path: Path) -> None:
    students = ["lovelaceada", "delacruzzoë"]
    assert set(match(students, read_roster(roster(tmp_path, CANVAS))).people) == set(students)
    students = ["delacruzzoë"]
    assert set(match(students, read_roster(roster(tmp_path, MOODLE))).people) == set(students)


def test_the_order_of_names_tells_people_apart(tmp_path: Path) -> None:
    text = 'Student,ID\n"Li, Wei",1\n"Wei, Li",2\n'
    matches = match(["Wei Li", "Li Wei"], read_roster(roster(tmp_path, text)))
    assert {s: person.row["ID"] for s, person in matches.people.items()} == {
        "Wei Li": "1", "Li Wei": "2"
    }  # fmt: skip


def test_nobody_is_guessed(tmp_path: Path) -> None:
    text = "Student,ID\nAda Lovelace,1\nADA LOVELACE,2\nGrace Hopper,3\n"
    students = ["Ada Lovelace", "Grace Hopper", "grace hopper", "Ada", "!!!"]
    matches = match(students, read_roster(roster(tmp_path, text)))
    assert matches.people == {}
    assert matches.ambiguous == ("Ada Lovelace", "Grace Hopper", "grace hopper")
    assert matches.unknown == ("Ada", "!!!")
    assert matches.absent == ("Ada Lovelace", "ADA LOVELACE", "Grace Hopper")


def test_accents_are_letters_of_their_own(tmp_path: Path) -> None:
    text = "Student,ID\nJosé Núñez,1\nJose Nunez,2\n"
    matches = match(["Jose Nunez"], read_roster(roster(tmp_path, text)))
    assert matches.people["Jose Nunez"].row["ID"] == "2"


def test_moodle_s_numbers_of_participants(tmp_path: Path) -> None:
    text = "Identifier,Full name,Email address\nParticipant 4711,Ada Lovelace,ada@uni.example\n"
    (ada,) = read_roster(roster(tmp_path, text)).people
    assert (ada.participant, ada.name) == ("4711", "Ada Lovelace")


@pytest.mark.parametrize("text", ["", "Vorname,Nachname\nAda,Lovelace\n", "Surname\nLovelace\n"])
def test_a_file_without_names_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(CourseError, match="has no names"):
        read_roster(roster(tmp_path, text))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="can't be read"):
        read_roster(tmp_path / "roster.csv")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_bytes(b"PK\x03\x04\xff\xfe\xfa")
    with pytest.raises(CourseError, match="is not UTF-8 text"):
        read_roster(tmp_path / "roster.csv")
