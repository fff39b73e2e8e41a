"""The `course` command. Only this package prints; heavy imports wait until a command runs."""

import io
import sys
import warnings

import typer
from rich.console import Console

from utils.cli import grading, lessons, pipeline, quiz, studies, weights
from utils.cli.options import say_warning
from utils.errors import CourseError

app = typer.Typer(
    help="Follow a photo through ResNet, VGG and EfficientNet, and watch each one learn.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for commands in (pipeline, lessons, quiz, grading, weights, studies):
    app.add_typer(commands.app)


def main() -> None:
    """Run the command; a CourseError ends it with its sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a Windows pipe can't show every character
            stream.reconfigure(errors="replace")
    warnings.showwarning = say_warning
    try:
        app()
    except CourseError as error:
        Console(stderr=True, soft_wrap=True).print(
            str(error), style="red", markup=False, highlight=False
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
