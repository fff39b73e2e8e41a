"""Photos that look alike: across a split, and across classes."""

import shutil
from pathlib import Path

from PIL import Image

from utils.photo_folders import load_folder
from utils.photo_folders.likeness import alike_in_two_classes, near_duplicates, photo_hashes
from utils.splits import describe, group_photos, split


def test_near_duplicates_across_a_split_are_found(bursts: Path) -> None:
    images = load_folder(bursts)
    parts = split(images)
    pairs = near_duplicates(photo_hashes(images), parts)
    learned = parts.train + parts.val
    expected = {
        test
        for test in parts.test
        if any(images.images[i].stem[:-2] == images.images[test].stem[:-2] for i in learned)
    }
    assert {test for _, test in pairs} == expected != set()
    for one, other in pairs:
        assert images.images[one].stem[:-2] == images.images[other].stem[:-2]


def test_groups_by_prefix_leave_no_near_duplicate(bursts: Path) -> None:
    images = group_photos(load_folder(bursts), "prefix", bursts)
    assert len(set(images.groups)) == 8
    assert near_duplicates(photo_hashes(images), split(images)) == []
    assert describe(images) == "split by prefix"


def test_photos_of_two_classes_that_look_alike_are_found(bursts: Path) -> None:
    with Image.open(bursts / "mug" / "mug0_a.png") as photo:
        photo.resize((160, 120)).save(bursts / "shoe" / "strange.jpg", quality=80)
    shutil.copy(bursts / "shoe" / "shoe1_b.png", bursts / "mug" / "copy.png")
    images = load_folder(bursts)
    pairs = alike_in_two_classes(photo_hashes(images), images.labels)
    names = [{images.images[i].name for i in pair} for pair in pairs]
    assert any("strange.jpg" in pair for pair in names)
    assert any("copy.png" in pair for pair in names)
    for pair in pairs:
        assert len({images.labels[i] for i in pair}) == 2


def test_bursts_of_one_class_are_not_alike_in_two(bursts: Path) -> None:
    images = load_folder(bursts)
    assert alike_in_two_classes(photo_hashes(images), images.labels) == []
