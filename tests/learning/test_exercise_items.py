"""Parsons problems and bug hunts: what is wrong with an item is found, and answers are judged."""

import pytest

from utils.learning.bug_hunts import bug_hunts_of, prove_bug_hunt
from utils.learning.exercise_code import exercise_code
from utils.learning.items import BugHunt, Line, Parsons
from utils.learning.parsons import exchangeable, parsons_of, prove_parsons, with_distractor
from utils.learning.pieces import (
    assembled,
    following_tests,
    logical_lines,
    mixed_lines,
    one_place,
    same_code,
)
from utils.learning.trial import failing, failing_apart

EXERCISE = "ex05_residual_block"
CODE = exercise_code(EXERCISE)


@pytest.fixture(scope="module")
def problem() -> Parsons:
    return next(p for p in parsons_of(CODE) if p.cell == "bottleneck")


@pytest.fixture(scope="module")
def hunt() -> BugHunt:
    return next(h for h in bug_hunts_of(CODE) if h.mistake == "eps left out")


def test_a_wrong_order_is_caught(problem: Parsons) -> None:
    lines = list(problem.lines)
    lines[1], lines[2] = lines[2], lines[1]
    assert "none of the right answers" in prove_parsons(
        CODE, problem.model_copy(update={"lines": tuple(lines)})
    )


def test_a_mended_distractor_is_caught(problem: Parsons) -> None:
    first = problem.distractors[0]
    mended = first.model_copy(update={"code": problem.lines[first.instead_of].code})
    assert "none of the wrong answers" in prove_parsons(
        CODE, problem.model_copy(update={"distractors": (mended,)})
    )


def test_a_hunt_without_a_bug_is_caught(hunt: BugHunt) -> None:
    assert "none of the wrong answers" in prove_bug_hunt(
        CODE, hunt.model_copy(update={"code": hunt.mended})
    )


def test_a_hunt_that_is_not_mended_is_caught(hunt: BugHunt) -> None:
    assert "none of the right answers" in prove_bug_hunt(
        CODE, hunt.model_copy(update={"mended": hunt.code})
    )


def test_a_hunt_in_another_line_is_caught(hunt: BugHunt) -> None:
    moved = hunt.model_copy(update={"first": hunt.first + 1, "last": hunt.last + 1})
    assert "isn't in line" in prove_bug_hunt(CODE, moved)


def test_the_tests_accept_the_right_order_and_refuse_each_distractor(problem: Parsons) -> None:
    tests = following_tests(CODE.pieces, problem.cell)
    assert failing(CODE.pieces, {problem.cell: assembled(problem.lines)}, tests) == {}
    for distractor in problem.distractors:
        assert failing(CODE.pieces, {problem.cell: with_distractor(problem, distractor)}, tests)


def test_an_answer_is_judged_in_a_process_that_can_be_ended() -> None:
    tests = following_tests(CODE.pieces, "needs_projection")
    right = (
        "def needs_projection(before, after, stride):\n    return (before, 1) != (after, stride)"
    )
    endless = "def needs_projection(before, after, stride):\n    while True:\n        pass"
    assert failing_apart(CODE.pieces, {"needs_projection": right}, tests) == {}
    assert (
        "within 8 seconds"
        in failing_apart(CODE.pieces, {"needs_projection": endless}, tests, seconds=8)[
            "needs_projection_test"
        ]
    )
    wrong = failing_apart(CODE.pieces, {"needs_projection": "def needs_projection(:"}, tests)
    assert wrong["needs_projection_test"].startswith("SyntaxError")


def test_lines_come_mixed_and_the_same_each_time(problem: Parsons) -> None:
    right = [line.code for line in problem.lines]
    mixed = mixed_lines(problem)
    assert mixed == mixed_lines(problem)
    assert sorted(mixed) == sorted(right + [d.code for d in problem.distractors])
    assert mixed != right


def test_a_statement_over_several_lines_is_one_piece() -> None:
    source = "def f(x):\n    # a remark\n    y = max(\n        x, 0\n    )\n    return y\n"
    lines = [placed.line for placed in logical_lines(source)]
    assert [line.indent for line in lines] == [0, 1, 1]
    assert lines[1].code == "y = max(\n    x, 0\n)"
    assert same_code(assembled(lines), source)


@pytest.mark.parametrize(
    ("one", "other", "free"),
    [
        ("a = 1", "b = 2", True),
        ("a = 1", "b = a", False),
        ("b = a", "a = 1", False),
        ("optimizer.zero_grad()", "loss = model(x)", True),
        ("a[0] = 1", "b = a", False),
        ("for x in y:", "z = 1", False),
    ],
)
def test_what_may_change_places(one: str, other: str, free: bool) -> None:
    assert exchangeable(Line(code=one, indent=1), Line(code=other, indent=1)) is free


def test_two_places_are_no_single_mistake() -> None:
    right = logical_lines("def f(x):\n    a = 1\n    b = 2\n    return a\n")
    wrong = logical_lines("def f(x):\n    a = 2\n    b = 2\n    return b\n")
    assert one_place(right, wrong, most=2) is None
    assert one_place(right, logical_lines("def f(x):\n    a = 1\n    return a\n"), most=2)
