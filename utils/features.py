"""Stage 2 at scale: the features of a data set, extracted once and cached on disk.

A frozen backbone gives the same feature vector for a photo in every epoch, so it needs to run
only once; a head then trains on the cache.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.utils.data import DataLoader

from utils.backbones import Backbone
from utils.datasets import Crops, ImageSet, Progress, no_progress
from utils.device import Runtime, is_out_of_memory
from utils.errors import CourseError
from utils.files import write_file
from utils.images import Normalize
from utils.inference import fast_inference, inference_path
from utils.settings import Settings

FORMAT = "2"


@dataclass(frozen=True)
class Features:
    """Feature vectors (N×D, float32) of an image set, in its order."""

    vectors: Tensor
    cached: bool
    seconds: float


def extract_features(
    backbone: Backbone,
    images: ImageSet,
    runtime: Runtime,
    batch_size: int | None = None,
    progress: Progress = no_progress,
) -> Features:
    """Read the feature vectors of every photo from the feature cache, or compute and cache them.

    Where memory is short, batches are halved until they fit.

    Raises:
        CourseError: no memory for a single photo, or no room for the cache.
    """
    started = time.perf_counter()
    size = batch_size or runtime.batch_size
    recipe = _recipe(backbone, images, runtime, size)
    while True:
        # Features of a backbone that couldn't be traced are also cached as "eager".
        for path in dict.fromkeys((inference_path(runtime), "eager")):
            vectors = _read(cache_file(recipe | {"path": path}))
            if vectors is not None:
                return Features(vectors, True, time.perf_counter() - started)
        try:
            vectors, path = _compute(backbone, images, runtime, size, progress)
            break
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                raise CourseError(
                    f"There is no memory for a single photo on this device ({runtime.device.type}):"
                    " compute on the CPU (COURSE_DEVICE=cpu), or close other programs."
                ) from error
        size //= 2
        recipe["batch"] = size
    _write(cache_file(recipe | {"path": path}), vectors)
    return Features(vectors, False, time.perf_counter() - started)


def _recipe(backbone: Backbone, images: ImageSet, runtime: Runtime, size: int) -> dict[str, object]:
    """Everything that a feature vector depends on."""
    return {
        "format": FORMAT,
        "model": backbone.spec.name,
        "weights": backbone.fingerprint(),
        "preprocessing": asdict(backbone.spec.preprocessing),
        "data": images.fingerprint(),
        "device": runtime.device.type,
        "batch": size,
        "precision": runtime.precision,
        "torch": torch.__version__,
        "threads": torch.get_num_threads() if runtime.device.type == "cpu" else None,
    }


def cache_file(recipe: dict[str, object]) -> Path:
    """The file of the cache that belongs to a recipe."""
    key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    return features_folder() / f"{recipe['model']}-{key[:32]}.safetensors"


def features_folder() -> Path:
    return Settings().cache / "features"


def cache_size() -> tuple[int, int]:
    """Number of files in the features cache, and their bytes."""
    files = list(features_folder().glob("*.safetensors"))
    return len(files), sum(file.stat().st_size for file in files)


def clear_cache() -> tuple[int, int]:
    """Delete the cached features; returns what `cache_size` said before."""
    before = cache_size()
    for file in features_folder().glob("*.safetensors"):
        file.unlink(missing_ok=True)
    return before


def _checksum(vectors: Tensor) -> str:
    return hashlib.sha256(vectors.contiguous().numpy()).hexdigest()


def _write(file: Path, vectors: Tensor) -> None:
    metadata = {"sha256": _checksum(vectors)}
    write_file(file, safetensors.torch.save({"vectors": vectors}, metadata=metadata))


def _read(file: Path) -> Tensor | None:
    """The cached vectors, or None where there are none or they are damaged."""
    try:
        with safe_open(file, framework="pt") as content:
            vectors = content.get_tensor("vectors")
            intact = content.metadata()["sha256"] == _checksum(vectors)
    except (OSError, SafetensorError, KeyError, TypeError):
        return None
    return vectors if intact else None


def compute_features(
    backbone: Backbone,
    images: ImageSet,
    runtime: Runtime,
    progress: Progress = no_progress,
) -> Tensor:
    """Compute the feature vectors (N×D, float32) of every photo, without the cache."""
    return _compute(backbone, images, runtime, runtime.batch_size, progress)[0]


def _compute(
    backbone: Backbone,
    images: ImageSet,
    runtime: Runtime,
    size: int,
    progress: Progress,
) -> tuple[Tensor, str]:
    model, path = fast_backbone(backbone, runtime, size)
    crops = Crops(images, backbone.spec.preprocessing)
    loader = DataLoader(crops, batch_size=size, **runtime.loader_options)
    vectors = []
    with torch.inference_mode():
        for pixels, _ in progress(loader, desc=f"features of {backbone.spec.name}"):
            vectors.append(
                model(runtime.move_batch(_filled(pixels, size)))[: len(pixels)].float().cpu()
            )
    return torch.cat(vectors), path


def _filled(pixels: Tensor, size: int) -> Tensor:
    """Repeat the last photo until the batch is full: a traced model is fastest at one shape."""
    missing = size - len(pixels)
    return torch.cat([pixels, pixels[-1:].expand(missing, -1, -1, -1)]) if missing else pixels


def fast_backbone(backbone: Backbone, runtime: Runtime, size: int) -> tuple[nn.Module, str]:
    """Join normalisation and body into one fast module for batches of uint8 crops."""
    spec = backbone.spec.preprocessing
    module = nn.Sequential(Normalize(spec), backbone.body)
    example = torch.zeros(size, 3, spec.crop, spec.crop, dtype=torch.uint8)
    return fast_inference(module, runtime, runtime.move_batch(example))
