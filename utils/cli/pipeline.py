"""The commands of the pipeline: `trace`, `predict`, `train`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from utils.cli.options import (
    DEFAULTS,
    Data,
    Device,
    Epochs,
    Json,
    Limit,
    PrecisionOption,
    Seed,
    Weights,
    bars,
    count_photos,
    out,
    print_json,
    say_leaks,
    say_skipped,
)
from utils.errors import CourseError
from utils.settings import Mode

app = typer.Typer()


@app.command(rich_help_panel="Learn")
def trace(
    photo: Annotated[
        Path | None, typer.Argument(help="A photo.", show_default="scikit-image's cat")
    ] = None,
    family: Annotated[str, typer.Option(help="resnet, vgg, efficientnet or all.")] = "all",
    data: Data = "elpv",
    epochs: Epochs = DEFAULTS.epochs,
    weights: Weights = None,
    seed: Seed = 0,
    limit: Limit = "600",
    device: Device = None,
    precision: PrecisionOption = None,
    report: Annotated[Path, typer.Option("--out", help="The HTML page.")] = Path(
        "reports/trace.html"
    ),
    as_json: Json = False,
) -> None:
    """Trace a photo through the three stages, and a head through its epochs, for each family."""
    from utils import backbones
    from utils.cli import terminal
    from utils.cli.catalogue import load_images
    from utils.cli.html_report import write_report
    from utils.device import choose_runtime
    from utils.images import open_photo, sample_photo
    from utils.models import FAMILIES, find_family
    from utils.splits import limit as limited
    from utils.studies.family_run import trace_family
    from utils.training import TrainingConfig

    families = FAMILIES if family == "all" else (find_family(family),)
    weights = backbones.choose_weights(weights)
    runtime = choose_runtime(device, precision)
    photo = photo or sample_photo()
    opened = open_photo(photo)  # report a bad photo before minutes of training
    everything = load_images(data, bars)
    say_skipped(everything)
    images = limited(everything, count_photos(limit), seed)
    if not as_json:
        out.print(
            f"Photo {photo.name} · {images.name}: {len(images)} of {len(everything)} "
            f"photos · {runtime}"
        )
    runs = []
    for name in families:
        run = trace_family(
            name, opened, images, runtime, weights, TrainingConfig(epochs=epochs, seed=seed), bars
        )
        runs.append(run)
        if not as_json:
            out.print(terminal.show_run(run, out.width))
    write_report(runs, photo, report)
    if as_json:
        print_json({"runs": [run.to_json() for run in runs]})
    else:
        out.print(f"Report with pictures: {report}")


@app.command(rich_help_panel="Learn")
def predict(
    photos: Annotated[list[Path], typer.Argument(help="One or more photos.")],
    model: Annotated[str, typer.Option(help="See `course weights`.")] = "efficientnet_lite0",
    top: Annotated[int, typer.Option(min=1, max=1000, help="How many classes.")] = 5,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Name what is on each photo, with probabilities over the 1000 ImageNet classes."""
    from utils.backbones import load_backbone
    from utils.cli import terminal
    from utils.images import open_photo
    from utils.tracing import trace_photo

    backbone = load_backbone(model, weights)
    found, failures = [], []
    for photo in photos:
        try:
            found.append((photo, trace_photo(backbone, open_photo(photo), top).top))
        except CourseError as error:
            failures.append(str(error))
    if as_json:
        print_json(
            {
                "model": model,
                "weights": str(backbone.weights),
                "note": backbone.naming_note,
                "photos": [
                    {"photo": str(photo), "top": [asdict(p) for p in best]} for photo, best in found
                ],
            }
        )
    elif found:
        out.print(terminal.weights_line(str(backbone.weights), backbone.weights.trained))
        for photo, best in found:
            out.print(f"\n{photo}", style="bold", soft_wrap=True)
            out.print(terminal.show_top("Top classes", best))
        if backbone.naming_note:
            out.print(f"\n{backbone.naming_note}", highlight=False)
    if failures:
        raise CourseError(" ".join(failures))


@app.command(rich_help_panel="Learn")
def train(
    model: Annotated[str, typer.Option(help="See `course weights`.")],
    data: Data = "elpv",
    mode: Annotated[Mode, typer.Option(help="What learns.")] = Mode.HEAD,
    epochs: Epochs = DEFAULTS.epochs,
    batch_size: Annotated[int, typer.Option(min=1, help="Photos a step.")] = DEFAULTS.batch_size,
    lr: Annotated[
        float, typer.Option(min=0, max=1e30, help="Highest learning rate of the head.")
    ] = DEFAULTS.lr_head,
    lr_backbone: Annotated[
        float, typer.Option(min=0, max=1e30, help="That of the backbone.")
    ] = DEFAULTS.lr_backbone,
    patience: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Stop after so many epochs without a better validation loss.",
            show_default="never",
        ),
    ] = None,
    weights: Weights = None,
    seed: Seed = 0,
    limit: Limit = "all",
    group_by: Annotated[
        str | None,
        typer.Option(
            help="What a split of your own folder keeps together: folder (below a class's), prefix "
            "(file names up to the last _, -, space or .), or a CSV file with columns file,group.",
            show_default="identical files",
        ),
    ] = None,
    device: Device = None,
    precision: PrecisionOption = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Where checkpoints and trace go.", show_default="runs/MODEL-DATA-MODE"
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last epoch.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run in that folder.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Teach a model the classes of a data set; keep a checkpoint each epoch, and the trace."""
    from utils import training
    from utils.backbones import load_backbone
    from utils.checkpoints import Checkpoints
    from utils.cli import terminal
    from utils.cli.catalogue import DATA_SETS, load_images
    from utils.device import choose_runtime
    from utils.files import write_file
    from utils.splits import group_photos
    from utils.splits import limit as limited

    config = training.TrainingConfig(
        mode=mode.value,
        epochs=epochs,
        batch_size=batch_size,
        lr_head=lr,
        lr_backbone=lr_backbone,
        patience=patience,
        seed=seed,
    )
    runtime = choose_runtime(device, precision)
    backbone = load_backbone(model, weights)
    images = load_images(data, bars)
    say_skipped(images)
    if group_by:
        images = group_photos(images, group_by, Path(data))
    images = limited(images, count_photos(limit), seed)
    say_leaks(images, seed, own=data not in DATA_SETS)
    folder = folder or Path("runs") / f"{model}-{images.name}-{mode.value}"
    checkpoints = Checkpoints(folder, resume=resume)
    if checkpoints.last.exists() and not (resume or overwrite):
        raise CourseError(
            f"{folder} holds an earlier run: give this one another folder with --out, go on with "
            "that one with --resume, or replace it with --overwrite."
        )

    def say(row: Any) -> None:
        if not as_json:
            out.print(f"epoch {row.epoch}/{epochs}: {row.observation}", highlight=False)

    if not as_json:
        out.print(terminal.weights_line(str(backbone.weights), backbone.weights.trained))
    reporter = training.Reporter(say, bars)
    result, _ = training.train(backbone, images, config, runtime, checkpoints, reporter)
    content = json.dumps(asdict(result), indent=2)
    write_file(folder / "trace.json", content)
    if as_json:
        print(content)
    else:
        out.print(terminal.show_training(result, out.width))
        out.print(f"Best weights, checkpoint and trace: {folder}")
