"""What the exercises' test cells use: compare plain values, and say what was expected and came."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from utils.quiz.bank import LETTERS, read_letter


def expect_equal(what: str, got: Any, expected: Any) -> None:
    """Fail unless `got` has the types and the values of `expected`; a list may come as a tuple.

    Raises:
        AssertionError: says what was expected and what came.
    """
    got = _plain(got)
    assert _same(got, expected), f"{what}: expected {_shown(expected)}, got {_shown(got)}"


def expect_close(what: str, got: Any, expected: Any, tolerance: float = 1e-5) -> None:
    """Fail unless `got` is an array of the same shape, its values within `tolerance`.

    The tolerance is relative to each expected value, or absolute where that value is below 1.

    Raises:
        AssertionError: says what was expected and what came, where they differ most.
    """
    expected = np.asarray(expected, dtype=float)
    try:
        if got is None:
            raise TypeError("what a function without a return gives")
        values = np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        raise AssertionError(
            f"{what}: expected numbers of shape {expected.shape}, got {_shown(got)}"
        ) from None
    assert values.shape == expected.shape, (
        f"{what}: expected shape {expected.shape}, got shape {values.shape}"
    )
    off = np.nan_to_num(np.abs(values - expected), nan=np.inf)
    allowed = tolerance * np.maximum(1, np.abs(expected))
    if (off <= allowed).all():
        return
    worst = np.unravel_index(np.argmax(off - allowed), expected.shape)
    place = f" at [{', '.join(map(str, worst))}]" if expected.shape else ""
    raise AssertionError(f"{what}: expected {expected[worst]:.6g}{place}, got {values[worst]:.6g}")


def expect_error(what: str, function: Any, *inputs: Any) -> None:
    """Fail unless the function refuses these inputs with a ValueError.

    Raises:
        AssertionError: it accepted them.
    """
    try:
        came = function(*inputs)
    except NotImplementedError:
        raise
    except ValueError:
        return
    raise AssertionError(f"{what}: expected a ValueError, got {_shown(_plain(came))}")


def inputs_after(function: Callable[..., Any], *inputs: Any) -> tuple[Any, ...]:
    """Call a function with copies of its inputs, and return them as it left them."""
    if hasattr(function, "inputs_after"):  # one that runs elsewhere has its own copies
        return function.inputs_after(*inputs)
    copies = copy.deepcopy(inputs)
    function(*copies)
    return copies


_SEED: ContextVar[int] = ContextVar("seed", default=0)


@contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Have the tests in a block draw their numbers from this seed."""
    token = _SEED.set(seed)
    try:
        yield
    finally:
        _SEED.reset(token)


def drawn_numbers() -> np.random.Generator:
    """Random numbers for a test; a grader gives every student others, and the same each time."""
    return np.random.default_rng(_SEED.get())


def expect_letter(what: str, got: Any) -> None:
    """Fail unless `got` is the letter of an option; " b" and "B" are the same.

    Raises:
        AssertionError: says which letters there are, and what came.
    """
    assert isinstance(got, str) and read_letter(got), (
        f"{what}: expected one of {', '.join(LETTERS)}, got {_shown(got)}"
    )


def expect_choice(what: str, got: Any, right: str) -> None:
    """Fail unless `got` is the letter of the right option; which one that is isn't said.

    Raises:
        AssertionError: not a letter, or not the right one.
    """
    expect_letter(what, got)
    assert read_letter(got) == right, f"{what}: expected another letter than {read_letter(got)}"


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's own."""
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value


def _same(got: Any, expected: Any) -> bool:
    """The same types and values all the way down; lists and tuples count as the same type."""
    if isinstance(expected, list | tuple):
        alike = isinstance(got, list | tuple) and len(got) == len(expected)
        return alike and all(map(_same, got, expected))
    if isinstance(expected, dict):
        alike = isinstance(got, dict) and got.keys() == expected.keys()
        return alike and all(_same(got[key], item) for key, item in expected.items())
    return type(got) is type(expected) and got == expected


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
