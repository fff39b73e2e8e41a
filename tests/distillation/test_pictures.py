"""Pictures to distil on: which are taken, and which are held out, once and for all."""

import shutil
from pathlib import Path

import pytest
from made_up import PictureFolders
from PIL import Image

from utils.distillation import pictures as picture_files
from utils.distillation.pictures import (
    DIGITS,
    LIST,
    Listed,
    Pictures,
    load_pictures,
    load_pictures_of,
    read_list,
    write_list,
)
from utils.errors import CourseError
from utils.files import sha256_of_file


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


def test_what_the_list_holds_out_stays_held_out(
    picture_folders: PictureFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [picture_folders.photos], [picture_folders.cutouts]
    train, held_out = load_pictures(*folders)
    turned = {d: Listed(True, frozenset()) for d in train.digests}
    turned |= {d: Listed(False, frozenset()) for d in held_out.digests}
    monkeypatch.setattr(picture_files, "read_list", lambda: turned)
    again = load_pictures(*folders)
    assert (again[0].digests, again[1].digests) == (held_out.digests, train.digests)


def test_a_file_is_known_by_its_bytes_and_not_by_its_name(
    picture_folders: PictureFolders, tmp_path: Path
) -> None:
    for number, file in enumerate(sorted(picture_folders.photos.iterdir())):
        shutil.copy(file, tmp_path / f"photo {30 - number}.png")
    _, held_out = load_pictures([picture_folders.photos], [picture_folders.cutouts])
    _, renamed = load_pictures([tmp_path], [picture_folders.cutouts])
    assert renamed.digests == held_out.digests
    assert held_out.digests < {
        sha256_of_file(file)[:DIGITS]
        for folder in (picture_folders.photos, picture_folders.cutouts)
        for file in folder.iterdir()
    }


def test_a_students_pictures_are_found_again(
    picture_folders: PictureFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [picture_folders.photos], [picture_folders.cutouts]
    both = load_pictures(*folders)
    write_list("resnet18", both, True, tmp_path)
    monkeypatch.setattr(picture_files, "WEIGHTS_FOLDER", tmp_path)
    monkeypatch.setattr(picture_files, "read_list", lambda: read_list(tmp_path))
    (found,) = load_pictures_of(["resnet18"], *folders).values()
    assert [part.digests for part in found] == [part.digests for part in both]
    with pytest.raises(CourseError, match="aren't below these folders"):
        load_pictures_of(["resnet18"], [tmp_path], [picture_folders.cutouts])


def test_a_run_from_random_weights_forgets_what_earlier_ones_saw(tmp_path: Path) -> None:
    first = Pictures((), (), frozenset("a")), Pictures((), (), frozenset("b"))
    second = Pictures((), (), frozenset("c")), Pictures((), (), frozenset())
    write_list("resnet18", first, True, tmp_path)
    write_list("resnet18", second, False, tmp_path)
    own = {d for d, entry in read_list(tmp_path).items() if "resnet18" in entry.students}
    assert own >= {"a", "b", "c"}
    write_list("resnet18", second, True, tmp_path)
    own = {d for d, entry in read_list(tmp_path).items() if "resnet18" in entry.students}
    assert own == {"c"}
    assert read_list(tmp_path)["b"].held_out
    assert (tmp_path / LIST).read_text(encoding="utf-8").startswith("sha256,part,students\n")
