"""The one error that a user is meant to read."""


class CourseError(Exception):
    """Bad input or a missing piece, said in one sentence that names it and the remedy.

    The command line prints the sentence and exits with code 2; a notebook shows it as raised.
    """


class WeightsMissing(CourseError):
    """The weights that were asked for are not on this machine."""
