"""The commands that compute what takes too long for a lesson to run."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utils.cli.options import Device, Json, PrecisionOption, bars, out, print_json

if TYPE_CHECKING:
    from utils.studies.runner import Study

Results = Annotated[
    Path, typer.Option("--out", help="Where the finished study goes, for the lessons to read.")
]
Progress = Annotated[
    Path, typer.Option("--progress", help="Where finished parts are kept, to go on from.")
]

app = typer.Typer()


@app.command(rich_help_panel="Maintain")
def capstone(
    device: Device = None,
    precision: PrecisionOption = None,
    file: Results = Path("lessons/results/capstone.json"),
    folder: Progress = Path("runs/capstone"),
    as_json: Json = False,
) -> None:
    """Good or defective? ELPV by two measures, on random splits and whole modules (90 minutes)."""
    from utils.cli import terminal
    from utils.device import choose_runtime
    from utils.studies.capstone import STUDY_SETTINGS, capstone_measurements, summarise

    runtime = choose_runtime(device, precision)
    measurements = capstone_measurements(runtime)
    study = _study("capstone", STUDY_SETTINGS, measurements, runtime, folder, file, as_json)
    if not as_json:
        out.print(terminal.show_capstone(summarise(study.rows)))


@app.command(rich_help_panel="Maintain")
def data_curve(
    device: Device = None,
    precision: PrecisionOption = None,
    file: Results = Path("lessons/results/data-curve.json"),
    folder: Progress = Path("runs/data-curve"),
    as_json: Json = False,
) -> None:
    """Learn from 5 to 100 % of cells and of things, pre-trained and from scratch (80 minutes)."""
    from utils.device import choose_runtime
    from utils.studies.data_curve import curve_measurements, curve_settings

    runtime = choose_runtime(device, precision)
    measurements = curve_measurements(runtime)
    _study("data-curve", curve_settings(), measurements, runtime, folder, file, as_json)


@app.command(rich_help_panel="Maintain")
def model_table(
    device: Device = None,
    precision: PrecisionOption = None,
    file: Results = Path("lessons/results/model-table.json"),
    folder: Progress = Path("runs/model-table"),
    as_json: Json = False,
) -> None:
    """Measure accuracy, latency, parameters and memory of every model (some minutes)."""
    from utils.device import choose_runtime
    from utils.studies.model_table import BATCH, PHOTOS, SPLITS, table_measurements

    runtime = choose_runtime(device, precision)
    settings = {"batch": BATCH, "splits": SPLITS, "photos_in_training_step": PHOTOS}
    measurements = table_measurements(runtime, progress=bars)
    _study("model-table", settings, measurements, runtime, folder, file, as_json)


@app.command(rich_help_panel="Maintain")
def scaling(
    device: Device = None,
    precision: PrecisionOption = None,
    file: Results = Path("lessons/results/scaling.json"),
    folder: Progress = Path("runs/scaling"),
    as_json: Json = False,
) -> None:
    """Measure how much each speed-up gains on this machine (some minutes)."""
    from utils.device import choose_runtime
    from utils.studies.scaling import BATCH, EPOCHS, MODEL, scaling_measurements

    runtime = choose_runtime(device, precision)
    settings = {"model": MODEL, "batch": BATCH, "epochs": EPOCHS}
    _study("scaling", settings, scaling_measurements(runtime), runtime, folder, file, as_json)


def _study(
    command: str,
    settings: dict[str, Any],
    measurements: dict[str, Any],
    runtime: Any,
    folder: Path,
    file: Path,
    as_json: bool,
) -> "Study":
    from utils.studies.runner import run_study, write_study

    def say(row: dict[str, Any]) -> None:
        if not as_json:
            figures = [f"{k} {v:.3g}" for k, v in row.items() if isinstance(v, int | float)]
            out.print(f"{row['measurement']}: {', '.join(figures)}", highlight=False)

    study = run_study(command, settings, measurements, runtime, folder / "progress.json", say)
    write_study(study, file)
    if as_json:
        print_json(asdict(study))
    else:
        out.print(f"{len(study.rows)} parts in {study.minutes:.0f} minutes: {file}")
    return study
