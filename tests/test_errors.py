"""Unknown names: the nearest known ones are given, and all of them."""

import pytest

from utils.errors import CourseError, known_name


def test_a_known_name_comes_back() -> None:
    assert known_name("model", "resnet18", ("resnet18", "vgg16")) == "resnet18"


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(CourseError, match=r"model 'resnet81' \(did you mean resnet18\?\): use"):
        known_name("model", "resnet81", ("resnet18", "vgg16"))
