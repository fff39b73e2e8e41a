"""What a benchmark found: records first, then the table and the JSON that show them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from utils.files import write_file


@dataclass(frozen=True, kw_only=True)
class Result:
    """One comparison: our number, the other way's, and the ratio that we are after."""

    name: str
    ours: float
    other: float
    unit: str
    goal: float

    @property
    def ratio(self) -> float:
        """How many times better ours is: seconds and megabytes count downwards, rates upwards."""
        return self.other / self.ours if self.unit in ("s", "MB") else self.ours / self.other


def table(results: Iterable[Result]) -> Table:
    """The results as a table for the terminal."""
    view = Table(title="Ours beside the usual way (ratio > 1: ours is better)", box=SIMPLE_HEAD)
    view.add_column("benchmark", no_wrap=True)
    for column in ("ours", "other", "unit", "ratio", "goal"):
        view.add_column(column, justify="right", no_wrap=True)
    for row in results:
        colour = "green" if row.ratio >= row.goal else "red"
        view.add_row(
            row.name,
            f"{row.ours:.4g}",
            f"{row.other:.4g}",
            row.unit,
            f"[{colour}]{row.ratio:.2f}[/]",
            f"≥ {row.goal:g}",
        )
    return view


def write_results(path: Path, results: Iterable[Result]) -> None:
    """Write the results as JSON, by name."""
    rows = {
        row.name: {"ours": row.ours, "other": row.other, "unit": row.unit, "ratio": row.ratio}
        for row in results
    }
    write_file(path, json.dumps(rows, indent=2) + "\n")
