"""The HTML report of a trace: one page that needs no other file."""

from collections.abc import Sequence
from pathlib import Path

from utils.cli.pages import Picture, picture, render
from utils.cli.terminal import time_spent
from utils.files import write_file
from utils.models import DISPLAY_NAMES
from utils.plots import (
    curves_figure,
    feature_maps_figure,
    images_figure,
    top_figure,
)
from utils.studies.family_run import FamilyRun


def write_report(runs: Sequence[FamilyRun], photo: Path, file: Path) -> None:
    """Write the runs as a self-contained page; raises CourseError where it can't be written."""
    write_file(file, render_report(runs, photo))


def render_report(runs: Sequence[FamilyRun], photo: Path) -> str:
    """The runs as HTML, pictures included."""
    pictures = {run.family: _pictures(run) for run in runs}
    return render(
        "report.html.j2",
        runs=runs,
        photo=photo.name,
        pictures=pictures,
        time_spent=time_spent,
        names=DISPLAY_NAMES,
    )


def _pictures(run: FamilyRun) -> dict[str, Picture]:
    best, last = run.photo.top[0], run.training.epochs[-1]
    return {
        "steps": picture(
            images_figure(run.photo.steps),
            f"The photo after each step: {', '.join(run.photo.steps)}",
        ),
        "maps": picture(
            feature_maps_figure(run.photo.feature_maps),
            f"Feature maps of {run.model}, one row a stage, from fine to coarse: "
            f"{', '.join(run.photo.feature_maps)}",
        ),
        "curves": picture(
            curves_figure(run.training.epochs),
            f"Loss and accuracy over {last.epoch} epochs; at the end validation "
            f"loss {last.val_loss:.3f} and accuracy {last.val_accuracy:.1%}",
        ),
        "top": picture(
            top_figure(run.photo.top),
            f"Bars of the top {len(run.photo.top)} classes, first {best.label} with "
            f"{best.probability:.1%}",
        ),
    }
