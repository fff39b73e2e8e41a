"""Data sets: what is in them, what is refused, and how they are split."""

from collections import Counter
from pathlib import Path

import elpv_dataset
import numpy as np
import pytest
from made_up import counts, put_photos
from PIL import Image

from utils.cli.catalogue import DATA_SETS, load_images
from utils.datasets import Crops, ImageSet, load_elpv
from utils.errors import CourseError
from utils.images import Preprocessing
from utils.photo_folders import load_folder
from utils.splits import limit, split

SMALL_INPUT = Preprocessing(
    resize=40, crop=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), interpolation="bilinear"
)


def cells_in_the_table() -> Counter:
    """Cells per class, counted in the package's own table."""
    lines = (
        (Path(elpv_dataset.__file__).parent / "data" / "labels.csv")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    cells = [line.split() for line in lines]
    return Counter(f"{kind} {'defective' if float(p) > 0.5 else 'good'}" for _, p, kind in cells)


def refusal(folder: Path) -> str:
    with pytest.raises(CourseError) as refused:
        load_folder(folder)
    assert str(folder) in str(refused.value)
    return str(refused.value)


def test_elpv_has_the_classes_of_its_table() -> None:
    cells = load_elpv()
    assert len(cells) == 2624
    assert cells.classes == ("mono good", "mono defective", "poly good", "poly defective")
    assert counts(cells) == cells_in_the_table()
    assert cells.photo(0).size == (300, 300)


def test_every_cell_has_the_label_of_its_line() -> None:
    cells = load_elpv()
    folder = Path(elpv_dataset.__file__).parent / "data"
    for line in (folder / "labels.csv").read_text(encoding="utf-8").splitlines()[::97]:
        name, probability, kind = line.split()
        label = cells.labels[cells.images.index(folder / name)]
        assert (
            cells.classes[label] == f"{kind} {'defective' if float(probability) > 0.5 else 'good'}"
        )


def test_binary_elpv_is_good_in_two_cells_of_three() -> None:
    cells = load_elpv(binary=True)
    table = cells_in_the_table()
    assert counts(cells) == {
        "good": table["mono good"] + table["poly good"],
        "defective": table["mono defective"] + table["poly defective"],
    }
    assert round(cells.majority_share(), 3) == 0.687


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("elpw", "did you mean elpv"),
        ("fashion-mnist", "did you mean fashion_mnist"),
        ("flower", "did you mean flowers"),
        ("zebras", ", ".join(DATA_SETS)),
        ("no/such/folder", "the path of a folder"),
        ("x" * 300, "the path of a folder"),
    ],
)
def test_an_unknown_data_set_is_refused_with_the_nearest_names(name: str, nearest: str) -> None:
    with pytest.raises(CourseError) as refused:
        load_images(name)
    assert f"'{name}'" in str(refused.value)
    assert nearest in str(refused.value)


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    put_photos(tmp_path, 6)
    assert "no class folders: make one folder of photos per class" in refusal(tmp_path)


def test_a_folder_with_one_class_is_refused(tmp_path: Path) -> None:
    put_photos(tmp_path / "cats", 6)
    assert "only the class 'cats': make one folder" in refusal(tmp_path)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_class_with_too_few_photos_is_refused(count: int, tmp_path: Path) -> None:
    put_photos(tmp_path / "cats", 6)
    put_photos(tmp_path / "dogs", count)
    message = refusal(tmp_path)
    assert f"class 'dogs' has {count} readable photos, and at least 5 are needed" in message
    assert "add photos" in message


def test_a_class_whose_photos_are_all_unreadable_is_refused(tmp_path: Path) -> None:
    put_photos(tmp_path / "cats", 6)
    put_photos(tmp_path / "dogs", 6)
    for file in (tmp_path / "dogs").iterdir():
        file.write_bytes(b"no photo")
    assert "class 'dogs' has 0 readable photos" in refusal(tmp_path)


