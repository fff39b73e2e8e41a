"""Training: averages, seeds, the best epoch, and early stopping."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from training_helpers import without_seconds

from utils.backbones import load_backbone
from utils.batches import TensorBatches
from utils.checkpoints import Checkpoints
from utils.classifier import Head
from utils.datasets import ImageSet, load_elpv
from utils.device import Runtime, reproducible
from utils.features import extract_features
from utils.training import (
    TrainingConfig,
    TrainingTrace,
    evaluate,
    train,
)


def test_averages_weight_samples_not_batches(cpu: Runtime) -> None:
    logits = torch.tensor([[9.0, 0.0]] * 7)
    labels = torch.tensor([0, 0, 0, 0, 0, 0, 1])  # one wrong answer, alone in the last batch
    batches = TensorBatches(logits, labels, batch_size=3, seed=0, shuffle=False)
    loss, accuracy = evaluate(nn.Identity(), batches(0), cpu)
    assert accuracy == pytest.approx(6 / 7)
    assert loss == pytest.approx(nn.functional.cross_entropy(logits, labels).item())


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


def test_class_weights_help_a_rare_class(cpu: Runtime) -> None:
    cells = replace(load_elpv(binary=True), groups=None)
    order = random.Random(0).sample(range(len(cells)), len(cells))
    good, bad = ([i for i in order if cells.labels[i] == label] for label in (0, 1))
    rare = cells.subset(good[:300] + bad[:15])
    unseen = cells.subset(bad[15:215])
    backbone = load_backbone("efficientnet_lite0", "offline")
    vectors = extract_features(backbone, unseen, cpu).vectors

    def found(class_weights: bool) -> float:
        config = TrainingConfig(epochs=10, class_weights=class_weights)
        _, head = train(backbone, rare, config, cpu)
        with torch.no_grad():
            return head(vectors).argmax(dim=1).double().mean().item()

    assert found(True) > found(False) + 0.03


def test_early_stopping_waits_as_long_as_it_was_told(few_cells: ImageSet, cpu: Runtime) -> None:
    config = TrainingConfig(epochs=40, lr_head=0.3, patience=2)
    backbone = load_backbone("efficientnet_lite0", "offline")
    trace, _ = train(backbone, few_cells, config, cpu)
    assert len(trace.epochs) < 40
    assert len(trace.epochs) - trace.best_epoch == 2


def test_training_leaves_the_process_as_deterministic_as_it_was(
    few_cells: ImageSet, cpu: Runtime
) -> None:
    assert not torch.are_deterministic_algorithms_enabled()
    backbone = load_backbone("resnet18", "untrained")
    train(backbone, few_cells, TrainingConfig(epochs=1), cpu)
    assert not torch.are_deterministic_algorithms_enabled()
    with reproducible(0):
        assert torch.are_deterministic_algorithms_enabled()
