"""Epochs: train a head on cached features, or fine-tune a backbone; resume; trace what happened.

The loop in `_fit` is the same for the three modes of `modes.py`.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from utils.backbones import Backbone
from utils.batches import EpochBatches, PhotoBatches, TensorBatches
from utils.checkpoints import Checkpoints
from utils.classifier import Head
from utils.datasets import ImageSet, Progress, silent
from utils.device import Runtime, memory_guard, seed_everything
from utils.errors import CourseError
from utils.features import extract_features
from utils.modes import (
    Classifier,
    TrainingConfig,
    check_mode,
    schedule,
    settle,
    trainable_groups,
    training_mode,
)
from utils.observations import (
    EpochRecord,
    copy_state,
    evaluate,
    informed_floor,
    largest_class_floor,
    losses_with,
    observe,
    photo_losses,
    standard_error,
)
from utils.splits import Splits, describe, share_of_training, split

OnEpoch = Callable[[EpochRecord], None]


@dataclass(frozen=True)
class TrainingTrace:
    """What happened, epoch by epoch, and the one look at the test split."""

    dataset: str
    split: str  # by what: "split by module"
    side: int  # of the square that the backbone sees of each photo, in pixels
    model: str
    weights: str
    mode: str
    classes: tuple[str, ...]
    n_train: int
    n_val: int
    n_test: int
    majority: float  # test accuracy of the training split's largest class alone
    informed_floor: float | None  # and of the largest class of the right kind (ImageSet.kinds)
    epochs: tuple[EpochRecord, ...]
    best_epoch: int
    test_accuracy: float
    seconds: float  # features, if they weren't cached yet, and epochs

    @property
    def floors(self) -> str:
        """What the test accuracy has to be compared with, in words."""
        words = f"largest class alone: {self.majority:.1%}"
        if self.informed_floor is None:
            return words
        return f"{words}; right kind, its largest class: {self.informed_floor:.1%}"


@dataclass(frozen=True)
class Batches:
    """The three splits, ready to iterate; `train` gives other batches in each epoch."""

    train: EpochBatches
    val: EpochBatches
    test: EpochBatches


def train(
    backbone: Backbone,
    images: ImageSet,
    config: TrainingConfig,
    runtime: Runtime,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    on_epoch: OnEpoch | None = None,
    progress: Progress = silent,
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
    splits = share_of_training(split(images, config.seed), images.labels, config.share, config.seed)
    # Where memory is short, the smaller batches that were asked for are meant here too.
    small = config.batch_size if config.batch_size < TrainingConfig.batch_size else None
    features = extract_features(backbone, images, runtime, small, progress)
    seed_everything(config.seed)
    head = Head(features.vectors[list(splits.train)], len(images.classes))
    if config.mode == "head":
        model, batches = head, _feature_batches(features.vectors, images, splits, config)
    else:
        model = Classifier(backbone, head)
        batches = _photo_batches(backbone, images, splits, config, runtime)
    if config.mode != "head" and config.head_first:
        _train_head(head, features.vectors, images, splits, config, runtime)
    model = runtime.place(model)
    job = _job(backbone, images, splits, config, runtime) if checkpoints else {}
    with memory_guard(config.batch_size):
        history, best = _fit(
            model, batches, config, runtime, job, checkpoints, resume, on_epoch, progress
        )
        _, test_accuracy = evaluate(model, batches.test(0), runtime)
    trace = TrainingTrace(
        images.name,
        describe(images),
        backbone.spec.preprocessing.crop,
        backbone.spec.name,
        backbone.weights,
        config.mode,
        images.classes,
        len(splits.train),
        len(splits.val),
        len(splits.test),
        largest_class_floor(images, splits),
        informed_floor(images, splits),
        tuple(history),
        best,
        test_accuracy,
        features.seconds + sum(row.seconds for row in history),
    )
    return trace, model


def _train_head(
    head: Head,
    vectors: Tensor,
    images: ImageSet,
    splits: Splits,
    config: TrainingConfig,
    runtime: Runtime,
) -> None:
    """Train the head on the features of the backbone as it is, before the backbone moves.

    A random head would send random gradients into it (Kumar et al. 2022, "Fine-tuning can distort
    pretrained features and underperform out-of-distribution").
    """
    alone = TrainingConfig(epochs=config.head_epochs, seed=config.seed)
    batches = _feature_batches(vectors, images, splits, alone)
    _fit(runtime.place(head), batches, alone, runtime, {}, None, False, None, silent)


def _job(
    backbone: Backbone,
    images: ImageSet,
    splits: Splits,
    config: TrainingConfig,
    runtime: Runtime,
) -> dict[str, Any]:
    """What a checkpoint must have been made by for a run to go on from it."""
    return asdict(config) | {
        "model": backbone.spec.name,
        "weights": backbone.weights,
        "data": images.fingerprint(),
        "split": hashlib.sha256(repr(splits).encode()).hexdigest(),
        "precision": runtime.precision,
    }


def _feature_batches(
    vectors: Tensor, images: ImageSet, splits: Splits, config: TrainingConfig
) -> Batches:
    labels = torch.tensor(images.labels)

    def part(indices: tuple[int, ...], shuffle: bool) -> EpochBatches:
        rows = list(indices)
        return TensorBatches(vectors[rows], labels[rows], config.batch_size, config.seed, shuffle)

    return Batches(part(splits.train, True), part(splits.val, False), part(splits.test, False))


def _photo_batches(
    backbone: Backbone, images: ImageSet, splits: Splits, config: TrainingConfig, runtime: Runtime
) -> Batches:
    def part(indices: tuple[int, ...], training: bool) -> EpochBatches:
        return PhotoBatches(
            images.subset(indices),
            backbone.spec.preprocessing,
            config.batch_size,
            config.seed,
            runtime,
            training,
        )

    return Batches(part(splits.train, True), part(splits.val, False), part(splits.test, False))


def _fit(
    model: nn.Module,
    batches: Batches,
    config: TrainingConfig,
    runtime: Runtime,
    job: dict[str, Any],
    checkpoints: Checkpoints | None,
    resume: bool,
    on_epoch: OnEpoch | None,
    progress: Progress,
) -> tuple[list[EpochRecord], int]:
    """Run the epochs; leaves the best epoch's weights in the model and returns its number."""
    groups = [group for group in trainable_groups(model, config) if group["params"]]
    optimizer = torch.optim.AdamW(groups)
    steps = config.epochs * len(batches.train)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: schedule(step, steps, config.warmup)
    )
    parts = {
        "model": model,
        "optimizer": optimizer,
        "scheduler": scheduler,
        "scaler": runtime.scaler(),
    }
    history: list[EpochRecord] = []
    best_state, best_losses = copy_state(model), torch.zeros(0)
    if resume and checkpoints:
        rows, best_state = checkpoints.load(parts, job)
        history = [EpochRecord(**row) for row in rows]
        best_losses = losses_with(best_state, model, batches.val(0), runtime)
    for epoch in range(len(history) + 1, config.epochs + 1):
        if _out_of_patience(history, config.patience):
            break
        started = time.perf_counter()
        torch.manual_seed(config.seed + epoch)
        train_loss, train_accuracy, lr = _train_epoch(
            parts, batches.train, epoch, config, runtime, progress
        )
        val_losses, hits = photo_losses(model, batches.val(epoch), runtime)
        val_loss = val_losses.mean().item()
        _check_finite(val_loss, "validation loss", len(batches.train), epoch)
        record = EpochRecord(
            epoch,
            train_loss,
            train_accuracy,
            val_loss,
            hits.double().mean().item(),
            lr,
            time.perf_counter() - started,
            "",
            standard_error(val_losses - best_losses) if history else 0.0,
        )
        record = replace(record, observation=observe([*history, record]))
        history.append(record)
        if best_epoch(history) == epoch:
            best_state, best_losses = copy_state(model), val_losses
        if checkpoints:
            checkpoints.save(parts, job, [asdict(row) for row in history], best_state)
        if on_epoch:
            on_epoch(record)
    model.load_state_dict(best_state)
    return history, best_epoch(history)


