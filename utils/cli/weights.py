"""The commands that look after weights: `weights`, `distill`, `weights-report`."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from utils.cli.options import (
    Cutouts,
    Device,
    Json,
    Photos,
    PrecisionOption,
    Seed,
    bars,
    out,
    print_json,
)
from utils.errors import CourseError

app = typer.Typer()


@app.command(rich_help_panel="Maintain")
def distill(
    student: Annotated[str, typer.Option(help="resnet18 or vgg11_gap.")],
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
    from utils.checkpoints import Checkpoints
    from utils.device import choose_runtime
    from utils.distillation import distill as distillation
    from utils.distillation.config import configure, keep_config, kept_config
    from utils.distillation.pictures import load_pictures, write_list

    if minutes and images:
        raise CourseError("Both --minutes and --images were given: give one of them.")
    runtime = choose_runtime(device, precision)
    config = configure(student, runtime, images, start, seed)
    folder = folder or Path("runs") / f"distill-{student}"
    if resume:
        config = kept_config(folder, student)
    pictures = load_pictures(photos, cutouts, bars)
    if minutes and not resume:
        steps = distillation.steps_in(minutes, config, pictures[0], runtime)
        config = replace(config, steps=steps)
    keep_config(config, folder)

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
        config, pictures, runtime, Checkpoints(folder, resume=resume), say, bars
    )
    for place in filter(None, (folder, publish)):
        distillation.write_student(made, state, place)
        write_list(student, pictures, config.start == "untrained", place)
    if as_json:
        print_json(asdict(made))
    else:
        out.print(f"Weights after {made.minutes:.0f} minutes: {publish or folder}")


@app.command(rich_help_panel="Learn")
def weights(
    download: Annotated[
        str | None,
        typer.Option(
            help="Fetch the official weights of resnet, vgg, efficientnet or all, or those of "
            "torchvision:NAME or timm:NAME."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which weights are on this machine, or download the official ones."""
    from utils.cli import doctor, terminal

    if download:
        for name in _downloads(download):
            file = _fetch(name)
            if not as_json:
                out.print(f"{name}: {file}")
    rows = doctor.weights_status()
    if as_json:
        print_json({"models": [asdict(row) for row in rows]})
    else:
        out.print(
            terminal.table(
                "Weights",
                ("model", "source", "here", "where or what to do"),
                [(r.name, r.source, r.state, r.detail) for r in rows],
            )
        )


def _downloads(wanted: str) -> tuple[str, ...]:
    from utils.models import FAMILIES, find_family
    from utils.models.library import is_library_name

    if is_library_name(wanted):
        return (wanted,)
    return FAMILIES if wanted == "all" else (find_family(wanted),)


def _fetch(name: str) -> Path:
    """Download the weights of a family's textbook model, or of a library's model."""
    from utils.models import MODELS, TEXTBOOK, find_model
    from utils.models.library import download_timm
    from utils.weights import download_official

    spec = MODELS[TEXTBOOK[name]] if name in TEXTBOOK else find_model(name)
    return download_official(spec.enum) if spec.enum else download_timm(name)


@app.command(rich_help_panel="Maintain")
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
    from utils.cli import terminal
    from utils.device import choose_runtime
    from utils.distillation.evaluation import measure, write_report
    from utils.distillation.pictures import load_pictures_of
    from utils.distillation.student import STUDENTS

    runtime = choose_runtime(device, precision)
    report = measure(load_pictures_of(STUDENTS, photos, cutouts, bars), runtime, bars)
    write_report(report, folder)
    if as_json:
        print_json(asdict(report))
    else:
        out.print(terminal.show_qualities(report))
        out.print(f"Report and cards: {folder}")
