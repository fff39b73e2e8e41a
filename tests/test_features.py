"""Features: extracted once, cached under everything that they depend on, never half written."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from utils import features
from utils.backbones import Backbone, load_backbone, with_scales
from utils.datasets import Crops, ImageSet, load_elpv
from utils.device import Runtime, choose_runtime, cpu_multiplies_bf16
from utils.engines.openvino import engines_folder
from utils.errors import CourseError, CourseWarning
from utils.features import check_int8, extract_features, frozen_features
from utils.images import Normalize
from utils.models import find_model
from utils.splits import limit, split
from utils.training import TrainingConfig, train
from utils.weights import WeightsSource


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    return tmp_path / "features"


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("efficientnet_lite0", "offline")


def test_fast_path_gives_the_backbones_own_features(cache, backbone, few_cells, cpu) -> None:
    fast = extract_features(backbone, few_cells, cpu).vectors
    normalise = Normalize(backbone.spec.preprocessing)
    crops = torch.stack([pixels for pixels, _ in Crops(few_cells, backbone.spec.preprocessing)])
    with torch.no_grad():
        plain = backbone(normalise(crops))
    assert fast.shape == (40, 1280)
    torch.testing.assert_close(fast, plain, rtol=1e-3, atol=1e-3)


def test_second_time_comes_from_the_cache(cache, backbone, few_cells, cpu) -> None:
    first = extract_features(backbone, few_cells, cpu)
    second = extract_features(backbone, few_cells, cpu)
    assert (first.cached, second.cached) == (False, True)
    assert torch.equal(first.vectors, second.vectors)


def test_key_holds_weights_data_preprocessing_and_precision(
    cache, few_cells: ImageSet, cpu: Runtime
) -> None:
    backbone = load_backbone("resnet18", "untrained")

    def key(**changes) -> Path:
        given = {"backbone": backbone, "images": few_cells, "runtime": cpu, "size": 16} | changes
        return features.cache_file(features._recipe(**given))

    other_input = load_backbone("resnet18", "untrained")
    other_input.spec = replace(
        backbone.spec, preprocessing=replace(backbone.spec.preprocessing, resize=232)
    )
    scales = [with_scales(backbone, strides) for strides in ((4, 8), (8, 4))]
    changed = {
        key(),
        *(key(backbone=scaled) for scaled in scales),
        key(backbone=load_backbone("resnet18", "untrained", seed=1)),
        key(backbone=other_input),
        key(images=few_cells.subset(range(39))),
        key(images=few_cells.subset(reversed(range(40)))),
        key(runtime=Runtime(torch.device("cpu"), "bf16")),
    }
    assert len(changed) == 8
    assert key() == key(backbone=load_backbone("resnet18", "untrained"))


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_damage_is_noticed_and_computed_again(
    cache: Path, backbone, few_cells: ImageSet, cpu: Runtime, damage: str
) -> None:
    first = extract_features(backbone, few_cells.subset(range(8)), cpu).vectors
    (file,) = cache.iterdir()
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[-5] ^= 1
    else:
        content = b""
    file.write_bytes(content)
    again = extract_features(backbone, few_cells.subset(range(8)), cpu)
    assert not again.cached
    assert torch.equal(again.vectors, first)
    assert extract_features(backbone, few_cells.subset(range(8)), cpu).cached


class Unconvertible(nn.Module):
    """A layer whose way depends on its input, as in some students' modules."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum().item() > 0 else -x


@pytest.mark.engine
def test_what_openvino_cannot_run_is_cached_too(cache, cpu: Runtime) -> None:
    images = limit(load_elpv(), 300)
    body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), Unconvertible())
    source = WeightsSource("random", "made for this test")
    backbone = Backbone(find_model("resnet18"), body, nn.Linear(3, 1000), source)
    runtime = replace(cpu, engine="openvino")
    with pytest.warns(CourseWarning, match="OpenVINO can't run"):
        first = extract_features(backbone, images, runtime)
    second = extract_features(backbone, images, runtime)
    assert (first.cached, second.cached) == (False, True)
    assert torch.equal(first.vectors, second.vectors)


@pytest.mark.engine
def test_openvino_gives_the_same_features_under_another_key(cache, cpu: Runtime) -> None:
    images, backbone = limit(load_elpv(), 300), load_backbone("resnet18", "offline")
    fast = extract_features(backbone, images, replace(cpu, engine="openvino"))
    eager = extract_features(backbone, images, cpu)
    assert not eager.cached
    largest = eager.vectors.abs().max()
    assert (fast.vectors - eager.vectors).abs().max() <= 1e-5 * largest
    assert len(list(cache.iterdir())) == 2


