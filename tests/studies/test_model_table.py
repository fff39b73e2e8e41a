"""The table of models."""

from utils.device import Runtime
from utils.studies import model_table


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
