"""The environment variables of the course."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from utils.settings import PROJECT, Settings


def test_the_cache_lies_where_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "mine"))
    assert Settings().cache == tmp_path / "mine"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_CACHE", "~/mine")
    assert Settings().cache == tmp_path / "mine"


@pytest.mark.parametrize("unset", ["", None])
def test_the_cache_lies_in_the_users_own_folder_unless_told(
    unset: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COURSE_CACHE")
    if unset is not None:
        monkeypatch.setenv("COURSE_CACHE", unset)
    assert Settings().cache == platformdirs.user_cache_path("vision-course")


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEIGHTS", "DEVICE", "PRECISION", "GRADING"):
        monkeypatch.setenv(f"COURSE_{name}", "")
    settings = Settings()
    assert (settings.weights, settings.device, settings.precision) == ("auto", None, None)
    assert settings.grading.name == "grading"


def test_a_package_without_its_checkout_is_refused(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "utils", tmp_path / "utils")
    run = subprocess.run(
        [sys.executable, "-m", "utils.cli", "weights"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 2
    assert "pip install -e ." in run.stderr
    assert "Traceback" not in run.stderr
