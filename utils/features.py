"""Stage 2 at scale: the features of a data set, extracted once and cached on disk.

A frozen backbone gives the same feature vector for a photo in every epoch, so it needs to run
only once; a head then trains on the cache.
"""

import hashlib
import json
import random
import time
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from utils.backbones import Backbone
from utils.classifier import cross_validated_accuracy
from utils.datasets import Crops, ImageSet, Progress, no_progress
from utils.device import INT8, Runtime, is_out_of_memory, torch_threads
from utils.engines.openvino import engines_folder
from utils.engines.tensor_files import read_tensors, write_tensors
from utils.errors import CourseError
from utils.images import Normalize, Preprocessing
from utils.inference import FastModule, engine_worth, fast_inference
from utils.settings import FeatureEngine, Precision, Settings
from utils.splits import Splits

FORMAT = "3"
CALIBRATION = 200  # photos, from which int8's ranges are read
COMPARED = 1000  # photos on which int8 is compared with fp32
TOLERANCE = 0.005  # of accuracy: what int8 may cost


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
    calibration: ImageSet | None = None,
) -> Features:
    """Read the feature vectors of every photo from the feature cache, or compute and cache them.

    Where memory is short, batches are halved until they fit. In int8 the ranges of the backbone's
    values are read from `calibration`, which must not hold test photos.

    Raises:
        CourseError: no memory for a single photo, or no room for the cache.
    """
    started = time.perf_counter()
    size = batch_size or runtime.batch_size
    runtime = engine_worth(runtime, len(images), backbone.spec.preprocessing.crop)
    recipe = _recipe(backbone, images, runtime, size)
    if calibration:
        recipe["calibration"] = calibration.fingerprint()
    while True:
        # Features of a backbone that OpenVINO can't run are cached as PyTorch's.
        for engine in dict.fromkeys((runtime.engine, FeatureEngine.EAGER.value)):
            cached = read_tensors(cache_file(recipe | {"engine": engine}))
            if cached is not None:
                return Features(cached["vectors"], True, time.perf_counter() - started)
        try:
            model = fast_backbone(backbone, runtime, size, calibration)
            vectors = compute_with(model, backbone, images, runtime, size, progress)
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
    write_tensors(cache_file(recipe | {"engine": model.engine}), {"vectors": vectors})
    return Features(vectors, False, time.perf_counter() - started)


def _recipe(backbone: Backbone, images: ImageSet, runtime: Runtime, size: int) -> dict[str, object]:
    """Everything that a feature vector depends on."""
    return {
        "format": FORMAT,
        "model": backbone.spec.name,
        "body": repr(backbone.body),
        "weights": backbone.fingerprint(),
        "preprocessing": asdict(backbone.spec.preprocessing),
        "data": images.fingerprint(),
        "device": runtime.device.type,
        "batch": size,
        "precision": runtime.precision,
        "torch": torch.__version__,
        "openvino": version("openvino"),
        "threads": torch.get_num_threads() if runtime.device.type == "cpu" else None,
    }


def cache_file(recipe: dict[str, object]) -> Path:
    """The file of the cache that belongs to a recipe."""
    key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    return features_folder() / f"{recipe['model']}-{key[:32]}.safetensors"


def features_folder() -> Path:
    return Settings().cache / "features"


def cache_size() -> tuple[int, int]:
    """Number of files in the cache of features and converted models, and their bytes."""
    files = _cache_files()
    return len(files), sum(file.stat().st_size for file in files)


def clear_cache() -> tuple[int, int]:
    """Delete the cached features and converted models; returns what `cache_size` said before."""
    before = cache_size()
    for file in _cache_files():
        file.unlink(missing_ok=True)
    return before


def _cache_files() -> list[Path]:
    folders = (features_folder(), engines_folder())
    return [file for folder in folders for file in folder.glob("*.safetensors")]


