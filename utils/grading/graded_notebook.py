"""The notebook of a student as it was judged: safe outputs, and what the tests said."""

from typing import Any

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_notebook

from utils.grading.exercise import Exercise, Kind, is_solution, is_students, kind_of
from utils.grading.feedback import RECORD
from utils.grading.judge import Tested
from utils.grading.sanitize import error_output, markdown_html, plain_text
from utils.grading.workers import Judged

FAILED = "A hidden test failed"


def graded_notebook(
    notebook: NotebookNode, judged: Judged, details: dict[str, Any]
) -> NotebookNode:
    """A copy of the rebuilt notebook with its outputs; `details` go into its metadata.

    Test cells stand there as students know them: no hidden test is in it.
    """
    outputs, cells = iter(judged.outputs), []
    for own in notebook.cells:
        cell, kind = NotebookNode(own), kind_of(own)
        if kind in (Kind.ANSWER, Kind.OWN):
            cell.outputs = from_dict(next(outputs, []))
        elif kind is Kind.TEST:
            cell.outputs = from_dict(_test_outputs(judged.tests[cell.metadata.nbgrader.grade_id]))
        elif is_students(cell):  # other programs show it as HTML too
            cell.source = markdown_html(cell.source)
            cell.pop("attachments", None)
        cells.append(cell)
    return new_notebook(cells=cells, metadata=notebook.metadata | {RECORD: details})


def _test_outputs(tested: Tested) -> list[dict[str, Any]]:
    outputs = []
    if tested.printed:
        text = plain_text(tested.printed)
        outputs.append({"output_type": "stream", "name": "stdout", "text": text})
    if not tested.visible:
        name, _, message = tested.message.partition(": ")
        outputs.append(error_output(name, message))
    elif not tested.hidden:
        about = f": {tested.label}" if tested.label else ""
        line = f"{FAILED}{about}"
        outputs.append(error_output("HiddenTest", line, [line]))
    return outputs


def unanswered(notebook: NotebookNode, exercise: Exercise) -> frozenset[str]:
    """Names of the answer cells that were left as they were released."""
    released = {cell.name: cell.source.strip() for cell in exercise.cells}
    return frozenset(
        name
        for cell in notebook.cells
        if is_solution(cell)
        and (name := cell.metadata.nbgrader.grade_id)
        and cell.source.strip() == released.get(name)
    )
