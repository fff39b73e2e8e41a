"""The judge: tests here, the student's code elsewhere, plain data between."""

from collections.abc import Iterator

import pytest

from utils.grading.exercise import Cell, Exercise, Kind, Step
from utils.grading.judge import LATE, LOST, Judge, Verdict
from utils.grading.sandbox.engines import Engine

HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"
CELLS = (
    Cell(name="imports", kind=Kind.RELEASED, source=(
        "import tempfile\nfrom pathlib import Path\nimport numpy as np\n"
        "from utils.checks import (drawn_numbers, expect_close, expect_equal, expect_error,\n"
        "    inputs_after)"
    )),
    Cell(name="double", kind=Kind.ANSWER, source="def double(x): ..."),
    Cell(name="doubles", kind=Kind.TEST, points=2, source='expect_equal("two", double(2), 4)',
         in_full='expect_equal("two", double(2), 4)\n' + HIDDEN.format(
             'expect_equal("drawn", double(int(drawn_numbers().integers(99))),'
             ' 2 * int(drawn_numbers().integers(99)))')),
    Cell(name="keeps", kind=Kind.TEST, points=1, source="",
         in_full=HIDDEN.format(
             'x = np.ones(2)\nexpect_close("afterwards", inputs_after(double, x)[0], x)')),
    Cell(name="reads", kind=Kind.TEST, points=1, source="",
         in_full=HIDDEN.format(
             'file = Path(tempfile.mkdtemp()) / "a.txt"\nfile.write_text("hello")\n'
             'expect_equal("path", size(file), 5)\nexpect_equal("name", size(str(file)), 5)')),
    Cell(name="refuses", kind=Kind.TEST, points=1, source="",
         in_full=HIDDEN.format('expect_error("a text", size, "nowhere")')),
    Cell(name="constant", kind=Kind.TEST, points=1, source='expect_equal("LIMIT", LIMIT, 3)',
         in_full='expect_equal("LIMIT", LIMIT, 3)'),
)  # fmt: skip
RIGHT = """\
LIMIT = 3

def double(x):
    print("called with", x)
    return 2 * x

def size(path):
    try:
        return len(open(path).read())
    except OSError as error:
        class Missing(ValueError):
            pass
        raise Missing("nothing there") from error
"""


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    exercise = Exercise(name="made up", cells=CELLS)
    judge = Judge(exercise, Engine.BUBBLEWRAP, tmp_path_factory.mktemp("features"))
    yield judge
    judge.close()


def steps(*cells: str) -> list[Step]:
    """These cells of a student's, and then all tests."""
    tests = [Step(test=cell.name) for cell in CELLS if cell.kind is Kind.TEST]
    return [*(Step(source=source) for source in cells), *tests]


def scores(verdict: Verdict) -> dict[str, float]:
    return {name: tested.score for name, tested in verdict.tests.items()}


ALL = {"doubles": 2, "keeps": 1, "reads": 1, "refuses": 1, "constant": 1}


def test_functions_files_errors_and_values_reach_the_tests(judge: Judge) -> None:
    assert scores(judge.judge(steps(RIGHT), 7, 20)) == ALL


def test_what_is_printed_is_shown_for_visible_tests_alone(judge: Judge) -> None:
    verdict = judge.judge(steps(RIGHT), 7, 20)
    assert verdict.tests["doubles"].printed == "called with 2\n"
    assert verdict.tests["keeps"].printed == ""


def test_a_failed_hidden_test_tells_its_name_and_no_number(judge: Judge) -> None:
    only_two = RIGHT.replace("return 2 * x", "return 4 if type(x) is int else 2 * x")
    tested = judge.judge(steps(only_two), 7, 20).tests["doubles"]
    assert (tested.score, tested.visible, tested.hidden) == (0, True, False)
    assert (tested.label, tested.message) == ("drawn", "")


def test_a_failed_visible_test_tells_what_was_expected_and_what_came(judge: Judge) -> None:
    tested = judge.judge(steps(RIGHT.replace("2 * x", "x")), 7, 20).tests["doubles"]
    assert tested.message == "AssertionError: two: expected 4, got 2"


def test_a_changed_input_is_seen(judge: Judge) -> None:
    in_place = RIGHT.replace("return 2 * x", "x *= 2\n    return x")
    assert scores(judge.judge(steps(in_place), 7, 20)) == ALL | {"keeps": 0}


def test_tests_draw_other_numbers_for_another_seed_and_the_same_for_the_same(judge: Judge) -> None:
    known = {2: 4}
    for seed in (1, 2):
        import numpy as np

        drawn = int(np.random.default_rng(seed).integers(99))
        by_heart = RIGHT.replace("return 2 * x", f"return {known | {drawn: 2 * drawn}}.get(x)")
        assert scores(judge.judge(steps(by_heart), seed, 20))["doubles"] == 2
        assert scores(judge.judge(steps(by_heart), seed + 10, 20))["doubles"] == 0


@pytest.mark.parametrize(
    "ending",
    [
        "import os\n    os._exit(0)",
        "import signal, time\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
        "    while True: time.sleep(1)",
    ],
)
def test_what_was_earned_stays_when_the_process_is_lost(judge: Judge, ending: str) -> None:
    dying = RIGHT.replace("try:", f"{ending}\n    try:", 1)
    verdict = judge.judge(steps(dying), 7, 6)
    assert scores(verdict) == ALL | {"reads": 0, "refuses": 0, "constant": 0}
    assert verdict.stopped == LOST  # and not by what input


def test_a_call_that_takes_too_long_costs_that_test_alone(judge: Judge) -> None:
    slow = RIGHT.replace("try:", "while True: pass\n    try:", 1)
    verdict = judge.judge(steps(slow), 7, 6)
    assert scores(verdict) == ALL | {"reads": 0, "refuses": 0}
    assert verdict.stopped == LATE


def test_a_test_sees_what_stands_above_it(judge: Judge) -> None:
    order = [*steps(RIGHT), Step(source="def double(x): return 0")]
    assert scores(judge.judge(order, 7, 20)) == ALL


def test_the_two_processes_share_nothing(judge: Judge) -> None:
    telling = RIGHT.replace(
        'print("called with", x)',
        "import os\n    print(sorted(os.listdir('/tmp/work')))\n"
        "    open(f'/tmp/work/{x}', 'w').close()",
    )
    assert judge.judge(steps(telling), 7, 20).tests["doubles"].printed == "[]\n"


def test_cells_have_the_semantics_of_ipython(judge: Judge) -> None:
    cells = (
        "import asyncio\nawait asyncio.sleep(0)\n%timeit -n1 -r1 pass\n1 + 1",
        "from IPython.display import HTML\ndisplay(HTML('<b>bold</b>'))",
        "1 / 0",
        RIGHT,
    )
    verdict = judge.judge(steps(*cells), 7, 20)
    assert verdict.outputs[0][-1]["data"]["text/plain"] == "2"
    assert verdict.outputs[1][0]["data"]["text/html"] == "<b>bold</b>"
    assert verdict.outputs[2][0]["ename"] == "ZeroDivisionError"
    assert scores(verdict) == ALL


def test_a_figure_is_an_output(judge: Judge) -> None:
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    outputs = judge.judge(steps(plot), 7, 30).outputs[0]
    assert any("image/png" in output.get("data", {}) for output in outputs)
