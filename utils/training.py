"""Epochs: train a head on cached features, or fine-tune a backbone; resume; trace what happened.

The loop in `_fit` is the same for the three modes of `modes.py`.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from utils.backbones import Backbone
from utils.batches import EpochBatches, SplitBatches, feature_batches, mix, photo_batches
from utils.checkpoints import Checkpoints, TrainState
from utils.classifier import Head
from utils.datasets import ImageSet, Progress, no_progress
from utils.device import Runtime, memory_guard, reproducible
from utils.errors import CourseError
from utils.features import frozen_features
from utils.modes import (
    Classifier,
    check_mode,
    schedule,
    settle,
    trainable_groups,
    training_mode,
)
from utils.observations import (
    EpochRecord,
    TrainingTrace,
    copy_state,
    evaluate,
    informed_floor,
    largest_class_floor,
    losses_with,
    observe,
    photo_losses,
    standard_error,
)
from utils.settings import TrainingConfig
from utils.splits import Splits, describe, fraction_of_training, split


@dataclass(frozen=True)
class Reporter:
    """Callbacks that report training: one after each epoch, and a progress bar over the batches."""

    on_epoch: Callable[[EpochRecord], None] | None = None
    progress: Progress = no_progress


QUIET = Reporter()


@dataclass(frozen=True)
class Run:
    """Where a training computes, how much each class counts, where its state is kept, who is told.

    `class_weights` (C, on the device) multiply the losses of a class's photos; None: all count 1.
    """

    runtime: Runtime
    class_weights: Tensor | None = None
    checkpoints: Checkpoints | None = None
    reporter: Reporter = QUIET


def train(
    backbone: Backbone,
    images: ImageSet,
    config: TrainingConfig,
    runtime: Runtime,
    checkpoints: Checkpoints | None = None,
    reporter: Reporter = QUIET,
) -> tuple[TrainingTrace, nn.Module]:
    """Teach a backbone the classes of a data set; returns the trace and the best model.

    The best epoch is the one with the lowest validation loss; the test split is looked at once,
    with that epoch's weights. In mode "head" the model returned is the `Head` alone. The
    backbone that was given is changed in the other two modes.

    Raises:
        CourseError: unknown mode, a loss that isn't finite, out of memory, nothing to resume.
    """
    check_mode(config.mode)
    config = settle(config, backbone)
    splits = fraction_of_training(
        split(images, config.seed), images.labels, config.fraction, config.seed
    )
    features = frozen_features(backbone, images, splits, runtime, reporter.progress)
    if checkpoints:
        key = _run_key(backbone, images, splits, config, runtime)
        checkpoints = replace(checkpoints, run_key=key)
    weights = _class_weights(images, splits, runtime) if config.class_weights else None
    run = Run(runtime, weights, checkpoints, reporter)
    with reproducible(config.seed), memory_guard(config.batch_size):
        head = Head(features.vectors[list(splits.train)], len(images.classes))
        model, batches = head, feature_batches(features.vectors, images.labels, splits, config)
        if config.mode != "head":
            if config.head_first:
                _train_head(head, features.vectors, images, splits, config, run)
            model = Classifier(backbone, head)
            spec = backbone.spec.preprocessing
            batches = photo_batches(images, spec, splits, config, runtime)
        model = runtime.move_module(model)
        history, best = _fit(model, batches, config, run)
        _, test_accuracy = evaluate(model, batches.test(0), runtime)
    trace = TrainingTrace(
        dataset=images.name,
        split=describe(images),
        side=backbone.spec.preprocessing.crop,
        model=backbone.spec.name,
        weights=str(backbone.weights),
        mode=config.mode,
        classes=images.classes,
        n_train=len(splits.train),
        n_val=len(splits.val),
        n_test=len(splits.test),
        majority=largest_class_floor(images, splits),
        informed_floor=informed_floor(images, splits),
        epochs=tuple(history),
        best_epoch=best,
        test_accuracy=test_accuracy,
        seconds=features.seconds + sum(row.seconds for row in history),
    )
    return trace, model


def _train_head(
    head: Head,
    vectors: Tensor,
    images: ImageSet,
    splits: Splits,
    config: TrainingConfig,
    run: Run,
) -> None:
    """Train the head on the features of the backbone as it is, before the backbone moves.

    A random head would send random gradients into it (Kumar et al. 2022, "Fine-tuning can distort
    pretrained features and underperform out-of-distribution").
    """
    alone = TrainingConfig(epochs=config.head_epochs, seed=config.seed)
    batches = feature_batches(vectors, images.labels, splits, alone)
    runtime = run.runtime
    _fit(runtime.move_module(head), batches, alone, Run(runtime, run.class_weights))


def _class_weights(images: ImageSet, splits: Splits, runtime: Runtime) -> Tensor:
    """What each photo of a class counts (C): 1 on the average over the training photos."""
    labels = torch.tensor(images.labels)[list(splits.train)]
    counts = labels.bincount(minlength=len(images.classes))
    return runtime.move_batch(len(labels) / (len(counts) * counts.float()))


def _run_key(
    backbone: Backbone,
    images: ImageSet,
    splits: Splits,
    config: TrainingConfig,
    runtime: Runtime,
) -> dict[str, Any]:
    """Collect the settings that a checkpoint must share with a run that resumes from it."""
    return asdict(config) | {
        "model": backbone.spec.name,
        "weights": str(backbone.weights),
        "data": images.fingerprint(),
        "split": splits.fingerprint(),
        "precision": runtime.precision,
    }


def _fit(
    model: nn.Module, batches: SplitBatches, config: TrainingConfig, run: Run
) -> tuple[list[EpochRecord], int]:
    """Run the epochs; leaves the best epoch's weights in the model and returns its number."""
    state = _start(model, len(batches.train), config, run.runtime)
    history: list[EpochRecord] = []
    best_state, best_losses = copy_state(model), torch.zeros(0)
    if run.checkpoints and run.checkpoints.resume:
        rows, best_state = run.checkpoints.load(state)
        history = [EpochRecord(**row) for row in rows]
        best_losses = losses_with(best_state, model, batches.val(0), run.runtime, run.class_weights)
    for epoch in range(len(history) + 1, config.epochs + 1):
        if _out_of_patience(history, config.patience):
            break
        started = time.perf_counter()
        learned = _train_epoch(state, batches.train, epoch, config, run)
        val_losses, hits = photo_losses(model, batches.val(epoch), run.runtime, run.class_weights)
        val_loss = val_losses.mean().item()
        _check_finite(val_loss, "validation loss", len(batches.train), epoch)
        record = EpochRecord(
            epoch=epoch,
            train_loss=learned.loss,
            train_accuracy=learned.accuracy,
            val_loss=val_loss,
            val_accuracy=hits.double().mean().item(),
            lr=learned.lr,
            seconds=time.perf_counter() - started,
            observation="",
            rise_error=standard_error(val_losses - best_losses) if history else 0.0,
        )
        record = replace(record, observation=observe([*history, record]))
        history.append(record)
        improved = best_epoch(history) == epoch
        if improved:
            best_state, best_losses = copy_state(model), val_losses
        if run.checkpoints:
            rows = [asdict(row) for row in history]
            run.checkpoints.save(state, rows, best_state, improved)
        if run.reporter.on_epoch:
            run.reporter.on_epoch(record)
    model.load_state_dict(best_state)
    return history, best_epoch(history)


def _start(
    model: nn.Module, steps_an_epoch: int, config: TrainingConfig, runtime: Runtime
) -> TrainState:
    groups = [group for group in trainable_groups(model, config) if group["params"]]
    optimizer = torch.optim.AdamW(groups)
    steps = config.epochs * steps_an_epoch
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: schedule(step, steps, config.warmup)
    )
    return TrainState(
        model=model,
        optimizer=optimizer,
        scheduler=scheduler,
        scaler=runtime.scaler(),
        clip_norm=config.clip_norm,
    )


