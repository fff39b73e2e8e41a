"""Photos out of Qt resource bundles (.rcc): the form in which GCompris ships its pictures.

WebP files are already compressed, so a bundle holds them as they are, one after the other.
"""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image

from utils.files import write_file


def webp_files(bundle: bytes) -> Iterator[bytes]:
    """Every WebP file inside a bundle: a RIFF header says how long it is."""
    start = bundle.find(b"RIFF")
    while start >= 0:
        if bundle[start + 8 : start + 12] == b"WEBP":
            length = 8 + int.from_bytes(bundle[start + 4 : start + 8], "little")
            yield bundle[start : start + length]
        start = bundle.find(b"RIFF", start + 4)


def unpack_photos(bundles: Path, folder: Path) -> int:
    """Write the opaque WebP pictures of all bundles below `bundles` into a folder; how many."""
    count = 0
    for file in sorted(bundles.rglob("*.rcc")):
        for number, content in enumerate(webp_files(file.read_bytes())):
            with Image.open(BytesIO(content)) as picture:
                if picture.mode == "RGB":
                    write_file(folder / f"{file.stem}-{number}.webp", content)
                    count += 1
    return count


if __name__ == "__main__":
    unpack_photos(Path(sys.argv[1]), Path(sys.argv[2]))
