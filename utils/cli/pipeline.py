"""The commands of the pipeline: `trace` and `train`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from utils.cli.notices import say_dubious, say_skipped
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
    say_skipped(everything.skipped, len(everything))
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
def train(
    model: Annotated[
        str,
        typer.Option(help="See `course weights`; also torchvision:NAME and timm:NAME."),
    ],
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
    class_weights: Annotated[
        bool,
        typer.Option(
            "--class-weights", help="Make each class count alike, however few its photos."
        ),
    ] = False,
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
    from utils.cli.catalogue import DATA_SETS, chosen_images, full_grouping, full_source
    from utils.cli.run_report import write_run_report
    from utils.device import INT8, choose_runtime
    from utils.features import check_int8
    from utils.files import write_file
    from utils.runs.folder import Source, clear_results, keep_run, whole_classifier
    from utils.splits import split

    config = training.TrainingConfig(
        mode=mode.value,
        epochs=epochs,
        batch_size=batch_size,
        lr_head=lr,
        lr_backbone=lr_backbone,
        patience=patience,
        class_weights=class_weights,
        seed=seed,
    )
    runtime = choose_runtime(device, precision, frozen=mode is Mode.HEAD)
    backbone = load_backbone(model, weights)
    images = chosen_images(data, group_by, count_photos(limit), seed, bars)
    say_skipped(images.skipped, len(images))
    if data not in DATA_SETS:
        say_dubious(images, seed, class_weights)
    folder = folder or Path("runs") / f"{model}-{images.name}-{mode.value}"
    checkpoints = Checkpoints(folder, resume=resume)
    if checkpoints.last.exists() and not (resume or overwrite):
        raise CourseError(
            f"{folder} holds an earlier run: give this one another folder with --out, go on with "
            "that one with --resume, or replace it with --overwrite."
        )
    frozen = backbone.fingerprint()  # some modes change the backbone

    def say(row: Any) -> None:
        clear_results(folder)  # now that its weights are replaced
        if not as_json:
            out.print(f"epoch {row.epoch}/{epochs}: {row.observation}", highlight=False)

    if not as_json:
        out.print(terminal.weights_line(str(backbone.weights), backbone.weights.trained))
    if runtime.precision == INT8:
        found = check_int8(backbone, images, split(images, seed), runtime, bars)
        print(f"Accuracy {found}.", file=sys.stderr)
    reporter = training.Reporter(say, bars)
    result, learned = training.train(backbone, images, config, runtime, checkpoints, reporter)
    content = json.dumps(asdict(result), indent=2)
    write_file(folder / "trace.json", content)
    source = Source(
        data=full_source(data),
        group_by=full_grouping(group_by),
        limit=count_photos(limit),
        backbone=frozen,
    )
    classifier = whole_classifier(backbone, learned)
    record, found = keep_run(folder, classifier, images, result, seed, runtime, source)
    tested = images.subset(split(images, seed).test)
    write_run_report(folder / "report.html", record, found, tested, "the test split", result.epochs)
    if as_json:
        print(content)
    else:
        out.print(terminal.show_training(result, out.width))
        out.print(
            f"Classifier, report and trace: {folder}. Ask it: course predict PHOTO --run {folder}",
            soft_wrap=True,
        )
