"""`course train` on 1,000 photos of one's own, with nothing cached: OpenVINO beside PyTorch."""

import os
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks.results import Result
from utils.datasets import load_elpv
from utils.settings import FeatureEngine
from utils.splits import limit

PHOTOS, SIDE = 1000, 640  # JPEGs
TURNS = 2  # of each engine, alternating; the best counts
COMMAND = ("course", "train", "--model", "efficientnet_lite0")


def measure() -> list[Result]:
    """Seconds from the command to the trained classifier, its report included."""
    best = dict.fromkeys(FeatureEngine, float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        photos = _photos(Path(folder) / "photos")
        for turn in range(TURNS):
            for engine in best:
                seconds = _train(photos, Path(folder) / f"{engine}{turn}", engine)
                best[engine] = min(best[engine], seconds)
    return [
        Result(
            name=f"train, {PHOTOS} own photos, cold",
            ours=best[FeatureEngine.OPENVINO],
            other=best[FeatureEngine.EAGER],
            unit="s",
            goal=1.0,
        )
    ]


def _photos(folder: Path) -> Path:
    """Solar cells as photos of one's own: enlarged JPEGs, one folder a class."""
    cells = limit(load_elpv(), PHOTOS)
    for number, label in enumerate(cells.labels):
        file = folder / cells.classes[label] / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        cells.photo(number).resize((SIDE, SIDE)).save(file, quality=90)
    return folder


def _train(photos: Path, scratch: Path, engine: str) -> float:
    chosen = {"COURSE_CACHE": str(scratch / "cache"), "COURSE_ENGINE": engine}
    words = (*COMMAND, "--data", photos, "--out", scratch / "run")
    started = perf_counter()
    subprocess.run(words, env=os.environ | chosen, check=True, capture_output=True)
    return perf_counter() - started
