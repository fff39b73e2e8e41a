"""Rewrite a frozen module's convolutions so that less is left to do around them."""

import copy
import math

import torch
from timm.layers import BatchNormAct2d, Conv2dSame
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from utils.hooks import on_forward

SAME = 1e-3  # largest difference that folding may make, of an output's largest value


def fold_norms(module: nn.Module, example: Tensor) -> nn.Module:
    """A copy with each BatchNorm folded into the convolution before it.

    In eval mode such a norm multiplies and shifts each channel, which the convolution's weights
    and bias can do. Where that changes an output (a convolution's output may be taken elsewhere
    too), the module comes back as it was.

    Args:
        module: in eval mode.
        example: a batch that it takes.
    """
    folded = copy.deepcopy(module)
    pairs = _norms_after_convolutions(folded, example)
    for convolution, norm in pairs:
        bare = folded.get_submodule(norm)
        _replace(folded, convolution, fuse_conv_bn_eval(folded.get_submodule(convolution), bare))
        _replace(folded, norm, _without_norm(bare))
    return folded if pairs and _same_output(folded, module, example) else module


def _norms_after_convolutions(module: nn.Module, example: Tensor) -> list[tuple[str, str]]:
    """The names of each convolution and the norm that takes its output, both run just once."""
    kinds = (nn.Conv2d, nn.BatchNorm2d, BatchNormAct2d)
    names = [name for name, m in module.named_modules() if type(m) in kinds]
    runs: list[str] = []
    made: list[tuple[str, Tensor]] = []
    pairs: list[tuple[str, str]] = []

    def note(name: str, layer: nn.Module, inputs: tuple, output: Tensor) -> None:
        runs.append(name)
        if type(layer) is nn.Conv2d:
            made.append((name, output))
        elif layer.running_mean is not None:
            pairs.extend((maker, name) for maker, tensor in made if tensor is inputs[0])

    with torch.no_grad(), on_forward(module, names, note):
        module(example)
    return [pair for pair in pairs if all(runs.count(name) == 1 for name in pair)]


def _without_norm(norm: nn.BatchNorm2d) -> nn.Module:
    """What a norm does besides: nothing, or timm's activation."""
    return nn.Sequential(norm.drop, norm.act) if type(norm) is BatchNormAct2d else nn.Identity()


def _same_output(folded: nn.Module, module: nn.Module, example: Tensor) -> bool:
    random = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, example.shape, generator=random)
    if example.dtype.is_floating_point:
        noise = noise / 127.5 - 1
    noise = noise.to(example.device, example.dtype)
    with torch.no_grad():
        outputs = (model(noise) for model in (folded, module))
        came, expected = (o if isinstance(o, tuple) else (o,) for o in outputs)
    return all(
        (a - b).abs().max() <= SAME * b.abs().max() for a, b in zip(came, expected, strict=True)
    )


def static_padding(module: nn.Module, example: Tensor, uneven: bool = True) -> nn.Module:
    """Replace TensorFlow's "same" convolutions by plain ones for inputs of the example's size.

    Such a convolution can pad one pixel more at the end than at the start. Engines and ONNX's
    runtimes do so as a part of the convolution; PyTorch copies the input each time. There, a
    kernel with a leading row and column of zeros needs only even padding and gives the same
    output, for more multiplications. The module is changed in place.

    Args:
        module: what holds the convolutions.
        example: a batch that it takes.
        uneven: pad unevenly before the convolution, instead of widening its kernel.
    """
    same = {name: m for name, m in module.named_modules() if isinstance(m, Conv2dSame)}
    sizes: dict[nn.Module, torch.Size] = {}

    def note_size(_name: str, convolution: nn.Module, inputs: tuple, _output: Tensor) -> None:
        sizes[convolution] = inputs[0].shape[2:]

    if same:
        with torch.no_grad(), on_forward(module, same, note_size):
            module(example)
    for name, convolution in same.items():
        missing = _missing(convolution, sizes[convolution])
        plain = _padded(convolution, missing) if uneven else _widened(convolution, missing)
        _replace(module, name, plain.eval())
    return module


def _missing(same: Conv2dSame, size: torch.Size) -> list[int]:
    """The rows and columns by which inputs of that size are padded."""
    of_axes = zip(size, same.kernel_size, same.stride, same.dilation, strict=True)
    return [max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in of_axes]


def _padded(same: Conv2dSame, missing: list[int]) -> nn.Module:
    rows, columns = missing
    sides = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    plain = _plain_convolution(same, same.weight, [0, 0])
    return nn.Sequential(nn.ZeroPad2d(sides), plain) if any(sides) else plain


def _widened(same: Conv2dSame, missing: list[int]) -> nn.Module:
    rows, columns = (pad % 2 for pad in missing)
    weight = F.pad(same.weight, (columns, 0, rows, 0))
    return _plain_convolution(same, weight, [(pad + 1) // 2 for pad in missing])


def _plain_convolution(same: Conv2dSame, weight: Tensor, padding: list[int]) -> nn.Conv2d:
    plain = nn.Conv2d(
        same.in_channels,
        same.out_channels,
        tuple(weight.shape[2:]),
        same.stride,
        padding,
        same.dilation,
        same.groups,
        bias=same.bias is not None,
    )
    plain.weight, plain.bias = nn.Parameter(weight), same.bias
    return plain


def _replace(module: nn.Module, name: str, by: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(module.get_submodule(parent), child, by)
