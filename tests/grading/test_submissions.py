"""One notebook, rebuilt on the released skeleton: answers are found by id, text and place."""

import copy
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from class_of_students import NAIVE, NAME
from handed_in import FULL_WORK, PROSE, SKELETON, STUBS, Made, answers, made, read, stripped
from inboxes import CASES, FULL, OWN

from utils.grading.assignments import EXERCISES
from utils.grading.grader_tests import SampleAnswer, submission_of
from utils.grading.incoming import notebooks
from utils.grading.incoming.submissions import Submission, read_submission


@pytest.mark.parametrize("file", sorted((CASES / "17" / "inbox").iterdir()), ids=lambda f: f.stem)
def test_answers_are_found_without_metadata(file: Path, tmp_path: Path) -> None:
    submission = read(tmp_path, file.read_bytes())
    assert (answers(submission), submission.ungraded) == (FULL_WORK, None)


def merged(own: Made) -> Made:
    stripped(own)
    texts = ["".join(c["source"]) for c in own["cells"] if c["cell_type"] == "code"]
    return own | {"cells": [{"cell_type": "code", "source": "\n\n".join(texts)}]}


def stubs_and_answers(own: Made) -> Made:
    """Each answer in a new cell below the stub that stayed."""
    cells = []
    for cell in stripped(own)["cells"]:
        text = "".join(cell["source"])
        stub = [s for n, s in STUBS.items() if FULL_WORK[n] == text]
        cells += [{"cell_type": "code", "source": s} for s in stub] + [cell]
    return own | {"cells": cells}


def defined(submission: Submission) -> dict[str, str]:
    """For each function, the text that is its definition in the end."""
    last = {}
    for cell in submission.notebook.cells:
        for name in FULL_WORK:
            if cell.cell_type == "code" and f"def {name}(" in cell.source:
                last[name] = cell.source
    return last


@pytest.mark.parametrize("change", [merged, stubs_and_answers])
def test_the_last_definition_of_an_answer_is_the_students(
    change: Callable[[Made], Made], tmp_path: Path
) -> None:
    submission = read(tmp_path, change(made()))
    assert submission.ungraded is None
    for name, text in defined(submission).items():
        assert "NotImplementedError" not in text
        assert FULL_WORK[name] in text


def test_an_answer_that_is_no_python_is_found_by_its_first_line(tmp_path: Path) -> None:
    broken = "def linear_head(features, weight, bias):\n    return features @@ weight +"
    submission = read(tmp_path, stripped(made(linear_head=broken)))
    assert answers(submission) == FULL_WORK | {"linear_head": broken}


def test_own_cells_stay_where_they_were(tmp_path: Path) -> None:
    own = stripped(made(softmax="def softmax(logits):\n    return rows(logits)"))
    own["cells"].insert(3, {"cell_type": "code", "source": "def rows(z):\n    return z"})
    sources = [cell.source for cell in read(tmp_path, own).notebook.cells]
    assert sources.index("def rows(z):\n    return z") == 3 + bool(sources[0].startswith("**"))


def test_answers_in_prose_are_found_by_the_task_above(tmp_path: Path) -> None:
    text = "Lite0, since it is “quick”, François."
    own = json.loads(nbformat.writes(submission_of(PROSE, SampleAnswer("", {"justify": text}))))
    assert answers(read(tmp_path / "1", stripped(own), PROSE))["justify"] == text
    parts = copy.deepcopy(own)
    place = next(n for n, c in enumerate(parts["cells"]) if "".join(c["source"]) == text)
    parts["cells"].insert(place + 1, {"cell_type": "markdown", "source": ["It is small."]})
    assert answers(read(tmp_path / "2", parts, PROSE))["justify"] == f"{text}\n\nIt is small."
    parts["cells"][place]["cell_type"] = "raw"
    assert answers(read(tmp_path / "3", parts, PROSE))["justify"] == f"{text}\n\nIt is small."


def test_a_blank_exercise_is_a_sound_nothing(tmp_path: Path) -> None:
    blank = json.loads(nbformat.writes(SKELETON))
    for number, own in enumerate((blank, stripped(copy.deepcopy(blank)))):
        submission = read(tmp_path / str(number), own)
        assert (answers(submission), submission.ungraded) == (STUBS, None)


