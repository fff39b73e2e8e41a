"""Proofs of the question bank: Python computes which of the four options is true."""

import ast
import io
from contextlib import redirect_stdout
from functools import partial
from typing import Any

from utils.errors import CourseError
from utils.quiz.bank import LETTERS, Question

# A proof computes with one of these: what a question is about, not a table of answers.
LIBRARIES = {"torch", "torchvision", "timm", "numpy", "sklearn", "PIL", "utils", "skimage"}


def prove(question: Question) -> str:
    """Compute, without looking at the key, the letter of the one option that is true.

    A setup has the code that the question shows as `code`, and `printed(code)` runs it.

    Raises:
        CourseError: the proof fails, imports none of the libraries, compares constants, or holds
            for no option or for several.
    """
    names: dict[str, Any] = {"code": question.code}
    names["printed"] = partial(_printed, names)
    try:
        _refuse_constants(question)
        exec(compile(question.setup, question.id, "exec"), names)
        true = [k for k in LETTERS if bool(eval(question.options[k].true_if, names))]
    except CourseError:
        raise
    except Exception as error:  # a proof may raise anything, and each is a defect of the question
        raise CourseError(f"The proof of {question.id} fails: {error!r}.") from error
    if len(true) != 1:
        raise CourseError(
            f"The proof of {question.id} holds for {' and '.join(true) or 'no option'}: it must "
            "hold for exactly one."
        )
    return true[0]


def _printed(names: dict[str, Any], code: str) -> str:
    """What code prints that uses these names, or the name of the error that it ends with."""
    seen = io.StringIO()
    try:
        with redirect_stdout(seen):
            exec(compile(code, "code", "exec"), dict(names))
    except Exception as error:  # an error can be the answer to what a program does
        return type(error).__name__
    return seen.getvalue().strip()


def _refuse_constants(question: Question) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(question.setup)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    if not imported & LIBRARIES:
        raise CourseError(
            f"The proof of {question.id} imports none of {', '.join(sorted(LIBRARIES))}."
        )
    for letter, option in question.options.items():
        tree = ast.parse(option.true_if, mode="eval")
        if not any(isinstance(node, ast.Name | ast.Call) for node in ast.walk(tree)):
            raise CourseError(f"The proof of {question.id}, {letter}, is a constant.")


def check_key(question: Question, proved: str) -> None:
    """Raises CourseError if the key isn't the option that was proved."""
    if question.answer != proved:
        raise CourseError(
            f"The key of {question.id} is {question.answer}, but its proof holds for {proved}."
        )
