"""The same without a cluster: one process judges all, and a hostile submission must not end it."""

from pathlib import Path

from hostile_class import honest, read_attacks
from hostile_run import World, grade_class

NAME = "ex03_softmax_head"
NAMES = [
    "arrays for the kinds of outputs",
    "arrays for the kinds of names",
    "os._exit in an answer",
]


def test_the_batch_ends_with_a_row_for_everybody(world: World, tmp_path: Path) -> None:
    attacks = [attack for attack in read_attacks() if attack.name in NAMES]
    run = grade_class(world, tmp_path, NAME, [*attacks, *honest(NAME)], jobs=1)
    scores = {student: row["score"] for student, row in run.rows.items()}
    assert scores == {student.who: student.deserves for student in run.students}


def test_a_class_of_one_ends_too(world: World, tmp_path: Path) -> None:
    attacks = [attack for attack in read_attacks() if attack.name == NAMES[0]]
    run = grade_class(world, tmp_path, NAME, attacks, jobs=1)
    assert run.rows[NAMES[0]]["score"] == 0
