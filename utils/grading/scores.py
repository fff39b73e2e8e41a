"""What the outputs of a test cell are worth, and what a student sees of it."""

import re
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import ClearHiddenTests
from nbgrader.utils import is_grade, is_solution

from utils.grading.sandbox import error_output

NUMBER = re.compile(r"^(?:np\.\w+\()?(-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\)?$")
# False and nan as Python, NumPy and torch write them; a text may hold these letters too.
NO_POINTS = re.compile(r"^(?:(?:np\.\w+|tensor)\()?(?:False|nan)\)?$|^np\.False_$")


class NormalizeScores(Preprocessor):
    """What nbgrader would misread in a test cell: warnings as failures, odd values as full marks.

    Text on stderr costs nothing. A last value that is a number gives that many points, at least 0
    and at most those of the cell; False and nan give none; other values say nothing about points.
    """

    enabled = True  # nbconvert's own preprocessors have to be asked for

    def preprocess_cell(
        self, cell: NotebookNode, resources: Any, _index: int
    ) -> tuple[NotebookNode, Any]:
        if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell):
            points = float(cell.metadata.nbgrader["points"])
            cell.outputs = [self._settled(output, points) for output in cell.outputs]
        return cell, resources

    def _settled(self, output: NotebookNode, points: float) -> NotebookNode:
        if output.output_type == "stream":
            return new_output("stream", name="stdout", text=output.text)
        if output.output_type != "execute_result":
            return output
        text = str(output.data.get("text/plain", "")).strip()
        number = NUMBER.match(text)
        if number:
            score = min(max(float(number.group(1)), 0.0), points)
        elif NO_POINTS.match(text):
            score = 0.0
        else:
            return new_output("display_data", data=output.data)
        return new_output("execute_result", data={"text/plain": repr(score)})


class HideTests(ClearHiddenTests):
    """Feedback without hidden tests: test cells as released, and what failed in a line."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: Any, cell_index: int
    ) -> tuple[NotebookNode, Any]:
        if cell.cell_type == "code" and is_grade(cell):
            cell, resources = super().preprocess_cell(cell, resources, cell_index)
            cell.outputs = [
                error_output(output.ename, output.evalue)
                for output in cell.outputs
                if output.output_type == "error"
            ]
        return cell, resources
