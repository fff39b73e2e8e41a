"""What the commands share: where they print, progress bars, and the flags that several take."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from tqdm import tqdm

from utils.errors import CourseError, CourseWarning
from utils.settings import DeviceKind, Precision, TrainingConfig, WeightsChoice

out = Console(width=None if sys.stdout.isatty() else 110, soft_wrap=False, markup=False)
bars = partial(tqdm, file=sys.stderr, leave=False, delay=1, disable=None)

DEFAULTS = TrainingConfig()

Weights = Annotated[
    WeightsChoice | None,
    typer.Option(help="Which weights to load.", show_default="COURSE_WEIGHTS, else auto"),
]
Device = Annotated[
    DeviceKind | None,
    typer.Option(help="Where to compute.", show_default="COURSE_DEVICE, else the best one here"),
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(
        "--precision",
        help="In which number format.",
        show_default="COURSE_PRECISION, else the fastest that the device multiplies",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Seed = Annotated[int, typer.Option(min=0, help="Fixes splits, order and first weights.")]
Data = Annotated[
    str,
    typer.Option(
        help="A data set by its name in the README, or a folder with one folder of photos a class."
    ),
]
Photos = Annotated[
    list[Path],
    typer.Option(help="A folder of photos; draws are weighted by the square root of its size."),
]
Cutouts = Annotated[
    list[Path], typer.Option(help="A folder of pictures of objects on a transparent ground.")
]
Limit = Annotated[str, typer.Option(help="How many photos, drawn by class; or all.")]
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the training photos.")]


def print_json(content: dict[str, Any] | list[dict[str, Any]]) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False))


def count_photos(limit: str) -> int | None:
    """Read `--limit`; None means all. Raises CourseError if it is neither a number nor all."""
    if limit == "all":
        return None
    if not limit.isdecimal() or int(limit) == 0:
        raise CourseError(f"--limit '{limit}' is neither a number of photos nor all.")
    return int(limit)


def say_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    """Show the course's own warnings and names that have changed as one line, and no others."""
    if issubclass(category, (FutureWarning, CourseWarning)):
        print(message, file=sys.stderr)
