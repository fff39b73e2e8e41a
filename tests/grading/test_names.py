"""Names of students: any spelling leads to one, and any name has a folder."""

import os
import unicodedata
from pathlib import Path

import pytest
from class_of_students import NAME
from inboxes import FULL, OWN, folder_of, took, zip_of

from utils.grading.class_folder import ClassFolder
from utils.grading.incoming.submissions import students_of
from utils.grading.names import folder_id, shown_name

OTHER = "ex10_final_test"


SPELLINGS = {
    "composed or not": ("Zoë", unicodedata.normalize("NFD", "Zoë")),
    "case": ("Ada Lovelace", "ada lovelace"),
    "blanks": ("Ada Lovelace", " Ada  Lovelace "),
    "hard blanks": ("Ada Lovelace", "Ada\u00a0Lovelace"),
    "underscores": ("Ada Lovelace", "Ada_Lovelace"),
    "invisible characters": ("Ada Lovelace", "\u200bAda Lovelace\u200e"),
    "German sharp s": ("Jörg Strauß", "JÖRG STRAUSS"),
    "wide letters": ("Ada", "Ａｄａ"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_of_a_name_lead_to_one_student(spelling: str, tmp_path: Path) -> None:
    for number, name in enumerate(SPELLINGS[spelling]):
        assignment = (NAME, OTHER)[number]
        source = folder_of(tmp_path / str(number), {f"{name}.ipynb": FULL})
        assert list(took(source, tmp_path / "grading", assignment=assignment)[0]) == [
            SPELLINGS[spelling][0]
        ]
    assert len(students_of(tmp_path / "grading" / "submitted")) == 1


ODD_NAMES = [
    "Ada [2]", "a*b", "who?", "100% Bob", "C# Dev", "R&D", "O'Brien", "A+B (late)", "{x}", "a~b",
    "$HOME", "-rf", "CON", "Ada.", "semi;colon", 'say "hi"', "a|b", "na:me", "अदिति", "李 雷",
    "~5B", "é" * 90, "x" * 240,
]  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_gets_a_folder_that_every_tool_takes(name: str, tmp_path: Path) -> None:
    taken, told = took(folder_of(tmp_path / "in", {f"{name}.ipynb": FULL}), tmp_path / "grading")
    (student,) = students_of(tmp_path / "grading" / "submitted")
    assert told == {}
    assert list(taken) == [shown_name(student)]
    assert not set('*?[]{}#%/\\:"<>|$') & set(student)
    assert len(student.encode()) <= 120
    assert student[0] not in ".-" and student[-1] not in ". "
    if len(name) < 90:
        assert shown_name(student) == name


def test_a_folder_laid_by_hand_keeps_its_name(tmp_path: Path) -> None:
    folder_of(tmp_path / "submitted", {f"Ada [2]/{NAME}/{OWN}": FULL})
    (student,) = students_of(tmp_path / "submitted")
    assert shown_name(student) == "Ada [2]"
    assert (ClassFolder(tmp_path).submitted(student, NAME) / OWN).read_bytes() == FULL


def test_names_in_a_zip_are_read_in_the_encoding_they_were_written_in(tmp_path: Path) -> None:
    file = zip_of(tmp_path / "in.zip", {"XXXX.ipynb": FULL, "YYY.ipynb": FULL})
    data = file.read_bytes()
    data = data.replace(b"XXXX", "Zoë".encode()).replace(b"YYY", "Zäz".encode("cp437"))
    file.write_bytes(data)
    assert sorted(took(file, tmp_path / "grading")[0]) == ["Zoë", "Zäz"]


def test_a_folders_names_need_not_be_utf8(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with open(os.fsencode(tmp_path / "in") + b"/Zo\xeb.ipynb", "wb") as file:
        file.write(FULL)
    assert list(took(tmp_path / "in", tmp_path / "grading")[0]) == ["Zoë"]


def test_backslashes_of_windows_zips_are_folders(tmp_path: Path) -> None:
    file = zip_of(tmp_path / "in.zip", {f"Ada\\{OWN}": FULL, f"Ben\\{OWN}": FULL})
    assert sorted(took(file, tmp_path / "grading")[0]) == ["Ada", "Ben"]


def test_an_id_of_a_student_leads_back_to_the_name() -> None:
    for name in ODD_NAMES:
        assert folder_id(shown_name(folder_id(name))) == folder_id(name)