def compute_features(
    backbone: Backbone,
    images: ImageSet,
    runtime: Runtime,
    progress: Progress = no_progress,
) -> Tensor:
    """Compute the feature vectors (N×D, float32) of every photo, without the cache."""
    runtime = engine_worth(runtime, len(images), backbone.spec.preprocessing.crop)
    model = fast_backbone(backbone, runtime, runtime.batch_size)
    return compute_with(model, backbone, images, runtime, runtime.batch_size, progress)


def compute_with(
    model: FastModule,
    backbone: Backbone,
    images: ImageSet,
    runtime: Runtime,
    size: int,
    progress: Progress = no_progress,
) -> Tensor:
    """Compute the feature vectors of every photo with what `fast_backbone` made of the backbone.

    Photos are read in batches of `size` while those before are computed.
    """
    crops = Crops(images, backbone.spec.preprocessing)
    loader = DataLoader(crops, batch_size=size, **runtime.loader_options)
    batches = progress(loader, desc=f"features of {backbone.spec.name}")
    vectors = model.stream(pixels for pixels, _ in batches)
    # OpenVINO has threads of its own, which torch's would disturb as it crops the next photos.
    threads = 1 if model.engine == FeatureEngine.OPENVINO else torch.get_num_threads()
    with torch_threads(threads):
        return torch.cat([batch.cpu() for batch in vectors])


def fast_backbone(
    backbone: Backbone, runtime: Runtime, size: int, calibration: ImageSet | None = None
) -> FastModule:
    """Join normalisation and body into one fast module for batches of uint8 crops."""
    spec = backbone.spec.preprocessing
    module = nn.Sequential(Normalize(spec), backbone.body)
    example = torch.zeros(size, 3, spec.crop, spec.crop, dtype=torch.uint8)
    batches = calibration_batches(calibration, spec) if calibration else ()
    return fast_inference(module, runtime, example, batches)


def calibration_batches(images: ImageSet, spec: Preprocessing) -> list[Tensor]:
    """Batches of uint8 crops of `CALIBRATION` photos, taken at even distances."""
    count = min(CALIBRATION, len(images))
    chosen = images.subset(position * len(images) // count for position in range(count))
    return [pixels for pixels, _ in DataLoader(Crops(chosen, spec), batch_size=16)]


def frozen_features(
    backbone: Backbone,
    images: ImageSet,
    splits: Splits,
    runtime: Runtime,
    progress: Progress = no_progress,
) -> Features:
    """The feature vectors of every photo; int8's ranges are read from training photos alone."""
    calibration = images.subset(splits.train) if runtime.precision == INT8 else None
    return extract_features(backbone, images, runtime, progress=progress, calibration=calibration)


def check_int8(
    backbone: Backbone,
    images: ImageSet,
    splits: Splits,
    runtime: Runtime,
    progress: Progress = no_progress,
) -> str:
    """Compare heads on features in int8 and in fp32, without the test photos; say what came out.

    Both heads are linear probes, cross-validated on the same photos.

    Raises:
        CourseError: int8 costs more than `TOLERANCE`.
    """
    known = sorted((*splits.train, *splits.val))
    chosen = sorted(random.Random(0).sample(known, min(COMPARED, len(known))))
    labels = torch.tensor(images.labels)[chosen]
    groups = torch.tensor(images.groups or range(len(images)))[chosen]
    small = frozen_features(backbone, images, splits, runtime, progress).vectors[chosen]
    exact = replace(runtime, precision=Precision.FP32.value)
    full = extract_features(backbone, images.subset(chosen), exact, progress=progress).vectors
    accuracies = [cross_validated_accuracy(vectors, labels, groups) for vectors in (small, full)]
    found = (
        f"{accuracies[0]:.1%} in int8 and {accuracies[1]:.1%} in fp32 (a linear probe, "
        f"cross-validated on {len(chosen)} photos that aren't tested)"
    )
    if accuracies[1] - accuracies[0] > TOLERANCE:
        raise CourseError(
            f"{backbone.spec.name} loses more than {100 * TOLERANCE} points to int8: {found}; use "
            "--precision fp32."
        )
    return found
