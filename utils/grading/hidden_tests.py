"""What a student's copy says of its hidden tests: what they are about, none of their numbers."""

import textwrap
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests

from utils.grading.exercise import hidden_labels

WIDTH = 99  # characters of a line in a notebook


class NameHiddenTests(ClearHiddenTests):
    """Takes hidden tests out of a cell, and leaves a comment with the names of their checks.

    Feedback uses these names: a student learns which kind of input an answer failed on.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: Any, cell_index: int
    ) -> tuple[NotebookNode, Any]:
        labels = hidden_labels(cell.source) if cell.cell_type == "code" else []
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if labels:
            text = f"Hidden tests: {'; '.join(labels)}"
            comment = textwrap.fill(text, WIDTH, initial_indent="# ", subsequent_indent="#   ")
            cell.source = f"{cell.source.rstrip()}\n{comment}"
        return cell, resources
