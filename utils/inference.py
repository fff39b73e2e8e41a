"""The fastest form of a frozen module, for extracting features."""

import copy
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor, nn

from utils.device import INT8, Runtime, is_out_of_memory
from utils.engines.folding import fold_norms, static_padding
from utils.engines.openvino import OpenVinoModule, converted
from utils.errors import CourseError, CourseWarning
from utils.settings import FeatureEngine

WORTH_CONVERTING = 256 * 224**2  # pixels: for fewer, converting takes longer than it saves

Outputs = Tensor | tuple[Tensor, ...]


class FastModule(Protocol):
    """A frozen module on an engine; takes batches from the CPU, gives float32 on the device."""

    engine: str

    def __call__(self, batch: Tensor) -> Outputs: ...

    def stream(self, batches: Iterable[Tensor]) -> Iterator[Outputs]:
        """The outputs of each batch, in order."""
        ...


class EagerModule:
    """A frozen module that PyTorch runs as it is, in the runtime's precision."""

    engine = FeatureEngine.EAGER.value

    def __init__(self, module: nn.Module, runtime: Runtime) -> None:
        self.module, self.runtime = module.to(runtime.dtype), runtime

    @torch.no_grad()
    def __call__(self, batch: Tensor) -> Outputs:
        output = self.module(self.runtime.move_batch(batch))
        return output.float() if isinstance(output, Tensor) else tuple(o.float() for o in output)

    def stream(self, batches: Iterable[Tensor]) -> Iterator[Outputs]:
        return map(self, batches)


def engine_worth(runtime: Runtime, photos: int, side: int) -> Runtime:
    """The runtime for so many photos of side² pixels: few aren't worth converting a model for."""
    few = photos * side**2 < WORTH_CONVERTING and runtime.precision != INT8
    return replace(runtime, engine=FeatureEngine.EAGER.value) if few else runtime


def fast_inference(
    module: nn.Module, runtime: Runtime, example: Tensor, calibration: Sequence[Tensor] = ()
) -> FastModule:
    """A copy of `module` in its fastest form, for inference alone.

    BatchNorm is folded into the convolutions; then OpenVINO runs it, or PyTorch as it is: where
    the runtime asks for that, and where OpenVINO can't (which gives a CourseWarning).

    Args:
        module: what to run.
        runtime: where, in which precision and on which engine.
        example: a batch of the shape and dtype of those to come.
        calibration: batches whose values set the ranges of int8.

    Raises:
        CourseError: it can't be computed in int8, if that is the precision.
    """
    # Within autocast, its casts would be recorded as parts of the module.
    with torch.autocast(runtime.device.type, enabled=False):
        return _fastest(module, runtime, example, calibration)


def _fastest(
    module: nn.Module, runtime: Runtime, example: Tensor, calibration: Sequence[Tensor]
) -> FastModule:
    module = runtime.move_module(copy.deepcopy(module)).eval()
    photo = runtime.move_batch(example[:1])
    eager = runtime.engine == FeatureEngine.EAGER
    module = fold_norms(static_padding(module, photo, uneven=not eager), photo)
    if eager:
        return EagerModule(module, runtime)
    try:
        model = converted(module, example, calibration)
        return OpenVinoModule(model, example.shape, runtime.precision)
    except Exception as error:  # exporters and OpenVINO raise errors of many types
        if is_out_of_memory(error) or isinstance(error, CourseError):  # no room in the cache
            raise
        reason = (str(error).strip() or repr(error)).splitlines()[-1][:200]
        if runtime.precision == INT8:
            raise CourseError(
                f"This model can't be quantised to int8 ({reason}): use --precision fp32."
            ) from error
        warnings.warn(
            f"OpenVINO can't run this model ({reason}): PyTorch runs it as it is, more slowly.",
            CourseWarning,
            stacklevel=3,
        )
        return EagerModule(module, runtime)
