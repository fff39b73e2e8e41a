"""The `course lessons` command: run the lessons and store their outputs."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from utils.cli.options import Json, out, print_json

app = typer.Typer()


@app.command(rich_help_panel="Maintain")
def lessons(
    names: Annotated[
        list[str] | None, typer.Argument(help="Lessons, as in 05.", show_default="all")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Lessons at a time.")] = 1,
    as_json: Json = False,
) -> None:
    """Run the lessons from top to bottom on the CPU and store their outputs; show the seconds."""
    from utils.cli import terminal
    from utils.lessons import find_lessons, run_lessons

    def say(run: Any) -> None:
        if not as_json:
            out.print(f"{run.name}: {run.seconds:.0f} s", highlight=False)

    runs = run_lessons(find_lessons(names or ()), jobs, say)
    if as_json:
        print_json({"lessons": [asdict(run) for run in runs]})
        return
    columns = ("lesson", "s", "code cells", "median lines", "p90 lines", "prose : code")
    rows = [
        (
            run.name,
            f"{run.seconds:.0f}",
            run.code_cells,
            f"{run.rhythm.median_lines:.0f}",
            f"{run.rhythm.p90_lines:.0f}",
            f"{run.rhythm.prose_per_code:.2f}",
        )
        for run in runs
    ]
    out.print(terminal.table("Lessons", columns, rows))
