"""Backbones: which weights they load, and that nothing is replaced in silence."""

from pathlib import Path

import pytest
import torch
import torchvision.models as tv

from utils import backbones, weights
from utils.backbones import load_backbone, with_scales
from utils.errors import WeightsMissing
from utils.images import open_photo, preprocess, sample_photo
from utils.models import IMAGENET_CLASSES

SMALL = ("resnet18", "vgg11_gap", "efficientnet_lite0")


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_gets_a_gradient_and_nothing_is_nan(name: str) -> None:
    backbone = backbones.load_backbone(name, "untrained")
    logits = backbone.train().logits(torch.randn(2, 3, 96, 96))
    assert torch.isfinite(logits).all()
    logits.square().sum().backward()
    for parameter in backbone.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


def test_cat_is_a_cat() -> None:
    backbone = backbones.load_backbone("efficientnet_lite0", "offline")
    with torch.no_grad():
        logits = backbone.logits(
            preprocess(open_photo(sample_photo("chelsea")), backbone.spec.preprocessing)
        )
    top = {IMAGENET_CLASSES[i] for i in logits[0].topk(5).indices}
    assert len(top & {"Egyptian cat", "tabby", "tiger cat", "lynx", "Siamese cat"}) >= 3


def test_untrained_backbones_depend_on_the_seed_alone() -> None:
    torch.manual_seed(99)
    first = backbones.load_backbone("resnet18", "untrained", seed=1).fingerprint()
    assert backbones.load_backbone("resnet18", "untrained", seed=1).fingerprint() == first
    assert backbones.load_backbone("resnet18", "untrained", seed=2).fingerprint() != first


def test_building_a_backbone_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    backbones.load_backbone("resnet18", "untrained")
    assert torch.equal(torch.rand(3), expected)


def test_auto_takes_official_weights_only_if_they_are_here(torch_home: Path) -> None:
    assert backbones.model_of_family("resnet", "auto").name == "resnet18"
    file = weights.official_file(tv.ResNet50_Weights.IMAGENET1K_V2)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"anything")
    assert backbones.model_of_family("resnet", "auto").name == "resnet50"
    assert backbones.model_of_family("resnet", "offline").name == "resnet18"


@pytest.mark.parametrize("choice", ["auto", "imagenet"])
def test_missing_official_weights_name_the_two_ways_out(torch_home: Path, choice: str) -> None:
    with pytest.raises(WeightsMissing, match=r"--download vgg.*offline model vgg11_gap"):
        backbones.load_backbone("vgg16", choice)
    assert not list(torch_home.rglob("*.pth"))


def test_a_family_whose_weights_are_missing_is_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(WeightsMissing, match=r"git checkout weights.*efficientnet_lite0"):
        backbones.load_family("vgg", "offline")


def test_several_scales_make_one_longer_vector() -> None:
    plain = load_backbone("resnet18", "offline")
    scaled = with_scales(plain, (16, 32))
    photo = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        vector, mean = scaled(photo)[0], plain(photo)[0]
    assert scaled.spec.feature_dim == len(vector) == 3 * (256 + 512)
    assert torch.allclose(vector[3 * 256 : 3 * 256 + 512], mean, atol=1e-5)
