"""Stage 1 for many photos: data sets, and what a split must keep together in them."""

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from utils.errors import CourseError
from utils.files import read_text
from utils.images import Preprocessing, crop_photo, open_photo
from utils.settings import PROJECT

MODULE_CELLS = 60  # solar cells in a module of ELPV, the usual 6 × 10
MIN_PER_CLASS = 5  # fewer can't be dealt to train, validation and test
THINGS = PROJECT / "data/things"
PARTS = ("train", "val", "test")
THUMBNAIL = 128  # pixels
Progress = Callable[..., Iterable]


def no_progress(items: Iterable, **_: object) -> Iterable:
    """Stands in for a progress bar (a callable like tqdm) where none is wanted."""
    return items


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Photos with labels: files, or arrays (N×H×W or N×H×W×3, uint8) already in memory.

    Photos with the same number in `groups` belong together (cells of one solar module, copies of
    one file): `splits.split` keeps them on one side. `grouped_by` says what a group is. A set that
    comes already split names the part (`PARTS`) of each photo. `kinds` gives each class a kind that
    is seen at a glance, where there is one: see `informed_floor`.
    """

    name: str
    classes: tuple[str, ...]
    images: Sequence[Path] | np.ndarray
    labels: tuple[int, ...]
    skipped: tuple[Path, ...] = ()
    groups: tuple[int, ...] | None = None
    grouped_by: str = ""
    parts: tuple[str, ...] | None = None
    kinds: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def photo(self, index: int, least_side: int | None = None) -> Image.Image:
        """The RGB image at `index`; a JPEG is decoded as `open_photo` does with `least_side`."""
        image = self.images[index]
        if isinstance(image, np.ndarray):
            return Image.fromarray(image).convert("RGB")
        return open_photo(image, least_side)

    def thumbnail(self, index: int) -> Image.Image:
        """The RGB image at `index`, scaled down until its sides are nearly `THUMBNAIL` pixels."""
        photo = self.photo(index, THUMBNAIL)
        return photo.reduce(max(1, min(photo.size) // THUMBNAIL))

    def subset(self, indices: Iterable[int]) -> "ImageSet":
        """The photos at `indices`, in that order."""
        chosen = [int(i) for i in indices]
        images = (
            self.images[chosen]
            if isinstance(self.images, np.ndarray)
            else tuple(self.images[i] for i in chosen)
        )
        labels = tuple(self.labels[i] for i in chosen)
        groups = self.groups and tuple(self.groups[i] for i in chosen)
        parts = self.parts and tuple(self.parts[i] for i in chosen)
        return replace(self, images=images, labels=labels, groups=groups, parts=parts)

    def digests(self) -> list[bytes]:
        """SHA-256 of each photo's bytes."""
        contents = (
            image.tobytes() if isinstance(image, np.ndarray) else image.read_bytes()
            for image in self.images
        )
        return [hashlib.sha256(content).digest() for content in contents]

    def fingerprint(self) -> str:
        """SHA-256 over every photo's bytes and label, in order."""
        digest = hashlib.sha256()
        for photo, label in zip(self.digests(), self.labels, strict=True):
            digest.update(photo)
            digest.update(label.to_bytes(4, "little"))
        return digest.hexdigest()

    def majority_share(self) -> float:
        """Accuracy of always answering with the most frequent class."""
        return max(Counter(self.labels).values()) / len(self)


class Crops(Dataset):
    """An image set as uint8 crops (3×crop×crop) with labels, for a DataLoader.

    It holds no open file and no lambda, so worker processes can be started by spawn (the
    default on Windows and macOS).
    """

    def __init__(self, images: ImageSet, spec: Preprocessing) -> None:
        self.images, self.spec = images, spec

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return crop_photo(self.images.photo(index), self.spec), self.images.labels[index]


