"""Predictions: answers come from stored outputs, and gaps are told."""

from pathlib import Path

import nbformat
import pytest

from utils.errors import CourseError
from utils.learning import predictions
from utils.learning.items import Prediction
from utils.learning.predictions import gap, predictions_of
from utils.lessons import IGNORED, LESSONS, code_cells, read_notebook

LESSON = "05_resnet"


def prediction(kind: str, answer: str, options: tuple[str, ...] = ()) -> Prediction:
    return Prediction(
        id="small", lesson=LESSON, cell="c", code="f(x)", ask="What comes?", kind=kind,
        options=options, answer=answer, why="Because.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "guess", "right", "words"),
    [
        ("0.95", "0.95", True, "Exactly."),
        ("25,557,032", "25000000", True, "2% too low."),
        ("100", "120", False, "20% too high."),
        ("10", "1000", False, "100 times too high."),
        ("64.1%", "60", True, "4.1 points too low."),
        ("64.1%", "70 %", False, "5.9 points too high."),
        ("-3.3", "2", False, "5.3 too high."),
        ("0", "0", True, "Exactly."),
        ("1e+10", "1e10", True, "Exactly."),
    ],
)
def test_the_gap_of_a_number(answer: str, guess: str, right: bool, words: str) -> None:
    found = gap(prediction("number", answer), guess)
    assert found
    assert (found.right, found.words) == (right, words)


@pytest.mark.parametrize(
    ("guess", "right", "words"),
    [
        ("2, 128, 28, 28", True, "Exactly."),
        ("2x128x28x28", True, "Exactly."),
        ("2 64 28 28", False, "Off: dimension 2."),
        ("128 28 28", False, "Dimensions named: 3; there are 4."),
    ],
)
def test_the_gap_of_a_shape(guess: str, right: bool, words: str) -> None:
    found = gap(prediction("shape", "(2, 128, 28, 28)"), guess)
    assert found
    assert (found.right, found.words) == (right, words)


def test_a_choice_is_made_by_its_number() -> None:
    asked = prediction("choice", "layer4", ("layer1", "layer4"))
    assert [getattr(gap(asked, guess), "right", None) for guess in ("2", "1", "3", "layer4")] == [
        True, False, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["number", "shape"])
def test_what_cannot_be_read_is_asked_for_again(kind: str) -> None:
    for guess in ("no idea", "e", "", "-"):
        assert gap(prediction(kind, "64"), guess) is None


def test_an_exponent_alone_is_no_number() -> None:
    assert gap(prediction("number", "64"), "e5") is None


@pytest.fixture
def lessons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a copy of the lesson, in the place of the lessons."""
    (tmp_path / f"{LESSON}.ipynb").write_bytes((LESSONS / f"{LESSON}.ipynb").read_bytes())
    monkeypatch.setattr(predictions, "LESSONS", tmp_path)
    predictions._notebook.cache_clear()
    yield tmp_path
    predictions._notebook.cache_clear()


def change(folder: Path, cell: str, old: str, new: str) -> None:
    file = folder / f"{LESSON}.ipynb"
    notebook = read_notebook(file)
    output = next(c for c in code_cells(notebook) if c.id == cell).outputs[0]
    place = output if "text" in output else output.data
    key = "text" if "text" in output else "text/markdown"
    assert old in place[key]
    place[key] = place[key].replace(old, new)
    nbformat.write(notebook, file)


def test_a_changed_output_changes_the_answer(lessons: Path) -> None:
    asked = next(p for p in predictions_of(LESSON) if p.kind == "number")
    change(lessons, asked.cell, asked.answer, "12.75")
    predictions._notebook.cache_clear()
    assert next(p for p in predictions_of(LESSON) if p.id == asked.id).answer == "12.75"


def test_an_output_that_answers_no_more_is_named(lessons: Path) -> None:
    asked = next(p for p in predictions_of(LESSON) if p.kind == "number")
    change(lessons, asked.cell, asked.answer, "none")
    predictions._notebook.cache_clear()
    with pytest.raises(CourseError, match=f"{asked.id}.*isn't a number"):
        predictions_of(LESSON)


def test_an_output_that_nothing_compares_answers_nothing(lessons: Path) -> None:
    asked = predictions_of(LESSON)[0]
    notebook = read_notebook(lessons / f"{LESSON}.ipynb")
    next(c for c in code_cells(notebook) if c.id == asked.cell).metadata["tags"] = [IGNORED]
    nbformat.write(notebook, lessons / f"{LESSON}.ipynb")
    predictions._notebook.cache_clear()
    with pytest.raises(CourseError, match="never compared"):
        predictions_of(LESSON)
