"""What lessons show: figures with a description, tables, training traces, kept results, quizzes."""

import json
import re
from collections.abc import Iterable, Sequence
from io import BytesIO
from statistics import mean
from typing import TYPE_CHECKING, Any

from IPython.display import Image, Markdown
from matplotlib.figure import Figure

from utils.errors import CourseError
from utils.settings import PROJECT

if TYPE_CHECKING:  # torch takes seconds to import, and most of this module doesn't need it
    from utils.studies.pretraining import TransferAccuracy
    from utils.training import TrainingTrace

RESULTS = PROJECT / "lessons" / "results"
LARGEST = 140_000  # bytes: a stored picture is a third longer, and must stay below 200 KB
NUMBER = re.compile(r"[+\-−<≤≥~]?\d|–$|$")  # how a number, or one that isn't there, begins
WIDTH = 800  # pixels: readable at 100 % in the column of a notebook
# Format and pixels stored for each pixel shown, for fine screens: the first that isn't too large.
ENCODINGS = (("png", 2), ("png", 1.5), ("jpeg", 2), ("jpeg", 1))


def show(figure: Figure, alt: str) -> Image:
    """Show a figure as a picture with its description as alt text.

    PNG, or JPEG where a photo would make the PNG too large; less sharp if that is too large too.
    """
    for kind, scale in ENCODINGS:
        content = _encoded(figure, kind, scale)
        if len(content) <= LARGEST:
            break
    return Image(content, format=kind, alt=alt, width=WIDTH)


def _encoded(figure: Figure, kind: str, scale: float) -> bytes:
    buffer, options = BytesIO(), {"pil_kwargs": {"quality": 85}} if kind == "jpeg" else {}
    figure.savefig(buffer, format=kind, dpi=scale * WIDTH / figure.get_figwidth(), **options)
    return buffer.getvalue()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Markdown:
    """A table of words and numbers; columns of numbers are aligned at the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    numbers = [all(map(NUMBER.match, column)) for column in zip(*cells, strict=True)]
    marks = ["---:" if is_number else "---" for is_number in numbers or [False] * len(columns)]
    lines = [columns, marks, *cells]
    return Markdown("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))


def training_table(trace: "TrainingTrace") -> Markdown:
    """Tabulate a training trace, one row per epoch with its observation, and the test accuracy.

    Seconds are left out: they differ from run to run.
    """
    rows = [
        (
            row.epoch,
            f"{row.train_loss:.3f}",
            f"{row.val_loss:.3f}",
            f"{row.val_accuracy:.1%}",
            f"{row.lr:.2e}",
            row.observation,
        )
        for row in trace.epochs
    ]
    head = ("epoch", "train loss", "val loss", "val accuracy", "peak learning rate", "observation")
    result = (
        f"**{trace.model}** ({trace.weights}), mode {trace.mode}, on {trace.n_train} training and "
        f"{trace.n_val} validation photos, {trace.split}. Best epoch {trace.best_epoch}; "
        f"test accuracy **{trace.test_accuracy:.1%}** on {trace.n_test} photos ({trace.floors})."
    )
    return Markdown(f"{table(head, rows).data}\n\n{result}")


def transfer_table(worth: "TransferAccuracy") -> Markdown:
    """Compare converged heads with and without pre-training, one row per split, and conclude."""
    columns = (worth.floor, worth.untrained, worth.pretrained)
    rows = [
        (seed, *(f"{accuracy:.1%}" for accuracy in row), f"{gain:+.1f}")
        for seed, (*row, gain) in enumerate(zip(*columns, worth.gains, strict=True))
    ]
    means = (*(f"{mean(column):.1%}" for column in columns), f"{mean(worth.gains):+.1f}")
    head = ("split", "largest class alone", "untrained", "pre-trained", "gain in points")
    result = f"**{worth.model}**, {worth.dataset}. {worth.sentence}"
    return Markdown(f"{table(head, [*rows, ('mean', *means)]).data}\n\n{result}")


def read_results(name: str) -> dict[str, Any]:
    """What a long computation found, from `lessons/results/`.

    Raises:
        CourseError: there is no such file, or it is damaged.
    """
    file = RESULTS / f"{name}.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CourseError(
            f"{file} is missing or damaged: restore it with `git checkout lessons/results`, or "
            f"compute it with `course {name}`."
        ) from error


def provenance(results: dict[str, Any]) -> Markdown:
    """State that results were kept from an earlier run, and how and where they were computed."""
    return Markdown(
        f"*Kept results, not computed just now: `course {results['command']}`, "
        f"{results['minutes']:.0f} minutes on {results['machine']} ({results['runtime']}).*"
    )
