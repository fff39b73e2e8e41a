"""int8: calibrated on training photos, near fp32, refused where it costs too much."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from utils import frozen_features as module
from utils.backbones import Backbone, load_backbone
from utils.datasets import ImageSet
from utils.device import Runtime, choose_runtime
from utils.errors import CourseError
from utils.features import extract_features
from utils.frozen_features import check_int8, frozen_features
from utils.openvino_models import engines_folder
from utils.splits import split
from utils.training import TrainingConfig, train

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("resnet18", "offline")


@pytest.fixture(scope="module")
def int8(cpu: Runtime) -> Runtime:
    return replace(cpu, precision="int8", engine="openvino")


def test_a_head_learns_from_int8_features_and_the_backbone_is_quantised_once(
    backbone: Backbone,
    squares: ImageSet,
    cpu: Runtime,
    int8: Runtime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    trace, _ = train(backbone, squares, TrainingConfig(), int8)
    assert trace.test_accuracy == 1
    small = frozen_features(backbone, squares, split(squares, 0), int8)
    exact = extract_features(backbone, squares, cpu).vectors
    likeness = torch.nn.functional.cosine_similarity(small.vectors, exact)
    assert small.cached
    assert not torch.equal(small.vectors, exact)
    assert likeness.min() > 0.98
    found = check_int8(backbone, squares, split(squares, 0), int8)
    assert found.startswith("100.0% in int8 and 100.0% in fp32")
    assert len(list(engines_folder().iterdir())) == 1
    monkeypatch.setattr(module, "TOLERANCE", -0.1)
    with pytest.raises(CourseError, match=r"int8: 100.0% .* use --precision fp32"):
        check_int8(backbone, squares, split(squares, 0), int8)


@pytest.mark.parametrize("frozen", [True, False])
def test_int8_is_for_frozen_backbones_with_openvino(
    frozen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_ENGINE", "eager" if frozen else "openvino")
    with pytest.raises(CourseError, match=r"'int8' is for training a head .* use fp32"):
        choose_runtime("cpu", "int8", frozen=frozen)
    monkeypatch.setenv("COURSE_ENGINE", "openvino")
    assert choose_runtime("cpu", "int8", frozen=True).dtype == torch.float32
