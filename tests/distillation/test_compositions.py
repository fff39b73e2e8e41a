"""Compositions: what is made of pictures."""

from random import Random

import torch
from made_up import PictureFolders

from utils.distillation.compositions import compose
from utils.distillation.pictures import Pictures, load_pictures


def solid(colour: tuple[int, ...], size: int = 64) -> torch.Tensor:
    """A picture of one colour, with or without opacity: C×size×size."""
    return torch.tensor(colour, dtype=torch.uint8).view(-1, 1, 1).expand(-1, size, size)


GLASS = solid((0, 0, 0, 0))


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
