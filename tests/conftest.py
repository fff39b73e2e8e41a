"""What every test shares: its own cache, the CPU in fp32, offline weights."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

# Two test processes with two threads each would only wait for one another on two cores.
THREADS = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
# Before torch is imported, so that subprocesses started by a test inherit them too.
os.environ |= {
    "COURSE_WEIGHTS": "offline",
    "COURSE_DEVICE": "cpu",
    "COURSE_PRECISION": "fp32",
    "COURSE_ENGINE": "eager",
    "OMP_NUM_THREADS": str(THREADS),
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}

import torch
from grader_items import pytest_collect_file  # noqa: F401 (a hook: lists of answers are tests)
from made_up import PictureFolders
from PIL import Image, ImageEnhance
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from utils.datasets import ImageSet, load_elpv
from utils.device import Runtime
from utils.photo_folders import load_folder
from utils.splits import limit

# A class graded or a site built once, for several files.
FOLDERS_THAT_SHARE = ("tests/grading", "tests/hostile", "tests/site")
SPREAD = "tests/test_official_weights_in_lessons.py"  # takes long, and its tests share little


class ByWhatTheyShare(LoadScopeScheduling):
    """Give a worker whole files or folders, so that nothing they share is made twice.

    xdist's own groups are lost with pytest 9.2 (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        folder = file.rsplit("/", 1)[0]
        if file == SPREAD:
            return nodeid
        return folder if folder in FOLDERS_THAT_SHARE else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return ByWhatTheyShare(config, log)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tests start with an empty cache and leave the user's alone."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["COURSE_CACHE"] = str(folder)
    os.environ["COURSE_PROGRESS"] = str(folder / "progress.jsonl")
    torch.set_num_threads(THREADS)
    yield folder


@pytest.fixture(scope="session")
def cpu() -> Runtime:
    return Runtime(torch.device("cpu"), "fp32")


@pytest.fixture(scope="session")
def few_cells() -> ImageSet:
    """Forty solar cells, ten of each class or nearly so."""
    return limit(load_elpv(), 40)


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    """Two classes of coloured noise that any model can tell apart: 22 photos of 72×64 pixels."""
    folder = tmp_path_factory.mktemp("data") / "squares"
    random = np.random.default_rng(0)
    for name, channel in (("blue", 2), ("red", 0)):
        (folder / name).mkdir(parents=True)
        for number in range(11):
            pixels = random.integers(0, 80, (64, 72, 3), dtype=np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return load_folder(folder)


@pytest.fixture(scope="session")
def picture_folders(tmp_path_factory: pytest.TempPathFactory) -> PictureFolders:
    """Thirty photos of coloured noise and thirty discs on a transparent ground."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:90, :120]
    disc = (np.hypot(rows - 45, columns - 60) < 40).astype(np.uint8) * 255
    for kind in ("photos", "cutouts"):
        (folder / kind).mkdir()
        for number in range(30):
            noise = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
            picture = noise.resize((280, 210) if kind == "photos" else (120, 90))
            if kind == "cutouts":
                picture.putalpha(Image.fromarray(disc))
            picture.save(folder / kind / f"{number}.png")
    return PictureFolders(folder / "photos", folder / "cutouts")


@pytest.fixture
def bursts(tmp_path: Path) -> Path:
    """Two classes, four objects each, three shots of each object in another light."""
    random = np.random.default_rng(0)
    folder = tmp_path / "bursts"
    for name in ("mug", "shoe"):
        (folder / name).mkdir(parents=True)
        for number in range(4):
            pixels = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
            photo = Image.fromarray(pixels).resize((80, 60), Image.Resampling.BICUBIC)
            for shot, light in zip("abc", (1.0, 0.9, 1.1), strict=True):
                brighter = ImageEnhance.Brightness(photo).enhance(light)
                brighter.save(folder / name / f"{name}{number}_{shot}.png")
    return folder


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for official weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path
