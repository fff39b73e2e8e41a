"""The fast path: the same output as the plain module, and no trace of it on stderr."""

import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn

from utils.device import Runtime
from utils.errors import CourseWarning
from utils.inference import fast_inference, static_padding


@pytest.mark.parametrize("size", [16, 17, (16, 17)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (3, 1), (1, 2), (4, 3)])
def test_static_padding_changes_no_output(kernel: int, stride: int, size) -> None:
    height, width = size if isinstance(size, tuple) else (size, size)
    model = nn.Sequential(Conv2dSame(6, 6, kernel, stride=stride, groups=3), nn.BatchNorm2d(6))
    photos = torch.randn(2, 6, height, width)
    with torch.no_grad():
        expected = model.eval()(photos)
        torch.testing.assert_close(static_padding(model, photos)(photos), expected)
    assert not any(isinstance(module, Conv2dSame) for module in model.modules())


def test_the_module_that_was_given_stays_as_it_was(cpu: Runtime) -> None:
    model = nn.Sequential(Conv2dSame(3, 4, 3, stride=2)).train()
    fast_inference(model, Runtime(cpu.device, "bf16"), torch.zeros(1, 3, 8, 8).bfloat16())
    assert isinstance(model[0], Conv2dSame)
    assert model.training
    assert model[0].weight.dtype == torch.float32


def test_what_cannot_be_traced_still_runs(cpu: Runtime, capfd: pytest.CaptureFixture) -> None:
    class Nameless(nn.Module):
        def forward(self, x: torch.Tensor) -> object:
            return object()

    example = torch.zeros(2, 3, 8, 8)
    assert fast_inference(nn.ReLU(), cpu, example)[1] == "traced"
    with pytest.warns(CourseWarning, match="more slowly"):
        assert fast_inference(Nameless(), cpu, example)[1] == "eager"
    assert capfd.readouterr().err == ""


def test_a_lack_of_memory_is_not_taken_for_a_model_that_cannot_be_traced(cpu: Runtime) -> None:
    class Greedy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.empty(1 << 60)

    with pytest.raises(RuntimeError, match="memory"):
        fast_inference(Greedy(), cpu, torch.zeros(2, 3, 8, 8))