def _train_epoch(
    parts: dict,
    batches: EpochBatches,
    epoch: int,
    config: TrainingConfig,
    runtime: Runtime,
    progress: Progress,
) -> tuple[float, float, float]:
    """One pass over the training split; returns loss, accuracy and the head's highest rate.

    Loss and accuracy are averaged over samples, as the model stood at each batch.
    """
    model, optimizer = parts["model"], parts["optimizer"]
    training_mode(model, config.mode, config.frozen_norms)
    loss_sum = correct = count = lr = 0.0
    for step, (inputs, labels) in enumerate(progress(batches(epoch), desc=f"epoch {epoch}"), 1):
        inputs, labels = runtime.send(inputs), runtime.send(labels)
        with runtime.autocast():
            logits = model(inputs)
        loss = cross_entropy(logits.float(), labels)
        value = loss.item()
        _check_finite(value, "loss", step, epoch)
        lr = max(lr, optimizer.param_groups[0]["lr"])
        descend(loss, parts, config.clip_norm)
        loss_sum += value * len(labels)
        correct += (logits.argmax(dim=1) == labels).sum().item()
        count += len(labels)
    return loss_sum / count, correct / count, lr


def descend(loss: Tensor, parts: dict[str, Any], clip_norm: float) -> None:
    """One step of optimizer and schedule down the gradient, which is shortened to `clip_norm`."""
    optimizer, scaler = parts["optimizer"], parts["scaler"]
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(
        [p for group in optimizer.param_groups for p in group["params"]], clip_norm
    )
    scaler.step(optimizer)
    scaler.update()
    parts["scheduler"].step()


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
