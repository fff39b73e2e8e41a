"""The commands `course cache` and `course doctor`: what lies on this machine, and what is wrong."""

from dataclasses import asdict
from typing import Annotated

import typer

from utils.cli.options import Json, out, print_json
from utils.errors import CourseError

app = typer.Typer()


@app.command(rich_help_panel="Maintain")
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete them.")] = False,
    as_json: Json = False,
) -> None:
    """Show or clear the features and converted models kept on disk."""
    from utils import features
    from utils.settings import Settings

    files, size = features.clear_cache() if clear else features.cache_size()
    folder = Settings().cache
    if as_json:
        print_json({"folder": str(folder), "files": files, "bytes": size, "cleared": clear})
    else:
        verb = "Cleared" if clear else "Holding"
        out.print(
            f"{verb} {files} files of features and converted models, {size / 1e6:.1f} MB, in "
            f"{folder}",
            highlight=False,
            soft_wrap=True,
        )


@app.command(rich_help_panel="Maintain")
def doctor(as_json: Json = False) -> None:
    """Check Python, torch, device, weights and data: what is there, and what to do if not."""
    from utils.cli import doctor as checkup
    from utils.cli import terminal

    checks = checkup.examine()
    if as_json:
        print_json({"checks": [asdict(check) for check in checks]})
    else:
        out.print(
            terminal.table(
                "Doctor", ("what", "state", "detail"), [(c.name, c.state, c.detail) for c in checks]
            )
        )
    if any(check.state == "broken" for check in checks):
        raise CourseError("Something above is broken: do what its line says.")
