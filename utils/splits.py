"""Train, validation and test: splits that keep together what belongs together.

Photos of one object, one person or one solar module are alike in ways that have nothing to do with
their class. If some are trained on and others tested, a model can score by recognising the
object: the split leaks. A split must not separate the photos of one group.
"""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from utils.datasets import MIN_PER_CLASS, PARTS, ImageSet, check_classes
from utils.errors import CourseError
from utils.files import read_text

TEST_FRACTION = 0.25  # the fraction of the published ELPV protocol (Deitsch et al. 2019)
VALIDATION_SHARE = 0.15
TOLERANCE = 0.05  # how far a part may lie from its size, and a class in it from its usual fraction
DRAWS = 5000  # random splits of whole groups to try, until one lies within the tolerance
GROUPINGS = ("folder", "prefix")


@dataclass(frozen=True)
class Splits:
    """Positions of the train, validation and test photos in their image set."""

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]

    def fingerprint(self) -> str:
        """SHA-256 of the positions in each part."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def split(images: ImageSet, seed: int = 0, random: bool = False) -> Splits:
    """Split into 60 % train, 15 % validation, 25 % test; the same for the same seed.

    Groups stay whole. They are dealt out at random until all parts lie within 5 points of their
    sizes, with every class within 5 points of its fraction of the whole set; if none of `DRAWS`
    attempts does, the nearest is taken. A set without groups, and any set with `random`, is split
    photo by photo, stratified by class. Otherwise a set that comes already split keeps its own
    parts for seed 0, and is split anew for every other seed.

    Raises:
        CourseError: a class has fewer than three groups, or they can't be dealt to three parts.
    """
    if random or images.groups is None:
        everything = np.arange(len(images))
        rest, test = _stratified(everything, images.labels, TEST_FRACTION, seed)
        train, val = _stratified(rest, images.labels, VALIDATION_SHARE / (1 - TEST_FRACTION), seed)
    elif images.parts is not None and seed == 0:
        train, val, test = (np.flatnonzero(np.array(images.parts) == part) for part in PARTS)
    else:
        train, val, test = _whole_groups(images, seed)
    return Splits(*(tuple(int(i) for i in sorted(part)) for part in (train, val, test)))


def _stratified(
    indices: np.ndarray, labels: Sequence[int], fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    kinds = np.asarray(labels)[indices]
    n_classes = len(np.unique(kinds))
    size = max(round(len(indices) * fraction), n_classes)
    return train_test_split(indices, test_size=size, stratify=kinds, random_state=seed)


def _whole_groups(images: ImageSet, seed: int) -> list[np.ndarray]:
    """Positions of the train, validation and test photos, no group in two of them."""
    names, group_of = np.unique(images.groups, return_inverse=True)
    counts = np.zeros((len(names), len(images.classes)))  # photos of a class in a group
    np.add.at(counts, (group_of, np.asarray(images.labels)), 1)
    for label, name in enumerate(images.classes):
        found = int((counts[:, label] > 0).sum())
        if 0 < found < 3:
            raise CourseError(
                f"{images.name}: class '{name}' comes from {found} {images.grouped_by} groups, and "
                "train, validation and test need one each: group the photos more finely, or add "
                "photos of others."
            )
    generator = np.random.default_rng(seed)
    best, nearest = np.inf, None
    for draw in range(2 * DRAWS):
        if draw == DRAWS and nearest is not None:
            break
        deal = _cut if draw < DRAWS else _toss
        part_of = deal(counts.sum(axis=1), generator)
        distance = _imbalance(counts, part_of)
        if distance < best:
            best, nearest = distance, part_of
        if best <= TOLERANCE:
            break
    if nearest is None:
        raise CourseError(
            f"{images.name}: no way was found to deal its {len(names)} {images.grouped_by} groups "
            "to train, validation and test with every class in each: group the photos more finely."
        )
    return [np.flatnonzero(nearest[group_of] == part) for part in range(3)]


def _cut(sizes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """0 (train), 1 (validation) or 2 (test) for each group: shuffled, then cut at the shares."""
    order = generator.permutation(len(sizes))
    middles = (np.cumsum(sizes[order]) - sizes[order] / 2) / sizes.sum()
    part_of = np.zeros(len(sizes), int)
    part_of[order[middles < TEST_FRACTION + VALIDATION_SHARE]] = 1
    part_of[order[middles < TEST_FRACTION]] = 2
    return part_of


def _toss(sizes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw each group's part independently: finds splits that `_cut` misses if groups are few."""
    shares = [1 - TEST_FRACTION - VALIDATION_SHARE, VALIDATION_SHARE, TEST_FRACTION]
    return generator.choice(3, size=len(sizes), p=shares)


def _imbalance(counts: np.ndarray, part_of: np.ndarray) -> float:
    """The largest distance of a part from its size, or of a class in it from its fraction; infinite
    where a class is missing from a part.
    """
    parts = np.stack([counts[part_of == part].sum(axis=0) for part in range(3)])
    total = counts.sum(axis=0)
    if (parts[:, total > 0] == 0).any():
        return np.inf
    wanted = np.array([1 - TEST_FRACTION - VALIDATION_SHARE, VALIDATION_SHARE, TEST_FRACTION])
    sizes = parts.sum(axis=1)
    shares = parts / sizes[:, None]
    return max(
        np.abs(sizes / sizes.sum() - wanted).max(), np.abs(shares - total / total.sum()).max()
    )


