"""What the course knows of a model before it is built."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torchvision.models as tv
from torch import nn
from torchvision.models._meta import _IMAGENET_CATEGORIES

from utils.images import Preprocessing

IMAGENET_CLASSES: tuple[str, ...] = tuple(_IMAGENET_CATEGORIES)


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """What the course knows of a model before it is built.

    `build` makes it with random weights; `split` takes it apart into its body (images → feature
    vectors) and its classifier, whose classes are `classes`. `stages` maps the stride of each stage
    to the submodule whose output shows it, `last_block` names the submodules that `--mode
    last-block` trains; both are paths inside the body.
    """

    name: str
    family: str
    feature_dim: int
    preprocessing: Preprocessing
    source: Literal["imagenet", "registry", "course", "timm"]
    stages: dict[int, str]
    last_block: tuple[str, ...]
    build: Callable[[], nn.Module]
    split: Callable[[nn.Module], tuple[nn.Module, nn.Linear]]
    enum: tv.WeightsEnum | None = None
    classes: tuple[str, ...] = IMAGENET_CLASSES

    @property
    def stage_names(self) -> dict[str, str]:
        """The name of each stage ("stride 4" …), by its submodule."""
        return {path: f"stride {stride}" for stride, path in self.stages.items()}


def official_preprocessing(enum: tv.WeightsEnum) -> Preprocessing:
    """The preprocessing that torchvision publishes with a set of weights."""
    t = enum.transforms()
    return Preprocessing(
        resize=t.resize_size[0],
        crop=t.crop_size[0],
        mean=tuple(t.mean),
        std=tuple(t.std),
        interpolation=t.interpolation.value,
    )
