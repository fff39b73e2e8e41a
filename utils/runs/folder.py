"""A run folder: what `course train` leaves behind, and the classifier that is read from it."""

from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from utils.backbones import Backbone, load_backbone, with_input
from utils.checkpoints import LAST, MODEL
from utils.classifier import Head, probabilities
from utils.datasets import ImageSet, Progress, no_progress
from utils.device import Runtime
from utils.errors import CourseError
from utils.evaluation import Evaluation, assess, reject_threshold
from utils.features import compute_features, frozen_features
from utils.files import read_text, write_file
from utils.modes import Classifier
from utils.observations import TrainingTrace
from utils.runs.record import FORMAT, DataRecord, RunRecord, SplitRecord
from utils.splits import Splits, split

RECORD, LEARNED = "model.json", "learned.txt"
# What a run writes beside its checkpoint; all of it belongs to one training.
RESULTS = (RECORD, LEARNED, "trace.json", "report.html", "model.onnx", "model.int8.onnx")


def weights_choice(backbone: Backbone) -> str:
    """The choice (`WeightsChoice`) with which the same weights are loaded again."""
    kind = backbone.weights.kind
    return {"random": "untrained", "imagenet": "imagenet", "timm": "imagenet"}.get(kind, "offline")


def whole_classifier(backbone: Backbone, model: nn.Module) -> Classifier:
    """Backbone and head together, whatever `training.train` returned of them."""
    return model if isinstance(model, Classifier) else Classifier(backbone, model)


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """A classifier with the record of its training."""

    record: RunRecord
    classifier: Classifier

    @property
    def model(self) -> str:
        return self.record.model

    @property
    def classes(self) -> tuple[str, ...]:
        return self.record.classes

    @property
    def reject_below(self) -> float:
        return self.record.reject_below

    def probabilities(
        self, images: ImageSet, runtime: Runtime, progress: Progress = no_progress
    ) -> Tensor:
        """The probability of each class for each photo (N×C); nothing is cached."""
        vectors = compute_features(self.classifier.backbone, images, runtime, progress=progress)
        return class_probabilities(self.classifier, vectors)


def class_probabilities(classifier: Classifier, vectors: Tensor) -> Tensor:
    """Feature vectors (N×D) → the head's probabilities (N×C), on the CPU."""
    head = classifier.head.cpu()
    with torch.inference_mode():
        return probabilities(head(vectors))


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a training began with: where its photos are read again, and the backbone's values."""

    data: str  # a data set's name, or a folder's absolute path
    group_by: str | None
    limit: int | None
    backbone: str  # fingerprint, before anything was trained


def keep_run(
    folder: Path,
    classifier: Classifier,
    images: ImageSet,
    trace: TrainingTrace,
    seed: int,
    runtime: Runtime,
    source: Source,
) -> tuple[RunRecord, Evaluation]:
    """Write the record of a finished training, and evaluate it on its test split.

    Raises:
        CourseError: no room on the disk, or the folder can't be written.
    """
    splits = split(images, seed)
    val, test = (images.subset(part) for part in (splits.val, splits.test))
    val_probs, test_probs = _probabilities(classifier, images, runtime, splits, trace.mode)
    result = assess(test_probs.numpy(), test.labels, images.classes)
    best = trace.epochs[trace.best_epoch - 1]
    record = RunRecord(
        family=classifier.backbone.spec.family,
        model=trace.model,
        weights=weights_choice(classifier.backbone),
        backbone=source.backbone,
        classes=images.classes,
        preprocessing=classifier.backbone.spec.preprocessing,
        mode=trace.mode,
        precision=runtime.precision,
        data=DataRecord(
            name=images.name,
            source=source.data,
            limit=source.limit,
            group_by=source.group_by,
            photos=len(images),
            fingerprint=images.fingerprint(),
        ),
        split=SplitRecord(
            by=trace.split,
            seed=seed,
            train=trace.n_train,
            val=trace.n_val,
            test=trace.n_test,
            fingerprint=splits.fingerprint(),
        ),
        metrics={
            "best_epoch": trace.best_epoch,
            "val_loss": best.val_loss,
            "val_accuracy": best.val_accuracy,
            "test_accuracy": trace.test_accuracy,
            "largest_class": trace.majority,
            "right_kind": trace.informed_floor,
        },
        reject_below=reject_threshold(val_probs.numpy(), val.labels),
    )
    write_learned(images, splits, folder)
    write_record(record, folder)
    return record, result


