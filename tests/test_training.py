"""Training: what learns and what stays, averages, seeds, resume, and bad ends."""

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

from utils.backbones import load_backbone
from utils.batches import PhotoBatches, TensorBatches, TrainingPhotos, mix
from utils.checkpoints import Checkpoints, TrainState
from utils.classifier import Head
from utils.datasets import ImageSet
from utils.device import Runtime, memory_guard, reproducible
from utils.errors import CourseError
from utils.observations import EpochRecord, copy_state
from utils.training import (
    QUIET,
    Classifier,
    Reporter,
    TrainingConfig,
    TrainingTrace,
    evaluate,
    schedule,
    train,
    trainable_groups,
    training_mode,
)

SMALL = ("resnet18", "vgg11_gap", "efficientnet_lite0")


def without_seconds(trace: TrainingTrace) -> TrainingTrace:
    epochs = tuple(replace(row, seconds=0.0) for row in trace.epochs)
    return replace(trace, epochs=epochs, seconds=0.0)


def small_classifier(name: str) -> Classifier:
    backbone = load_backbone(name, "untrained")
    return Classifier(backbone, Head(torch.randn(8, backbone.spec.feature_dim), 2))


@pytest.mark.parametrize("mode", ["last-block", "full"])
@pytest.mark.parametrize("name", SMALL)
def test_what_learns_gets_gradients_and_what_is_frozen_stays(name: str, mode: str) -> None:
    model, config = small_classifier(name), TrainingConfig(mode=mode)
    groups = trainable_groups(model, config)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]])
    training_mode(model, mode)
    nn.functional.cross_entropy(
        model(torch.randn(4, 3, 64, 64)), torch.tensor([0, 1, 0, 1])
    ).backward()
    optimizer.step()
    learning = {id(p) for group in groups for p in group["params"]}
    for key, parameter in model.named_parameters():
        unused = key.startswith("backbone.head.")  # ImageNet's own head takes no part
        if id(parameter) in learning and not unused:
            assert parameter.grad is not None, key
        else:
            assert parameter.grad is None, key
    moved = {
        key for key, value in model.state_dict().items() if not torch.equal(value, before[key])
    }
    if mode == "full":
        assert any("running_mean" in key for key in moved) == any(
            "running_mean" in key for key in before
        )
    else:
        learned = tuple(f"backbone.body.{path}." for path in model.backbone.spec.last_block)
        assert all(key.startswith((*learned, "head.linear.")) for key in moved)


def test_head_mode_leaves_the_backbone_untouched(few_cells: ImageSet, cpu: Runtime) -> None:
    backbone = load_backbone("resnet18", "untrained")
    before = backbone.fingerprint()
    train(backbone, few_cells, TrainingConfig(epochs=1), cpu)
    assert backbone.fingerprint() == before


def test_head_and_backbone_have_their_own_rates() -> None:
    model = small_classifier("resnet18")
    config = TrainingConfig(mode="full", lr_head=1.0, lr_backbone=0.1)
    rates = {
        id(p): group["lr"] for group in trainable_groups(model, config) for p in group["params"]
    }
    assert rates[id(model.head.linear.weight)] == 1.0
    assert rates[id(model.backbone.body.conv1.weight)] == 0.1


def test_averages_weight_samples_not_batches(cpu: Runtime) -> None:
    logits = torch.tensor([[9.0, 0.0]] * 7)
    labels = torch.tensor([0, 0, 0, 0, 0, 0, 1])  # one wrong answer, alone in the last batch
    batches = TensorBatches(logits, labels, batch_size=3, seed=0, shuffle=False)
    loss, accuracy = evaluate(nn.Identity(), batches(0), cpu)
    assert accuracy == pytest.approx(6 / 7)
    assert loss == pytest.approx(nn.functional.cross_entropy(logits, labels).item())


def test_rate_rises_then_falls_to_zero() -> None:
    rates = [schedule(step, 100, 0.1) for step in range(100)]
    assert rates[9] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001
    assert schedule(100, 100, 0.1) == pytest.approx(0)


@pytest.mark.parametrize("mode", ["head", "full"])
def test_same_seed_same_trace(mode: str, squares: ImageSet, cpu: Runtime) -> None:
    config = TrainingConfig(mode=mode, epochs=2, batch_size=8)

    def run(seed: int) -> TrainingTrace:
        backbone = load_backbone("efficientnet_lite0", "offline")
        return without_seconds(train(backbone, squares, replace(config, seed=seed), cpu)[0])

    first = run(0)
    assert run(0) == first
    assert run(1) != first


def test_pretrained_head_learns_an_easy_task(squares: ImageSet, cpu: Runtime) -> None:
    backbone = load_backbone("efficientnet_lite0", "offline")
    trace, head = train(backbone, squares, TrainingConfig(epochs=5), cpu)
    assert trace.epochs[-1].train_accuracy == 1.0
    assert trace.epochs[-1].val_loss < trace.epochs[0].val_loss
    assert isinstance(head, Head)


