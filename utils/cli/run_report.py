"""The HTML report of a trained classifier: how it learned, how good it is, where it errs."""

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from utils.cli.pages import Picture, picture, render
from utils.cli.terminal import percent
from utils.datasets import ImageSet
from utils.evaluation import Evaluation, Mistake
from utils.files import printable, write_file
from utils.observations import EpochRecord
from utils.plots import confusion_figure, curves_figure, reliability_figure, two_class_figure
from utils.runs.folder import RunRecord

THUMBNAIL = 192  # pixels


def write_run_report(
    file: Path,
    record: RunRecord,
    result: Evaluation,
    images: ImageSet,
    tested: str,
    epochs: Sequence[EpochRecord] = (),
) -> None:
    """Write the page; `images` are the photos that were evaluated, `tested` says which they are.

    Raises:
        CourseError: the page can't be written.
    """
    content = render(
        "run.html.j2",
        title=f"{record.model} on {printable(images.name)}",
        record=record,
        result=result,
        tested=tested,
        curves=picture(curves_figure(epochs), _curve_words(epochs)) if epochs else None,
        figures=_figures(record, result),
        mistakes=[(mistake, _thumbnail(images, mistake)) for mistake in result.mistakes],
        percent=percent,
        shown=printable,
    )
    write_file(file, content)


def _curve_words(epochs: Sequence[EpochRecord]) -> str:
    last = epochs[-1]
    return (
        f"Loss and accuracy over {last.epoch} epochs; at the end validation loss "
        f"{last.val_loss:.3f} and accuracy {last.val_accuracy:.1%}"
    )


def _figures(record: RunRecord, result: Evaluation) -> list[Picture]:
    classes = [printable(name) for name in record.classes]
    hits = sum(row[i] for i, row in enumerate(result.confusion))
    figures = [
        picture(
            confusion_figure(np.array(result.confusion), classes),
            f"Confusion matrix: {hits} of {result.photos} photos on the diagonal",
        ),
        picture(
            reliability_figure(result.reliability),
            f"Reliability diagram: expected calibration error {result.calibration_error:.3f}",
        ),
    ]
    if result.curves:
        figures.append(
            picture(
                two_class_figure(result.curves),
                f"ROC curve, area {result.curves.roc_auc:.3f}, and precision-recall curve, average "
                f"precision {result.curves.average_precision:.3f}, for {classes[1]}",
            )
        )
    return figures


def _thumbnail(images: ImageSet, mistake: Mistake) -> Picture:
    photo = images.photo(mistake.position)
    photo.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = BytesIO()
    photo.save(buffer, format="jpeg", quality=85)
    source = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Picture(source, photo_name(images, mistake.position))


def photo_name(images: ImageSet, position: int) -> str:
    """A photo's file name as it can be printed, or its number where it has no file."""
    if isinstance(images.images, np.ndarray):
        return f"photo {position}"
    return printable(images.images[position].name)
