"""Folders and sets of pictures that several tests make."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from utils.datasets import ImageSet


@dataclass(frozen=True)
class PictureFolders:
    """A handful of pictures to distil on."""

    photos: Path
    cutouts: Path


def put_photos(folder: Path, count: int, kind: str = "png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", (16, 16), (number, 0, 0)).save(folder / f"{number}.{kind}")


def counts(images: ImageSet) -> Counter:
    return Counter(images.classes[label] for label in images.labels)
