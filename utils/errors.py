"""The one error that a user is meant to read, and finding what a user means by a name."""

import difflib
from collections.abc import Iterable


class CourseError(Exception):
    """Bad input or a missing piece, said in one sentence that names it and the remedy.

    The command line prints the sentence and exits with code 2; a notebook shows it as raised.
    """


class CourseWarning(RuntimeWarning):
    """Something works, but not as well as it could; the command line shows it as one line."""


class WeightsMissing(CourseError):
    """The weights that were asked for are not on this machine."""


def known_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the name if it is known, else raise CourseError with the nearest known names."""
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=2)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    raise CourseError(f"Unknown {kind} '{name}'{hint}: use {', '.join(known)}.")


def is_called(stem: str, name: str) -> bool:
    """Whether "05_resnet" is meant by "5", "05" or "05_res"; 1 means lesson 1 and not 10."""
    if name.isdecimal():
        return stem.split("_")[0].isdecimal() and int(stem.split("_")[0]) == int(name)
    return bool(name) and stem.startswith(name)
