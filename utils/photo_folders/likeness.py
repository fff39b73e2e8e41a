"""Photos that look alike: copies that a comparison of their bytes doesn't find."""

from collections.abc import Callable, Iterable

import numpy as np

from utils.datasets import ImageSet, Progress, no_progress
from utils.splits import Splits

NEAR = 6  # of the 64 bits of a perceptual hash may differ between near-duplicates


def photo_hashes(images: ImageSet, progress: Progress = no_progress) -> np.ndarray:
    """The perceptual hash of each photo: 64 bits, as uint64."""
    from imagehash import phash

    positions = progress(range(len(images)), desc="comparing photos")
    found = [phash(images.thumbnail(i)).hash for i in positions]
    return np.packbits(np.stack(found).reshape(len(found), 64), axis=1).view(np.uint64)[:, 0]


def near_duplicates(hashes: np.ndarray, splits: Splits) -> list[tuple[int, int]]:
    """Pairs of photos that look alike, one learned from (train, validation) and one tested.

    Alike means that at most `NEAR` of the 64 bits of their perceptual hashes differ: resized or
    recompressed copies, and frames of one burst. Rotated, mirrored or cropped copies aren't found.
    Each test photo is in one pair at most, with its nearest match.
    """
    learned = np.array(splits.train + splits.val)
    return _nearest(hashes, splits.test, lambda _: learned)


def alike_in_two_classes(hashes: np.ndarray, labels: tuple[int, ...]) -> list[tuple[int, int]]:
    """Pairs of photos that look alike and have different labels; each photo is second in one."""
    classes = np.array(labels)
    others = range(1, len(labels))
    return _nearest(hashes, others, lambda i: np.flatnonzero(classes[:i] != classes[i]))


def _nearest(
    hashes: np.ndarray, positions: Iterable[int], candidates: Callable[[int], np.ndarray]
) -> list[tuple[int, int]]:
    """Each of these photos that is like one of its candidates, behind the most like of them."""
    pairs = []
    for position in positions:
        beside = candidates(position)
        differing = np.bitwise_count(hashes[beside] ^ hashes[position])
        if len(beside) and differing.min() <= NEAR:
            pairs.append((int(beside[differing.argmin()]), position))
    return pairs
