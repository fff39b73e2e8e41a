"""What the outputs of a test cell are worth."""

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from utils.grading import assignments as exercises
from utils.grading import autograde as grading
from utils.grading.class_folder import ClassFolder
from utils.grading.grader_tests import hand_in

VALUES = {
    "a float": ("1.5", 1.5),
    "a number of NumPy": ("np.float64(0.5)", 0.5),
    "a whole number": ("np.int64(1)", 1),
    "not a number": ("float('nan')", 0),
    "False": ("1 > 2", 0),
    "False of NumPy": ("np.bool_(False)", 0),
    "True": ("2 > 1", 2),
    "negative": ("-3.0", 0),
    "too many points": ("100", 2),
    "a text": ("'well done'", 2),
    "a text with nan in it": ("'banana finance'", 2),
    "a text with False in it": ("['not False']", 2),
    "False of torch": ("__import__('torch').tensor(False)", 0),
    "nan of NumPy": ("np.float64('nan')", 0),
    "nothing": ("None", 2),
}


@pytest.fixture(scope="module")
def odd_values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float | None]:
    """Scores of an assignment whose test cells end in these values."""
    folder = tmp_path_factory.mktemp("course")

    def marked(name: str, source: str, **more: object) -> NotebookNode:
        settings = {"schema_version": 3, "task": False, "cell_type": "code", "grade_id": name}
        return new_code_cell(source, metadata={"nbgrader": settings | more}, id=name)

    test = {"grade": True, "solution": False, "locked": True, "points": 2}
    flood = "print('x' * 2_000_000)"  # more than is kept
    imports = marked("imports", "import numpy as np", grade=False, solution=False, locked=True)
    cells = [imports, marked("own", f"### BEGIN SOLUTION\n{flood}\n### END SOLUTION",
                    grade=False, solution=True, locked=False)]  # fmt: skip
    names = {f"value-{n}": name for n, name in enumerate(VALUES)}
    cells += [marked(n, VALUES[name][0], **test) for n, name in names.items()]
    source = folder / "solutions" / "ex99_values"
    source.mkdir(parents=True)
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Odd", id="t"), *cells]),
                   source / "ex99_values.ipynb")  # fmt: skip
    solution = nbformat.read(source / "ex99_values.ipynb", 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercises, "SOLUTIONS", source.parent)
        patch.setenv("COURSE_GRADING", str(folder / "grading"))
        hand_in("ex99_values", "Ada", solution, folder / "grading" / "submitted")
        scores = grading.grade(ClassFolder.chosen(), "ex99_values")[0].cells
    return {name: scores[n] for n, name in names.items()}


@pytest.mark.parametrize("value", VALUES)
def test_the_last_value_of_a_test_cell_is_never_misread(
    value: str, odd_values: dict[str, float | None]
) -> None:
    assert odd_values[value] == VALUES[value][1]
