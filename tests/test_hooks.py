"""Hooks: what they collect, and that none outlives its block."""

import pytest
import torch
from torch import nn

from utils.hooks import outputs_of


def test_outputs_come_by_name_in_the_order_in_which_they_ran() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.ReLU()), nn.Linear(3, 2))
    with outputs_of(model, ["2", "1.0"]) as outputs:
        result = model(torch.ones(1, 4))
    assert list(outputs) == ["1.0", "2"]
    assert torch.equal(outputs["2"], result)
    assert (outputs["1.0"] >= 0).all()


@pytest.mark.parametrize("names", [["1"], ["0", "no such module"]])
def test_no_hook_outlives_a_failure(names: list[str]) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(5, 4))
    with pytest.raises((RuntimeError, AttributeError)), outputs_of(model, names):
        model(torch.ones(1, 4))
    assert not any(module._forward_hooks for module in model.modules())
