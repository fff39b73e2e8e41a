"""The `course` command. Only this package prints; heavy imports wait until a command runs."""

import io
import os
import sys
import warnings

import typer
from rich.console import Console

from utils.cli import (
    exercises,
    grading,
    learn,
    lessons,
    marks,
    pipeline,
    predict,
    quiz,
    runs,
    studies,
    upkeep,
    website,
    weights,
)
from utils.cli.options import say_warning
from utils.errors import CourseError
from utils.settings import check_checkout

app = typer.Typer(
    help="Follow a photo through ResNet, VGG and EfficientNet, and watch each one learn.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
# The order of the panels of `course --help`: learn, teach, maintain.
for commands in (
    pipeline,
    predict,
    runs,
    quiz,
    learn,
    exercises,
    grading,
    marks,
    weights,
    upkeep,
    lessons,
    studies,
    website,
):
    app.add_typer(commands.app)


UsageError = typer.BadParameter.__base__  # typer gives no other name to it


def main() -> None:
    """Run the command; bad input ends it with one sentence and exit code 2."""
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"  # else a student called Zoë is another one under LC_ALL=C
        os.execv(sys.executable, sys.orig_argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a Windows pipe can't show every character
            stream.reconfigure(errors="replace")
    warnings.showwarning = say_warning
    words = sys.argv[1:] or ["--help"]
    try:
        check_checkout()
        sys.exit(app(words, standalone_mode=False) or 0)
    except (CourseError, UsageError) as error:
        sentence = _sentence(error) if isinstance(error, UsageError) else str(error)
        Console(stderr=True, soft_wrap=True).print(
            sentence, style="red", markup=False, highlight=False
        )
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)


def _sentence(error: Exception) -> str:
    """What typer says of wrong words, as one sentence."""
    said = error.format_message().replace("Value error, ", "").strip()
    return said if said.endswith((".", "?", "!")) else f"{said}."
