"""The three modes of training: what learns, in which mode, and at which learning rate.

- head        the backbone is frozen; the head learns from cached feature vectors
- last-block  the backbone's last block learns too, at a lower learning rate
- full        every weight learns, on augmented photos
"""

import math
from copy import copy
from dataclasses import replace

from torch import Tensor, nn

from utils.backbones import Backbone
from utils.classifier import Head
from utils.errors import known_name
from utils.hooks import outputs_of
from utils.settings import Mode, TrainingConfig


def settle(config: TrainingConfig, backbone: Backbone) -> TrainingConfig:
    """Fill in every choice that the configuration leaves open."""
    both = config.mode == "full" and backbone.weights.trained
    return replace(
        config,
        head_first=both if config.head_first is None else config.head_first,
        frozen_norms=both if config.frozen_norms is None else config.frozen_norms,
    )


def check_mode(mode: str) -> None:
    """Raises CourseError if there is no such mode."""
    known_name("mode", mode, list(Mode))


class Classifier(nn.Module):
    """Backbone and head together: normalised images → logits of the new classes."""

    def __init__(self, backbone: Backbone, head: Head) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.backbone(images))


def trainable_groups(model: nn.Module, config: TrainingConfig) -> list[dict]:
    """Freeze what the mode keeps, and give head and backbone their own learning rates."""
    decay = config.weight_decay
    if isinstance(model, Head):
        return decay_groups(model, config.lr_head, decay)
    model.requires_grad_(False)
    model.head.linear.requires_grad_(True)
    for part in learning_parts(model.backbone, config.mode):
        part.requires_grad_(True)
    return decay_groups(model.head, config.lr_head, decay) + decay_groups(
        model.backbone, config.lr_backbone, decay
    )


def learning_parts(backbone: Backbone, mode: str) -> list[nn.Module]:
    """The parts of a backbone that learn in this mode."""
    if mode == "last-block":
        return [backbone.body.get_submodule(path) for path in backbone.spec.last_block]
    return [backbone.body] if mode == "full" else []


class UpTo(nn.Module):
    """What a body that is cut after one of its submodules gives there."""

    def __init__(self, body: nn.Module, path: str) -> None:
        super().__init__()
        self.body, self.path = body, path

    def extra_repr(self) -> str:
        return f"path={self.path}"

    def forward(self, images: Tensor) -> Tensor:
        with outputs_of(self.body, [self.path]) as outputs:
            self.body(images)
        return outputs[self.path]


def cut_after(body: nn.Module, path: str) -> tuple[UpTo, nn.Module]:
    """A body in two, which share its layers: up to a submodule, and from its output on."""
    first, second = _cut(body, path)
    return UpTo(first, path), second


def _cut(module: nn.Module, path: str) -> tuple[nn.Module, nn.Module]:
    """Two copies of a module, of which each lets pass what belongs to the other."""
    first, second = copy(module), copy(module)
    last, _, below = path.partition(".")
    names = list(module._modules)
    count = names.index(last)
    first._modules = module._modules | {name: nn.Identity() for name in names[count + 1 :]}
    second._modules = module._modules | {name: nn.Identity() for name in names[: count + 1]}
    if below:
        first._modules[last], second._modules[last] = _cut(module._modules[last], below)
    return first, second


def decay_groups(module: nn.Module, lr: float, weight_decay: float) -> list[dict]:
    """What learns in a module, for an optimizer; vectors (biases, norms) are not decayed."""
    learning = [p for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in learning if p.ndim > 1], "lr": lr, "weight_decay": weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "lr": lr, "weight_decay": 0.0},
    ]


def training_mode(model: nn.Module, mode: str, frozen_norms: bool = False) -> None:
    """Training mode for what learns and eval mode for what is frozen.

    A frozen BatchNorm in training mode would still move its running statistics. With
    `frozen_norms` the statistics stay fixed everywhere, while scale and shift can still learn.
    """
    model.train()
    if isinstance(model, Classifier):
        model.backbone.eval()
        for part in learning_parts(model.backbone, mode):
            part.train()
        for module in model.backbone.modules() if frozen_norms else ():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


def schedule(step: int, steps: int, warmup: float) -> float:
    """Factor on the learning rate: a linear rise to 1, then half a cosine down to 0."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
