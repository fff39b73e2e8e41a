"""Modes: what learns and what stays, and at which learning rate."""

import pytest
import torch
from torch import nn

from utils.backbones import load_backbone
from utils.classifier import Head
from utils.datasets import ImageSet
from utils.device import Runtime
from utils.modes import cut_after
from utils.training import (
    Classifier,
    TrainingConfig,
    schedule,
    train,
    trainable_groups,
    training_mode,
)

SMALL = ("resnet18", "vgg11_gap", "efficientnet_lite0")


def small_classifier(name: str) -> Classifier:
    backbone = load_backbone(name, "untrained")
    return Classifier(backbone, Head(torch.randn(8, backbone.spec.feature_dim), 2))


@pytest.mark.parametrize("stride", [8, 16])
@pytest.mark.parametrize("name", SMALL)
def test_both_pieces_of_a_body_do_what_the_whole_does(name: str, stride: int) -> None:
    backbone = load_backbone(name, "offline")
    first, second = cut_after(backbone.body, backbone.spec.stages[stride])
    shapes = [value.shape for key, value in backbone.body.state_dict().items()]
    pieces = [value.shape for part in (first, second) for value in part.state_dict().values()]
    assert pieces == shapes
    photos = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(second(first(photos)), backbone(photos))


@pytest.mark.parametrize("mode", ["last-block", "full"])
@pytest.mark.parametrize("name", SMALL)
def test_what_learns_gets_gradients_and_what_is_frozen_stays(name: str, mode: str) -> None:
    model, config = small_classifier(name), TrainingConfig(mode=mode)
    groups = trainable_groups(model, config)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]])
    training_mode(model, mode)
    nn.functional.cross_entropy(
        model(torch.randn(4, 3, 64, 64)), torch.tensor([0, 1, 0, 1])
    ).backward()
    optimizer.step()
    learning = {id(p) for group in groups for p in group["params"]}
    for key, parameter in model.named_parameters():
        unused = key.startswith("backbone.head.")  # ImageNet's own head takes no part
        if id(parameter) in learning and not unused:
            assert parameter.grad is not None, key
        else:
            assert parameter.grad is None, key
    moved = {
        key for key, value in model.state_dict().items() if not torch.equal(value, before[key])
    }
    if mode == "full":
        assert any("running_mean" in key for key in moved) == any(
            "running_mean" in key for key in before
        )
    else:
        learned = tuple(f"backbone.body.{path}." for path in model.backbone.spec.last_block)
        assert all(key.startswith((*learned, "head.linear.")) for key in moved)


def test_head_mode_leaves_the_backbone_untouched(few_cells: ImageSet, cpu: Runtime) -> None:
    backbone = load_backbone("resnet18", "untrained")
    before = backbone.fingerprint()
    train(backbone, few_cells, TrainingConfig(epochs=1), cpu)
    assert backbone.fingerprint() == before


def test_head_and_backbone_have_their_own_rates() -> None:
    model = small_classifier("resnet18")
    config = TrainingConfig(mode="full", lr_head=1.0, lr_backbone=0.1)
    rates = {
        id(p): group["lr"] for group in trainable_groups(model, config) for p in group["params"]
    }
    assert rates[id(model.head.linear.weight)] == 1.0
    assert rates[id(model.backbone.body.conv1.weight)] == 0.1


def test_rate_rises_then_falls_to_zero() -> None:
    rates = [schedule(step, 100, 0.1) for step in range(100)]
    assert rates[9] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001
    assert schedule(100, 100, 0.1) == pytest.approx(0)
