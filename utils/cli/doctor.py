"""What is on this machine and what is not: for `course doctor` and `course weights`."""

import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from utils import backbones
from utils.datasets import ImageSet, load_elpv, load_things
from utils.device import choose_runtime
from utils.errors import CourseError, WeightsMissing
from utils.features import cache_size
from utils.grading.assignments import SOLUTIONS
from utils.grading.sandbox.engines import choose_engine
from utils.grading.sandbox.probes import advice, probe
from utils.models import MODELS
from utils.settings import PROJECT, Settings


@dataclass(frozen=True)
class Check:
    """One finding: state is "ok", "missing" (optional) or "broken" (must be mended)."""

    name: str
    state: str
    detail: str


@dataclass(frozen=True)
class WeightsRow:
    """One model's weights: state is "ok", "missing" or "broken"."""

    name: str
    source: str
    state: str
    detail: str


def weights_status() -> list[WeightsRow]:
    """Every model of the course with its own weights, loaded for real to see whether they work."""
    rows = []
    for spec in MODELS.values():
        try:
            state, detail = "ok", str(backbones.load_backbone(spec.name, "auto").weights)
        except WeightsMissing as error:
            state, detail = "missing", str(error)
        except CourseError as error:
            state, detail = "broken", str(error)
        rows.append(WeightsRow(spec.name, spec.source, state, detail))
    return rows


def examine() -> list[Check]:
    """All findings, in the order in which one would mend them."""
    return [
        _python(),
        _torch(),
        _runtime(),
        _disk(),
        _cache(),
        *_namesakes(),
        _data("elpv", load_elpv, "install elpv-dataset again (make setup)"),
        _data("things", load_things, "get data/things back (git checkout data/things)"),
        *_sandbox(),
        *(Check(f"weights {row.name}", row.state, row.detail) for row in weights_status()),
    ]


def _python() -> Check:
    state = "ok" if sys.version_info >= (3, 11) else "broken"
    return Check("python", state, f"{platform.python_version()} (3.11 or newer is needed)")


def _torch() -> Check:
    versions = [
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "torchvision", "timm")
    ]
    return Check("torch", "ok", f"{', '.join(versions)}; {torch.get_num_threads()} threads")


def _runtime() -> Check:
    try:
        return Check("device", "ok", str(choose_runtime()))
    except CourseError as error:
        return Check("device", "broken", str(error))


def _disk() -> Check:
    folder = next(p for p in (Settings().cache, *Settings().cache.parents) if p.exists())
    free = shutil.disk_usage(folder).free / 1e9
    state = "ok" if free > 1 else "broken"
    return Check("disk", state, f"{free:.0f} GB free for the cache (1 GB is needed)")


def _cache() -> Check:
    files, size = cache_size()
    return Check("cache", "ok", f"{files} files, {size / 1e6:.1f} MB in {Settings().cache}")


def _namesakes() -> list[Check]:
    """The student's own modules called `utils`, which a notebook beside them imports instead."""
    folders = (Path.cwd(), PROJECT / "lessons", *PROJECT.glob("exercises/*"), *sys.path)
    found = {
        namesake.resolve()
        for folder in map(Path, filter(None, folders))
        for namesake in (folder / "utils.py", folder / "utils" / "__init__.py")
        if namesake.is_file()
    }
    remedy = "notebooks beside it import it instead of the course's package: rename it"
    return [
        Check("own utils", "broken", f"{file}: {remedy}")
        for file in sorted(found - {PROJECT / "utils" / "__init__.py"})
    ]


def _sandbox() -> list[Check]:
    """Whether students' code is kept in, tried; nothing for those who have no one to grade."""
    if not SOLUTIONS.is_dir():
        return []
    try:
        engine = choose_engine(sandbox=True)
        tried = probe(engine)
        advice(tried)
    except CourseError as error:
        return [Check("sandbox", "missing", f"{error} (only course grade needs one)")]
    return [Check("sandbox", "ok", f"{engine}; {len(tried)} attempts to get out failed")]


def _data(name: str, load: Callable[[], ImageSet], remedy: str) -> Check:
    try:
        return Check(f"data {name}", "ok", f"{len(load())} photos, offline")
    except (ImportError, OSError, CourseError) as error:
        return Check(f"data {name}", "broken", f"{error}: {remedy}")
