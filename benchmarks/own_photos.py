"""`course train` on a folder of one's own photos, with nothing cached: seconds, and memory.

OpenVINO beside PyTorch on 1,000 photos; and many photos beside these, whose memory must not grow
with them.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from PIL import ImageEnhance

from benchmarks.results import Result
from utils.datasets import load_elpv
from utils.settings import FeatureEngine

PHOTOS, SIDE = 1000, 640  # JPEGs
TURNS = 2  # of each engine, alternating; the best counts
MEMORY_GOAL = 0.5  # many photos may need twice the memory
COMMAND = ("course", "train", "--model", "efficientnet_lite0")


@dataclass(frozen=True)
class Cost:
    """What one training took, its report included."""

    seconds: float
    megabytes: float  # most at a time


def measure(many: int) -> list[Result]:
    """Compare the engines on `PHOTOS` photos, and that training with one on `many`."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        few = _photos(scratch / "few", PHOTOS)
        costs = {engine: [] for engine in FeatureEngine}
        for turn in range(TURNS):
            for engine, found in costs.items():
                found.append(_train(few, scratch / f"{engine}{turn}", engine))
        best = {engine: min(cost.seconds for cost in found) for engine, found in costs.items()}
        more = _train(_photos(scratch / "many", many), scratch / "more", FeatureEngine.OPENVINO)
    less = costs[FeatureEngine.OPENVINO][0]
    fast, plain = best[FeatureEngine.OPENVINO], best[FeatureEngine.EAGER]
    return [
        Result(name=f"train, {PHOTOS:,} own photos, cold", ours=fast, other=plain, unit="s",
               goal=1),
        Result(name=f"train, {many:,} own photos, {PHOTOS:,}", ours=many / more.seconds,
               other=PHOTOS / fast, unit="img/s", goal=1),
        Result(name=f"memory of {many:,} own photos, {PHOTOS:,}", ours=more.megabytes,
               other=less.megabytes, unit="MB", goal=MEMORY_GOAL),
    ]  # fmt: skip


def _photos(folder: Path, count: int) -> Path:
    """Solar cells as photos of one's own: enlarged JPEGs, brighter each time they come again."""
    cells = load_elpv()
    step = max(1, len(cells) // count)
    for number in range(count):
        turn, position = divmod(number * step, len(cells))
        file = folder / cells.classes[cells.labels[position]] / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        photo = ImageEnhance.Brightness(cells.photo(position)).enhance(1 + 0.05 * turn)
        photo.resize((SIDE, SIDE)).save(file, quality=90)
    return folder


def _train(photos: Path, scratch: Path, engine: str) -> Cost:
    chosen = {"COURSE_CACHE": str(scratch / "cache"), "COURSE_ENGINE": engine}
    words = (*COMMAND, "--data", photos, "--out", scratch / "run")
    started = perf_counter()
    process = subprocess.Popen(
        words, env=os.environ | chosen, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = perf_counter() - started
    if status:
        raise RuntimeError(f"{' '.join(map(str, words))} ended with {status}")
    return Cost(seconds, usage.ru_maxrss / 1000)