def test_a_notebook_without_cells_is_told(tmp_path: Path) -> None:
    submission = read(tmp_path, {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    assert "no cells" in (submission.ungraded or "")


OTHER = EXERCISES / "ex10_final_test" / "ex10_final_test.ipynb"
UNGRADED: dict[str, tuple[bytes | Made, str]] = {
    "another exercise": (OTHER.read_bytes(), "none of its cells answers"),
    "another exercise, stripped": (stripped(json.loads(OTHER.read_text("utf-8"))), "none of its"),
    "cells that can't be told apart": (
        {"cells": [{"cell_type": "code", "source": "f = lambda z: z"}]}, "can't be told apart"),
    "cut off": (FULL[:-500], "isn't a notebook"),
    "a list": (b'["not", "a", "notebook"]', "isn't a notebook"),
    "an object": (b'{"answer": 1}', "isn't a notebook"),
    "cells that are none": (b'{"cells": {"a": 1}, "nbformat": 4}', "isn't a notebook"),
    "a page": (b"<!DOCTYPE html><html>Sign in", "isn't a notebook"),
    "merge marks": (FULL.replace(b'"cells"', b'<<<<<<< HEAD\n"cells"', 1), "isn't a notebook"),
    "empty": (b"", "empty"),
    "blanks": (b" \n\x00\x00", "empty"),
    "very deep": (b'{"cells": ' + b"[" * 200_000, "isn't a notebook"),
    "a huge number": (b'{"cells": ' + b"9" * 10_000 + b"}", "isn't a notebook"),
    "bytes": (bytes(range(256)) * 20, "isn't a notebook"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNGRADED)
def test_what_cannot_be_graded_is_told_with_advice(kind: str, tmp_path: Path) -> None:
    content, sentence = UNGRADED[kind]
    submission = read(tmp_path, content)
    assert sentence in (submission.ungraded or "")
    assert "ask for" in (submission.ungraded or "")
    assert answers(submission) == STUBS


def test_a_file_too_large_to_read_is_told(tmp_path: Path) -> None:
    with open(tmp_path / OWN, "wb") as file:
        file.truncate(notebooks.LARGEST + 1)
    submission = read_submission(tmp_path, NAME, SKELETON)
    assert "larger than" in (submission.ungraded or "")


def test_what_lies_beside_is_told_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out.ipynb").write_bytes(FULL)
    folder = tmp_path / "Ada" / NAME
    folder.mkdir(parents=True)
    (folder / OWN).symlink_to(tmp_path / "out.ipynb")
    (folder / "answers.pdf").write_bytes(b"%PDF")
    submission = read_submission(folder, NAME, SKELETON)
    assert "no notebook was handed in" in (submission.ungraded or "")
    assert any("answers.pdf" in note and "(a link)" in note for note in submission.notes)
    (tmp_path / "linked").symlink_to(folder.parent)
    submission = read_submission(tmp_path / "linked" / NAME, NAME, SKELETON)
    assert submission.notes == ("nothing was handed in",)


def test_who_handed_in_nothing_has_nothing(tmp_path: Path) -> None:
    submission = read_submission(tmp_path / "Ada" / NAME, NAME, SKELETON)
    assert (submission.ungraded, submission.notes) == (None, ("nothing was handed in",))
    assert answers(submission) == STUBS


def test_twice_the_same_id_keeps_both_in_order(tmp_path: Path) -> None:
    own = made()
    again = copy.deepcopy(own["cells"][3]) | {"source": NAIVE}
    own["cells"].append(again)
    submission = read(tmp_path, own)
    assert defined(submission)["softmax"] == NAIVE
    assert answers(submission)["softmax"] == FULL_WORK["softmax"]
    assert any("softmax stood there twice" in note for note in submission.notes)


def test_hostile_text_takes_no_time_and_no_stack(tmp_path: Path) -> None:
    bombs = ["(" * 100_000, "-" * 300_000 + "1", "a" * 2_000_000, "x" + " " * 1_000_000 + ":",
             "def softmax" + "(" * 50_000, "a=" * 300_000, "\n" * 1_000_000]  # fmt: skip
    own = stripped(made())
    own["cells"] += [{"cell_type": "code", "source": bomb} for bomb in bombs]
    own["cells"] += [{"cell_type": "code", "source": f"x = {n}"} for n in range(1_000)]
    assert answers(read(tmp_path, own)).keys() == FULL_WORK.keys()


def test_another_ending_in_a_folder_laid_by_hand_is_read(tmp_path: Path) -> None:
    for name in ("ex03.ipynb.json", "EX03.IPYNB"):
        folder = tmp_path / name / NAME
        folder.mkdir(parents=True)
        (folder / name).write_bytes(FULL)
        assert answers(read_submission(folder, NAME, SKELETON)) == FULL_WORK


def test_notes_on_many_strange_names_stay_short(tmp_path: Path) -> None:
    own = made()
    evil = "<img src=x onerror=alert(1)>\n# [a](javascript:b)"
    for number in range(999):
        kept = {"nbgrader": {"grade_id": f"{evil}{number}"}, "tags": ["x" * 10_000]}
        own["cells"].append({"cell_type": "code", "source": "1", "metadata": kept})
    tmp_path.joinpath("<script>.pdf").write_bytes(b"")
    submission = read(tmp_path, own)
    assert sum(map(len, submission.notes)) < 5_000
