"""Long computations: every part is kept, and a stopped one goes on."""

import json
from pathlib import Path

import pytest

from utils.device import Runtime
from utils.errors import CourseError
from utils.studies.runner import Measurement, Record, run_study, write_study


def counting(calls: list[str]) -> dict[str, Measurement]:
    def unit(name: str) -> Measurement:
        def compute() -> Record:
            calls.append(name)
            return {"value": len(name)}

        return compute

    return {name: unit(name) for name in ("one", "three")}


def test_every_unit_is_computed_and_kept(tmp_path: Path, cpu: Runtime) -> None:
    calls: list[str] = []
    study = run_study("x", {"seed": 0}, counting(calls), cpu, tmp_path / "p.json")
    assert calls == ["one", "three"]
    assert [(row["measurement"], row["value"]) for row in study.rows] == [("one", 3), ("three", 5)]
    write_study(study, tmp_path / "study.json")
    assert json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))["settings"] == {
        "seed": 0
    }


def test_a_study_that_was_stopped_goes_on_after_its_last_unit(tmp_path: Path, cpu: Runtime) -> None:
    calls: list[str] = []
    units = counting(calls)

    def stop() -> Record:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study("x", {}, units | {"three": stop}, cpu, tmp_path / "p.json")
    study = run_study("x", {}, units, cpu, tmp_path / "p.json")
    assert calls == ["one", "three"]
    assert [row["measurement"] for row in study.rows] == ["one", "three"]


def test_progress_of_another_study_is_not_mixed_in(tmp_path: Path, cpu: Runtime) -> None:
    file = tmp_path / "p.json"
    run_study("x", {"seed": 0}, counting([]), cpu, file)
    with pytest.raises(CourseError, match="another settings: delete it"):
        run_study("x", {"seed": 1}, counting([]), cpu, file)


def test_damaged_progress_is_named(tmp_path: Path, cpu: Runtime) -> None:
    file = tmp_path / "p.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match="is damaged: delete it"):
        run_study("x", {}, counting([]), cpu, file)