class Small(nn.Module):
    """Has memory for batches of four, as a small GPU would."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.empty(1 << 60) if len(images) > 4 else images.mean(dim=(2, 3))


def test_batches_are_halved_until_they_fit(cache, few_cells: ImageSet, cpu: Runtime) -> None:
    source = WeightsSource("random", "made for this test")
    small = Backbone(find_model("resnet18"), Small(), nn.Linear(3, 1000), source)
    cells = few_cells.subset(range(10))
    assert extract_features(small, cells, cpu, 16).vectors.shape == (10, 3)
    assert extract_features(small, cells, cpu, 16).cached


RACE = """
import torch
from utils.backbones import Backbone, load_backbone
from utils.datasets import load_elpv
from utils.splits import limit, split
from utils.device import Runtime
from utils.engines.openvino import engines_folder
from utils.features import check_int8, extract_features, frozen_features
torch.set_num_threads(1)
images = limit(load_elpv(), 40).subset(range(8))
vectors = extract_features(
    load_backbone("resnet18", "untrained"), images, Runtime(torch.device("cpu"), "fp32")
).vectors
print(vectors.double().sum().item())
"""


def test_two_processes_that_want_the_same_features_agree(cache: Path) -> None:
    jobs = [
        subprocess.Popen([sys.executable, "-c", RACE], stdout=subprocess.PIPE, encoding="utf-8")
        for _ in range(2)
    ]
    sums = [job.communicate(timeout=120)[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0]
    assert sums[0] == sums[1] != ""
    assert len(list(cache.iterdir())) == 1


def test_size_is_shown_and_cleared(cache, backbone, few_cells, cpu) -> None:
    extract_features(backbone, few_cells.subset(range(4)), cpu)
    files, size = features.cache_size()
    assert files == 1
    assert size > 4 * 1280 * 4
    assert features.clear_cache() == (files, size)
    assert features.cache_size() == (0, 0)


def head_accuracy(backbone: Backbone, images: ImageSet, runtime: Runtime, seeds: int) -> float:
    runs = (train(backbone, images, TrainingConfig(seed=seed), runtime) for seed in range(seeds))
    return sum(trace.test_accuracy for trace, _ in runs) / seeds


def test_head_passes_the_floor_on_all_of_elpv_in_bf16_as_in_fp32(
    backbone: Backbone, cpu: Runtime
) -> None:
    images = load_elpv()
    informed = sum(label in (0, 2) for label in images.labels) / len(images)  # kind right, "good"
    exact = head_accuracy(backbone, images, cpu, seeds=5)
    assert exact >= informed + 0.03
    if cpu_multiplies_bf16():  # elsewhere bf16 is emulated, and nobody would choose it
        half = head_accuracy(backbone, images, choose_runtime("cpu", "bf16"), seeds=5)
        assert abs(half - exact) <= 0.005


# --- int8 --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def resnet() -> Backbone:
    return load_backbone("resnet18", "offline")


@pytest.fixture(scope="module")
def int8(cpu: Runtime) -> Runtime:
    return replace(cpu, precision="int8", engine="openvino")


@pytest.mark.engine
def test_a_head_learns_from_int8_features_and_the_backbone_is_quantised_once(
    resnet: Backbone,
    squares: ImageSet,
    cpu: Runtime,
    int8: Runtime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    trace, _ = train(resnet, squares, TrainingConfig(), int8)
    assert trace.test_accuracy == 1
    small = frozen_features(resnet, squares, split(squares, 0), int8)
    exact = extract_features(resnet, squares, cpu).vectors
    likeness = torch.nn.functional.cosine_similarity(small.vectors, exact)
    assert small.cached
    assert not torch.equal(small.vectors, exact)
    assert likeness.min() > 0.98
    found = check_int8(resnet, squares, split(squares, 0), int8)
    assert found.startswith("100.0% in int8 and 100.0% in fp32")
    assert len(list(engines_folder().iterdir())) == 1
    monkeypatch.setattr(features, "TOLERANCE", -0.1)
    with pytest.raises(CourseError, match=r"int8: 100.0% .* use --precision fp32"):
        check_int8(resnet, squares, split(squares, 0), int8)


@pytest.mark.engine
@pytest.mark.parametrize("frozen", [True, False])
def test_int8_is_for_frozen_backbones_with_openvino(
    frozen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_ENGINE", "eager" if frozen else "openvino")
    with pytest.raises(CourseError, match=r"'int8' is for training a head .* use fp32"):
        choose_runtime("cpu", "int8", frozen=frozen)
    monkeypatch.setenv("COURSE_ENGINE", "openvino")
    assert choose_runtime("cpu", "int8", frozen=True).dtype == torch.float32
