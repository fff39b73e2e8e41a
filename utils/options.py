"""What the commands share: where they print, progress bars, and the flags that several take."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from tqdm import tqdm

out = Console(width=None if sys.stdout.isatty() else 110, soft_wrap=False, markup=False)
bars = partial(tqdm, file=sys.stderr, leave=False, delay=1, disable=None)

Weights = Annotated[
    str | None,
    typer.Option(
        envvar="COURSE_WEIGHTS", help="auto, offline, imagenet or untrained.", show_default="auto"
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        envvar="COURSE_DEVICE", help="cuda, mps or cpu.", show_default="the best one here"
    ),
]
PrecisionOption = Annotated[
    str | None,
    typer.Option(
        "--precision",
        envvar="COURSE_PRECISION",
        help="fp32, bf16 or fp16.",
        show_default="the fastest that the device computes in",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Seed = Annotated[int, typer.Option(min=0, help="Fixes splits, order and first weights.")]
Data = Annotated[
    str,
    typer.Option(
        help="elpv, fashion_mnist, pets, flowers, or a folder with one folder of photos per class."
    ),
]
Photos = Annotated[
    list[Path],
    typer.Option(help="A folder of photos. Of larger folders more is drawn, by the square root."),
]
Cutouts = Annotated[
    list[Path], typer.Option(help="A folder of pictures of objects on a transparent ground.")
]
Limit = Annotated[str, typer.Option(help="How many photos, drawn by class; or all.")]
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the training photos.")]


def print_json(content: dict[str, Any]) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False))