def test_the_best_epochs_weights_are_tested_and_kept(
    few_cells: ImageSet, cpu: Runtime, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    checkpoints = Checkpoints(tmp_path)
    config = TrainingConfig(epochs=8, lr_head=0.3)  # far too high: later epochs get worse
    backbone = load_backbone("efficientnet_lite0", "offline")
    trace, head = train(backbone, few_cells, config, cpu, checkpoints)
    losses = [row.val_loss for row in trace.epochs]
    assert trace.best_epoch == 1 + losses.index(min(losses))
    stored = load_file(checkpoints.best)
    assert all(torch.equal(value, stored[key]) for key, value in head.state_dict().items())


def test_early_stopping_waits_as_long_as_it_was_told(few_cells: ImageSet, cpu: Runtime) -> None:
    config = TrainingConfig(epochs=40, lr_head=0.3, patience=2)
    backbone = load_backbone("efficientnet_lite0", "offline")
    trace, _ = train(backbone, few_cells, config, cpu)
    assert len(trace.epochs) < 40
    assert len(trace.epochs) - trace.best_epoch == 2


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
from utils.datasets import load_folder
from utils.device import Runtime
from utils.training import Reporter, TrainingConfig, train

photos, folder, job = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
torch.set_num_threads(2)

def die(row):
    if row.epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)

trace, _ = train(
    load_backbone("resnet18", "untrained"), load_folder(photos),
    TrainingConfig(mode="full", epochs=3, batch_size=8), Runtime(torch.device("cpu"), "fp32"),
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


@pytest.mark.parametrize("overflows", [True, False])
def test_the_schedule_waits_where_the_scaler_skips_the_optimizer(overflows: bool) -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    state = TrainState(
        model=model,
        optimizer=optimizer,
        scheduler=scheduler,
        scaler=Growing(overflows),
        clip_norm=1.0,
    )
    state.step(model(torch.ones(1, 2)).sum())
    assert state.lr == (1.0 if overflows else 0.5)


def test_epochs_of_different_seeds_draw_different_numbers() -> None:
    seeds = {mix(seed, epoch) for seed in range(20) for epoch in range(1, 20)}
    assert len(seeds) == 20 * 19


def test_the_best_weights_are_written_only_when_they_are_new(tmp_path: Path, cpu: Runtime) -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    state = TrainState(
        model=model,
        optimizer=optimizer,
        scheduler=torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _step: 1.0),
        scaler=cpu.scaler(),
        clip_norm=1.0,
    )
    checkpoints = Checkpoints(tmp_path)
    for improved, written in ((True, True), (False, False), (True, True)):
        before = checkpoints.best.stat().st_ino if checkpoints.best.exists() else None
        checkpoints.save(state, [], copy_state(model), improved)
        assert (checkpoints.best.stat().st_ino != before) == written


def test_training_leaves_the_process_as_deterministic_as_it_was(
    few_cells: ImageSet, cpu: Runtime
) -> None:
    assert not torch.are_deterministic_algorithms_enabled()
    backbone = load_backbone("resnet18", "untrained")
    train(backbone, few_cells, TrainingConfig(epochs=1), cpu)
    assert not torch.are_deterministic_algorithms_enabled()
    with reproducible(0):
        assert torch.are_deterministic_algorithms_enabled()


def test_out_of_memory_says_what_helps_everywhere() -> None:
    with pytest.raises(CourseError, match="COURSE_DEVICE=cpu"), memory_guard(64):
        torch.empty(1 << 60)


def test_other_errors_are_not_taken_for_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_guard(64):
        torch.ones(2, 3) @ torch.ones(2, 3)


# --- batches -----------------------------------------------------------------------------------


def test_batches_differ_by_epoch_and_repeat_by_seed() -> None:
    rows, labels = torch.arange(50.0)[:, None], torch.arange(50)

    def order(epoch: int, seed: int = 0) -> list[int]:
        batches = TensorBatches(rows, labels, 8, seed, shuffle=True)
        assert len(list(batches(epoch))) == len(batches) == 7
        return [int(label) for _, part in batches(epoch) for label in part]

    assert sorted(order(1)) == list(range(50))
    assert order(1) == order(1)
    assert len({tuple(order(1)), tuple(order(2)), tuple(order(1, seed=1))}) == 3


def test_augmentation_is_for_training_only(squares: ImageSet) -> None:
    spec = load_backbone("resnet18", "untrained").spec.preprocessing
    training = TrainingPhotos(squares, spec, seed=0, augment=True)
    plain = TrainingPhotos(squares, spec, seed=0, augment=False)
    assert torch.equal(training[1, 3][0], training[1, 3][0])
    assert not torch.equal(training[1, 3][0], training[2, 3][0])
    assert torch.equal(plain[1, 3][0], plain[2, 3][0])


class TwoWorkers(Runtime):
    """The CPU with loader processes, as a GPU machine has them."""

    @property
    def workers(self) -> int:
        return 2


def test_spawned_workers_load_the_same_batches(squares: ImageSet, cpu: Runtime) -> None:
    spec = load_backbone("resnet18", "untrained").spec.preprocessing

    def labels_and_sums(runtime: Runtime) -> list[tuple[list[int], float]]:
        batches = PhotoBatches(squares, spec, 8, 0, runtime, training=True)
        return [(y.tolist(), x.double().sum().item()) for e in (1, 2) for x, y in batches(e)]

    assert labels_and_sums(TwoWorkers(cpu.device, cpu.precision)) == labels_and_sums(cpu)
