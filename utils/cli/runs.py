"""The commands that use what `train` wrote: `evaluate` and `export`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from utils.cli.notices import say_several_pictures, say_skipped
from utils.cli.options import (
    Device,
    Json,
    PrecisionOption,
    bars,
    out,
    print_json,
)
from utils.errors import CourseError
from utils.files import printable

app = typer.Typer()
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="The folder that `course train` wrote.")
]


class ModelFormat(StrEnum):
    """What a classifier can be exported as."""

    ONNX = "onnx"


@dataclass(frozen=True)
class Tested:
    """Photos to evaluate on, and what they are."""

    images: Any
    words: str


@app.command(rich_help_panel="Learn")
def evaluate(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Option(
            help="A folder with one folder of new photos a class.",
            show_default="the test split of the run",
        ),
    ] = None,
    device: Device = None,
    precision: PrecisionOption = None,
    report: Annotated[
        Path | None,
        typer.Option("--out", help="The HTML page.", show_default="RUN/report.html"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how good a trained classifier is: by class, how calibrated, and where it errs."""
    from utils.cli import terminal
    from utils.cli.run_report import photo_name, write_run_report
    from utils.device import choose_runtime
    from utils.evaluation import assess
    from utils.runs.folder import load_run

    trained = load_run(run)
    runtime = choose_runtime(device, precision)
    tested = _own_test_photos(run, trained) if data is None else _new_photos(run, trained, data)
    probs = trained.probabilities(tested.images, runtime, bars)
    result = assess(probs.numpy(), tested.images.labels, trained.classes)
    page = report or run / ("report.html" if data is None else "report-new-photos.html")
    epochs = _epochs(run) if data is None else ()
    write_run_report(page, trained.record, result, tested.images, tested.words, epochs)
    names = [photo_name(tested.images, mistake.position) for mistake in result.mistakes]
    if as_json:
        print_json(_evaluation_json(result, names))
    else:
        out.print(f"{run}: {trained.model} on {tested.words}", soft_wrap=True)
        out.print(terminal.show_evaluation(result, names))
        out.print(f"Report with pictures: {page}", soft_wrap=True)


def _own_test_photos(run: Path, trained: Any) -> Tested:
    from utils.splits import describe

    images, splits = _photos_of(run, trained)
    return Tested(
        images.subset(splits.test),
        f"the test split of {printable(images.name)} ({describe(images)})",
    )


def _photos_of(run: Path, trained: Any) -> tuple[Any, Any]:
    """The photos that a run had, split as they were.

    Raises:
        CourseError: they are gone, or have changed.
    """
    from utils.cli.catalogue import chosen_images
    from utils.splits import split

    data, kept = trained.record.data, trained.record.split
    try:
        images = chosen_images(data.source, data.group_by, data.limit, kept.seed, bars)
    except CourseError as error:
        raise CourseError(
            f"The photos of {run} can't be read again ({str(error).rstrip('.')}): put them back, "
            "or evaluate others with --data FOLDER."
        ) from error
    if images.fingerprint() == data.fingerprint:
        splits = split(images, kept.seed)
        if splits.fingerprint() == kept.fingerprint:
            return images, splits
    raise CourseError(
        f"The photos in {data.source} have changed since {run} was trained: train again, or "
        "evaluate other photos with --data FOLDER."
    )


def _new_photos(run: Path, trained: Any, data: str) -> Tested:
    """Photos of the same classes, without those that the run learned from."""
    from dataclasses import replace

    from utils.cli.catalogue import DATA_SETS, load_images
    from utils.photo_folders import load_folder
    from utils.runs.folder import learned_photos

    known = data in DATA_SETS or not Path(data).is_dir()
    images = load_images(data, bars) if known else load_folder(Path(data), bars, least=1)
    say_skipped(images.skipped, len(images))
    if not known:
        say_several_pictures(images.images)
    strange = [name for name in images.classes if name not in trained.classes]
    if strange:
        raise CourseError(
            f"{data} has classes that {run} didn't learn ({', '.join(map(printable, strange))}): "
            f"call its folders {', '.join(map(printable, trained.classes))}."
        )
    positions = [trained.classes.index(name) for name in images.classes]
    labels = tuple(positions[label] for label in images.labels)
    images = replace(images, classes=trained.classes, labels=labels)
    seen = learned_photos(images, run)
    new = images.subset(i for i, learned in enumerate(seen) if not learned)
    if not len(new):
        raise CourseError(
            f"All {len(images)} photos in {data} are ones that {run} learned from: give new "
            "ones, or leave out --data for its test split."
        )
    if any(seen):
        print(
            f"{sum(seen)} of {len(images)} photos are ones that {run} learned from: they are left "
            "out.",
            file=sys.stderr,
        )
    return Tested(new, f"{len(new)} photos in {data}")


def _epochs(run: Path) -> tuple[Any, ...]:
    """The epochs of a run's training trace, for its report."""
    from utils.files import read_text
    from utils.observations import EpochRecord

    try:
        rows = json.loads(read_text(run / "trace.json"))["epochs"]
        return tuple(EpochRecord(**row) for row in rows)
    except (CourseError, ValueError, KeyError, TypeError):
        return ()  # the report does without the curves


def _evaluation_json(result: Any, names: Sequence[str]) -> dict[str, Any]:
    content = asdict(result)
    for mistake, name in zip(content["mistakes"], names, strict=True):
        mistake["photo"] = name
    return content


@app.command(rich_help_panel="Learn")
def export(
    run: RunArgument,
    form: Annotated[ModelFormat, typer.Option("--format", help="As what.")] = ModelFormat.ONNX,
    int8: Annotated[
        bool, typer.Option("--int8", help="Write a form in 8-bit integers too, and what it costs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a trained classifier as a file that other programs run, compared with PyTorch."""
    from utils.engines.onnx import OPSET
    from utils.features import CALIBRATION
    from utils.runs.export import compare, export_onnx, load_onnx, quantize_onnx
    from utils.runs.folder import load_run

    trained = load_run(run)
    images, splits = _photos_of(run, trained)
    tested, learned = images.subset(splits.test), images.subset(splits.train)
    file = run / "model.onnx"
    export_onnx(trained, file)
    written = {file: compare(load_onnx(file), trained, tested)}
    if int8:
        small = run / "model.int8.onnx"
        quantize_onnx(load_onnx(file), learned, small)
        written[small] = compare(load_onnx(small), trained, tested)
    if as_json:
        print_json(
            {
                "format": form.value,
                "opset": OPSET,
                "files": [{"file": str(f), **asdict(d)} for f, d in written.items()],
            }
        )
        return
    side = trained.record.preprocessing.crop
    out.print(
        f"ONNX, opset {OPSET}: bytes (uint8, N×3×{side}×{side}, RGB) → logits (N×"
        f"{len(trained.classes)}), for any N. Inside: normalisation. Beside it, in the metadata "
        f"'vision_course': classes, and how to resize and crop ({trained.record.preprocessing}).",
        highlight=False,
    )
    for path, found in written.items():
        calibrated = f", calibrated on {min(CALIBRATION, len(learned))} training photos"
        out.print(
            f"{path}{calibrated if 'int8' in path.name else ''}: {path.stat().st_size / 1e6:.1f} "
            f"MB; beside PyTorch on the {found.photos} test photos: largest difference of a logit "
            f"{found.largest:.2g}, {found.changed} answers changed, accuracy {found.accuracy:.1%} "
            f"(PyTorch {found.accuracy_torch:.1%})",
            highlight=False,
            soft_wrap=True,
        )
