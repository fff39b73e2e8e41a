"""A student's own photos: folders of classes, and all that real folders hold besides photos."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from utils.checkpoints import LAST
from utils.datasets import MIN_PER_CLASS, PARTS, ImageSet, Progress, check_classes, no_progress
from utils.errors import CourseError
from utils.files import SYSTEM, sha256_of_file
from utils.images import open_photo

SPLIT_NAMES = {*PARTS, "training", "valid", "validation", "testing"}


def load_folder(
    folder: Path, progress: Progress = no_progress, least: int = MIN_PER_CLASS
) -> ImageSet:
    """Load a student's own photos, `folder/<class>/<photo>`; list all files that are no photos.

    Identical files form one group, so that no split tests on a copy of a training photo.

    Raises:
        CourseError: fewer than two classes, folders that are splits instead, or a class with
            fewer than `least` readable photos.
    """
    classes = tuple(sorted(p.name for p in folder.iterdir() if _is_class(p)))
    if len(classes) > 1 and {name.casefold() for name in classes} <= SPLIT_NAMES:
        raise CourseError(
            f"{folder} holds splits instead of classes ({', '.join(classes)}): put the photos of "
            "each class into one folder. Train, validation and test are made from it; --group-by "
            "with a CSV file keeps together what must stay together."
        )
    if len(classes) < 2:
        found = f"only the class '{classes[0]}'" if classes else "no class folders"
        raise CourseError(
            f"{folder} holds {found}: make one folder of photos per class, two classes at least."
        )
    files = [
        (file, label) for label, name in enumerate(classes) for file in photo_files(folder / name)
    ]
    label_of = dict(files)
    good = readable(list(label_of), progress)
    labels = [label_of[file] for file in good]
    kept = set(good)
    skipped = [file for file in label_of if file not in kept]
    copies = _identical(good)
    images = ImageSet(
        name=folder.resolve().name,  # "." has none
        classes=classes,
        images=tuple(good),
        labels=tuple(labels),
        skipped=tuple(skipped),
        groups=copies,
        grouped_by="copies" if copies else "",
    )
    check_classes(images, str(folder), "add photos (JPEG, PNG, WebP, AVIF, TIFF and others)", least)
    return images


def photo_files(folder: Path) -> list[Path]:
    """The files in a folder and its subfolders, but for hidden ones and what systems put there."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if not file.is_dir() and not any(map(_ignored, file.relative_to(folder).parts))
    ]


def readable(files: Sequence[Path], progress: Progress = no_progress) -> list[Path]:
    """Those files that open as photos."""
    good = []
    for file in progress(files, desc="checking photos"):
        with suppress(CourseError):
            open_photo(file)
            good.append(file)
    return good


def unlabelled(files: Sequence[Path]) -> ImageSet:
    """Photos whose class isn't known, as a set of a single class."""
    return ImageSet(name="photos", classes=("",), images=tuple(files), labels=(0,) * len(files))


def _identical(files: Sequence[Path]) -> tuple[int, ...] | None:
    """A group for each set of identical files, or None if every file is its own."""
    numbers: dict[str, int] = {}
    groups = tuple(numbers.setdefault(sha256_of_file(file), len(numbers)) for file in files)
    return groups if len(numbers) < len(files) else None


def _ignored(name: str) -> bool:
    """Whether a file or folder is hidden, or was put there by the system."""
    return name.startswith(".") or SYSTEM.fullmatch(name) is not None


def _is_class(folder: Path) -> bool:
    """Whether a folder holds photos of a class, and not what `course train` wrote."""
    return folder.is_dir() and not _ignored(folder.name) and not any(folder.glob(f"*/{LAST}"))
