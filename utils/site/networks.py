"""The offline networks as ONNX files for the live page, and how well they agree with PyTorch.

Each takes normalised photos and gives the maps of its stages, the feature vector and the logits.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnx import ModelProto
from torch import Tensor, nn

from utils.backbones import Backbone, load_backbone, measure_stages
from utils.engines.folding import fold_norms, static_padding
from utils.engines.onnx import to_onnx
from utils.errors import CourseError
from utils.files import read_text, sha256_of_file, write_file
from utils.images import PHOTOS, open_photo, preprocess, sample_photo
from utils.models import DISPLAY_NAMES, OFFLINE
from utils.settings import PROJECT
from utils.site.compact import with_both, with_float16, with_int8
from utils.site.receptive import Field, receptive_fields

MODELS = tuple(OFFLINE[family] for family in ("efficientnet", "resnet", "vgg"))
FORMS: dict[str, Callable[[ModelProto], ModelProto]] = {  # the smallest first
    "int8": with_int8,
    "int8 and fp16": partial(with_both, few=150_000),
    "int8 and more fp16": partial(with_both, few=300_000),
    "fp16": with_float16,
}
INPUT = "normalised"
COSINE = 0.99  # least cosine between the features of a file and of PyTorch
MOST_BYTES = 32_000_000  # all files together
EVERY = 4  # of the pictures of data/things, each fourth of the test split is compared


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the answers of a file are from PyTorch's on the course's photos."""

    photos: int
    same_class: int
    least_cosine: float
    largest_difference: float  # of a logit


class Traced(nn.Module):
    """A network that gives what it computes on the way: maps by stage, features, logits."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        maps, features = self.backbone.maps_and_features(images)
        return *maps.values(), features, self.backbone.head(features)


def write_networks(folder: Path) -> dict:
    """Write each network into a folder, in the smallest form that agrees; return what is said.

    Raises:
        CourseError: no form of a network agrees, or all together are too large.
    """
    photos = course_photos()
    written = [_write_network(name, folder, photos) for name in MODELS]
    size = sum(network["bytes"] for network in written)
    if size > MOST_BYTES:
        raise CourseError(f"The networks have {size / 1e6:.1f} MB together: make them smaller.")
    said = {"bytes": size, "networks": written}
    write_file(folder / "networks.json", json.dumps(said, indent=1) + "\n")
    return said


def kept_networks(folder: Path) -> dict:
    """What `write_networks` said of a folder, if its files are of these weights and this code."""
    record, stamp = folder / "networks.json", folder / "networks.sha256"
    now = _fingerprint()
    if record.exists() and stamp.exists() and read_text(stamp) == now:
        return json.loads(read_text(record))
    said = write_networks(folder)
    write_file(stamp, now)
    return said


def _fingerprint() -> str:
    """SHA-256 of the weights, of the photos, and of the code that the files are made by."""
    weights = [load_backbone(name, "offline").fingerprint() for name in MODELS]
    utils = PROJECT / "utils"
    code = [utils / "site" / f"{name}.py" for name in ("networks", "compact", "receptive")]
    code += sorted(utils.glob("engines/*.py"))
    files = [sha256_of_file(file) for file in (*code, *course_photos())]
    return hashlib.sha256("\n".join([*weights, *files]).encode()).hexdigest()


def course_photos() -> list[Path]:
    """The photos that files are compared on: those of the lessons, and some of data/things."""
    things = sorted((PROJECT / "data" / "things" / "test").glob("*/*.jpg"))
    return [*(sample_photo(name) for name in PHOTOS), *things[::EVERY]]


def _write_network(name: str, folder: Path, photos: Sequence[Path]) -> dict:
    backbone = load_backbone(name, "offline")
    model, tried = exported(backbone), []
    names = [f"stride_{stride}" for stride in backbone.spec.stages]
    fields = receptive_fields(model, names)
    expected = _expected(backbone, photos)
    for form, make in FORMS.items():
        content = make(model).SerializeToString()
        agreement = compare(content, expected)
        tried.append({"form": form, "bytes": len(content), **asdict(agreement)})
        if agreement.same_class == agreement.photos and agreement.least_cosine >= COSINE:
            write_file(folder / f"{name}.onnx", content)
            said = {"form": form, "bytes": len(content), "agreement": asdict(agreement)}
            return _description(backbone, fields) | said | {"tried": tried}
    raise CourseError(f"No form of {name} agrees with PyTorch: {tried}.")


def exported(backbone: Backbone) -> ModelProto:
    """A network in ONNX, in float32: normalised photos → maps by stage, features, logits."""
    side = backbone.spec.preprocessing.crop
    example = torch.zeros(1, 3, side, side)
    module = fold_norms(static_padding(Traced(backbone).eval(), example, uneven=False), example)
    strides = backbone.spec.stages
    outputs = [*(f"stride_{stride}" for stride in strides), "features", "logits"]
    return to_onnx(module, example, outputs, INPUT)


def _expected(
    backbone: Backbone, photos: Sequence[Path]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each photo its tensor, and PyTorch's feature vector and logits."""
    answers = []
    with torch.inference_mode():
        for file in photos:
            pixels = preprocess(open_photo(file), backbone.spec.preprocessing)
            features = backbone(pixels)
            found = (pixels, features[0], backbone.head(features)[0])
            answers.append(tuple(tensor.numpy() for tensor in found))
    return answers


def compare(
    content: bytes, expected: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> Agreement:
    """Compare a file with PyTorch, photo by photo."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    same, cosines, differences = 0, [], []
    for pixels, features, logits in expected:
        came_features, came = (
            output[0] for output in session.run(["features", "logits"], {INPUT: pixels})
        )
        norms = np.linalg.norm(features) * np.linalg.norm(came_features)
        same += int(came.argmax() == logits.argmax())
        cosines.append(float(features @ came_features / norms))
        differences.append(float(np.abs(came - logits).max()))
    return Agreement(
        photos=len(expected),
        same_class=same,
        least_cosine=min(cosines),
        largest_difference=max(differences),
    )


def _description(backbone: Backbone, fields: dict[str, Field]) -> dict:
    spec = backbone.spec
    costs = {row.stage: row for row in measure_stages(spec.name)}
    return {
        "name": spec.name,
        "family": spec.family,
        "title": DISPLAY_NAMES[spec.family],
        "file": f"{spec.name}.onnx",
        "weights": str(backbone.weights),
        "note": backbone.naming_note,
        "feature_dim": spec.feature_dim,
        "preprocessing": asdict(spec.preprocessing),
        "parameters": costs["whole model"].parameters,
        "gmacs": costs["whole model"].gmacs,
        "stages": [
            {
                "stride": stride,
                "output": f"stride_{stride}",
                "shape": costs[f"stride {stride}"].shape,
                "gmacs": costs[f"stride {stride}"].gmacs,
                "field": asdict(fields[f"stride_{stride}"]),
            }
            for stride in spec.stages
        ],
    }