def test_five_photos_a_class_are_enough_to_split(tmp_path: Path) -> None:
    put_photos(tmp_path / "cats", 5)
    put_photos(tmp_path / "dogs", 5)
    images = load_folder(tmp_path)
    parts = split(images)
    for part in (parts.train, parts.val, parts.test):
        assert {images.labels[i] for i in part} == {0, 1}


def test_unreadable_files_among_good_ones_are_skipped_and_listed(tmp_path: Path) -> None:
    put_photos(tmp_path / "cats", 6)
    put_photos(tmp_path / "dogs", 6)
    bad = tmp_path / "cats" / "broken.jpg"
    bad.write_bytes(b"\xff\xd8\xff no more")
    notes = tmp_path / "dogs" / "notes.txt"
    notes.write_text("not a photo, and nobody would think so", encoding="utf-8")
    images = load_folder(tmp_path)
    assert images.skipped == (bad, notes)
    assert counts(images) == {"cats": 6, "dogs": 6}
    assert bad not in images.images


def test_class_names_may_have_umlauts_and_spaces(tmp_path: Path) -> None:
    put_photos(tmp_path / "Äpfel und Birnen", 5)
    put_photos(tmp_path / "größere Züge", 5, "JPG")
    images = load_images(str(tmp_path))
    assert images.classes == ("größere Züge", "Äpfel und Birnen")
    assert counts(images) == {"größere Züge": 5, "Äpfel und Birnen": 5}


def test_photos_in_folders_inside_a_class_belong_to_it(tmp_path: Path) -> None:
    put_photos(tmp_path / "cats" / "2024" / "May", 5)
    put_photos(tmp_path / "dogs", 5)
    assert counts(load_folder(tmp_path)) == {"cats": 5, "dogs": 5}


def test_photos_of_any_kind_that_pillow_reads_are_used(tmp_path: Path) -> None:
    put_photos(tmp_path / "cats", 5)
    put_photos(tmp_path / "dogs", 5)
    photo = Image.new("RGB", (32, 32))
    for name in ("a.jfif", "b.avif", "c.JPE", "d.jp2", "e.tga", "f"):
        kind = None if "." in name else "PNG"
        photo.save(tmp_path / "cats" / name, kind)
    images = load_folder(tmp_path)
    assert counts(images) == {"cats": 11, "dogs": 5}
    assert images.skipped == ()


@pytest.mark.parametrize("name", ["__MACOSX", "@eaDir", "cats/@eaDir", "dogs/__MACOSX/dogs"])
def test_folders_of_the_system_are_no_classes(name: str, tmp_path: Path) -> None:
    put_photos(tmp_path / "cats", 5)
    put_photos(tmp_path / "dogs", 5)
    put_photos(tmp_path / name, 6)
    (tmp_path / "cats" / "Thumbs.db").write_bytes(b"of Windows")
    images = load_folder(tmp_path)
    assert counts(images) == {"cats": 5, "dogs": 5}
    assert images.skipped == ()


def test_what_training_wrote_beside_the_photos_is_no_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_photos(tmp_path / "cats", 5)
    put_photos(tmp_path / "dogs", 5)
    (tmp_path / "runs" / "resnet18-photos-head").mkdir(parents=True)
    (tmp_path / "runs" / "resnet18-photos-head" / "last.pt").write_bytes(b"a checkpoint")
    monkeypatch.chdir(tmp_path)
    images = load_folder(Path("."))
    assert images.classes == ("cats", "dogs")
    assert images.name == tmp_path.name


@pytest.mark.parametrize("parts", [("train", "val", "test"), ("Training", "Validation")])
def test_splits_in_place_of_classes_are_refused(parts: tuple[str, ...], tmp_path: Path) -> None:
    for part in parts:
        put_photos(tmp_path / part / "cats", 5)
        put_photos(tmp_path / part / "dogs", 5)
    assert "splits instead of classes" in refusal(tmp_path)