def _probabilities(
    classifier: Classifier, images: ImageSet, runtime: Runtime, splits: Splits, mode: str
) -> list[Tensor]:
    """Probabilities (n×C) of the validation and of the test photos.

    A frozen backbone's features of the whole set are in the cache since the training.
    """
    parts = (splits.val, splits.test)
    if mode == "head":
        vectors = frozen_features(classifier.backbone, images, splits, runtime).vectors
        return [class_probabilities(classifier, vectors[list(part)]) for part in parts]
    return [
        class_probabilities(
            classifier, compute_features(classifier.backbone, images.subset(part), runtime)
        )
        for part in parts
    ]


def clear_results(folder: Path) -> None:
    """Delete what an earlier run in this folder wrote: it would contradict the new weights."""
    for name in RESULTS:
        (folder / name).unlink(missing_ok=True)


def write_learned(images: ImageSet, splits: Splits, folder: Path) -> None:
    """Note which photos were learned from or chosen by, so that a test can leave them out."""
    digests = images.digests()
    lines = sorted({digests[i].hex() for i in (*splits.train, *splits.val)})
    write_file(folder / LEARNED, "".join(f"{line}\n" for line in lines))


def learned_photos(images: ImageSet, folder: Path) -> list[bool]:
    """Whether each photo is, byte for byte, one that the run learned from or was chosen by."""
    known = set(read_text(folder / LEARNED).split())
    return [digest.hex() in known for digest in images.digests()]


def write_record(record: RunRecord, folder: Path) -> None:
    write_file(folder / RECORD, record.to_json())


def read_record(folder: Path) -> RunRecord:
    """Read `model.json` of a run folder.

    Raises:
        CourseError: no run folder, an unfinished run, one of another version, or damaged.
    """
    file = folder / RECORD
    if not folder.is_dir():
        raise CourseError(
            f"There is no run folder at {folder}: give the folder that `course train` named."
        )
    if not file.exists():
        state = "holds a training that hasn't finished" if (folder / LAST).exists() else "is no run"
        raise CourseError(
            f"{folder} {state} ({RECORD} is missing): train with `course train --out {folder}`, "
            "and --resume if it was stopped."
        )
    try:
        record = RunRecord.from_json(read_text(file))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CourseError(
            f"{file} is damaged or was written by another version of the course: train again."
        ) from error
    if record.format != FORMAT:
        raise CourseError(f"{file} was written by another version of the course: train again.")
    return record


def load_run(folder: Path) -> TrainedRun:
    """Read the classifier of a run folder, in eval mode on the CPU.

    Raises:
        CourseError: as `read_record`; damaged weights, or a backbone that isn't the one it had.
    """
    record = read_record(folder)
    backbone = load_backbone(record.model, record.weights)
    if backbone.fingerprint() != record.backbone:
        raise CourseError(
            f"{folder} was trained on other weights of {record.model} than those that are here: "
            "install the versions of that time, or train again."
        )
    backbone = with_input(backbone, record.preprocessing)
    head = Head(torch.zeros(2, backbone.spec.feature_dim), len(record.classes))
    classifier = Classifier(backbone, head)
    file = folder / MODEL
    part = head if record.mode == "head" else classifier
    try:
        part.load_state_dict(safetensors.torch.load_file(file))
    except FileNotFoundError as error:
        raise CourseError(f"{file} is missing: train again.") from error
    except (SafetensorError, RuntimeError) as error:
        raise CourseError(f"{file} is damaged: train again.") from error
    return TrainedRun(record=record, classifier=classifier.eval())
