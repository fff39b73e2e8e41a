"""Grade the hostile classes once, through the command, and keep what was there before and after."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hostile_class import Attack, hand_in, honest, read_attacks
from watched import Canaries, Groups, contents, descendants, left_on_this_machine, take_orphans

from utils.grading.assignments import EXERCISES, SOLUTIONS
from utils.settings import PROJECT

SECONDS = 7.5  # a notebook; each call gets a third
HOME_SECRET = "canary-of-home-51d0c7"
VARIABLE_SECRET = "canary-of-environment-88ab20"


@dataclass
class ClassRun:
    """One graded class, and what it left."""

    folder: Path
    students: list[Attack]
    rows: dict[str, dict]
    errors: str
    changed: list[str]  # files of the class and of the course that aren't what they were
    left: set[str] = field(default_factory=set)
    running: list[str] = field(default_factory=list)


@dataclass
class World:
    """The instructor's machine: a home, servers, and the classes that were graded on it."""

    home: Path
    drop: Path
    canaries: Canaries
    classes: dict[str, ClassRun] = field(default_factory=dict)

    def places(self, folder: Path) -> dict[str, str]:
        """What attacks know of the machine."""
        return {
            "HOME": str(self.home), "CLASS": str(folder), "ROOT": str(PROJECT),
            "DROP": str(self.drop), "PORT": str(self.canaries.port),
            "UNIX": self.canaries.unix, "ABSTRACT": self.canaries.abstract,
        }  # fmt: skip


@contextmanager
def graded_world(new_folder: Callable[[str], Path]) -> Iterator[World]:
    """Grade all hostile classes, one for each exercise."""
    home, drop = new_folder("home"), new_folder("drop")
    (home / "canary.txt").write_text(HOME_SECRET, encoding="utf-8")
    drop.chmod(0o777)
    take_orphans()
    with Canaries() as canaries:
        world = World(home=home, drop=drop, canaries=canaries)
        attacks = read_attacks()
        for exercise in dict.fromkeys(attack.exercise for attack in attacks):
            folder = new_folder(exercise)
            own = [attack for attack in attacks if attack.exercise == exercise]
            students = own + honest(exercise)
            jobs = 2 if len(students) > 20 else 1  # each loads the exercise's libraries
            world.classes[exercise] = grade_class(world, folder, exercise, students, jobs)
        yield world


def grade_class(
    world: World, folder: Path, exercise: str, students: list[Attack], jobs: int
) -> ClassRun:
    """Grade these students' work by the command, as an instructor does."""
    for student in students:
        hand_in(student, folder / "submitted", world.places(folder))
    course = (SOLUTIONS, EXERCISES, PROJECT / "utils")
    watched = (folder / "submitted", *course, world.home, world.drop)
    before, left, running = contents(*watched), left_on_this_machine(), set(descendants())
    environment = os.environ | {
        "COURSE_GRADING": str(folder), "HOME": str(world.home), "PYTHONPATH": str(PROJECT),
        "HOSTILE_CANARY": VARIABLE_SECRET,
    }  # fmt: skip
    command = ["grade", exercise, "--seconds", str(SECONDS), "--jobs", str(jobs), "--json"]
    with Groups() as groups:
        done = subprocess.run(
            [sys.executable, "-m", "utils.cli", *command],
            env=environment, cwd=PROJECT, capture_output=True, encoding="utf-8", timeout=900,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-5000:]
    after = contents(*watched)
    return ClassRun(
        folder=folder, students=students, errors=done.stderr,
        rows={row["student"]: row for row in json.loads(done.stdout)["students"]},
        changed=sorted(n for n in before.keys() | after if before.get(n) != after.get(n)),
        left=(left_on_this_machine() - left) | groups.left(),
        running=sorted(set(descendants()) - running),
    )  # fmt: skip
