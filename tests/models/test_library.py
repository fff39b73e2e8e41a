"""Any classifier of torchvision or timm: its head is found, and its weights come from caches."""

import pytest
import torch

from utils.backbones import load_backbone
from utils.errors import CourseError, WeightsMissing
from utils.models import MODELS, find_model
from utils.models.library import library_model


@pytest.mark.parametrize(
    ("name", "features", "strides"),
    [
        ("torchvision:mobilenet_v3_small", 1024, [2, 4, 8, 16, 32]),
        ("torchvision:densenet121", 1024, [2, 4, 8, 16, 32]),
        ("torchvision:vit_b_16", 768, [16]),
        ("torchvision:googlenet", 1024, [2, 4, 8, 16, 32]),
        ("timm:convnext_atto", 320, [4, 8, 16, 32]),
        ("timm:mobilenetv3_small_050.lamb_in1k", 1024, [2, 4, 8, 16, 32]),
    ],
)
def test_a_librarys_model_is_cut_into_body_and_head(name, features, strides) -> None:
    spec = find_model(name)
    assert (spec.name, spec.feature_dim) == (name, features)
    assert list(spec.stages) == strides
    backbone = load_backbone(name, "untrained")
    assert all(backbone.body.get_submodule(path) for path in spec.last_block)
    side = spec.preprocessing.crop
    with torch.inference_mode():
        maps, vectors = backbone.maps_and_features(torch.zeros(2, 3, side, side))
    assert vectors.shape == (2, features)
    assert [side // m.shape[2] for m in maps.values()] == strides
    assert backbone.head.out_features == len(spec.classes) == 1000


def test_the_librarys_resnet_is_cut_as_the_courses_own() -> None:
    own, found = MODELS["resnet50"], library_model("torchvision:resnet50")
    assert own.stages.items() <= found.stages.items()
    assert found.feature_dim == own.feature_dim
    assert found.preprocessing == own.preprocessing
    assert all(path.startswith("layer4") for path in found.last_block)


def test_a_models_own_preprocessing_is_used() -> None:
    spec = library_model("timm:tf_efficientnet_lite0").preprocessing
    assert spec == MODELS["efficientnet_lite0"].preprocessing


@pytest.mark.parametrize("name", ["torchvision:resnet18", "timm:resnet18"])
def test_weights_that_are_not_here_are_named_with_the_command_that_fetches_them(
    name: str, torch_home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WeightsMissing, match=f"course weights --download {name}"):
        load_backbone(name, "imagenet")
    with pytest.raises(WeightsMissing, match="--weights imagenet"):
        load_backbone(name, "offline")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("torchvision:resnet17", "did you mean"),
        ("timm:nothing_like_it", "timm.list_models"),
        ("torchvision:squeezenet1_0", "isn't one linear layer"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(name: str, told: str) -> None:
    with pytest.raises(CourseError, match=told) as refused:
        find_model(name)
    assert len(str(refused.value)) < 300
