"""What several of these tests use."""

from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from utils.grading import assignments as exercises
from utils.grading.grader_tests import SampleAnswer, hand_in, submission_of

NAME = "ex03_softmax_head"


NAIVE = """\
def softmax(logits):
    exponentials = np.exp(logits - logits.max())  # of all rows together: a hidden test fails
    return exponentials / exponentials.sum(axis=1, keepdims=True)
"""


SECONDS = 12


FAKE_NUMPY = "def __getattr__(name):\n    return lambda *inputs, **options: 0\n"


def notebook(**cells: str) -> NotebookNode:
    """A submission: the solution, except for the cells given."""
    return submission_of(NAME, SampleAnswer("made for a test", cells))


def cell(of: NotebookNode, name: str) -> NotebookNode:
    return next(c for c in of.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def without(of: NotebookNode, *names: str) -> NotebookNode:
    of.cells = [c for c in of.cells if c.metadata.nbgrader.grade_id not in names]
    return of


def submissions(submitted: Path) -> None:
    """One student for each thing that can go wrong."""

    def give(student: str, content: NotebookNode) -> Path:
        hand_in(NAME, student, content, submitted)
        return submitted / student / NAME / f"{NAME}.ipynb"

    give("right", notebook())
    give("wrong", notebook(softmax=NAIVE))
    give("Zoë de la Cruz", notebook())
    give("syntax error", notebook(linear_head="def linear_head(features, weight:\n    return"))
    give("SystemExit", notebook(linear_head="import sys\nsys.exit()"))
    give(
        "infinite loop",
        notebook(decide="def decide(probabilities, threshold):\n    while True: pass"),
    )
    stubborn = "import signal\n\ndef linear_head(features, weight, bias):\n"
    stubborn += "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n    while True: pass"
    give("ignores interrupts", notebook(linear_head=stubborn))
    killed = "def cross_entropy(logits, labels):\n    import os\n    os._exit(1)"
    give("killed kernel", notebook(cross_entropy=killed))
    give("deleted test", without(notebook(softmax=NAIVE), "softmax_test_large", "text_02"))
    twice = notebook()
    twice.cells.append(new_code_cell(NAIVE, metadata=cell(twice, "softmax").metadata))
    give("duplicated id", twice)
    old = notebook()
    for own in old.cells:
        own.metadata.nbgrader.schema_version = 1
        del own.metadata.nbgrader["cell_type"]
    give("old schema", old)
    changed = notebook(softmax=NAIVE)
    cell(changed, "softmax_test_large").source = "pass"
    cell(changed, "softmax_test_large").metadata.nbgrader.points = 100
    give("changed test", changed)
    skipped = notebook(softmax=NAIVE)
    for own in skipped.cells:
        own.metadata["tags"] = ["skip-execution", "raises-exception"]
    give("skip-execution", skipped)
    flood = "for _ in range(100):\n    print('x' * 1_000_000)\n"
    give("100 MB of output", notebook(linear_head=flood + cell(notebook(), "linear_head").source))
    noisy = "import sys, warnings\n\ndef softmax(logits):\n    warnings.warn('slow')\n"
    noisy += "    print('hello', file=sys.stderr)\n"
    noisy += "    e = np.exp(logits - logits.max(axis=1)[:, None])\n"
    give("warns on stderr", notebook(softmax=noisy + "    return e / e.sum(axis=1)[:, None]"))
    helped = notebook(softmax="def softmax(logits):\n    return rows(logits)")
    own_cell = new_code_cell(
        "import os\n\nprint('cache:', os.environ['COURSE_CACHE'])\n\ndef rows(z):\n"
        "    e = np.exp(z - z.max(axis=1)[:, None])\n    return e / e.sum(axis=1)[:, None]"
    )
    helped.cells.insert(helped.cells.index(cell(helped, "softmax")), own_cell)
    give("a cell of their own", helped)
    foreign = notebook()
    foreign.cells.append(new_code_cell("1 / 0", metadata={"nbgrader": {
        "grade_id": "bonus", "grade": True, "solution": False, "locked": True, "points": 50,
        "schema_version": 3, "task": False, "cell_type": "code"}}))  # fmt: skip
    give("a foreign grade id", foreign)

    give("corrupt", notebook()).write_text('{"cells": [', encoding="utf-8")
    give("no notebook format", notebook()).write_text('["not", "a", "notebook"]', encoding="utf-8")
    give("empty", notebook()).write_text("", encoding="utf-8")
    renamed = give("renamed", notebook())
    renamed.rename(renamed.with_name("softmax final (2).ipynb"))
    give("only a text", notebook()).rename(submitted / "only a text" / NAME / "answers.txt")
    (submitted / "missing").mkdir()

    shadowed = give("shadowing files", notebook(softmax=NAIVE)).parent
    (shadowed / "numpy.py").write_text(FAKE_NUMPY, encoding="utf-8")
    (shadowed / "conftest.py").write_text("raise SystemExit\n", encoding="utf-8")
    (shadowed / "utils").mkdir()
    (shadowed / "utils" / "checks.py").write_text(
        "expect_close = expect_equal = print\n", encoding="utf-8"
    )
    linked = give("links", notebook(softmax=NAIVE)).parent
    (linked / "numpy.py").symlink_to(shadowed / "numpy.py")
    (linked / "marks.db").symlink_to(submitted.parent / "gradebook.db")
    stolen = submitted / "a link for a notebook" / NAME
    stolen.mkdir(parents=True)
    (stolen / f"{NAME}.ipynb").symlink_to(exercises.SOLUTIONS / NAME / f"{NAME}.ipynb")
    marked = notebook(decide="### BEGIN HIDDEN TESTS\n" + cell(notebook(), "decide").source)
    give("nbgrader's own marks", marked)
    give("bad timestamp", notebook()).with_name("timestamp.txt").write_text(
        "yesterday, about ten", encoding="utf-8"
    )
