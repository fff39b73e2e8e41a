"""Checkpoints and the state that they keep: resume, bad files, what is written."""

import json
import math
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from training_helpers import without_seconds

from utils.backbones import load_backbone
from utils.checkpoints import Checkpoints, TrainState
from utils.datasets import ImageSet
from utils.device import Runtime
from utils.errors import CourseError
from utils.observations import EpochRecord, copy_state
from utils.training import (
    QUIET,
    Reporter,
    TrainingConfig,
    TrainingTrace,
    train,
)


class Stopped(Exception):
    """Stands for whatever ends a run between two epochs."""


def stop(_row: EpochRecord) -> None:
    raise Stopped


@pytest.mark.parametrize("mode", ["head", "last-block"])
def test_resume_equals_the_uninterrupted_run(
    mode: str, squares: ImageSet, cpu: Runtime, tmp_path: Path
) -> None:
    config = TrainingConfig(mode=mode, epochs=3, batch_size=8)

    def run(
        folder: str, resume: bool = False, reporter: Reporter = QUIET
    ) -> tuple[TrainingTrace, nn.Module]:
        backbone = load_backbone("efficientnet_lite0", "offline")
        checkpoints = Checkpoints(tmp_path / folder, resume=resume)
        return train(backbone, squares, config, cpu, checkpoints, reporter)

    whole, expected = run("whole")

    with pytest.raises(Stopped):
        run("parts", reporter=Reporter(stop))
    resumed, model = run("parts", resume=True)
    assert without_seconds(resumed) == without_seconds(whole)
    for key, value in model.state_dict().items():
        assert torch.equal(value, expected.state_dict()[key]), key


KILLED = """
import json, os, signal, sys
from dataclasses import asdict
from pathlib import Path
import torch
from utils.backbones import load_backbone
from utils.checkpoints import Checkpoints
from utils.photo_folders import load_folder
from utils.device import Runtime
from utils.training import Reporter, TrainingConfig, train

photos, folder, job = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
torch.set_num_threads(2)

def die(row):
    if row.epoch == 1:
        os.kill(os.getpid(), signal.SIGKILL)

trace, _ = train(
    load_backbone("resnet18", "untrained"), load_folder(photos),
    TrainingConfig(mode="full", epochs=2, batch_size=8), Runtime(torch.device("cpu"), "fp32"),
    Checkpoints(folder, resume=job == "resume"), Reporter(die if job == "killed" else None),
)
print(json.dumps(asdict(trace)))
"""


def test_resume_after_a_kill_equals_the_uninterrupted_run(
    squares: ImageSet, tmp_path: Path
) -> None:
    photos = squares.images[0].parents[1]

    def run(folder: str, job: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", KILLED, str(photos), str(tmp_path / folder), job]
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=200, check=False
        )

    def trace(done: subprocess.CompletedProcess) -> dict:
        found = json.loads(done.stdout)
        for row in found["epochs"]:
            del row["seconds"]
        del found["seconds"]
        return found

    assert run("killed", "killed").returncode == -signal.SIGKILL
    assert trace(run("killed", "resume")) == trace(run("whole", "whole"))


def test_nothing_to_resume(few_cells: ImageSet, cpu: Runtime, tmp_path: Path) -> None:
    backbone = load_backbone("resnet18", "untrained")
    with pytest.raises(CourseError, match="nothing to resume"):
        train(backbone, few_cells, TrainingConfig(), cpu, Checkpoints(tmp_path, resume=True))


def test_a_checkpoint_of_another_version_is_refused(
    few_cells: ImageSet, cpu: Runtime, tmp_path: Path
) -> None:
    torch.save({"format": 0}, tmp_path / "last.pt")
    backbone = load_backbone("resnet18", "untrained")
    with pytest.raises(CourseError, match="another version"):
        train(backbone, few_cells, TrainingConfig(), cpu, Checkpoints(tmp_path, resume=True))


def test_nan_stops_with_its_step_and_keeps_the_last_good_checkpoint(
    few_cells: ImageSet, cpu: Runtime, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path)
    backbone = load_backbone("resnet18", "untrained")
    config = TrainingConfig(epochs=3)
    with pytest.raises(Stopped):
        train(backbone, few_cells, config, cpu, checkpoints, Reporter(stop))
    content = torch.load(checkpoints.last, weights_only=True)
    content["state"]["model"]["linear.weight"].fill_(math.nan)  # as memory gone bad would leave it
    torch.save(content, checkpoints.last)
    before = checkpoints.last.read_bytes(), checkpoints.best.read_bytes()
    with pytest.raises(CourseError, match="nan at step 1 of epoch 2"):
        train(backbone, few_cells, config, cpu, replace(checkpoints, resume=True))
    assert (checkpoints.last.read_bytes(), checkpoints.best.read_bytes()) == before


class Growing:
    """Stands in for CUDA's scaler, which lowers its scale where gradients overflow."""

    def __init__(self, overflows: bool) -> None:
        self.overflows, self.scale_now = overflows, 2.0

    def scale(self, loss: torch.Tensor) -> torch.Tensor:
        return loss

    def unscale_(self, optimizer: torch.optim.Optimizer) -> None:
        pass

    def get_scale(self) -> float:
        return self.scale_now

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        if not self.overflows:
            optimizer.step()

    def update(self) -> None:
        self.scale_now /= 2 if self.overflows else 1


def small_state(scaler: object) -> TrainState:
    """A layer whose learning rate is 1 at first, and 1 / (n + 1) after n steps."""
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    return TrainState(
        model=model, optimizer=optimizer, scheduler=scheduler, scaler=scaler, clip_norm=1.0
    )


@pytest.mark.parametrize("overflows", [True, False])
def test_the_schedule_waits_where_the_scaler_skips_the_optimizer(overflows: bool) -> None:
    state = small_state(Growing(overflows))
    state.step(state.model(torch.ones(1, 2)).sum())
    assert state.lr == (1.0 if overflows else 0.5)


def test_the_best_weights_are_written_only_when_they_are_new(tmp_path: Path, cpu: Runtime) -> None:
    state, checkpoints = small_state(cpu.scaler()), Checkpoints(tmp_path)
    for improved, written in ((True, True), (False, False), (True, True)):
        before = checkpoints.best.stat().st_ino if checkpoints.best.exists() else None
        checkpoints.save(state, [], copy_state(state.model), improved)
        assert (checkpoints.best.stat().st_ino != before) == written
