"""Compositions: cut-outs of objects pasted on crops of photos, as many as one likes.

A few thousand pictures give millions of different images to distil on (Asano and Saeed, "The
Augmented Image Prior", ICLR 2023, go down to a single one). They need no labels: the teacher
says what it sees.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from utils.datasets import EXTENSIONS, Progress, no_progress, stamps_of_things
from utils.errors import CourseError
from utils.images import open_photo, read_image

PHOTO_SIDE = 512  # photos are kept with their shorter side at most this long
CUTOUT_SIDE = 256  # cut-outs with their longer side at most this long
LEAST_PHOTO_SIDE = 200  # smaller photos are thumbnails
LEAST_CUTOUT_SIDE = 48  # smaller cut-outs are icons
ALIKE = 4.0  # pictures whose 8×8 thumbnails differ by less (of 255, on average) are the same
HELD_OUT = 10  # one picture in so many is never trained on
OBJECTS = (0, 1, 1, 1, 1, 2, 2, 3)  # how many cut-outs a composition gets, drawn evenly


Group = tuple[Tensor, ...]


@dataclass(frozen=True)
class Pictures:
    """Photos (3×H×W) and cut-outs (4×H×W, the fourth channel is opacity), all uint8.

    They stand in groups, one a folder that was named. A group is drawn from in proportion to the
    square root of its number of pictures: a large one isn't all that is seen, and the few pictures
    of a small one don't return all the time.
    """

    photos: tuple[Group, ...]
    cutouts: tuple[Group, ...]

    def to(self, device: torch.device) -> "Pictures":
        """The same pictures on a device, where compositions will be made."""

        def moved(groups: tuple[Group, ...]) -> tuple[Group, ...]:
            return tuple(tuple(picture.to(device) for picture in group) for group in groups)

        return Pictures(moved(self.photos), moved(self.cutouts))

    def counts(self) -> dict[str, int]:
        """Number of photos and of cut-outs."""
        return {"photos": sum(map(len, self.photos)), "cutouts": sum(map(len, self.cutouts))}

    def fingerprint(self) -> str:
        """SHA-256 over all pictures, in order."""
        digest = hashlib.sha256()
        for group in self.photos + self.cutouts:
            digest.update(b"".join(_digest(picture) for picture in group) + b"/")
        return digest.hexdigest()


def load_pictures(
    photos: Sequence[Path], cutouts: Sequence[Path], progress: Progress = no_progress
) -> tuple[Pictures, Pictures]:
    """Read all pictures below these folders; returns those to train on and those held out.

    Unreadable files and those too small are passed over. Of pictures that look the same (one
    wallpaper in ten sizes) the largest is kept. One picture in ten, chosen by its content, is
    held out. The stamps that data/things is made of are left out: it shall measure weights on
    what they haven't seen.

    Raises:
        CourseError: a folder that isn't there, or too few pictures of a kind.
    """
    train, held_out = [], []
    for kind, folders, read in (
        ("photos", photos, read_photo),
        ("cut-outs", cutouts, read_cutout),
    ):
        kept = without_copies(
            [
                (image, group)
                for group, folder in enumerate(folders)
                for image in _read_folder(kind, folder, read, progress)
            ]
        )
        pictures = [(F.pil_to_tensor(image), group) for image, group in kept]
        if len(pictures) < 2:
            raise CourseError(
                f"Below {', '.join(map(str, folders))} there are {len(pictures)} usable {kind}, "
                "and at least 2 are needed, to train on and to hold out: give folders with more."
            )
        lots = [_lot(picture) for picture, _ in pictures]
        drawn = 0 if 0 in lots else min(lots)
        parts = [
            _groups([p for p, lot in zip(pictures, lots, strict=True) if (lot == drawn) == test])
            for test in (False, True)
        ]
        train.append(parts[0])
        held_out.append(parts[1])
    return Pictures(*train), Pictures(*held_out)


def _groups(pictures: Sequence[tuple[Tensor, int]]) -> tuple[Group, ...]:
    numbers = sorted({group for _, group in pictures})
    return tuple(tuple(p for p, group in pictures if group == number) for number in numbers)


def _digest(picture: Tensor) -> bytes:
    return hashlib.sha256(picture.cpu().numpy().tobytes()).digest()


def _lot(picture: Tensor) -> int:
    return int.from_bytes(_digest(picture)) % HELD_OUT


def _read_folder(
    kind: str, folder: Path, read: Callable[[Path], Image.Image | None], progress: Progress
) -> list[Image.Image]:
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder} to take {kind} from: check the path.")
    known = stamps_of_things()
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in EXTENSIONS and not file.resolve().as_posix().endswith(known)
    )
    images = (read(file) for file in progress(files, desc=f"{kind} of {folder.name}"))
    return [image for image in images if image is not None]


def without_copies(images: Sequence[tuple[Image.Image, int]]) -> list[tuple[Image.Image, int]]:
    """The (image, group) pairs without those that look like a larger one; largest first."""
    kept: list[tuple[Image.Image, int]] = []
    seen = np.empty((len(images), 8 * 8 * 4), np.float32)
    for image, group in sorted(images, key=lambda pair: -pair[0].width * pair[0].height):
        small = np.asarray(image.convert("RGBA").resize((8, 8), Image.Resampling.BOX)).ravel()
        if kept and np.abs(seen[: len(kept)] - small).mean(axis=1).min() < ALIKE:
            continue
        seen[len(kept)] = small
        kept.append((image, group))
    return kept


def read_photo(file: Path) -> Image.Image | None:
    """An RGB photo, made smaller if it is large; None if it is unreadable or a thumbnail."""
    try:
        photo = open_photo(file)
    except CourseError:
        return None
    if min(photo.size) < LEAST_PHOTO_SIDE:
        return None
    return _shrink(photo, PHOTO_SIDE / min(photo.size))


def read_cutout(file: Path) -> Image.Image | None:
    """An RGBA image cut to what is opaque; None if it is an icon, or nothing is transparent."""
    try:
        cutout = read_image(file, lambda image: image.convert("RGBA"))
    except CourseError:
        return None
    opacity = cutout.getchannel("A")
    if opacity.getextrema()[0] == 255 or opacity.getbbox() is None:
        return None
    cutout = cutout.crop(opacity.getbbox())
    if max(cutout.size) < LEAST_CUTOUT_SIDE:
        return None
    return _shrink(cutout, CUTOUT_SIDE / max(cutout.size))


def _shrink(image: Image.Image, scale: float) -> Image.Image:
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


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
