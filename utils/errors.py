"""The one error that a user is meant to read."""

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
