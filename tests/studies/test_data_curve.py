"""The data curve: ways of training on growing fractions of a split."""

import pytest
import torch
from torch import nn

from utils.backbones import load_backbone, with_side
from utils.datasets import Crops, ImageSet, load_things
from utils.device import Runtime
from utils.images import Normalize
from utils.splits import limit
from utils.studies import data_curve


def test_the_data_curve_learns_from_a_share_of_the_training_split(cpu: Runtime) -> None:
    def few() -> ImageSet:
        return limit(load_things(), 60)

    small, whole = (
        data_curve.learn_from_fraction(few, "frozen", share, 1, cpu) for share in (0.25, 1.0)
    )
    assert whole["photos"] == whole["photos_in_split"] == small["photos_in_split"]
    assert small["photos"] == round(whole["photos"] / 4)
    assert small["tested"] == whole["tested"] >= small["groups_tested"] > 6
    assert (whole["data"], whole["split"]) == ("things", "split by original")
    assert whole["floor"] < 0.4 < whole["test_accuracy"]


def test_the_data_curve_has_a_unit_for_each_set_split_share_and_way(cpu: Runtime) -> None:
    units = data_curve.curve_measurements(cpu)
    assert len(units) == 2 * 5 * 3 * 3
    assert {"elpv, full, 5%, split 0", "things, from scratch, 100%, split 4"} <= set(units)


def test_few_photos_are_learned_from_in_more_epochs_up_to_a_limit() -> None:
    way = data_curve.STRATEGIES["from scratch"]
    epochs = [way.config_for(photos, 1.0, 0).epochs for photos in (15, 75, 300, 480)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[0] == way.most
    assert epochs[-1] * 480 / way.config.batch_size == pytest.approx(way.steps, rel=0.1)


def test_a_settled_network_sees_the_same_in_training_and_after() -> None:
    backbone = with_side(load_backbone(data_curve.MODEL, "untrained"), 64)
    images = load_things().subset(range(0, 300, 20))
    data_curve.settle_norms(backbone, images)
    crops = Crops(images, backbone.spec.preprocessing)
    photos = torch.stack([crops[i][0] for i in range(len(crops))])
    pixels = Normalize(backbone.spec.preprocessing)(photos)
    with torch.no_grad():
        after, training = backbone(pixels).mean(), backbone.train()(pixels).mean()
    assert after.item() == pytest.approx(training.item(), rel=0.2)  # else three times as large
    assert {m.momentum for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1}


def test_two_ways_are_compared_split_by_split() -> None:
    rows = [
        {
            "data": "things", "fraction": 1.0, "strategy": way, "seed": seed,
            "photos_in_split": 300, "tested": 120,
            "test_accuracy": 0.1 * seed + gain, "floor": 0.1 * seed,
        }
        for way, gain in (("frozen", 0.3), ("from scratch", 0.0))
        for seed in (2, 0, 1)
    ]  # fmt: skip
    gain = data_curve.gain_of(rows, "things", 1.0, "frozen", "from scratch")
    assert (gain.low, gain.mean, gain.high) == pytest.approx((0.3, 0.3, 0.3))
    above = data_curve.gain_of(rows, "things", 1.0, "frozen", "floor")
    assert (above.low, above.high) == pytest.approx((0.3, 0.3))
    alone = data_curve.accuracy_of(rows, "things", 1.0, "frozen")
    assert alone.mean == pytest.approx(0.4)
    assert alone.high - alone.low > 0.2
