"""The data set "things": one cut-out of an object on a photo, made from Debian's packages.

`make things` writes data/things anew: the same packages give the same bytes.
"""

import csv
import shutil
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from io import BytesIO, StringIO
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote

from PIL import Image, ImageChops, ImageOps, ImageStat

from utils.datasets import PARTS, THINGS
from utils.distillation.pictures import read_cutout, read_photo
from utils.errors import CourseError
from utils.files import read_text, write_file
from utils.splits import TEST_FRACTION, VALIDATION_SHARE

SIDE = 160  # pixels
PICTURES = {"train": 50, "val": 14, "test": 20}  # of each class
DETAIL = (64, 128)  # pixels of a stamp's longer side that are kept: stamps of fruit are small and
# those of mammals large, so that sharpness would tell them apart
SIZE = (0.6, 1.0)  # longer side of a stamp, as a fraction of the picture's
WINDOW = (0.4, 1.0)  # side of what is seen of a background, as a fraction of its shorter side
TRIES = 4  # places, of which a picture gets the clearest
QUALITY = 85  # of the JPEGs


@dataclass(frozen=True)
class Original:
    """One photo of an object; its `files` (paths in the package) show it in one or more ways."""

    kind: str
    files: tuple[str, ...]
    author: str


@dataclass(frozen=True, kw_only=True)
class Background:
    """A photo to paste on, used in one part only."""

    file: str
    part: str
    author: str
    licence: str
    package: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """A row of sources.csv: what a picture was made of. Pictures of one `original` are a group."""

    file: str
    original: str
    stamp: str
    stamp_author: str
    stamp_licence: str
    stamp_package: str
    background: str
    background_author: str
    background_licence: str
    background_package: str


def build_things(debian: Path, folder: Path) -> list[Source]:
    """Make all pictures below `folder` from the packages unpacked in `debian`; returns the rows.

    `folder` holds selection.toml, which says what is taken from the packages; the packages
    themselves lie in `debian`/packages and give their versions.

    Raises:
        CourseError: a package or a file that selection.toml names is missing.
    """
    chosen = tomllib.loads(read_text(folder / "selection.toml"))
    packages = _packages(debian / "packages", chosen)
    originals, backgrounds = _originals(chosen["stamps"]), _backgrounds(chosen["backgrounds"])
    sources = []
    for part in PARTS:
        shutil.rmtree(folder / part, ignore_errors=True)
        photos = {b: _read(read_photo, debian / b.file) for b in backgrounds if b.part == part}
        for kind in sorted({original.kind for original in originals}):
            dealt = _deal([o for o in originals if o.kind == kind], kind)[part]
            pairs = _pairs(dealt, tuple(photos), Random(f"{part}/{kind}"))
            for number, (original, stamp, background) in enumerate(islice(pairs, PICTURES[part])):
                file = f"{part}/{kind}/{number:02}.jpg"
                cutout = _read(read_cutout, debian / stamp)
                picture = compose_thing(cutout, photos[background], Random(file))
                write_file(folder / file, _jpeg(picture))
                sources.append(
                    Source(
                        file=file,
                        original=original.files[0],
                        stamp=stamp,
                        stamp_author=original.author or "not recorded",
                        stamp_licence=chosen["stamps"]["licence"],
                        stamp_package=packages[chosen["stamps"]["package"]],
                        background=background.file,
                        background_author=background.author,
                        background_licence=background.licence,
                        background_package=packages[background.package],
                    )
                )
    write_file(folder / "sources.csv", _table(sources))
    return sources


def compose_thing(cutout: Image.Image, photo: Image.Image, random: Random) -> Image.Image:
    """Paste an RGBA cut-out, scaled and mirrored at random, on a window of an RGB photo.

    Of `TRIES` windows and places, the one on which the cut-out stands out most is taken. Pillow
    computes in whole numbers here, which gives the same pixels on every machine.
    """
    cutout = _scaled(cutout, min(random.uniform(*DETAIL), max(cutout.size)))
    cutout = _maybe_mirrored(_scaled(cutout, SIDE * random.uniform(*SIZE)), random)
    best, clearest = -1.0, None
    for _ in range(TRIES):
        window = round(min(photo.size) * random.uniform(*WINDOW))
        left, top = (random.randint(0, length - window) for length in photo.size)
        picture = photo.crop((left, top, left + window, top + window))
        picture = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture = _maybe_mirrored(picture, random)
        place = tuple(random.randint(0, SIDE - length) for length in cutout.size)
        contrast = _contrast(picture, cutout, place)
        if contrast > best:
            picture.paste(cutout, place, cutout)
            best, clearest = contrast, picture
    return clearest


