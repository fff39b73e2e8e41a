"""A trained classifier as an ONNX file: exported, quantised to int8, compared, and read again.

The file takes cropped photos as bytes and normalises them itself; how a photo is resized and
cropped stands in its metadata, with the names of its classes.
"""

import copy
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from utils.classifier import probabilities
from utils.datasets import Crops, ImageSet, Progress, no_progress
from utils.device import Runtime
from utils.engines.folding import static_padding
from utils.engines.onnx import to_int8, to_onnx
from utils.errors import CourseError
from utils.features import calibration_batches
from utils.files import write_file
from utils.images import Normalize, Preprocessing
from utils.runs.folder import TrainedRun

METADATA = "vision_course"
BATCH = 16


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far the answers of an exported file are from PyTorch's on N photos of the test split."""

    photos: int
    largest: float  # difference of a logit
    changed: int  # photos whose class is another one
    accuracy: float  # of the file
    accuracy_torch: float


def export_onnx(run: TrainedRun, file: Path) -> None:
    """Write a classifier as ONNX: uint8 N×3×crop×crop → logits N×C, for any N.

    Raises:
        CourseError: the exporter doesn't know an operation of the model, or no room on the disk.
    """
    spec = run.record.preprocessing
    module = copy.deepcopy(nn.Sequential(Normalize(spec), run.classifier)).eval()
    example = torch.zeros(1, 3, spec.crop, spec.crop, dtype=torch.uint8)
    module = static_padding(module, example)
    try:
        model = to_onnx(module, example, ["logits"])
    except Exception as error:  # exporters raise errors of many types
        raise CourseError(
            f"{run.record.model} can't be exported to ONNX: train another model."
        ) from error
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(_metadata(run))
    write_file(file, model.SerializeToString())


def _metadata(run: TrainedRun) -> dict[str, Any]:
    return {
        "model": run.record.model,
        "classes": run.record.classes,
        "preprocessing": asdict(run.record.preprocessing),
        "preprocessing_outside": "resize the shorter side, crop the centre; RGB bytes",
        "preprocessing_inside": "divide by 255, subtract the mean, divide by the deviation",
        "reject_below": run.record.reject_below,
    }


@dataclass(frozen=True)
class OnnxClassifier:
    """An exported classifier in ONNX Runtime, with what its metadata say."""

    file: Path
    session: onnxruntime.InferenceSession

    @cached_property
    def metadata(self) -> dict[str, Any]:
        return json.loads(self.session.get_modelmeta().custom_metadata_map[METADATA])

    @property
    def model(self) -> str:
        return self.metadata["model"]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.metadata["classes"])

    @property
    def reject_below(self) -> float:
        return self.metadata["reject_below"]

    @property
    def preprocessing(self) -> Preprocessing:
        spec = self.metadata["preprocessing"]
        return Preprocessing(**spec | {"mean": tuple(spec["mean"]), "std": tuple(spec["std"])})

    def logits(self, images: ImageSet, progress: Progress = no_progress) -> Tensor:
        """The logits of each photo (N×C)."""
        crops = Crops(images, self.preprocessing)
        return torch.cat(
            [
                torch.from_numpy(self.session.run(None, {"pixels": pixels.numpy()})[0])
                for pixels, _ in progress(DataLoader(crops, BATCH), desc=self.file.name)
            ]
        )

    def probabilities(
        self, images: ImageSet, _runtime: Runtime, progress: Progress = no_progress
    ) -> Tensor:
        """The probability of each class for each photo (N×C), on the CPU."""
        return probabilities(self.logits(images, progress))


def load_onnx(file: Path) -> OnnxClassifier:
    """Read an exported classifier.

    Raises:
        CourseError: no such file, damaged, or not exported by the course.
    """
    if not file.is_file():
        raise CourseError(f"There is no exported model at {file}: `course export` writes one.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(file), options, ["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has error types of its own
        raise CourseError(f"{file} is damaged or no ONNX file: export it again.") from error
    if METADATA not in session.get_modelmeta().custom_metadata_map:
        raise CourseError(
            f"{file} doesn't say what its classes are: give one that `course export` wrote."
        )
    return OnnxClassifier(file, session)


def compare(exported: OnnxClassifier, run: TrainedRun, images: ImageSet) -> Difference:
    """Compare an exported file with PyTorch, photo by photo, on the same crops.

    Args:
        exported: what `load_onnx` read.
        run: the classifier that was exported.
        images: the test split.
    """
    crops = Crops(images, run.record.preprocessing)
    module = nn.Sequential(Normalize(run.record.preprocessing), run.classifier).eval()
    with torch.inference_mode():
        expected = torch.cat([module(pixels) for pixels, _ in DataLoader(crops, BATCH)])
    came, labels = exported.logits(images), torch.tensor(images.labels)
    return Difference(
        photos=len(images),
        largest=(came - expected).abs().max().item(),
        changed=int((came.argmax(1) != expected.argmax(1)).sum()),
        accuracy=(came.argmax(1) == labels).double().mean().item(),
        accuracy_torch=(expected.argmax(1) == labels).double().mean().item(),
    )


def quantize_onnx(exported: OnnxClassifier, images: ImageSet, target: Path) -> None:
    """Write an int8 form of an exported file, its ranges read from training photos.

    Raises:
        CourseError: no room on the disk.
    """
    batches = calibration_batches(images, exported.preprocessing)
    write_file(target, to_int8(exported.file.read_bytes(), batches))
