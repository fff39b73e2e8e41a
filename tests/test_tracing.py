"""Traces: what they say is what the tensors are, for the course's models and for any other."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from utils.backbones import load_backbone
from utils.classifier import Head, accuracy, probabilities, top_k
from utils.datasets import ImageSet
from utils.device import Runtime
from utils.hooks import on_forward
from utils.images import open_photo, preprocess, sample_photo
from utils.models import IMAGENET_CLASSES
from utils.studies.family_run import FamilyRun, trace_family
from utils.tracing import trace_module, trace_photo
from utils.training import TrainingConfig


@pytest.fixture(scope="module")
def cat_run(few_cells: ImageSet, cpu: Runtime) -> FamilyRun:
    config = TrainingConfig(epochs=2)
    return trace_family(
        "efficientnet", open_photo(sample_photo()), few_cells, cpu, "offline", config
    )


def test_three_stages_follow_one_another(cat_run: FamilyRun) -> None:
    image, features, classes = cat_run.photo.data_flow
    assert image.before == "1×300×451×3 photo"
    assert image.after == "1×224×224×3 as drawn; 1×3×224×224 as PyTorch holds it"
    assert (features.before, features.after) == ("1×3×224×224", "1×1280 feature vector")
    assert (classes.before, classes.after) == ("1×1280", "1×1000 class probabilities")


def test_values_in_the_trace_are_the_models_own(cat_run: FamilyRun) -> None:
    backbone = load_backbone("efficientnet_lite0", "offline")
    pixels = preprocess(open_photo(sample_photo()), backbone.spec.preprocessing)
    with torch.no_grad():
        features = backbone(pixels)
        probs = probabilities(backbone.head(features))[0]
    assert f"{features[0, 0]:.2f}" in cat_run.photo.data_flow[1].example
    assert cat_run.photo.top == top_k(probs, IMAGENET_CLASSES, 5)
    output = cat_run.photo.prediction[3].output
    assert output.startswith(f"{cat_run.photo.top[0].label} {float(probs.max()):.3f}")
    assert f"at index {int(probs.argmax())}" in cat_run.photo.prediction[2].output


def test_feature_maps_halve_from_stage_to_stage(cat_run: FamilyRun) -> None:
    sides = [maps.shape[1:] for maps in cat_run.photo.feature_maps.values()]
    assert sides == [(56, 56), (28, 28), (14, 14), (7, 7)]


def test_key_insight_gives_the_accuracy_with_its_floors_and_the_worth_of_pretraining(
    cat_run: FamilyRun,
) -> None:
    trace, said = cat_run.training, cat_run.key_insight
    assert f"reaches {trace.test_accuracy:.1%} on the test split" in said
    assert f"largest class alone: {trace.majority:.1%}" in said
    assert f"its largest class: {trace.informed_floor:.1%}" in said
    assert cat_run.worth is not None
    assert said.endswith(cat_run.worth.sentence)
    assert cat_run.worth.classes == ("good", "defective")


def test_key_insight_of_an_untrained_run_claims_no_gain(cat_run: FamilyRun) -> None:
    blank = replace(cat_run, untrained=True, worth=None)
    assert "UNTRAINED" in blank.key_insight
    assert "points" not in blank.key_insight
    assert blank.to_json()["pretraining"] is None


def test_json_is_plain_data(cat_run: FamilyRun) -> None:
    content = json.loads(json.dumps(cat_run.to_json()))
    assert len(content["data_flow"]) == 3
    assert len(content["prediction"]) == 4
    assert content["training"]["n_train"] + content["training"]["n_val"] == 31
    assert len(content["pretraining"]["untrained"]) == 5


class Twice(nn.Module):
    """Uses one layer twice, returns a tuple from another, and has a dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.pair, self.drop = nn.Linear(4, 4), nn.LSTM(4, 3), nn.Dropout(0.9)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pair(self.drop(self.shared(self.shared(x))))[0]


def test_any_module_can_be_traced_and_comes_back_as_it_was() -> None:
    model = Twice().train()
    model.pair.eval()
    records = trace_module(model, torch.ones(2, 4))
    assert [(r.name, r.kind) for r in records] == [
        ("shared", "Linear"),
        ("shared", "Linear"),
        ("drop", "Dropout"),
        ("pair", "LSTM"),
    ]
    assert records[0].input == records[0].output == "2×4"
    assert records[3].output.startswith("2×3")
    with torch.no_grad():
        expected = model.shared(model.shared(torch.ones(2, 4))).flatten()[:4]
    assert records[1].values == pytest.approx(expected.tolist())
    assert (model.training, model.pair.training) == (True, False)
    assert not any(module._forward_hooks for module in model.modules())


def test_depth_reaches_inside() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    assert [r.name for r in trace_module(model, torch.ones(1, 2))] == ["0"]
    assert [r.name for r in trace_module(model, torch.ones(1, 2), depth=2)] == ["0.0", "0.1", "0"]


def test_own_photo_of_any_size(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (30, 500), 128).save(tmp_path / "tall.png")
    backbone = load_backbone("resnet18", "untrained")
    trace = trace_photo(backbone, open_photo(tmp_path / "tall.png"), top=3)
    assert len(trace.top) == 3
    assert trace.data_flow[0].before == "1×500×30×3 photo"


# --- stage 3 by itself -------------------------------------------------------------------------


def test_probabilities_sum_to_one_even_for_huge_logits() -> None:
    probs = probabilities(torch.tensor([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]]))
    torch.testing.assert_close(probs, torch.tensor([[1.0, 0, 0], [1 / 3] * 3]))


def test_top_k_never_asks_for_more_than_there_are() -> None:
    top = top_k(torch.tensor([0.2, 0.8]), ("cat", "dog"), 5)
    assert [p.label for p in top] == ["dog", "cat"]


def test_a_rarely_seen_feature_cannot_shout_down_the_rest() -> None:
    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    features[:, 3] *= 1e-5
    head = Head(features, 2)
    surprise = torch.tensor([[0.0, 0.0, 0.0, 1.0]])
    assert ((surprise - head.mean) / head.std).abs().max() < 3


def test_head_ignores_a_feature_that_never_varies() -> None:
    features = torch.tensor([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]])
    head = Head(features, 2)
    changed = features + torch.tensor([0.0, 100.0])
    torch.testing.assert_close(head(features), head(changed))
    assert accuracy(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([1, 1])) == 0.5


def test_a_photo_trace_leaves_the_model_as_it_was() -> None:
    backbone = load_backbone("resnet18", "untrained").half().train()
    trace_photo(backbone, open_photo(sample_photo()))
    assert backbone.training
    assert next(backbone.parameters()).dtype == torch.float16


def test_the_picture_that_is_shown_is_the_tensor_that_ran() -> None:
    backbone = load_backbone("resnet18", "untrained")
    photo = open_photo(sample_photo())
    seen = []
    with on_forward(backbone, ["body.conv1"], lambda _n, _m, inputs, _o: seen.append(inputs[0])):
        steps = trace_photo(backbone, photo).steps
    ran = seen[0][0].permute(1, 2, 0).numpy()
    shown = (ran - ran.min()) / (ran.max() - ran.min())
    np.testing.assert_allclose(steps["normalised"], shown, atol=1e-6)
