"""The fastest form of a frozen module, for extracting features."""

import copy
import math
import warnings

import torch
from timm.layers import Conv2dSame
from torch import Tensor, nn
from torch.nn import functional as F

from utils.device import Runtime, is_out_of_memory
from utils.errors import CourseWarning
from utils.hooks import on_forward


def inference_path(runtime: Runtime) -> str:
    """The path that `fast_inference` tries first on this runtime: "traced" or "eager"."""
    return "traced" if runtime.device.type == "cpu" else "eager"


def fast_inference(module: nn.Module, runtime: Runtime, example: Tensor) -> tuple[nn.Module, str]:
    """An inference-only copy of `module` in its fastest form, and the name of the path taken.

    On a CPU the module is traced, frozen (BatchNorm folded into the convolutions) and optimised;
    elsewhere, and where tracing fails (which gives a CourseWarning), it runs as it is. `example` is
    a batch of the shape and dtype of those to come, on the runtime's device. This is the only place
    that touches torch.jit, which warns that it is no longer developed.

    Returns:
        The module, in eval mode and in the runtime's precision, and "traced" or "eager".
    """
    module = runtime.move_module(copy.deepcopy(module)).to(runtime.dtype).eval()
    module = static_padding(module, example[:1])
    if inference_path(runtime) == "eager":
        return module, "eager"
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = torch.jit.freeze(torch.jit.trace(module, example, check_trace=False))
            traced = torch.jit.optimize_for_inference(traced)
            traced(example)
        return traced, "traced"
    except (RuntimeError, AttributeError) as error:
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip() or repr(error)).splitlines()[-1][:200]
        warnings.warn(
            f"This model can't be traced ({reason}): it runs as it is, more slowly.",
            CourseWarning,
            stacklevel=2,
        )
        return module, "eager"


def static_padding(module: nn.Module, example: Tensor) -> nn.Module:
    """Replace TensorFlow's "same" convolutions by plain ones for inputs of the example's size.

    Such a convolution can pad one pixel more at the end than at the start, which costs a copy of
    its input each time. A kernel with a leading row and column of zeros needs only symmetric
    padding and gives the same output. The module is changed in place.
    """
    same = {name: m for name, m in module.named_modules() if isinstance(m, Conv2dSame)}
    sizes: dict[nn.Module, torch.Size] = {}

    def note_size(_name: str, convolution: nn.Module, inputs: tuple, _output: Tensor) -> None:
        sizes[convolution] = inputs[0].shape[2:]

    if same:
        with torch.no_grad(), on_forward(module, same, note_size):
            module(example)
    for name, convolution in same.items():
        parent, _, child = name.rpartition(".")
        plain = _plain_convolution(convolution, sizes[convolution])
        setattr(module.get_submodule(parent), child, plain)
    return module


def _plain_convolution(same: Conv2dSame, size: torch.Size) -> nn.Conv2d:
    kernel, stride = same.kernel_size, same.stride
    missing = [
        max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
        for n, k, s, d in zip(size, kernel, stride, same.dilation, strict=True)
    ]
    zeros = [pad % 2 for pad in missing]
    plain = nn.Conv2d(
        same.in_channels,
        same.out_channels,
        [k + zero for k, zero in zip(kernel, zeros, strict=True)],
        stride,
        [(pad + 1) // 2 for pad in missing],
        same.dilation,
        same.groups,
        bias=same.bias is not None,
    )
    plain.weight = nn.Parameter(F.pad(same.weight, (zeros[1], 0, zeros[0], 0)))
    plain.bias = same.bias
    return plain.eval()
