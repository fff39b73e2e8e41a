"""The networks' files for the live page: small, and the same as PyTorch but for a little."""

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import ModelProto
from torch import Tensor, nn

from utils.engines.onnx import to_onnx
from utils.site.compact import with_both, with_float16, with_int8
from utils.site.receptive import receptive_fields

SIDE = 32


class Small(nn.Module):
    """Two convolutions, a shortcut, pooling and a head: maps, features and logits."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3, stride=2, padding=1)
        self.second = nn.Conv2d(32, 32, 3, padding=1)
        self.head = nn.Linear(32, 200)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        first = self.first(images).relu()
        second = (first + self.second(first)).relu()
        features = second.mean(dim=(2, 3))
        return first, second, features, self.head(features)


@pytest.fixture(scope="module")
def small() -> nn.Module:
    torch.manual_seed(0)
    return Small().eval()


@pytest.fixture(scope="module")
def model(small: nn.Module) -> ModelProto:
    outputs = ["first", "second", "features", "logits"]
    return to_onnx(small, torch.zeros(1, 3, SIDE, SIDE), outputs, "normalised")


def _run(model: ModelProto, images: Tensor) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"normalised": images.numpy()})


FORMS = {"int8": with_int8, "both": lambda model: with_both(model, 5000), "fp16": with_float16}
LARGEST = {"int8": 0.02, "both": 0.02, "fp16": 0.001}  # difference, of an output's largest value


@pytest.mark.parametrize("form", FORMS)
def test_smaller_forms_give_the_same_outputs(
    small: nn.Module, model: ModelProto, form: str
) -> None:
    images = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = [output.numpy() for output in small(images)]
    for came, wanted in zip(_run(FORMS[form](model), images), expected, strict=True):
        assert np.abs(came - wanted).max() <= LARGEST[form] * np.abs(wanted).max()


def test_forms_differ_in_size_as_their_bits(model: ModelProto) -> None:
    plain = model.ByteSize()
    assert with_float16(model).ByteSize() < 0.6 * plain
    assert with_int8(model).ByteSize() < with_both(model, 5000).ByteSize()
    assert with_both(model, 5000).ByteSize() < with_float16(model).ByteSize()


def test_the_model_given_stays_as_it_was(model: ModelProto) -> None:
    before = model.SerializeToString()
    with_int8(model)
    assert model.SerializeToString() == before


@pytest.mark.parametrize("output", ["first", "second"])
def test_receptive_field_is_what_a_gradient_reaches(
    small: nn.Module, model: ModelProto, output: str
) -> None:
    field = receptive_fields(model, [output])[output]
    images = torch.randn(1, 3, SIDE, SIDE).abs().requires_grad_()
    maps = dict(zip(("first", "second"), small(images)[:2], strict=True))[output]
    maps[0, :, 7, 7].sum().backward()
    rows = images.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    middle = field.start + 7 * field.stride
    assert rows.min().item() == middle - (field.size - 1) / 2
    assert rows.max().item() == middle + (field.size - 1) / 2
