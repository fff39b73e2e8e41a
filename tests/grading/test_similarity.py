"""Answers that are alike: copies are found however disguised, and honest ones left in peace."""

import json
import re
from pathlib import Path

import pytest
from class_of_students import NAME, notebook
from typer.testing import CliRunner

from utils.cli import app
from utils.grading.assignments import assignment_names
from utils.grading.class_folder import ClassFolder
from utils.grading.grader_tests import SampleAnswer, hand_in, read_answers, submission_of
from utils.grading.similarity import similar

OWN = """\
def cross_entropy(logits, labels):
    losses = []
    for row, label in zip(logits, labels):
        shifted = row - max(row)
        total = 0.0
        for value in shifted:
            total += np.exp(value)
        losses.append(np.log(total) - shifted[label])
    if not losses:
        raise ValueError("no losses")
    return float(sum(losses) / len(losses))
"""


def disguised(source: str) -> str:
    """Other names, comments, blanks and numbers, and one line more."""
    for before, after in (("losses", "ls"), ("row", "z"), ("label", "k"), ("total", "acc"),
                          ("shifted", "u"), ("value", "x"), ("0.0", "0")):  # fmt: skip
        source = re.sub(rf"\b{before}\b", after, source)
    return source.replace("    ls = []\n", "    # my own idea\n    print('start')\n    ls = []\n\n")


def give(folder: ClassFolder, student: str, **cells: str) -> None:
    hand_in(NAME, student, notebook(**cells), folder.submissions)


def test_a_disguised_copy_is_found_and_where(tmp_path: Path) -> None:
    folder = ClassFolder(tmp_path)
    give(folder, "Ada", cross_entropy=OWN)
    give(folder, "copy", cross_entropy=disguised(OWN))
    give(folder, "honest")
    give(folder, "another way", cross_entropy=(
        "def cross_entropy(logits, labels):\n    p = softmax(logits)\n"
        "    return float(-np.log(np.take_along_axis(p, labels[:, None], 1)).mean())\n"
    ))  # fmt: skip
    (pair,) = similar(folder, NAME)
    assert (pair.students, pair.cells) == (("Ada", "copy"), ("cross_entropy",))
    assert pair.share > 0.8


def test_whatever_was_handed_in_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    folder = ClassFolder(tmp_path)
    broken = OWN.replace("raise ValueError(", "raise ValueError((").replace("if not", "if if not")
    give(folder, "Ada", cross_entropy=OWN)
    give(folder, "syntax error", cross_entropy=broken)
    for student, source in (
        ("empty", ""),
        ("blank", "   \n"),
        ("odd", "\x00 '''\ud7ff §"),
        ("x", "x"),
    ):
        give(folder, student, cross_entropy=source, softmax=source)
    (folder.submissions / "nothing").mkdir()
    give(folder, "damaged")
    (folder.submitted("damaged", NAME) / f"{NAME}.ipynb").write_text("{", encoding="utf-8")
    assert [pair.students for pair in similar(folder, NAME)] == [("Ada", "syntax error")]


def test_what_many_wrote_says_nothing(tmp_path: Path) -> None:
    folder = ClassFolder(tmp_path)
    for n in range(6):
        give(folder, f"student {n}", cross_entropy=OWN)
    assert similar(folder, NAME) == []


@pytest.mark.parametrize("name", assignment_names())
def test_right_answers_written_by_different_people_are_not_alike(name: str, tmp_path: Path) -> None:
    folder = ClassFolder(tmp_path)
    for answer in read_answers(name)[1]:
        hand_in(name, answer.name, submission_of(name, answer), folder.submissions)
    released = SampleAnswer("the solution", {})
    for student in ("solved", "solved too"):
        hand_in(name, student, submission_of(name, released), folder.submissions)
    assert similar(folder, name) == []


def test_the_command_says_that_it_is_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    folder = ClassFolder.chosen()
    give(folder, "Ada", cross_entropy=OWN)
    give(folder, "copy", cross_entropy=disguised(OWN))
    said = CliRunner().invoke(app, ["similar", NAME], catch_exceptions=False).stdout
    assert "Ada and copy" in said
    assert "A hint, not a mark" in said
    found = CliRunner().invoke(app, ["similar", NAME, "--json"], catch_exceptions=False).stdout
    assert json.loads(found)["pairs"][0]["students"] == ["Ada", "copy"]