def _contrast(picture: Image.Image, cutout: Image.Image, place: tuple[int, int]) -> float:
    """Mean difference of a cut-out from what it would cover, over its pixels and colours."""
    left, top = place
    under = picture.crop((left, top, left + cutout.width, top + cutout.height))
    difference = ImageChops.difference(under, cutout.convert("RGB"))
    return sum(ImageStat.Stat(difference, cutout.getchannel("A")).mean)


def _maybe_mirrored(image: Image.Image, random: Random) -> Image.Image:
    return ImageOps.mirror(image) if random.random() < 0.5 else image


def _scaled(image: Image.Image, longer: float) -> Image.Image:
    scale = longer / max(image.size)
    size = tuple(max(1, round(length * scale)) for length in image.size)
    return image.resize(size, Image.Resampling.BICUBIC)


def _jpeg(picture: Image.Image) -> bytes:
    content = BytesIO()
    picture.save(content, "JPEG", quality=QUALITY)
    return content.getvalue()


def _read(read: Any, file: Path) -> Image.Image:
    image = read(file)
    if image is None:
        raise CourseError(
            f"{file} can't be used: take the versions of the packages that data/things/README.md "
            "names, or change data/things/selection.toml."
        )
    return image


def _packages(folder: Path, chosen: dict[str, Any]) -> dict[str, str]:
    """Name and version of each package, from the name of its file."""
    versions = {}
    for name in (chosen["stamps"]["package"], *(b["package"] for b in chosen["backgrounds"])):
        files = sorted(folder.glob(f"{name}_*.deb"))
        if not files:
            raise CourseError(f"{name} is missing from {folder}: run make things.")
        versions[name] = " ".join(unquote(files[-1].stem).split("_")[:2])
    return versions


def _originals(stamps: dict[str, Any]) -> list[Original]:
    return [
        Original(
            some["class"],
            tuple(
                f"{stamps['folder']}/{some['folder']}/{name}.png"
                for name in ([names] if isinstance(names, str) else names)
            ),
            some["author"],
        )
        for some in stamps["of"]
        for names in some["originals"]
    ]


def _backgrounds(lists: Sequence[dict[str, Any]]) -> list[Background]:
    return [
        Background(
            file=f"{some['folder']}/{photo['file']}",
            part=photo["part"],
            author=photo["author"],
            licence=some["licence"],
            package=some["package"],
        )
        for some in lists
        for photo in some["files"]
    ]


def _deal(originals: Sequence[Original], kind: str) -> dict[str, list[Original]]:
    """A class's originals, dealt to the three parts at random; the same for the same class."""
    shuffled = sorted(originals, key=lambda original: original.files)
    Random(kind).shuffle(shuffled)
    test = round(TEST_FRACTION * len(shuffled))
    val = round(VALIDATION_SHARE * len(shuffled))
    return {
        "test": shuffled[:test],
        "val": shuffled[test : test + val],
        "train": shuffled[test + val :],
    }


def _pairs(
    originals: Sequence[Original], backgrounds: Sequence[Background], random: Random
) -> Iterator[tuple[Original, str, Background]]:
    """Originals, their stamps and backgrounds without end, each about equally often."""
    number = 0
    while True:
        for background in random.sample(backgrounds, len(backgrounds)):
            turn, place = divmod(number, len(originals))
            original = originals[place]
            yield original, original.files[turn % len(original.files)], background
            number += 1


def _table(sources: Sequence[Source]) -> str:
    text = StringIO()
    rows = csv.DictWriter(text, [f.name for f in fields(Source)], lineterminator="\n")
    rows.writeheader()
    rows.writerows(asdict(source) for source in sources)
    return text.getvalue()


if __name__ == "__main__":
    build_things(Path(sys.argv[1]), THINGS)
