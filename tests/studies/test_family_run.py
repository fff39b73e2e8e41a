"""One family from photo to trained head."""

import json
from dataclasses import replace

import pytest
import torch

from utils.backbones import load_backbone
from utils.classifier import probabilities, top_k
from utils.datasets import ImageSet
from utils.device import Runtime
from utils.images import open_photo, preprocess, sample_photo
from utils.models import IMAGENET_CLASSES
from utils.studies.family_run import FamilyRun, trace_family
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
    assert cat_run.transfer is not None
    assert said.endswith(cat_run.transfer.sentence)
    assert cat_run.transfer.classes == ("good", "defective")


def test_key_insight_of_an_untrained_run_claims_no_gain(cat_run: FamilyRun) -> None:
    blank = replace(cat_run, untrained=True, transfer=None)
    assert "UNTRAINED" in blank.key_insight
    assert "points" not in blank.key_insight
    assert blank.to_json()["pretraining"] is None


def test_json_is_plain_data(cat_run: FamilyRun) -> None:
    content = json.loads(json.dumps(cat_run.to_json()))
    assert len(content["data_flow"]) == 3
    assert len(content["prediction"]) == 4
    assert content["training"]["n_train"] + content["training"]["n_val"] == 31
    assert len(content["pretraining"]["untrained"]) == 5
