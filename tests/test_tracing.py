"""Traces: of a photo, and of any module, which comes back as it was."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from utils.backbones import load_backbone
from utils.hooks import on_forward
from utils.images import open_photo, sample_photo
from utils.tracing import trace_module, trace_photo


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


def test_a_photo_trace_leaves_the_model_as_it_was() -> None:
    backbone = load_backbone("resnet18", "untrained").train()
    backbone.body.layer4.eval()
    trace_photo(backbone, open_photo(sample_photo()))
    assert backbone.training
    assert not backbone.body.layer4.training
    backbone = backbone.half()
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
