"""Rewritten convolutions: less to do, and the same output."""

import pytest
import torch
from timm.layers import BatchNormAct2d, Conv2dSame
from torch import nn

from utils.backbones import load_backbone
from utils.engines.folding import fold_norms, static_padding


@pytest.mark.parametrize("uneven", [True, False])
@pytest.mark.parametrize("size", [16, 17, (16, 17)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (3, 1), (1, 2), (4, 3)])
def test_static_padding_changes_no_output(kernel: int, stride: int, size, uneven) -> None:
    height, width = size if isinstance(size, tuple) else (size, size)
    model = nn.Sequential(Conv2dSame(6, 6, kernel, stride=stride, groups=3), nn.BatchNorm2d(6))
    photos = torch.randn(2, 6, height, width)
    with torch.no_grad():
        expected = model.eval()(photos)
        torch.testing.assert_close(static_padding(model, photos, uneven)(photos), expected)
    assert not any(isinstance(module, Conv2dSame) for module in model.modules())


@pytest.mark.parametrize("uneven", [True, False])
@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18", "vgg11_gap"])
def test_every_norm_of_the_families_is_folded(name: str, uneven: bool) -> None:
    photo = torch.zeros(1, 3, 64, 64)
    body = static_padding(load_backbone(name, "untrained").body, photo, uneven)
    folded = fold_norms(body, photo)
    photos = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(folded(photos), body(photos), rtol=1e-3, atol=1e-3)
    assert not any(isinstance(m, (nn.BatchNorm2d, BatchNormAct2d)) for m in folded.modules())


class Shared(nn.Module):
    """A convolution whose output goes past the norm, too."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.convolution(x)
        return x + self.norm(x)


class Twice(nn.Module):
    """A convolution that runs twice, with a norm after one of its runs."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.convolution(self.convolution(x)))


@pytest.mark.parametrize("kind", [Shared, Twice])
def test_a_norm_that_cannot_be_folded_stays(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model, photos = kind(), torch.randn(2, 3, 8, 8)
    model(photos)  # gives the norm statistics
    expected = model.eval()(photos)
    folded = fold_norms(model, photos[:1])
    assert torch.equal(folded(photos), expected)
