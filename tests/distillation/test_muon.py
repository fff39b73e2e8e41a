"""Muon orthogonalises in the precision that the device multiplies."""

import torch
from timm.optim import muon

from utils.device import multiplied_dtype
from utils.distillation.muon import PreciseMuon


def test_muon_multiplies_as_the_hardware_does() -> None:
    weight = torch.nn.Parameter(torch.randn(8, 6, generator=torch.Generator().manual_seed(0)))
    before, original = weight.detach().clone(), muon.zeropower_via_newtonschulz
    weight.grad = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    seen = []

    def note(gradient: torch.Tensor, *rest: object, dtype: torch.dtype, **words: object):
        seen.append(dtype)
        return original(gradient, *rest, dtype=dtype, **words)

    muon.zeropower_via_newtonschulz = note
    try:
        PreciseMuon([weight], lr=0.1).step()
    finally:
        muon.zeropower_via_newtonschulz = original
    assert seen == [multiplied_dtype(weight.device)]
    step = before - weight.detach()
    spread = torch.linalg.svdvals(step)
    assert spread.max() / spread.min() < 2  # an orthogonal step, up to Newton and Schulz's five
