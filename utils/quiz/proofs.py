"""Proofs of the question bank: Python computes which of the four options holds."""

import ast
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from utils.errors import CourseError
from utils.quiz.bank import LETTERS, Question

# A proof counts only if it runs one of these: what a question is about, not a table of answers.
LIBRARIES = ("torch", "torchvision", "timm", "numpy", "sklearn", "PIL", "utils", "skimage")


def prove(question: Question) -> str:
    """The letter of the one option that holds, computed without looking at the key.

    Raises:
        CourseError: the proof fails, is a constant, never runs a library, or holds for no option
            or for several.
    """
    for letter in LETTERS:
        _refuse_constants(question, letter)
    code = {letter: _compiled(question, letter) for letter in LETTERS}
    forget_cached()
    names: dict[str, Any] = {}
    ran: set[str] = set()
    try:
        with_profile(ran, lambda: exec(compile(question.proof, question.id, "exec"), names))
        holds = {}
        for letter in LETTERS:
            value = with_profile(ran, lambda letter=letter: eval(code[letter], names))
            holds[letter] = bool(value)
    except Exception as error:  # a proof may raise anything, and each is a defect of the question
        raise CourseError(f"The proof of {question.id} fails: {error!r}.") from error
    if not ran:
        raise CourseError(f"The proof of {question.id} never runs any of {', '.join(LIBRARIES)}.")
    true = [letter for letter in LETTERS if holds[letter]]
    if len(true) != 1:
        raise CourseError(
            f"The proof of {question.id} holds for {' and '.join(true) or 'no option'}: it must "
            "hold for exactly one."
        )
    return true[0]


def check_key(question: Question, proved: str) -> None:
    """Raises CourseError if the key isn't the option that was proved."""
    if question.answer != proved:
        raise CourseError(
            f"The key of {question.id} is {question.answer}, but its proof holds for {proved}."
        )


def forget_cached() -> None:
    """Empty the caches of this package's functions: a remembered answer would hide who ran."""
    for name, module in list(sys.modules.items()):
        if name.startswith("utils."):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _compiled(question: Question, letter: str) -> CodeType:
    try:
        return compile(question.options[letter].holds, f"{question.id} {letter}", "eval")
    except SyntaxError as error:
        raise CourseError(
            f"The proof of {question.id}, {letter}, isn't Python: {error}."
        ) from error


def _refuse_constants(question: Question, letter: str) -> None:
    """An expression without a name or a call can't compute anything."""
    try:
        tree = ast.parse(question.options[letter].holds, mode="eval")
    except SyntaxError:
        return  # told by `_compiled`
    if not any(isinstance(node, ast.Name | ast.Call) for node in ast.walk(tree)):
        raise CourseError(f"The proof of {question.id}, {letter}, is a constant.")


def with_profile(ran: set[str], work: Callable[[], Any]) -> Any:
    """Run `work`, and note in `ran` which of `LIBRARIES` it called."""

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            module = frame.f_globals.get("__name__") or ""
        elif event == "c_call":
            module = getattr(argument, "__module__", None)
            if not isinstance(module, str):
                module = type(getattr(argument, "__self__", None)).__module__
        else:
            return
        package = module.split(".")[0]
        if package in LIBRARIES and module != __name__:
            ran.add(package)

    sys.setprofile(note)
    try:
        return work()
    finally:
        sys.setprofile(None)
