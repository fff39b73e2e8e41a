"""Photos of every kind come out upright and RGB; bad ones are refused; tensors are right."""

import random
import zlib
from io import BytesIO
from pathlib import Path
from struct import pack

import numpy as np
import pytest
import torch
import torchvision.models as tv
from PIL import Image, ImageOps, PngImagePlugin

from utils.errors import CourseError
from utils.images import HEIC, PHOTOS, open_photo, preprocess, preprocessing_steps, sample_photo
from utils.models import MODELS

MALFORMED = Path(__file__).parent / "photos"  # as cameras and editors wrote them
RED, WHITE = (255, 0, 0), (255, 255, 255)
OFFICIAL = {
    "resnet50": tv.ResNet50_Weights.IMAGENET1K_V2,
    "vgg16": tv.VGG16_Weights.IMAGENET1K_V1,
    "efficientnet_b0": tv.EfficientNet_B0_Weights.IMAGENET1K_V1,
}


def noise(width: int = 64, height: int = 48) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def png_that_declares(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises width × height pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return pack(">I", len(content)) + name + content + pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


BAD_PHOTOS = {
    "empty.png": (b"", "empty (0 bytes)", "copy or download"),
    "notes.jpg": (b"dear diary, no photo today", "is not an image", "JPEG, PNG"),
    "page.png": (b"<!doctype html><p>404", "is not an image", "JPEG, PNG"),
    "cut.jpg": (encoded(noise(), "JPEG")[:-700], "is damaged", "copy or download"),
    "cut.png": (encoded(noise(), "PNG")[:-3000], "is damaged", "copy or download"),
    "cut.tif": (encoded(noise(), "TIFF")[:-3000], "is damaged", "copy or download"),
    "dot.png": (encoded(noise(1, 1), "PNG"), "only 1×1 pixels", "at least 8×8"),
    "line.png": (encoded(noise(400, 7), "PNG"), "only 400×7 pixels", "at least 8×8"),
    "bomb.png": (png_that_declares(60_000, 60_000), "megapixels", "scale the photo down"),
    "large.png": (png_that_declares(10_000, 10_000), "megapixels", "scale the photo down"),
}


@pytest.mark.parametrize("name", BAD_PHOTOS)
def test_a_bad_photo_is_refused_with_its_name_and_a_remedy(name: str, tmp_path: Path) -> None:
    content, reason, remedy = BAD_PHOTOS[name]
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(CourseError) as refused:
        open_photo(file)
    for part in (str(file), reason, remedy):
        assert part in str(refused.value)


def test_a_real_decompression_bomb_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(file)
    assert file.stat().st_size < 1_000_000
    with pytest.raises(CourseError, match="megapixels: scale the photo down"):
        open_photo(file)


def test_a_strip_that_resizing_would_blow_up_is_refused(tmp_path: Path) -> None:
    """Its shorter side scaled from 8 to 256 pixels would give 16 gigapixels."""
    file = tmp_path / "strip.png"
    Image.new("RGB", (2_000_000, 8)).save(file)
    with pytest.raises(CourseError, match=r"strip\.png"):
        open_photo(file)


@pytest.mark.parametrize("name", ["nothing.jpg", "no folder/photo.jpg", "x" * 300 + ".jpg"])
def test_a_missing_photo_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CourseError) as refused:
        open_photo(tmp_path / name)
    assert name in str(refused.value)
    assert "check the path" in str(refused.value)


