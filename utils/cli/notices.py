"""What is told of a folder of photos before a result is believed; all of it on stderr."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from utils.cli.options import bars
from utils.files import printable

UNEVEN = 10  # times as many photos of one class as of another
EXAMPLES = 3


def say_skipped(skipped: Sequence[Path], read: int) -> None:
    """Count and name the files that couldn't be read as photos, beside those that were read."""
    if not skipped:
        return
    from utils.images import HEIC, reads_heic

    kinds = Counter(path.suffix.lower() or path.name for path in skipped)
    counted = ", ".join(f"{count} {printable(kind)}" for kind, count in kinds.most_common())
    hint = "; pip install pillow-heif reads HEIC" if kinds.keys() & set(HEIC) else ""
    _say(
        f"Skipped {len(skipped)} of {len(skipped) + read} files, which can't be read as "
        f"photos ({counted}{'' if reads_heic() else hint}): {_named(skipped, 5)}"
    )


def say_several_pictures(files: Sequence[Path]) -> None:
    """Count and name the files of which only the first picture is taken."""
    from utils.images import holds_several

    several = [file for file in files if holds_several(file)]
    if several:
        _say(
            f"{len(several)} of {len(files)} files hold several pictures (animations, or pages), "
            f"of which the first is taken: {_named(several, EXAMPLES)}"
        )


def say_dubious(images: Any, seed: int, class_weights: bool) -> None:
    """Warn of what could make a training on the user's own folder mislead: copies, rare classes."""
    from utils.photo_folders.likeness import alike_in_two_classes, near_duplicates, photo_hashes
    from utils.splits import count_copies, split

    say_several_pictures(images.images)
    if not class_weights:
        _say_uneven(images)
    if copies := count_copies(images):
        _say(
            f"{copies} of {len(images)} photos are copies of another file: each stays on one side "
            "of the split with its original."
        )
    hashes = photo_hashes(images, bars)
    if pairs := alike_in_two_classes(hashes, images.labels):
        _say(
            f"{len(pairs)} photos look nearly the same as one of another class: "
            f"{_examples(images, pairs)}. Only one class can be right for both; check them."
        )
    if pairs := near_duplicates(hashes, split(images, seed)):
        _say(
            f"{len(pairs)} test photos look nearly the same as one that is learned from, so the "
            f"test accuracy will be too high: {_examples(images, pairs)}. Keep such photos on one "
            "side with --group-by folder, prefix or a CSV file."
        )


def _say_uneven(images: Any) -> None:
    counts = Counter(images.labels)
    (most, many), *_, (least, few) = counts.most_common()
    if many >= UNEVEN * few:
        _say(
            f"Class '{printable(images.classes[most])}' has {many} photos and "
            f"'{printable(images.classes[least])}' {few}: a model may leave rare classes out and "
            "still have a high accuracy. --class-weights makes each class count alike; look at "
            "the balanced accuracy, too."
        )


def _named(files: Sequence[Path], most: int) -> str:
    names = ", ".join(printable(str(file)) for file in files[:most])
    return names + (f" and {len(files) - most} more" if len(files) > most else "")


def _examples(images: Any, pairs: Sequence[tuple[int, int]]) -> str:
    return "; ".join(
        " and ".join(printable(str(images.images[i])) for i in pair) for pair in pairs[:EXAMPLES]
    )


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
