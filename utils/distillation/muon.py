"""Muon in the precision that the device multiplies."""

from collections.abc import Callable
from functools import partial
from typing import Any

from timm.optim import Muon, muon

from utils.device import multiplied_dtype


class PreciseMuon(Muon):
    """timm's Muon (Jordan et al. 2024), orthogonalising in bfloat16 only where that is fast.

    timm always multiplies in bfloat16, and offers no switch. A CPU without bf16 instructions
    emulates them, which made a step of a student network some fifty times slower.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step, with the function that timm calls replaced for as long as it lasts."""
        dtype = multiplied_dtype(self.param_groups[0]["params"][0].device)
        original = muon.zeropower_via_newtonschulz
        muon.zeropower_via_newtonschulz = partial(original, dtype=dtype)
        try:
            return super().step(closure)
        finally:
            muon.zeropower_via_newtonschulz = original
