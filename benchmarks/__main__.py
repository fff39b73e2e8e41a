"""`python -m benchmarks`: measure, show a table, write `reports/bench.json`."""

import argparse
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import torch
from rich.console import Console

from benchmarks import extraction, grading, heads, own_photos, waiting
from benchmarks.results import Result, table, write_results
from utils.settings import PROJECT

REPORT = PROJECT / "reports" / "bench.json"
PARTS = ("waiting", "extraction", "own photos", "heads", "grading")
TOOLS = ("torch", "torchvision", "timm", "onnxruntime", "openvino")


def main() -> None:
    """Run what the command line asks for."""
    arguments = _parser().parse_args()
    console = Console(width=max(100, Console().width))  # narrower, the numbers would be cut
    say = partial(console.print, markup=False, highlight=False)
    say(f"{', '.join(map(_version, TOOLS))}; {torch.get_num_threads()} threads")
    measures = (
        waiting.measure,
        partial(extraction.measure, arguments.rounds, say),
        partial(own_photos.measure, arguments.many),
        partial(heads.measure, arguments.photos, say),
        partial(grading.measure, arguments.students),
    )
    results: list[Result] = []
    for part, measure in zip(PARTS, measures, strict=True):
        if arguments.only in (None, part):
            results += measure()
            write_results(REPORT, results)  # minutes of work, which a later part mustn't lose
    console.print(table(results))
    say(f"written to {REPORT.relative_to(PROJECT)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--photos", type=int, default=400, help="photos to train heads on")
    parser.add_argument("--many", type=int, default=30_000, help="own photos to learn from")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each tool in extraction")
    parser.add_argument("--only", choices=PARTS, help="one part of it")
    parser.add_argument("--students", type=int, default=50, help="students of each exercise")
    return parser


def _version(tool: str) -> str:
    try:
        return f"{tool} {version(tool)}"
    except PackageNotFoundError:
        return f"{tool} not installed"


if __name__ == "__main__":
    main()
