"""`vgg11_gap` as torchvision's own `vgg11_bn`, for programs that know only that one."""

import torch
from torch import Tensor

CELLS = 7 * 7  # of the last maps at 224 pixels, which VGG's first linear layer reads
UNITS = 4096  # of each of its two hidden layers


def as_torchvision_vgg11_bn(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of torchvision's `vgg11_bn` that gives the same logits for 224 px photos.

    Its three linear layers can express pooling and one linear layer exactly: the first takes the
    mean of each map, the second passes it on, and the third is our classifier. The ReLUs between
    change nothing, for the maps come out of one; dropout is off in eval mode. The result has 132.9
    million values, of which 123 million stand for half a million.

    Args:
        state: of `vgg11_gap`.
    """
    weight, bias = state["classifier.weight"], state["classifier.bias"]
    channels = weight.shape[1]
    mean = torch.zeros(UNITS, channels * CELLS)
    mean[:channels] = torch.block_diag(*[torch.full((1, CELLS), 1 / CELLS)] * channels)
    passed_on = torch.zeros(UNITS, UNITS)
    passed_on[:channels, :channels] = torch.eye(channels)
    last = torch.zeros(len(weight), UNITS)
    last[:, :channels] = weight
    layers = {0: (mean, torch.zeros(UNITS)), 3: (passed_on, torch.zeros(UNITS)), 6: (last, bias)}
    classifier = {
        f"classifier.{number}.{kind}": tensor
        for number, layer in layers.items()
        for kind, tensor in zip(("weight", "bias"), layer, strict=True)
    }
    features = {key: value for key, value in state.items() if key.startswith("features.")}
    return features | classifier
