"""Notebooks as students hand them in, changed for tests, and what is found in them."""

import json
from pathlib import Path
from typing import Any

import nbformat
from class_of_students import NAME, notebook
from inboxes import OWN

from utils.grading.assignments import EXERCISES, read_notebook
from utils.grading.incoming.submissions import Submission, read_submission

SKELETON = read_notebook(EXERCISES / NAME / OWN)
PROSE = "ex09_choose_a_backbone"
STUBS = {
    cell.metadata.nbgrader.grade_id: cell.source
    for cell in SKELETON.cells if cell.metadata.nbgrader.solution
}  # fmt: skip
FULL_WORK = {
    cell.metadata.nbgrader.grade_id: cell.source
    for cell in notebook().cells if cell.metadata.nbgrader.solution
}  # fmt: skip
Made = dict[str, Any]


def answers(submission: Submission) -> dict[str, str]:
    """The text of each answer cell of the rebuilt notebook."""
    return {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in submission.notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def read(folder: Path, content: bytes | Made, name: str = NAME) -> Submission:
    folder.mkdir(exist_ok=True, parents=True)
    if isinstance(content, dict):
        content = json.dumps(content).encode("ascii")
    (folder / f"{name}.ipynb").write_bytes(content)
    submission = read_submission(folder, name, read_notebook(EXERCISES / name / f"{name}.ipynb"))
    # nobody's text may stop a file from being written, and tests stay as they were released
    nbformat.writes(submission.notebook).encode("utf-8")
    nbformat.validate(submission.notebook)
    locked = [c.source for c in submission.notebook.cells
              if c.metadata.get("nbgrader", {}).get("locked")]  # fmt: skip
    released = read_notebook(EXERCISES / name / f"{name}.ipynb").cells
    assert locked == [c.source for c in released if c.metadata.nbgrader.locked]
    return submission


def made(**cells: str) -> Made:
    """A notebook as it lies in a file."""
    return json.loads(nbformat.writes(notebook(**cells)))


def stripped(own: Made, ids: bool = True) -> Made:
    """Without the cells' metadata, and perhaps without their ids."""
    for cell in own["cells"]:
        cell["metadata"] = {}
        if ids:
            del cell["id"]
    return own