@pytest.mark.parametrize("hidden", [".ipynb_checkpoints", "cats/.ipynb_checkpoints", "cats/.trash"])
def test_hidden_folders_are_ignored(hidden: str, tmp_path: Path) -> None:
    """Jupyter keeps copies of opened photos in one: they would stand in train and test at once."""
    put_photos(tmp_path / "cats", 5)
    put_photos(tmp_path / "dogs", 5)
    put_photos(tmp_path / hidden, 3)
    images = load_folder(tmp_path)
    assert images.classes == ("cats", "dogs")
    assert len(images) == 10


def test_hidden_files_are_ignored(tmp_path: Path) -> None:
    """macOS leaves a ._photo.png beside each photo on a stick; none of them is a photo."""
    put_photos(tmp_path / "cats", 5)
    put_photos(tmp_path / "dogs", 5)
    (tmp_path / "cats" / "._0.png").write_bytes(b"Mac OS X resource fork")
    assert load_folder(tmp_path).skipped == ()


def test_a_limit_keeps_the_mix_of_classes() -> None:
    cells = load_elpv()
    few = limit(cells, 600)
    assert len(few) == 600
    for name, count in counts(cells).items():
        assert abs(counts(few)[name] - 600 * count / 2624) <= 1


def test_a_limit_draws_the_same_photos_for_a_seed_and_others_for_another() -> None:
    cells = load_elpv()
    assert limit(cells, 100, 1).images == limit(cells, 100, 1).images
    assert limit(cells, 100, 1).images != limit(cells, 100, 2).images
    assert set(limit(cells, 100, 1).images) < set(cells.images)


@pytest.mark.parametrize("count", [2621, 2623, 2624, 3000, None])
def test_a_limit_near_or_above_the_whole_set_works(count: int | None) -> None:
    cells = load_elpv()
    assert len(limit(cells, count)) == min(count or 2624, 2624)


@pytest.mark.parametrize("count", [1, 19, 20])
def test_a_limit_that_starves_a_class_is_refused(count: int) -> None:
    with pytest.raises(CourseError) as refused:
        limit(load_elpv(), count)
    assert f"--limit {count}" in str(refused.value)
    assert "all" in str(refused.value)


def test_a_subset_keeps_photos_and_labels_together() -> None:
    images = ImageSet(
        name="numbers",
        classes=("even", "odd"),
        images=np.arange(10, dtype=np.uint8)[:, None, None].repeat(9, 1).repeat(9, 2),
        labels=tuple(n % 2 for n in range(10)),
    )
    part = images.subset([7, 2])
    assert part.labels == (1, 0)
    assert part.photo(0).getpixel((0, 0)) == (7, 7, 7)
    assert part.photo(1).getpixel((0, 0)) == (2, 2, 2)


@pytest.mark.parametrize("change", ["pixel", "label", "order"])
def test_the_fingerprint_sees_every_change(change: str, tmp_path: Path) -> None:
    put_photos(tmp_path / "cats", 5)
    put_photos(tmp_path / "dogs", 5)
    images = load_folder(tmp_path)
    before = images.fingerprint()
    assert load_folder(tmp_path).fingerprint() == before
    if change == "pixel":
        Image.new("RGB", (16, 16), (0, 0, 1)).save(tmp_path / "cats" / "0.png")
    other = {
        "pixel": images,
        "label": ImageSet(
            name="x", classes=images.classes, images=images.images, labels=(1, *images.labels[1:])
        ),
        "order": images.subset(reversed(range(10))),
    }[change]
    assert other.fingerprint() != before


def test_grey_and_coloured_arrays_both_become_crops() -> None:
    for shape in ((6, 50, 60), (6, 50, 60, 3)):
        images = ImageSet(
            name="arrays",
            classes=("a", "b"),
            images=np.full(shape, 200, np.uint8),
            labels=(0, 1) * 3,
        )
        crop, label = Crops(images, SMALL_INPUT)[1]
        assert (tuple(crop.shape), label) == ((3, 32, 32), 1)
        assert crop.unique().tolist() == [200]
