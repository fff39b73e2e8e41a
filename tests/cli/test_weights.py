"""`course weights`: what is here, missing and broken; nothing is downloaded in silence."""

from pathlib import Path

from commands import CAT, assert_refused, course

from utils.models import MODELS
from utils.weights import official_file


def test_missing_official_weights_are_not_downloaded_silently(no_official_weights: Path) -> None:
    ended = course("predict", CAT, "--model", "resnet50", "--weights", "imagenet")
    assert_refused(ended, "resnet50", "`course weights --download resnet`", "or", "resnet18")
    assert ended.out == ""
    assert not no_official_weights.exists()


def test_a_family_without_its_official_weights_is_refused_too(
    no_official_weights: Path, tmp_path: Path
) -> None:
    ended = course("trace", "--family", "vgg", "--weights", "imagenet", "--limit", 40,
                   "--json", "--out", tmp_path / "trace.html")  # fmt: skip
    assert_refused(ended, "vgg16", "`course weights --download vgg`", "vgg11_gap")
    assert ended.out == ""


def test_a_textbook_model_has_no_offline_weights() -> None:
    ended = course("predict", CAT, "--model", "resnet50", "--weights", "offline")
    assert_refused(ended, "resnet50 has no offline weights", "--weights imagenet", "resnet18")


def test_weights_lists_what_is_here_missing_and_broken(no_official_weights: Path) -> None:
    damaged = official_file(MODELS["resnet50"].enum)
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half a download")
    ended = course("weights", "--json")
    assert ended.code == 0
    rows = {row["name"]: row for row in ended.json()["models"]}
    assert list(rows) == list(MODELS)
    assert rows["efficientnet_lite0"]["state"] == "ok"
    assert rows["resnet50"]["state"] == "broken"
    assert f"{damaged} is damaged" in rows["resnet50"]["detail"]
    assert rows["vgg16"]["state"] == "missing"
    assert "`course weights --download vgg`" in rows["vgg16"]["detail"]
    refused = course("predict", CAT, "--model", "resnet50", "--weights", "imagenet")
    assert_refused(refused, damaged, "is damaged", "`course weights --download` again")
