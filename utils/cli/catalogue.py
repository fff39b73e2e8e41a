"""The data sets by name: those of the course, those that are downloaded, and a student's own."""

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import torch

from utils.datasets import ImageSet, Progress, load_elpv, load_things, no_progress
from utils.errors import CourseError
from utils.photo_folders import load_folder
from utils.settings import Settings
from utils.splits import GROUPINGS, group_photos, limit


def load_images(name: str, progress: Progress = no_progress) -> ImageSet:
    """The data set of that name (`DATA_SETS`), or a folder with one folder of photos per class.

    Raises:
        CourseError: unknown name, unreachable download, or a folder that can't be learned from.
    """
    if name in DATA_SETS:
        return DATA_SETS[name]()
    if os.path.isdir(name):  # Path.is_dir raises on a name too long to be one
        return load_folder(Path(name), progress)
    near = difflib.get_close_matches(name, DATA_SETS, n=2)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    raise CourseError(
        f"Unknown data set '{name}'{hint}: use {', '.join(DATA_SETS)}, or the path of a folder "
        "that holds one folder of photos per class."
    )


def chosen_images(
    source: str,
    group_by: str | None,
    count: int | None,
    seed: int,
    progress: Progress = no_progress,
) -> ImageSet:
    """A data set with its photos grouped and limited, as `course train` learns from it.

    Raises:
        CourseError: as `load_images`, `group_photos` and `limit` do.
    """
    images = load_images(source, progress)
    if group_by:
        images = group_photos(images, group_by, Path(source))
    return limit(images, count, seed)


def full_source(name: str) -> str:
    """A data set's name, or the absolute path of a folder, which holds from any other folder."""
    return name if name in DATA_SETS else str(Path(name).resolve())


def full_grouping(by: str | None) -> str | None:
    """A way to group, or the absolute path of a table of groups."""
    return by if by is None or by in GROUPINGS else str(Path(by).resolve())


def load_fashion_mnist() -> ImageSet:
    """70,000 grey 28×28 pictures of clothes in 10 classes (Xiao et al. 2017)."""
    from torchvision.datasets import FashionMNIST

    parts = _download(FashionMNIST, [{"train": True}, {"train": False}])
    pixels = torch.cat([part.data for part in parts]).numpy()
    labels = torch.cat([part.targets for part in parts])
    return ImageSet(
        name="fashion_mnist",
        classes=tuple(parts[0].classes),
        images=pixels,
        labels=tuple(labels.tolist()),
    )


def load_pets() -> ImageSet:
    """7,349 photos of cats and dogs in 37 breeds (Oxford-IIIT Pet, Parkhi et al. 2012)."""
    from torchvision.datasets import OxfordIIITPet

    parts = _download(OxfordIIITPet, [{"split": "trainval"}, {"split": "test"}])
    paths = tuple(Path(path) for part in parts for path in part._images)
    labels = tuple(label for part in parts for label in part._labels)
    return ImageSet(name="pets", classes=tuple(parts[0].classes), images=paths, labels=labels)


def load_flowers() -> ImageSet:
    """8,189 photos of flowers in 102 classes (Flowers102, Nilsback and Zisserman 2008)."""
    from torchvision.datasets import Flowers102

    parts = _download(Flowers102, [{"split": s} for s in ("train", "val", "test")])
    paths = tuple(Path(path) for part in parts for path in part._image_files)
    labels = tuple(label for part in parts for label in part._labels)
    return ImageSet(name="flowers", classes=tuple(parts[0].classes), images=paths, labels=labels)


def _download(kind: type, parts: list[dict]) -> list:
    root = Settings().cache / "data"
    try:
        return [kind(root, download=True, **part) for part in parts]
    except (OSError, RuntimeError) as error:  # torchvision raises RuntimeError for a bad file
        raise CourseError(
            f"{kind.__name__} could not be downloaded to {root} ({error}): connect to the internet "
            "and try again, or use --data elpv or things, which need no download."
        ) from error


DATA_SETS: dict[str, Callable[[], ImageSet]] = {
    "elpv": load_elpv,
    "things": load_things,
    "fashion_mnist": load_fashion_mnist,
    "pets": load_pets,
    "flowers": load_flowers,
}
