"""The models: shapes, and what textbooks publish of them."""

import pytest
import torch

from utils import backbones
from utils.models import MODELS, find_model
from utils.weights import WeightsSource


@pytest.mark.parametrize("name", MODELS)
def test_shapes_of_features_pool_and_logits_on_meta(name: str) -> None:
    with torch.device("meta"):
        spec = find_model(name)
        source = WeightsSource("random", "none")
        backbone = backbones.Backbone(spec, *spec.split(spec.build()), source).eval()
        photos = torch.empty(2, 3, 224, 224)
    sides = {}
    for stage, module in backbone.stages().items():
        module.register_forward_hook(
            lambda _m, _i, out, stage=stage: sides.update({stage: out.shape})
        )
    features = backbone(photos)
    assert features.shape == (2, spec.feature_dim)
    assert backbone.head(features).shape == (2, 1000)
    for stage, shape in sides.items():
        assert shape[2:] == (224 // int(stage.split()[1]),) * 2


@pytest.mark.parametrize(
    ("family", "model", "feature_dim", "parameters", "gmacs"),
    [
        ("resnet", "resnet50", 2048, 25_557_032, 4.09),
        ("vgg", "vgg16", 4096, 138_357_544, 15.47),
        ("efficientnet", "efficientnet_b0", 1280, 5_288_548, 0.39),
    ],
)
def test_textbook_models_cost_what_torchvision_publishes(
    family: str, model: str, feature_dim: int, parameters: int, gmacs: float
) -> None:
    book = backbones.textbook(family)
    assert (book.model, book.feature_dim, book.parameters) == (model, feature_dim, parameters)
    assert round(book.gmacs, 2) == gmacs
    meta = MODELS[model].enum.meta
    assert book.parameters == meta["num_params"]
    assert book.gmacs == pytest.approx(meta["_ops"], abs=2e-3)