def load_elpv(binary: bool = False) -> ImageSet:
    """2,624 electroluminescence pictures of solar cells (ELPV), 300×300 grey, grouped by module.

    Defective means a defect probability above 0.5. Four classes, {mono, poly} × {good,
    defective}, or two with `binary`.

    Source: Deitsch et al. 2019, package `elpv-dataset`; images CC BY-NC-SA 4.0.
    """
    folder, table = _elpv_table()
    defective = table["probability"] > 0.5
    poly = table["type"] == "poly"
    classes = (
        ("good", "defective")
        if binary
        else ("mono good", "mono defective", "poly good", "poly defective")
    )
    labels = defective.astype(int) + (0 if binary else 2 * poly.astype(int))
    paths = tuple(folder / path for path in table["path"])
    return ImageSet(
        name="elpv",
        classes=classes,
        images=paths,
        labels=tuple(int(label) for label in labels),
        groups=solar_modules(table["type"]),
        grouped_by="module",
        kinds=() if binary else ("mono", "mono", "poly", "poly"),
    )


def solar_modules(kinds: Sequence[str]) -> tuple[int, ...]:
    """Infer which solar module each cell was cut out of, from the order of the cells in the file.

    The package doesn't say which module a cell comes from, but its list is in module order: the
    kind of cell (mono, poly) comes in ten runs, and cutting these into pieces of about
    `MODULE_CELLS` gives 18 mono and 26 poly modules, the published 44 (Deitsch et al. 2019). A
    border between two modules of a run may be off by a few cells, since some are missing from
    the list; so a few cells can be separated from their module there and join its neighbour.
    """
    modules: list[int] = []
    for _, run in groupby(kinds):
        length = len(list(run))
        pieces = np.array_split(np.arange(length), max(1, round(length / MODULE_CELLS)))
        for piece in pieces:
            modules += [modules[-1] + 1 if modules else 0] * len(piece)
    return tuple(modules)


def elpv_probabilities() -> tuple[float, ...]:
    """Return the experts' defect probability for each photo of `load_elpv`: 0, 1/3, 2/3 or 1."""
    _, table = _elpv_table()
    return tuple(float(p) for p in table["probability"])


def _elpv_table() -> tuple[Path, np.ndarray]:
    import elpv_dataset

    folder = Path(elpv_dataset.__file__).parent / "data"
    table = np.genfromtxt(
        folder / "labels.csv", dtype=None, encoding="utf-8", names=["path", "probability", "type"]
    )
    return folder, table


def check_classes(images: ImageSet, where: str, remedy: str, least: int = MIN_PER_CLASS) -> None:
    """Raises CourseError if a class has fewer than `least` photos."""
    counts = Counter(images.labels)
    for label, name in enumerate(images.classes):
        if counts[label] < least:
            raise CourseError(
                f"{where}: class '{name}' has {counts[label]} readable photos, and "
                f"at least {least} are needed: {remedy}."
            )


def load_things() -> ImageSet:
    """504 pictures of objects in six classes (data/things), grouped by original.

    An original is the photo of an object that was pasted onto photographic backgrounds in several
    pictures. The set's own `parts` share neither originals nor backgrounds; the parts of a new
    split by `splits.split` may share backgrounds, but none is tied to a class.

    Raises:
        CourseError: the folder is missing, or isn't what sources.csv lists.
    """
    rows = _things_table()
    files = [THINGS / row["file"] for row in rows]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise CourseError(
            f"{missing[0]} and {len(missing) - 1} more pictures of data/things are missing: get "
            "them back (git checkout data/things), or make them anew (make things)."
        )
    classes = tuple(sorted({file.parent.name for file in files}))
    originals = {name: n for n, name in enumerate(dict.fromkeys(r["original"] for r in rows))}
    return ImageSet(
        name="things",
        classes=classes,
        images=tuple(files),
        labels=tuple(classes.index(file.parent.name) for file in files),
        groups=tuple(originals[row["original"]] for row in rows),
        grouped_by="original",
        parts=tuple(file.parent.parent.name for file in files),
    )


def stamps_of_things() -> tuple[str, ...]:
    """List the Debian package files that show the originals of `load_things`; none without data."""
    if not (THINGS / "sources.csv").is_file():
        return ()
    return tuple(sorted({f"/{row['stamp']}" for row in _things_table()}))


def _things_table() -> list[dict[str, str]]:
    return list(csv.DictReader(read_text(THINGS / "sources.csv").splitlines()))
