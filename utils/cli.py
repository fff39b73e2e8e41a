"""The `course` command. Only this module prints; the heavy imports wait for their command."""

import io
import json
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from tqdm import tqdm

from utils.errors import CourseError

app = typer.Typer(
    help="Follow a photo through ResNet, VGG and EfficientNet, and watch each one learn.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
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
    typer.Option(help="A folder of photos; each folder is drawn from as often as the others."),
]
Cutouts = Annotated[
    list[Path], typer.Option(help="A folder of pictures of objects on a transparent ground.")
]
Limit = Annotated[str, typer.Option(help="How many photos, drawn by class; or all.")]
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the training photos.")]


@app.command()
def trace(
    photo: Annotated[
        Path | None, typer.Argument(help="A photo.", show_default="scikit-image's cat")
    ] = None,
    family: Annotated[str, typer.Option(help="resnet, vgg, efficientnet or all.")] = "all",
    data: Data = "elpv",
    epochs: Epochs = 5,
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
    from utils import backbones, terminal, tracing
    from utils.datasets import limit as limited
    from utils.datasets import load_images
    from utils.device import choose_runtime
    from utils.images import open_photo, sample_photo
    from utils.models import FAMILIES, find_family
    from utils.report import write_report
    from utils.training import TrainingConfig

    families = FAMILIES if family == "all" else (find_family(family),)
    weights = backbones.choose_weights(weights)
    runtime = choose_runtime(device, precision)
    photo = photo or sample_photo()
    open_photo(photo)  # a bad photo is told before minutes of training
    everything = load_images(data, bars)
    _say_skipped(everything)
    images = limited(everything, _count(limit), seed)
    if not as_json:
        out.print(
            f"Photo {photo.name} · {images.name}: {len(images)} of {len(everything)} "
            f"photos · {runtime}"
        )
    runs = []
    for name in families:
        run = tracing.trace_family(
            name, photo, images, runtime, weights, TrainingConfig(epochs=epochs, seed=seed), bars
        )
        runs.append(run)
        if not as_json:
            out.print(terminal.show_run(run, out.width))
    write_report(runs, photo, report)
    if as_json:
        _print_json({"runs": [run.to_json() for run in runs]})
    else:
        out.print(f"Report with pictures: {report}")


@app.command()
def predict(
    photos: Annotated[list[Path], typer.Argument(help="One or more photos.")],
    model: Annotated[str, typer.Option(help="See `course weights`.")] = "efficientnet_lite0",
    top: Annotated[int, typer.Option(min=1, max=1000, help="How many classes.")] = 5,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Name what is on each photo, with probabilities over the 1000 ImageNet classes."""
    from utils import terminal
    from utils.backbones import load_backbone
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
        _print_json(
            {
                "model": model,
                "weights": backbone.weights,
                "photos": [
                    {"photo": str(photo), "top": [asdict(p) for p in best]} for photo, best in found
                ],
            }
        )
    elif found:
        out.print(terminal.weights_line(backbone.weights, backbone.untrained))
        for photo, best in found:
            out.print(f"\n{photo}", style="bold", soft_wrap=True)
            out.print(terminal.show_top("Top classes", best))
    if failures:
        raise CourseError(" ".join(failures))


@app.command()
def train(
    model: Annotated[str, typer.Option(help="See `course weights`.")],
    data: Data = "elpv",
    mode: Annotated[str, typer.Option(help="head, last-block or full.")] = "head",
    epochs: Epochs = 5,
    batch_size: Annotated[int, typer.Option(min=1, help="Photos a step.")] = 32,
    lr: Annotated[
        float, typer.Option(min=0, max=1e30, help="Highest learning rate of the head.")
    ] = 3e-3,
    lr_backbone: Annotated[
        float, typer.Option(min=0, max=1e30, help="That of the backbone.")
    ] = 1e-4,
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
    device: Device = None,
    precision: PrecisionOption = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Where checkpoints and trace go.", show_default="runs/MODEL-DATA-MODE"
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last epoch.")] = False,
    as_json: Json = False,
) -> None:
    """Teach a model the classes of a data set; keep a checkpoint each epoch, and the trace."""
    from utils import terminal, training
    from utils.backbones import load_backbone
    from utils.checkpoints import Checkpoints
    from utils.datasets import limit as limited
    from utils.datasets import load_images
    from utils.device import choose_runtime
    from utils.files import write_file

    config = training.TrainingConfig(
        mode=mode,
        epochs=epochs,
        batch_size=batch_size,
        lr_head=lr,
        lr_backbone=lr_backbone,
        patience=patience,
        seed=seed,
    )
    training.check_mode(mode)
    runtime = choose_runtime(device, precision)
    backbone = load_backbone(model, weights)
    images = load_images(data, bars)
    _say_skipped(images)
    images = limited(images, _count(limit), seed)
    folder = folder or Path("runs") / f"{model}-{images.name}-{mode}"

    def say(row: Any) -> None:
        if not as_json:
            out.print(f"epoch {row.epoch}/{epochs}: {row.observation}", highlight=False)

    if not as_json:
        out.print(terminal.weights_line(backbone.weights, backbone.untrained))
    result, _ = training.train(
        backbone, images, config, runtime, Checkpoints(folder), resume, say, bars
    )
    content = json.dumps(asdict(result), indent=2)
    write_file(folder / "trace.json", content)
    if as_json:
        print(content)
    else:
        out.print(terminal.show_training(result, out.width))
        out.print(f"Best weights, checkpoint and trace: {folder}")


@app.command()
def distill(
    student: Annotated[str, typer.Option(help="resnet18 or vgg11_bn.")],
    photos: Photos,
    cutouts: Cutouts,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="About how long; this machine's speed is measured first."),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(min=1, help="Or how many compositions.", show_default="300000"),
    ] = None,
    start: Annotated[
        bool, typer.Option("--start", help="Begin with the weights that the course has.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on after a stop, with the settings of that run.")
    ] = False,
    seed: Seed = 0,
    device: Device = None,
    precision: PrecisionOption = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Where progress and weights go.", show_default="runs/distill-STUDENT"
        ),
    ] = None,
    publish: Annotated[
        Path | None,
        typer.Option(help="Put the weights into this folder too, and list them in SHA256SUMS."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make offline weights: a student learns from EfficientNet-Lite0, on unlabelled pictures."""
    from utils import distill as distillation
    from utils.checkpoints import Checkpoints
    from utils.compositions import load_pictures
    from utils.device import choose_runtime

    if minutes and images:
        raise CourseError("Both --minutes and --images were given: give one of them.")
    runtime = choose_runtime(device, precision)
    config = distillation.configure(student, runtime, images, start, seed)
    folder = folder or Path("runs") / f"distill-{student}"
    if resume:
        config = distillation.kept_config(folder, student)
    pictures = load_pictures(photos, cutouts, bars)
    if minutes and not resume:
        steps = distillation.steps_in(minutes, config, pictures[0], runtime)
        config = replace(config, steps=steps)
    distillation.keep_config(config, folder)

    def say(row: Any) -> None:
        if not as_json:
            out.print(
                f"{row.images:,} images: hints {', '.join(f'{h:.2f}' for h in row.hints)}; "
                f"divergence {row.divergence:.2f}; agreement {row.agreement:.1%}",
                highlight=False,
            )

    if not as_json:
        out.print(
            f"{config.steps * config.batch_size:,} compositions, {runtime}; progress in {folder}"
        )
    made, state = distillation.distill(
        config, pictures, runtime, Checkpoints(folder), resume, say, bars
    )
    for place in filter(None, (folder, publish)):
        distillation.write_student(made, state, place)
    if as_json:
        _print_json(asdict(made))
    else:
        out.print(f"Weights after {made.minutes:.0f} minutes: {publish or folder}")


@app.command()
def weights(
    download: Annotated[
        str | None,
        typer.Option(help="Fetch the official weights of resnet, vgg, efficientnet or all."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which weights are on this machine, or download the official ones."""
    from utils import health, terminal
    from utils.models import FAMILIES, MODELS, TEXTBOOK, find_family
    from utils.weights import download_official

    if download:
        families = FAMILIES if download == "all" else (find_family(download),)
        for family in families:
            file = download_official(MODELS[TEXTBOOK[family]].enum)
            if not as_json:
                out.print(f"{family}: {file}")
    rows = health.weights_status()
    if as_json:
        _print_json({"models": [asdict(row) for row in rows]})
    else:
        out.print(
            terminal.table(
                "Weights",
                ("model", "source", "here", "where or what to do"),
                [(r.name, r.source, r.state, r.detail) for r in rows],
            )
        )


@app.command()
def weights_report(
    photos: Photos,
    cutouts: Cutouts,
    device: Device = None,
    precision: PrecisionOption = None,
    folder: Annotated[Path, typer.Option("--out", help="Where report.json and cards go.")] = Path(
        "weights"
    ),
    as_json: Json = False,
) -> None:
    """Measure the course's own weights on what they were not trained on; write their cards."""
    from utils import terminal
    from utils.compositions import load_pictures
    from utils.device import choose_runtime
    from utils.weights_report import measure, write_report

    runtime = choose_runtime(device, precision)
    report = measure(load_pictures(photos, cutouts, bars)[1], runtime, bars)
    write_report(report, folder)
    if as_json:
        _print_json(asdict(report))
    else:
        out.print(terminal.show_qualities(report))
        out.print(f"Report and cards: {folder}")


@app.command()
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete the cached features.")] = False,
    as_json: Json = False,
) -> None:
    """Show or clear the features kept on disk."""
    from utils import features

    files, size = features.clear_cache() if clear else features.cache_size()
    folder = features.features_folder()
    if as_json:
        _print_json({"folder": str(folder), "files": files, "bytes": size, "cleared": clear})
    else:
        verb = "Cleared" if clear else "Holding"
        out.print(f"{verb} {files} files, {size / 1e6:.1f} MB, in {folder}", highlight=False)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check Python, torch, device, weights and data: what is there, and what to do if not."""
    from utils import health, terminal

    checks = health.examine()
    if as_json:
        _print_json({"checks": [asdict(check) for check in checks]})
    else:
        out.print(
            terminal.table(
                "Doctor", ("what", "state", "detail"), [(c.name, c.state, c.detail) for c in checks]
            )
        )
    if any(check.state == "broken" for check in checks):
        raise CourseError("Something above is broken: do what its line says.")


def _count(limit: str) -> int | None:
    if limit == "all":
        return None
    if not limit.isdecimal() or int(limit) == 0:
        raise CourseError(f"--limit '{limit}' is neither a number of photos nor all.")
    return int(limit)


def _say_skipped(images: Any) -> None:
    if not images.skipped:
        return
    names = ", ".join(str(path) for path in images.skipped[:5])
    more = f" and {len(images.skipped) - 5} more" if len(images.skipped) > 5 else ""
    print(f"Skipped {len(images.skipped)} unreadable photos: {names}{more}", file=sys.stderr)


def _print_json(content: dict[str, Any]) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False))


def main() -> None:
    """Run the command; a CourseError ends it with its sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a Windows pipe can't show every character
            stream.reconfigure(errors="replace")
    try:
        app()
    except CourseError as error:
        Console(stderr=True, soft_wrap=True).print(
            str(error), style="red", markup=False, highlight=False
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
