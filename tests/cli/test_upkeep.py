"""`course doctor` and `course cache`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from commands import assert_refused, course

from utils.models import MODELS


def test_doctor_finds_this_machine_well(no_official_weights: Path) -> None:
    ended = course("doctor", "--json")
    checks = {check["name"]: check for check in ended.json()["checks"]}
    assert {"python", "torch", "device", "disk", "cache", "data elpv", "data things"} < set(checks)
    assert {f"weights {name}" for name in MODELS} < set(checks)
    assert f"torch {torch.__version__.split('+')[0]}," in checks["torch"]["detail"]
    assert checks["device"]["detail"] == "cpu, fp32"
    assert checks["data elpv"] == {
        "name": "data elpv", "state": "ok", "detail": "2624 photos, offline"
    }  # fmt: skip
    assert not [name for name, check in checks.items() if check["state"] == "broken"]
    assert (ended.code, ended.err) == (0, "")


def test_doctor_fails_on_a_broken_setting_and_still_shows_everything(
    monkeypatch: pytest.MonkeyPatch, no_official_weights: Path
) -> None:
    monkeypatch.setenv("COURSE_DEVICE", "tpu")
    ended = course("doctor", "--json")
    assert_refused(ended, "broken", "do what its line says")
    checks = {check["name"]: check for check in ended.json()["checks"]}
    assert checks["device"]["state"] == "broken"
    assert "'tpu'" in checks["device"]["detail"]


def test_a_module_of_ones_own_called_utils_stops_no_command_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "utils.py").write_text("print('mine')\n", encoding="utf-8")
    command = shutil.which("course", path=Path(sys.executable).parent)
    ended = subprocess.run(
        [command, "doctor", "--json"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert "mine" not in ended.stdout
    checks = {check["name"]: check for check in json.loads(ended.stdout)["checks"]}
    assert checks["own utils"]["state"] == "broken"
    assert f"{tmp_path / 'utils.py'}: notebooks beside it" in checks["own utils"]["detail"]


def test_the_cache_is_shown_and_cleared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    empty = {"folder": str(tmp_path), "files": 0, "bytes": 0, "cleared": False}
    assert course("cache", "--json").json() == empty
    (tmp_path / "features").mkdir()
    (tmp_path / "engines").mkdir()
    (tmp_path / "data").mkdir()
    for file in ("features/a.safetensors", "engines/b.safetensors", "data/pets.tar"):
        (tmp_path / file).write_bytes(bytes(700_000))
    holding = empty | {"files": 2, "bytes": 1_400_000}
    assert course("cache", "--json").json() == holding
    assert "Holding 2 files of features and converted models, 1.4 MB" in course("cache").out
    assert course("cache", "--clear", "--json").json() == holding | {"cleared": True}
    assert course("cache", "--json").json() == empty
    assert (tmp_path / "data" / "pets.tar").exists()
