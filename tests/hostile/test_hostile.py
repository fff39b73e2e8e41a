"""No submission gets undeserved points, reads what isn't its own, or harms anybody."""

import html
import re
import sqlite3

import pytest
from hostile_class import Attack, honest, read_attacks
from hostile_run import HOME_SECRET, VARIABLE_SECRET, World
from secrets_of import drawn_for, secrets_of

ATTACKS = read_attacks()
HONEST = [own for name in dict.fromkeys(a.exercise for a in ATTACKS) for own in honest(name)]


def name_of(attack: Attack) -> str:
    return f"{attack.exercise[:4]}: {attack.name}"


def texts(world: World, attack: Attack) -> str:
    """All that a student may be shown: the page as source and as text, and the graded notebook."""
    folder = world.classes[attack.exercise].folder
    files = [
        folder / kind / attack.folder / attack.exercise / f"{attack.exercise}.{end}"
        for kind, end in (("feedback", "html"), ("autograded", "ipynb"))
    ]
    found = [file.read_text(encoding="utf-8") for file in files if file.exists()]
    found += [html.unescape(re.sub(r"<[^>]*>", "", text)) for text in found]
    return "\n".join(found + [" ".join(text.replace("\\n", " ").split()) for text in found])


@pytest.mark.parametrize("attack", ATTACKS, ids=name_of)
def test_no_undeserved_points(attack: Attack, world: World) -> None:
    row = world.classes[attack.exercise].rows[attack.shown]
    if any(note.startswith("not graded: ") for note in row["notes"]):  # no notebook to be read
        assert (row["score"], attack.deserves) == (None, 0)
    else:
        assert row["score"] == attack.deserves, row


def test_everybody_has_a_row(world: World) -> None:
    for run in world.classes.values():
        assert sorted(run.rows) == sorted(student.shown for student in run.students)


@pytest.mark.parametrize("student", HONEST, ids=name_of)
def test_honest_students_get_their_points_and_their_page(student: Attack, world: World) -> None:
    row = world.classes[student.exercise].rows[student.shown]
    assert row["score"] == student.deserves
    assert row["notes"] == []
    page = texts(world, student)
    assert f"{student.who}: {student.deserves:g} of 10 points" in page
    for cell in student.cells.values():
        assert cell in page
    if student.who == "Mary":
        assert "Mary works on it" in page


@pytest.mark.parametrize("attack", ATTACKS, ids=name_of)
def test_no_page_shows_a_secret(attack: Attack, world: World) -> None:
    page = texts(world, attack)
    general = [HOME_SECRET, VARIABLE_SECRET, "canary of Mary: 7f3a91c2"]
    secrets = [*general, *secrets_of(attack), *attack.secrets, *drawn_for(attack, world)]
    assert [secret for secret in secrets if secret in page] == []


def test_nothing_that_belongs_to_others_was_changed(world: World) -> None:
    assert {name: run.changed for name, run in world.classes.items() if run.changed} == {}


def test_marks_are_the_judges_alone(world: World) -> None:
    """No score by hand, no extra credit, no trigger, no other table."""
    for run in world.classes.values():
        with sqlite3.connect(run.folder / "gradebook.db") as book:
            given = "manual_score is not null or extra_credit is not null"
            assert book.execute(f"select count(*) from grade where {given}").fetchone() == (0,)
            kinds = {kind for (kind,) in book.execute("select type from sqlite_master")}
            assert "trigger" not in kinds


def test_no_server_was_reached(world: World) -> None:
    assert world.canaries.visits == []


def test_nothing_is_left_behind(world: World) -> None:
    assert {name: run.left for name, run in world.classes.items() if run.left} == {}
    assert {name: run.running for name, run in world.classes.items() if run.running} == {}
    assert list(world.drop.iterdir()) == []
