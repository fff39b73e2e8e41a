"""Photos out of Qt's resource bundles."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from utils.distillation.qt_bundles import unpack_photos


def webp(mode: str) -> bytes:
    buffer = BytesIO()
    picture = Image.linear_gradient("L").convert(mode)
    if mode == "RGBA":
        picture.putalpha(128)
    picture.save(buffer, "webp")
    return buffer.getvalue()


def test_opaque_pictures_are_unpacked_and_others_left(tmp_path: Path) -> None:
    content = b"qres" + webp("RGB") + b"RIFFxxxxWAVE" + webp("RGBA") + b"tree" + webp("RGB")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "animals.rcc").write_bytes(content)
    assert unpack_photos(tmp_path / "in", tmp_path / "out") == 2
    files = sorted((tmp_path / "out").iterdir())
    assert [file.read_bytes() for file in files] == [webp("RGB")] * 2
