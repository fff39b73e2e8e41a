"""Compositions: which pictures are taken, which are held out, and what is made of them."""

from pathlib import Path
from random import Random

import pytest
import torch
from made_up import PictureFolders
from PIL import Image

from utils.distillation.compositions import Pictures, compose, load_pictures
from utils.errors import CourseError


def solid(colour: tuple[int, ...], size: int = 64) -> torch.Tensor:
    """A picture of one colour, with or without opacity: C×size×size."""
    return torch.tensor(colour, dtype=torch.uint8).view(-1, 1, 1).expand(-1, size, size)


GLASS = solid((0, 0, 0, 0))


def contents(pictures: Pictures) -> set[bytes]:
    groups = pictures.photos + pictures.cutouts
    return {picture.numpy().tobytes() for group in groups for picture in group}


def test_every_picture_is_either_trained_on_or_held_out(picture_folders: PictureFolders) -> None:
    train, held_out = load_pictures([picture_folders.photos], [picture_folders.cutouts])
    for kind in ("photos", "cutouts"):
        assert train.counts()[kind] + held_out.counts()[kind] == 30
        assert held_out.counts()[kind] >= 1
    assert not contents(train) & contents(held_out)


def test_the_same_folders_give_the_same_pictures(picture_folders: PictureFolders) -> None:
    first, second = (
        load_pictures([picture_folders.photos], [picture_folders.cutouts]) for _ in range(2)
    )
    assert [p.fingerprint() for p in first] == [p.fingerprint() for p in second]
    assert first[0].fingerprint() != first[1].fingerprint()


def test_photos_and_cutouts_have_three_and_four_channels(picture_folders: PictureFolders) -> None:
    train, _ = load_pictures([picture_folders.photos], [picture_folders.cutouts])
    assert {p.shape for p in train.photos[0]} == {(3, 210, 280)}
    # The ground around the discs of radius 40 is cut away.
    assert {p.shape for p in train.cutouts[0]} == {(4, 79, 79)}


def test_of_one_picture_in_several_sizes_the_largest_is_taken(
    picture_folders: PictureFolders, tmp_path: Path
) -> None:
    for file in picture_folders.photos.iterdir():
        with Image.open(file) as photo:
            photo.resize((560, 420)).save(tmp_path / file.name)
    both = load_pictures([picture_folders.photos, tmp_path], [picture_folders.cutouts])
    assert sum(part.counts()["photos"] for part in both) == 30
    assert {p.shape for part in both for group in part.photos for p in group} == {(3, 420, 560)}


def test_what_cannot_be_used_is_passed_over(
    picture_folders: PictureFolders, tmp_path: Path
) -> None:
    Image.new("RGB", (300, 300), "red").save(tmp_path / "opaque.png")
    Image.new("RGBA", (300, 300), (0, 0, 0, 0)).save(tmp_path / "nothing.png")
    Image.new("RGBA", (20, 20), (255, 0, 0, 90)).save(tmp_path / "icon.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n")
    (tmp_path / "notes.txt").write_text("not a picture", encoding="utf-8")
    parts = load_pictures([picture_folders.photos], [picture_folders.cutouts, tmp_path])
    assert sum(part.counts()["cutouts"] for part in parts) == 30


def test_a_missing_or_empty_folder_is_told(picture_folders: PictureFolders, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"no folder .*nowhere to take photos from"):
        load_pictures([tmp_path / "nowhere"], [picture_folders.cutouts])
    with pytest.raises(CourseError, match=r"there are 0 usable cut-outs, and at least 2"):
        load_pictures([picture_folders.photos], [tmp_path])


def test_compositions_depend_on_the_random_state_alone(picture_folders: PictureFolders) -> None:
    pictures, _ = load_pictures([picture_folders.photos], [picture_folders.cutouts])
    first, again, other = (compose(pictures, 3, 40, Random(seed)) for seed in (1, 1, 2))
    assert first.shape == (3, 3, 40, 40)
    assert first.dtype == torch.uint8
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])


def test_a_cutout_covers_the_photo_where_it_is_opaque() -> None:
    black = ((solid((0, 0, 0)),),)
    glass = compose(Pictures(black, ((GLASS,),)), 40, 32, Random(0))
    white = compose(Pictures(black, ((solid((255, 255, 255, 255)),),)), 40, 32, Random(0))
    assert glass.max() == 0
    covered = [bool(image.max() > 128) for image in white]
    assert any(covered)
    assert not all(covered)  # some compositions are a photo alone


def test_a_folder_with_sixteen_times_the_pictures_is_drawn_from_four_times_as_often() -> None:
    photos = ((solid((200, 0, 0)),), (solid((0, 0, 200)),) * 16)
    made = compose(Pictures(photos, ((GLASS,),)), 400, 8, Random(0)).float().mean(dim=(2, 3))
    red, blue = (made[:, 0] > made[:, 2]).sum(), (made[:, 0] < made[:, 2]).sum()
    assert 0.15 < red / (red + blue) < 0.25
    assert red + blue < 400  # the rest was made grey