def limit(images: ImageSet, count: int | None, seed: int = 0) -> ImageSet:
    """A stratified, seeded subset of at most `count` photos (all of them if None).

    Raises:
        CourseError: `count` leaves fewer than five photos for some class.
    """
    if count is None or count >= len(images):
        return images
    least = MIN_PER_CLASS * len(images.classes)
    if count < least:
        raise CourseError(
            f"--limit {count} is too few for {len(images.classes)} classes: "
            f"use at least {least}, or all."
        )
    everything = np.arange(len(images))
    if len(images) - count < len(images.classes):  # too few are left out to stratify them
        chosen = np.random.default_rng(seed).permutation(everything)[:count]
    else:
        kinds = images.labels
        if images.parts is not None:  # each part keeps every class, as far as that goes
            kinds = [f"{label}/{part}" for label, part in zip(kinds, images.parts, strict=True)]
        chosen, _ = train_test_split(
            everything, train_size=count, stratify=kinds, random_state=seed
        )
    subset = images.subset(sorted(chosen))
    check_classes(subset, f"--limit {count} of {images.name}", "raise --limit, or use all")
    return subset


def fraction_of_training(
    splits: Splits, labels: Sequence[int], fraction: float, seed: int
) -> Splits:
    """Keep a stratified, seeded fraction of the training split; the other splits stay whole.

    Raises:
        CourseError: the fraction is outside (0, 1], or leaves a class without a photo.
    """
    if not 0 < fraction <= 1:
        raise CourseError(f"A fraction of {fraction} of the training split: use 0 < fraction ≤ 1.")
    if fraction == 1:
        return splits
    kinds = [labels[i] for i in splits.train]
    count = round(fraction * len(kinds))
    if count < len(set(kinds)):
        raise CourseError(f"A fraction of {fraction} leaves too few photos: use a larger one.")
    chosen, _ = train_test_split(splits.train, train_size=count, stratify=kinds, random_state=seed)
    return replace(splits, train=tuple(sorted(chosen)))


def group_photos(images: ImageSet, by: str, root: Path) -> ImageSet:
    """The photos of the folder `root` with groups that a split keeps whole.

    Args:
        by: "folder" (the folders below a class's own), "prefix" (file names up to their last
            `_`, `-`, space or `.`), or a CSV file with the columns file (a path below `root`) and
            group. Copies of one file stay together in any case.

    Raises:
        CourseError: photos in memory, unknown `by`, or a file that doesn't name every photo.
    """
    if isinstance(images.images, np.ndarray) or not root.is_dir():
        raise CourseError(f"--group-by groups your own folder of photos, not {images.name}.")
    paths = [photo.relative_to(root) for photo in images.images]
    if by == "folder":
        names = [path.parts[1:-1] or path for path in paths]
        if all(name == path for name, path in zip(names, paths, strict=True)):
            raise CourseError(
                f"--group-by folder: no class in {root} has folders of its own; make one per group."
            )
    elif by == "prefix":
        names = [re.sub(r"[ _.-][^ _.-]*$", "", path.stem) for path in paths]
    elif by.lower().endswith(".csv"):
        names = _groups_in_table(Path(by), paths)
    else:
        raise CourseError(
            f"--group-by {by}: use {', '.join(GROUPINGS)} or a CSV file with the columns file and "
            "group."
        )
    kind = "CSV" if by not in GROUPINGS else by
    return replace(images, groups=_joined(names, images.groups), grouped_by=kind)


def _groups_in_table(table: Path, paths: Sequence[Path]) -> list[str]:
    try:
        rows = list(csv.DictReader(read_text(table, "utf-8-sig").splitlines()))
        groups = {Path(row["file"]).as_posix(): row["group"] for row in rows}
    except (KeyError, TypeError, csv.Error) as error:
        raise CourseError(
            f"{table} has no columns file and group: give it these two, separated by commas."
        ) from error
    missing = [path.as_posix() for path in paths if not groups.get(path.as_posix())]
    if missing:
        raise CourseError(
            f"{table} gives no group to {len(missing)} of {len(paths)} photos, for example "
            f"{missing[0]}: write each as CLASS/NAME, with its group."
        )
    return [groups[path.as_posix()] for path in paths]


def _joined(names: Sequence[Hashable], copies: tuple[int, ...] | None) -> tuple[int, ...]:
    """Number the groups by name, merging groups that hold copies of the same photo."""
    number = {name: n for n, name in enumerate(dict.fromkeys(names))}
    groups = [number[name] for name in names]
    first: dict[int, int] = {}
    same = {}  # group → the group that it is joined to
    for group, copy in zip(groups, copies or (), strict=bool(copies)):
        same[_root(same, group)] = _root(same, first.setdefault(copy, group))
    return tuple(_root(same, group) for group in groups)


def _root(same: dict[int, int], group: int) -> int:
    while same.get(group, group) != group:
        group = same[group]
    return group


def describe(images: ImageSet) -> str:
    """How `split` deals these photos out, in words for a table."""
    if images.groups is None:
        return "split at random, by class"
    return f"split by {images.grouped_by}"


def count_copies(images: ImageSet) -> int:
    """Photos beyond the first of each group of identical files; they lie on one side of a split."""
    if images.grouped_by != "copies":
        return 0
    return sum(count - 1 for count in Counter(images.groups).values())
