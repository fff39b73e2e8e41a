"""The capstone's pictures: every solar cell as pixels, in each of its eight symmetries."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from utils.backbones import load_backbone, with_scales, with_side
from utils.datasets import ImageSet, load_elpv
from utils.device import Runtime
from utils.features import extract_features

STRIDES = (8, 16, 32)
SYMMETRIES = 8  # of a square: four quarter turns, each also mirrored
MIRRORS = (0, 1, 4, 5)  # those symmetries that keep the cell's bus bars in their direction


def turn(cells: Tensor, symmetry: int) -> Tensor:
    """Turn square cells (…×S×S) into one of the eight symmetries; 0 leaves them as they are."""
    turned = torch.rot90(cells, symmetry // 2, (-2, -1))
    return turned.flip(-1) if symmetry % 2 else turned


@cache
def cells_as_pixels() -> Tensor:
    """Every cell of `load_elpv`, in its order: N×1×300×300, uint8."""
    images = load_elpv(binary=True)
    pixels = [np.asarray(images.photo(i).convert("L")) for i in range(len(images))]
    return torch.from_numpy(np.stack(pixels))[:, None]


def colour(cells: Tensor) -> Tensor:
    """Grey cells (N×1×S×S) with three equal channels, as backbones expect them."""
    return cells.expand(-1, 3, -1, -1)


@cache
def cell_features(name: str, side: int, symmetries: tuple[int, ...], runtime: Runtime) -> Tensor:
    """A frozen model's vectors of every cell, N×D: three stages, each pooled in three ways.

    Each vector is the mean over the symmetries named, which all show the same cell.
    """
    images = load_elpv(binary=True)
    backbone = with_scales(with_side(load_backbone(name, "offline"), side), STRIDES)
    views = []
    for symmetry in symmetries:
        pixels = turn(cells_as_pixels()[:, 0], symmetry).contiguous().numpy()
        view = ImageSet(
            name=images.name, classes=images.classes, images=pixels, labels=images.labels
        )
        views.append(extract_features(backbone, view, runtime).vectors)
    return torch.stack(views).mean(dim=0)
