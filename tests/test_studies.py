"""Studies: kept unit by unit, gone on with, and told apart."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from utils.backbones import load_backbone, with_scales, with_side
from utils.datasets import Crops, ImageSet, load_things
from utils.device import Runtime
from utils.errors import CourseError
from utils.images import Normalize
from utils.splits import limit
from utils.studies import data_curve, model_table, scaling
from utils.studies.parallel import train_in_parallel
from utils.studies.runner import Row, Unit, run_study, write_study


def counting(calls: list[str]) -> dict[str, Unit]:
    def unit(name: str) -> Unit:
        def compute() -> Row:
            calls.append(name)
            return {"value": len(name)}

        return compute

    return {name: unit(name) for name in ("one", "three")}


def test_every_unit_is_computed_and_kept(tmp_path: Path, cpu: Runtime) -> None:
    calls: list[str] = []
    study = run_study("x", {"seed": 0}, counting(calls), cpu, tmp_path / "p.json")
    assert calls == ["one", "three"]
    assert [(row["unit"], row["value"]) for row in study.rows] == [("one", 3), ("three", 5)]
    write_study(study, tmp_path / "study.json")
    assert json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))["settings"] == {
        "seed": 0
    }


def test_a_study_that_was_stopped_goes_on_after_its_last_unit(tmp_path: Path, cpu: Runtime) -> None:
    calls: list[str] = []
    units = counting(calls)

    def stop() -> Row:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study("x", {}, units | {"three": stop}, cpu, tmp_path / "p.json")
    study = run_study("x", {}, units, cpu, tmp_path / "p.json")
    assert calls == ["one", "three"]
    assert [row["unit"] for row in study.rows] == ["one", "three"]


def test_progress_of_another_study_is_not_mixed_in(tmp_path: Path, cpu: Runtime) -> None:
    file = tmp_path / "p.json"
    run_study("x", {"seed": 0}, counting([]), cpu, file)
    with pytest.raises(CourseError, match="another settings: delete it"):
        run_study("x", {"seed": 1}, counting([]), cpu, file)


def test_damaged_progress_is_named(tmp_path: Path, cpu: Runtime) -> None:
    file = tmp_path / "p.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match="is damaged: delete it"):
        run_study("x", {}, counting([]), cpu, file)


def test_one_model_is_measured_in_every_currency(cpu: Runtime) -> None:
    row = model_table.measure_model("resnet18", cpu, photos=40)
    assert row["parameters"] == 11_689_512
    assert row["imagenet_top1"] is None
    assert model_table.published_top1("vgg16") == 71.592
    assert row["ms_one_photo"] > 0
    # A training step keeps weights, gradients and two moments: four times the weights, at least.
    assert row["megabytes_training_step"] > 3.5 * row["megabytes"]
    assert row["megabytes_one_photo"] >= 0.9 * row["megabytes"]
    assert len(row["elpv_splits"]) == 5


def test_the_data_curve_learns_from_a_share_of_the_training_split(cpu: Runtime) -> None:
    def few() -> ImageSet:
        return limit(load_things(), 60)

    small, whole = (
        data_curve.learn_from_share(few, "frozen", share, 1, cpu) for share in (0.25, 1.0)
    )
    assert whole["photos"] == whole["photos_in_split"] == small["photos_in_split"]
    assert small["photos"] == round(whole["photos"] / 4)
    assert small["tested"] == whole["tested"] >= small["groups_tested"] > 6
    assert (whole["data"], whole["split"]) == ("things", "split by original")
    assert whole["floor"] < 0.4 < whole["test_accuracy"]


def test_the_data_curve_has_a_unit_for_each_set_split_share_and_way(cpu: Runtime) -> None:
    units = data_curve.curve_units(cpu)
    assert len(units) == 2 * 5 * 3 * 3
    assert {"elpv, full, 5%, split 0", "things, from scratch, 100%, split 4"} <= set(units)


def test_few_photos_are_learned_from_in_more_epochs_up_to_a_limit() -> None:
    way = data_curve.WAYS["from scratch"]
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
            "data": "things", "share": 1.0, "way": way, "seed": seed, "photos_in_split": 300,
            "tested": 120, "test_accuracy": 0.1 * seed + gain, "floor": 0.1 * seed,
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


def test_several_scales_make_one_longer_vector() -> None:
    plain = load_backbone("resnet18", "offline")
    scaled = with_scales(plain, (16, 32))
    photo = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        vector, mean = scaled(photo)[0], plain(photo)[0]
    assert scaled.spec.feature_dim == len(vector) == 3 * (256 + 512)
    assert torch.allclose(vector[3 * 256 : 3 * 256 + 512], mean, atol=1e-5)


def test_the_scaling_rows_say_what_was_compared() -> None:
    assert scaling._row("traced", "frozen", "eager, fp32", 30.0, 20.0) == {
        "step": "traced",
        "what": "frozen",
        "beside": "eager, fp32",
        "images_per_second": 30.0,
        "gain": 1.5,
    }
    assert scaling._row("bf16", "left out: …")["gain"] is None


def test_the_gain_of_the_cache_is_that_of_heads_really_trained(cpu: Runtime) -> None:
    row = scaling._cached("feature cache", cpu, photos=64)
    assert "64 photos" in row["what"]
    assert row["beside"] == "the backbone run in every epoch"
    # On a quiet machine nearly EPOCHS; only that it pays, as tests may share their cores.
    assert row["gain"] > 1


def test_two_processes_end_where_one_does() -> None:
    one, two = (train_in_parallel(number) for number in (1, 2))
    assert (one["processes"], two["processes"]) == (1, 2)
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-3)
    torch.testing.assert_close(two["weights"], one["weights"], atol=1e-5, rtol=1e-5)
