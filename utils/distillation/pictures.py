"""The pictures to distil on: read from folders, and divided into those to learn from and held out.

What was held out once stays held out: the list beside the weights names every file of the runs
that made them. A file that isn't listed is held out by the digest of its bytes.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from utils.datasets import Progress, no_progress, stamps_of_things
from utils.errors import CourseError
from utils.files import read_text, sha256_of_file, write_file
from utils.images import open_photo, read_image
from utils.weights import WEIGHTS_FOLDER

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"}
PHOTO_SIDE = 512  # photos are kept with their shorter side at most this long
CUTOUT_SIDE = 256  # cut-outs with their longer side at most this long
LEAST_PHOTO_SIDE = 200  # smaller photos are thumbnails
LEAST_CUTOUT_SIDE = 48  # smaller cut-outs are icons
ALIKE = 4.0  # pictures whose 8×8 thumbnails differ by less (of 255, on average) are the same
HELD_OUT = 10  # one new picture in so many is never trained on
LIST = "pictures.csv"  # beside the weights: every picture file of the runs that made them
DIGITS = 16  # of a file's SHA-256, in that list

Group = tuple[Tensor, ...]


@dataclass(frozen=True)
class Pictures:
    """Photos (3×H×W) and cut-outs (4×H×W, the fourth channel is opacity), all uint8.

    They stand in groups, one for each folder that was named. A group is drawn in proportion to the
    square root of its number of pictures: a large one doesn't crowd out the others, and the few
    pictures of a small one don't recur too often.
    """

    photos: tuple[Group, ...]
    cutouts: tuple[Group, ...]
    digests: frozenset[str] = frozenset()  # of the files that they were read from

    def to(self, device: torch.device) -> "Pictures":
        """The same pictures on a device, where compositions will be made."""

        def moved(groups: tuple[Group, ...]) -> tuple[Group, ...]:
            return tuple(tuple(picture.to(device) for picture in group) for group in groups)

        return Pictures(moved(self.photos), moved(self.cutouts), self.digests)

    def counts(self) -> dict[str, int]:
        """Number of photos and of cut-outs."""
        return {"photos": sum(map(len, self.photos)), "cutouts": sum(map(len, self.cutouts))}

    def fingerprint(self) -> str:
        """SHA-256 over all pictures, in order."""
        digest = hashlib.sha256()
        for group in self.photos + self.cutouts:
            for picture in group:
                digest.update(hashlib.sha256(picture.cpu().numpy().tobytes()).digest())
            digest.update(b"/")
        return digest.hexdigest()


@dataclass(frozen=True)
class Listed:
    """What the list says of a file: whether it is held out, and whose training it belonged to."""

    held_out: bool
    students: frozenset[str]


@dataclass(frozen=True)
class PictureFile:
    """A picture with the digest of its file, and the number of the folder that it lies below."""

    image: Image.Image
    digest: str
    group: int


def load_pictures(
    photos: Sequence[Path], cutouts: Sequence[Path], progress: Progress = no_progress
) -> tuple[Pictures, Pictures]:
    """Read all pictures below these folders; returns those to train on and those held out.

    Unreadable files and those too small are passed over. Of pictures that look the same (one
    wallpaper in ten sizes) the largest is kept. The stamps that data/things is made of are left
    out: that set is for measuring weights on objects that they haven't seen.

    Raises:
        CourseError: a folder that isn't there, or too few pictures of a kind.
    """
    listed, things = read_list(), stamps_of_things()
    kinds = []
    for kind, folders, read in _kinds(photos, cutouts):
        files = _read_folders(
            kind, folders, read, progress, lambda file, _digest: not _ends_with(file, things)
        )
        kept = without_copies(list(files))
        if len(kept) < 2:
            raise CourseError(
                f"Below {', '.join(map(str, folders))} there are {len(kept)} usable {kind}, "
                "and at least 2 are needed, to train on and to hold out: give folders with more."
            )
        kinds.append((kept, _held_out(kept, listed)))
    return _pictures(kinds, held_out=False), _pictures(kinds, held_out=True)


def load_pictures_of(
    students: Sequence[str],
    photos: Sequence[Path],
    cutouts: Sequence[Path],
    progress: Progress = no_progress,
) -> dict[str, tuple[Pictures, Pictures]]:
    """Read the pictures below these folders that each student learned from, and its held-out ones.

    Raises:
        CourseError: a folder that isn't there, or files of a student's training are missing.
    """
    listed = read_list()
    used = {digest for digest, entry in listed.items() if entry.students.intersection(students)}
    everything = [
        list(_read_folders(kind, folders, read, progress, lambda _file, digest: digest in used))
        for kind, folders, read in _kinds(photos, cutouts)
    ]
    found = {}
    for student in students:
        own = {digest for digest, entry in listed.items() if student in entry.students}
        kinds, seen = [], set()
        for files in everything:
            first = {file.digest: file for file in reversed(files)}  # a file may lie there twice
            kept = [file for digest, file in first.items() if digest in own]
            kinds.append((kept, [listed[file.digest].held_out for file in kept]))
            seen |= {file.digest for file in kept}
        if missing := len(own - seen):
            raise CourseError(
                f"{missing} of the {len(own)} pictures that {student} was made with aren't below "
                "these folders: give those of `make pictures`."
            )
        found[student] = (_pictures(kinds, held_out=False), _pictures(kinds, held_out=True))
    return found


def read_list(folder: Path = WEIGHTS_FOLDER) -> dict[str, Listed]:
    """What is known of picture files, by digest; nothing if there is no list."""
    file = folder / LIST
    if not file.exists():
        return {}
    return {
        row["sha256"]: Listed(row["part"] == "held out", frozenset(row["students"].split()))
        for row in csv.DictReader(read_text(file).splitlines())
    }


def write_list(student: str, pictures: tuple[Pictures, Pictures], anew: bool, folder: Path) -> None:
    """Add the pictures of a student's run (to learn from, and held out) to the list in a folder.

    `anew`: the run began with random weights, so the student has seen no others.
    """
    listed = read_list() | read_list(folder)
    if anew:
        for digest, entry in listed.items():
            listed[digest] = Listed(entry.held_out, entry.students - {student})
    for part, held_out in zip(pictures, (False, True), strict=True):
        for digest in part.digests:
            before = listed.get(digest, Listed(held_out, frozenset()))
            listed[digest] = Listed(before.held_out, before.students | {student})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("sha256", "part", "students"))
    for digest, entry in sorted(listed.items()):
        part = "held out" if entry.held_out else "train"
        table.writerow((digest, part, " ".join(sorted(entry.students))))
    write_file(folder / LIST, text.getvalue())


def _kinds(
    photos: Sequence[Path], cutouts: Sequence[Path]
) -> tuple[tuple[str, Sequence[Path], Callable[[Path], Image.Image | None]], ...]:
    return ("photos", photos, read_photo), ("cut-outs", cutouts, read_cutout)


def _held_out(files: Sequence[PictureFile], listed: dict[str, Listed]) -> list[bool]:
    """By the list, else one in `HELD_OUT` by digest; of a few new files at least one."""
    buckets = [int(file.digest, 16) % HELD_OUT for file in files]
    drawn = 0 if 0 in buckets else min(buckets)
    return [
        listed[file.digest].held_out if file.digest in listed else bucket == drawn
        for file, bucket in zip(files, buckets, strict=True)
    ]


def _pictures(
    kinds: Sequence[tuple[Sequence[PictureFile], Sequence[bool]]], held_out: bool
) -> Pictures:
    parts = [
        [file for file, out in zip(files, held, strict=True) if out == held_out]
        for files, held in kinds
    ]
    digests = frozenset(file.digest for part in parts for file in part)
    return Pictures(*map(_groups, parts), digests)


def _groups(files: Sequence[PictureFile]) -> tuple[Group, ...]:
    numbers = sorted({file.group for file in files})
    return tuple(
        tuple(F.pil_to_tensor(file.image) for file in files if file.group == number)
        for number in numbers
    )


def _read_folders(
    kind: str,
    folders: Sequence[Path],
    read: Callable[[Path], Image.Image | None],
    progress: Progress,
    wanted: Callable[[Path, str], bool],
) -> Iterator[PictureFile]:
    for group, folder in enumerate(folders):
        if not folder.is_dir():
            raise CourseError(f"There is no folder {folder} to take {kind} from: check the path.")
        files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in EXTENSIONS)
        for file in progress(files, desc=f"{kind} of {folder.name}"):
            digest = sha256_of_file(file)[:DIGITS]
            image = read(file) if wanted(file, digest) else None
            if image is not None:
                yield PictureFile(image, digest, group)


def _ends_with(file: Path, names: tuple[str, ...]) -> bool:
    return file.resolve().as_posix().endswith(names)


def without_copies(files: Sequence[PictureFile]) -> list[PictureFile]:
    """The pictures without those that look like a larger one; largest first."""
    kept: list[PictureFile] = []
    seen = np.empty((len(files), 8 * 8 * 4), np.float32)
    for file in sorted(files, key=lambda file: -file.image.width * file.image.height):
        small = np.asarray(file.image.convert("RGBA").resize((8, 8), Image.Resampling.BOX)).ravel()
        if kept and np.abs(seen[: len(kept)] - small).mean(axis=1).min() < ALIKE:
            continue
        seen[len(kept)] = small
        kept.append(file)
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