@dataclass(frozen=True)
class Learned:
    """One pass over the training split: means over samples, as the model stood at each batch."""

    loss: float
    accuracy: float
    lr: float  # the head's highest learning rate


def _train_epoch(
    state: TrainState, batches: EpochBatches, epoch: int, config: TrainingConfig, run: Run
) -> Learned:
    torch.manual_seed(mix(config.seed, epoch))
    training_mode(state.model, config.mode, config.frozen_norms)
    runtime, loss_sum, correct, count, lr = run.runtime, 0.0, 0, 0, 0.0
    bar = run.reporter.progress(batches(epoch), desc=f"epoch {epoch}")
    for step, (inputs, labels) in enumerate(bar, 1):
        inputs, labels = runtime.move_batch(inputs), runtime.move_batch(labels)
        with runtime.autocast():
            logits = state.model(inputs)
        loss = cross_entropy(logits.float(), labels, run.class_weights)
        value = loss.item()
        _check_finite(value, "loss", step, epoch)
        lr = max(lr, state.lr)
        state.step(loss)
        loss_sum += value * len(labels)
        correct += (logits.argmax(dim=1) == labels).sum().item()
        count += len(labels)
    return Learned(loss_sum / count, correct / count, lr)


def _check_finite(value: float, what: str, step: int, epoch: int) -> None:
    if not math.isfinite(value):
        raise CourseError(
            f"The {what} became {value} at step {step} of epoch {epoch}: lower the learning "
            "rates (--lr). The checkpoint of the last finished epoch, if any, was kept."
        )


def best_epoch(history: list[EpochRecord]) -> int:
    """Number of the epoch with the lowest validation loss (the first of equals)."""
    return min(history, key=lambda row: row.val_loss).epoch


def _out_of_patience(history: list[EpochRecord], patience: int | None) -> bool:
    return bool(patience and history) and len(history) - best_epoch(history) >= patience
