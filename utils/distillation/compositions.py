"""Compositions: cut-outs of objects pasted on crops of photos, as many as one likes.

A few thousand pictures give millions of different images to distil on (Asano and Saeed, "The
Augmented Image Prior", ICLR 2023, go down to a single one). They need no labels: the teacher
says what it sees.
"""

from random import Random

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from utils.distillation.pictures import Group, Pictures

OBJECTS = (0, 1, 1, 1, 1, 2, 2, 3)  # how many cut-outs a composition gets, drawn evenly


def compose(pictures: Pictures, count: int, size: int, random: Random) -> Tensor:
    """Make `count` compositions: uint8, count×3×size×size, where the pictures are.

    The same state of `random` gives the same compositions.
    """
    images = torch.stack([_composition(pictures, size, random) for _ in range(count)])
    return _recolour(images, random)


def _composition(pictures: Pictures, size: int, random: Random) -> Tensor:
    canvas = _random_window(_draw(pictures.photos, random), size, random)
    for _ in range(random.choice(OBJECTS)):
        _paste(canvas, _draw(pictures.cutouts, random), random)
    return canvas


def _draw(groups: tuple[Group, ...], random: Random) -> Tensor:
    (group,) = random.choices(groups, weights=[len(group) ** 0.5 for group in groups])
    return random.choice(group)


def _random_window(photo: Tensor, size: int, random: Random) -> Tensor:
    """A window of a photo, scaled to size×size, mirrored half of the time."""
    height, width = photo.shape[1:]
    side = min(height, width) * random.uniform(0.2, 1)
    aspect = 2 ** random.uniform(-0.2, 0.2)
    h, w = min(height, round(side * aspect)), min(width, round(side / aspect))
    top, left = random.randint(0, height - h), random.randint(0, width - w)
    window = F.resize(photo[:, top : top + h, left : left + w], [size, size], antialias=True)
    return _maybe_mirrored(window, random).clone()


def _paste(canvas: Tensor, cutout: Tensor, random: Random) -> None:
    """Lay a cut-out of random scale, aspect and place over the canvas."""
    size = canvas.shape[1]
    scale = size * random.uniform(0.3, 1.3) / max(cutout.shape[1:])
    aspect = 2 ** random.uniform(-0.2, 0.2)
    h = max(1, round(cutout.shape[1] * scale * aspect))
    w = max(1, round(cutout.shape[2] * scale / aspect))
    drawn = _maybe_mirrored(F.resize(cutout, [h, w], antialias=True), random)
    top = round(random.uniform(0.1, 0.9) * size - h / 2)
    left = round(random.uniform(0.1, 0.9) * size - w / 2)
    rows, columns = slice(max(0, top), top + h), slice(max(0, left), left + w)
    under = canvas[:, rows, columns]
    over = drawn[:, max(0, -top) :, max(0, -left) :][:, : under.shape[1], : under.shape[2]].float()
    under.copy_(torch.lerp(under.float(), over[:3], over[3:] / 255).round())


def _maybe_mirrored(picture: Tensor, random: Random) -> Tensor:
    return picture.flip(-1) if random.random() < 0.5 else picture


def _recolour(images: Tensor, random: Random) -> Tensor:
    """Random light, contrast, tint and saturation for each image; one in seven becomes grey."""

    def factors(low: float, high: float, channels: int = 1) -> Tensor:
        values = [[random.uniform(low, high) for _ in range(channels)] for _ in images]
        return torch.tensor(values, device=images.device).view(-1, channels, 1, 1)

    saturation = factors(0.5, 1.5)
    saturation[[random.random() < 1 / 7 for _ in images]] = 0
    pixels = images.float() * factors(0.6, 1.4) * factors(0.85, 1.15, 3)
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    pixels = torch.lerp(mean, pixels, factors(0.6, 1.4))
    grey = F.rgb_to_grayscale(pixels)
    return torch.lerp(grey, pixels, saturation).clamp(0, 255).round().to(torch.uint8)
