"""The command `predict`: by a trained classifier, or by ImageNet's 1000 classes."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from utils.cli.notices import say_several_pictures, say_skipped
from utils.cli.options import Json, Weights, bars, out, print_json
from utils.errors import CourseError
from utils.files import printable, write_file

app = typer.Typer()
NONE = "none of these"


@dataclass(frozen=True)
class Answer:
    """What was found on one photo: the classes, best first, and whether none was sure enough."""

    photo: Path
    top: Sequence[Any]
    rejected: bool = False

    @property
    def label(self) -> str:
        return NONE if self.rejected else self.top[0].label


@dataclass(frozen=True)
class Answers:
    """The answers of one model, with what is said of it."""

    model: str
    weights: str
    trained: bool
    note: str
    photos: Sequence[Answer]


@app.command(rich_help_panel="Learn")
def predict(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    run: Annotated[
        Path | None,
        typer.Option(help="A folder that `course train` wrote, or an exported ONNX file."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="See `course weights`.", show_default="efficientnet_lite0"),
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=1000, help="How many classes.")] = 5,
    reject: Annotated[
        bool,
        typer.Option(
            "--reject",
            help=f'Answer "{NONE}" below a probability that kept 95 % of the right answers on the '
            "run's validation photos.",
        ),
    ] = False,
    table: Annotated[
        Path | None, typer.Option("--csv", help="Write file, class and probability here.")
    ] = None,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Name what is on each photo: with --run its classes, else the 1000 of ImageNet."""
    if run and (model or weights):
        raise CourseError("--run brings its own model: leave out --model and --weights.")
    if reject and not run:
        raise CourseError("--reject needs --run: its threshold was chosen on that run's photos.")
    files, failures = _photos(photos)
    if run:
        found = _by_run(run, files, top, reject)
    else:
        found = _by_imagenet(model or "efficientnet_lite0", weights, files, top)
    if table:
        _write_table(found.photos, table)
    if as_json:
        print_json(_as_json(found, reject))
    elif files:
        _show(found)
    if table and not as_json:
        out.print(f"Table: {table}")
    if failures:
        raise CourseError(" ".join(failures))


def _photos(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The photos that can be read, in folders too, and a sentence for each that can't.

    Of a folder, files that aren't photos are counted and named instead.
    """
    from utils.images import open_photo
    from utils.photo_folders import photo_files, readable

    files, failures = [], []
    for path in paths:
        if path.is_dir():
            found = photo_files(path)
            good = readable(found, bars)
            kept = set(good)
            say_skipped([file for file in found if file not in kept], len(good))
            files += good
            if not good:
                failures.append(f"{path} holds no photos: give another folder.")
            continue
        try:
            open_photo(path)
        except CourseError as error:
            failures.append(str(error))
        else:
            files.append(path)
    say_several_pictures(files)
    return files, failures


def _by_imagenet(model: str, weights: Any, files: Sequence[Path], top: int) -> Answers:
    from utils.backbones import load_backbone
    from utils.images import open_photo
    from utils.tracing import trace_photo

    backbone = load_backbone(model, weights)
    answers = [Answer(f, trace_photo(backbone, open_photo(f), top).top) for f in files]
    used = backbone.weights
    return Answers(model, str(used), used.trained, backbone.naming_note, answers)


def _by_run(run: Path, files: Sequence[Path], top: int, reject: bool) -> Answers:
    from utils.classifier import top_k
    from utils.device import choose_runtime
    from utils.photo_folders import unlabelled

    classifier, answers = _load(run), []
    if files:
        runtime = choose_runtime()
        probs = classifier.probabilities(unlabelled(files), runtime, bars)
        answers = [
            Answer(
                file,
                top_k(row, classifier.classes, top),
                reject and float(row.max()) < classifier.reject_below,
            )
            for file, row in zip(files, probs, strict=True)
        ]
    return Answers(classifier.model, f"trained here ({run})", True, "", answers)


def _load(run: Path) -> Any:
    """The classifier of a run folder or of an exported file."""
    from utils.runs.export import load_onnx
    from utils.runs.folder import load_run

    return load_onnx(run) if run.suffix.lower() == ".onnx" else load_run(run)


def _as_json(found: Answers, reject: bool) -> dict[str, Any]:
    photos = [
        {"photo": printable(str(answer.photo)), "top": [asdict(p) for p in answer.top]}
        | ({"rejected": answer.rejected} if reject else {})
        for answer in found.photos
    ]
    return {"model": found.model, "weights": found.weights, "note": found.note, "photos": photos}


def _write_table(answers: Sequence[Answer], file: Path) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("file", "class", "probability"))
    for answer in answers:
        label, sure = printable(answer.label), f"{answer.top[0].probability:.4f}"
        writer.writerow((printable(str(answer.photo)), label, sure))
    write_file(file, text.getvalue())


def _show(found: Answers) -> None:
    from utils.cli import terminal

    out.print(terminal.weights_line(found.weights, found.trained))
    for answer in found.photos:
        out.print(f"\n{printable(str(answer.photo))}", style="bold", soft_wrap=True)
        if answer.rejected:
            out.print(f"{NONE}: no class is probable enough")
        out.print(terminal.show_top("Top classes", answer.top))
    if found.note:
        out.print(f"\n{found.note}", highlight=False)