def test_a_folder_is_not_a_photo(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="is a folder: give the path of one photo"):
        open_photo(tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP"])
def test_no_damage_gets_past_the_one_error(kind: str, tmp_path: Path) -> None:
    """Files cut off or changed at random are opened or refused, whatever Pillow raises on them."""
    dice = random.Random(0)
    whole = encoded(noise(20, 16), kind)
    refused = 0
    for _ in range(60):
        content = bytearray(whole[: dice.randrange(1, len(whole) + 1)])
        for _ in range(3):
            content[dice.randrange(len(content))] = dice.randrange(256)
        file = tmp_path / f"damaged.{kind.lower()}"
        file.write_bytes(content)
        try:
            assert open_photo(file).mode == "RGB"
        except CourseError:
            refused += 1
    assert refused > 10


def palette_with_transparency() -> Image.Image:
    image = Image.new("P", (32, 32), 1)
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.paste(0, (0, 0, 16, 32))
    image.info["transparency"] = 0
    return image


def half_transparent(mode: str) -> Image.Image:
    """The left half is black but transparent, the right half is opaque red (or grey 90)."""
    clear, full = ((0, 0), (90, 255)) if mode == "LA" else ((0, 0, 0, 0), (*RED, 255))
    image = Image.new(mode, (32, 32), full)
    image.paste(clear, (0, 0, 16, 32))
    return image


def sixteen_bit_grey() -> Image.Image:
    pixels = np.full((32, 32), 32768, np.uint16)
    pixels[:, :16] = 65535
    return Image.fromarray(pixels)


def twelve_bit_grey() -> Image.Image:
    """12 bits in the low bits of 16, as scanners and microscopes store them."""
    pixels = np.full((32, 32), 2048, np.uint16)
    pixels[:, :16] = 4095
    return Image.fromarray(pixels)


def floats(left: float, right: float) -> Image.Image:
    pixels = np.full((32, 32), right, np.float32)
    pixels[:, :16] = left
    return Image.fromarray(pixels)


def one_bit() -> Image.Image:
    image = Image.new("1", (32, 32), 0)
    image.paste(1, (0, 0, 16, 32))
    return image


def half_grey() -> Image.Image:
    image = Image.new("L", (32, 32), 128)
    image.paste(255, (0, 0, 16, 32))
    return image


GREY, NEARLY = (128, 128, 128), 3
KINDS = {
    "greyscale.png": (half_grey(), WHITE, GREY),
    "rgba.png": (half_transparent("RGBA"), WHITE, RED),
    "rgba.webp": (half_transparent("RGBA"), WHITE, RED),
    "la.png": (half_transparent("LA"), WHITE, (90, 90, 90)),
    "palette.png": (palette_with_transparency(), WHITE, RED),
    "palette.gif": (palette_with_transparency(), WHITE, RED),
    "cmyk.jpg": (Image.new("CMYK", (32, 32), (0, 255, 255, 0)), RED, RED),
    "sixteen-bit.png": (sixteen_bit_grey(), WHITE, GREY),
    "sixteen-bit.tif": (sixteen_bit_grey(), WHITE, GREY),
    "twelve-bit.png": (twelve_bit_grey(), WHITE, GREY),
    "twelve-bit.tif": (twelve_bit_grey(), WHITE, GREY),
    "cmyk.tif": (Image.new("CMYK", (32, 32), (0, 255, 255, 0)), RED, RED),
    "one-bit.png": (one_bit(), WHITE, (0, 0, 0)),
    "unit-floats.tif": (floats(1, 0.5), WHITE, GREY),
    "byte-floats.tif": (floats(255, 128), WHITE, GREY),
    "broken-floats.tif": (floats(255, float("nan")), WHITE, (0, 0, 0)),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.filterwarnings("error", "ignore::EncodingWarning:PIL")
def test_every_kind_of_photo_comes_out_as_people_see_it(name: str, tmp_path: Path) -> None:
    image, left, right = KINDS[name]
    image.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    photo = open_photo(tmp_path / name)
    assert (photo.mode, photo.size) == ("RGB", (32, 32))
    np.testing.assert_allclose(photo.getpixel((4, 16)), left, atol=NEARLY)
    np.testing.assert_allclose(photo.getpixel((28, 16)), right, atol=NEARLY)


def test_cmyk_that_adobe_inverted_is_not_inverted_again(tmp_path: Path) -> None:
    Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg")
    assert b"Adobe" in (tmp_path / "cmyk.jpg").read_bytes()
    np.testing.assert_allclose(open_photo(tmp_path / "cmyk.jpg").getpixel((9, 9)), RED, atol=NEARLY)


def test_long_texts_and_profiles_are_no_reason_to_refuse_a_photo(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("history", "moved a layer " * 400_000, zip=True)
    profile = bytes(3 * 2**20)
    file = tmp_path / "edited.png"
    Image.new("RGB", (32, 32), RED).save(file, pnginfo=texts, icc_profile=profile)
    assert open_photo(file).getpixel((9, 9)) == RED


def test_heic_that_is_damaged_asks_for_no_package_that_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "IMG_0001.HEIC"
    file.write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    known = dict(Image.registered_extensions())
    for installed in (True, False):
        others = {name: kind for name, kind in known.items() if name not in HEIC}
        monkeypatch.setattr(Image, "EXTENSION", others | ({".heic": "HEIF"} if installed else {}))
        with pytest.raises(CourseError) as caught:
            open_photo(file)
        assert ("pip install pillow-heif" in str(caught.value)) != installed


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
def test_a_photo_from_a_turned_camera_comes_out_upright(kind: str, tmp_path: Path) -> None:
    stored = Image.new("RGB", (64, 32))
    stored.paste(RED, (0, 0, 16, 16))  # the top left corner as stored is the top right as seen
    exif = Image.Exif()
    exif[0x0112] = 6
    file = tmp_path / f"turned.{kind}"
    stored.save(file, exif=exif)
    photo = open_photo(file)
    assert photo.size == (32, 64)
    np.testing.assert_allclose(photo.getpixel((24, 8)), RED, atol=12)
    for corner in ((8, 8), (8, 56), (24, 56)):
        np.testing.assert_allclose(photo.getpixel(corner), (0, 0, 0), atol=12)


@pytest.mark.parametrize("turn", range(9))  # 1 to 8 mean something
def test_every_orientation_comes_out_as_pillow_has_it(turn: int, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = turn
    file = tmp_path / "turned.png"
    Image.fromarray(noise).save(file, exif=exif)
    with Image.open(file) as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored))
    np.testing.assert_array_equal(np.asarray(open_photo(file)), expected)


@pytest.mark.parametrize("file", sorted(MALFORMED.glob("exif_*.jpg")), ids=lambda file: file.stem)
def test_a_malformed_tag_is_no_reason_to_refuse_a_photo(file: Path) -> None:
    with Image.open(file) as stored:
        turned = stored.getexif()[0x0112] in (5, 6, 7, 8)
        size = stored.size[::-1] if turned else stored.size
    assert open_photo(file).size == size


@pytest.mark.parametrize("name", ["photo.heic", "photo.HEIF"])
def test_a_photo_that_needs_a_package_is_told_which(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(CourseError, match="pillow-heif"):
        open_photo(tmp_path / name)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["chelsea", "flower"])
def test_every_model_gets_one_photo_of_its_size(model: str, name: str) -> None:
    side = {"efficientnet_lite1": 240, "efficientnet_lite2": 260}.get(model, 224)
    pixels = preprocess(open_photo(sample_photo(name)), MODELS[model].preprocessing)
    assert pixels.shape == (1, 3, side, side)
    assert pixels.dtype == torch.float32


@pytest.mark.parametrize("size", [(8, 8), (100, 700), (700, 100), (225, 224)])
def test_photos_of_any_shape_are_scaled_to_fit(size: tuple[int, int]) -> None:
    assert preprocess(noise(*size), MODELS["resnet50"].preprocessing).shape == (1, 3, 224, 224)


@pytest.mark.parametrize("model", OFFICIAL)
@pytest.mark.parametrize("name", ["chelsea", "coffee"])
def test_preprocessing_is_the_one_published_with_the_weights(model: str, name: str) -> None:
    photo = open_photo(sample_photo(name))
    expected = OFFICIAL[model].transforms()(photo)[None]
    difference = (preprocess(photo, MODELS[model].preprocessing) - expected).abs()
    assert difference.max() < 0.02  # one step of 8 bits is 1 / 255 / 0.225 = 0.0174
    assert difference.mean() < 0.0005


@pytest.mark.parametrize(("colour", "value"), [("white", 1.0), ("black", -1.0)])
def test_lite_pixels_lie_between_minus_one_and_one(colour: str, value: float) -> None:
    spec = MODELS["efficientnet_lite0"].preprocessing
    pixels = preprocess(Image.new("RGB", (300, 300), colour), spec)
    torch.testing.assert_close(pixels, torch.full((1, 3, 224, 224), value))


def test_steps_show_the_photo_on_its_way() -> None:
    photo = open_photo(sample_photo("chelsea"))  # 451×300
    steps = preprocessing_steps(photo, MODELS["resnet18"].preprocessing)
    assert [picture.shape for picture in steps.values()] == [
        (300, 451, 3),
        (256, 384, 3),
        (224, 224, 3),
        (224, 224, 3),
    ]
    assert list(steps) == ["photo 300×451", "shorter side 256", "centre 224×224", "normalised"]
    first, resized, cropped, last = steps.values()
    assert np.array_equal(first, np.asarray(photo))
    assert np.array_equal(cropped, resized[16:240, 80:304])
    assert (last.min(), last.max()) == (0, 1)


def test_a_photo_of_one_colour_can_be_drawn_after_normalising() -> None:
    steps = preprocessing_steps(
        Image.new("RGB", (40, 40)), MODELS["efficientnet_lite0"].preprocessing
    )
    assert np.isfinite(steps["normalised"]).all()


@pytest.mark.parametrize("name", PHOTOS)
def test_sample_photos_open(name: str) -> None:
    assert min(open_photo(sample_photo(name)).size) >= 224


def test_an_unknown_sample_photo_is_refused_with_the_known_names() -> None:
    with pytest.raises(CourseError, match="no sample photo 'dog': use one of chelsea, coffee"):
        sample_photo("dog")


@pytest.mark.parametrize("name", ["*", "chels*", "[", "../chelsea", ""])
def test_a_sample_photo_is_found_by_its_name_alone(name: str) -> None:
    with pytest.raises(CourseError, match="no sample photo"):
        sample_photo(name)
