"""Stage 1: a photo file becomes the tensor that a backbone takes."""

import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError
from torch import Tensor, nn
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from utils.errors import CourseError

with suppress(ImportError):  # optional: it holds a library under the LGPL
    import pillow_heif

    pillow_heif.register_heif_opener()

MIN_SIDE = 8
MAX_ASPECT = 100
TURNS = {  # by EXIF orientation; 1 is upright
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
HEIC = (".heic", ".heif")  # what Apple's phones write
# Bytes that Pillow unpacks of a PNG's texts and profiles; more than its own limit, which real
# files of editing programs exceed.
PngImagePlugin.MAX_TEXT_CHUNK = 32 * 2**20
PngImagePlugin.MAX_TEXT_MEMORY = 2 * PngImagePlugin.MAX_TEXT_CHUNK
SCALES = (1, 4095 / 255, 65535 / 255)  # from 8, 12 and 16 bits to 0–255
PHOTOS = ("chelsea", "coffee", "rocket", "astronaut", "china", "flower")


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What a backbone expects: resize the shorter side, crop the centre, normalise.

    `resize` and `crop` are in pixels; `mean` and `std` are per channel (R, G, B) on the [0, 1]
    scale.
    """

    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str

    def __str__(self) -> str:
        return f"resize {self.resize} ({self.interpolation}), centre crop {self.crop}, normalise"


def sample_photo(name: str = "chelsea") -> Path:
    """File of a photo that scikit-image or scikit-learn ships: one of `PHOTOS`.

    Raises:
        CourseError: no such photo.
    """
    import skimage.data
    import sklearn.datasets

    folders = (
        Path(skimage.data.__file__).parent,
        Path(sklearn.datasets.__file__).parent / "images",
    )
    for folder in folders:
        for file in folder.glob("*.*"):
            if file.stem == name and name in PHOTOS:
                return file
    raise CourseError(f"There is no sample photo '{name}': use one of {', '.join(PHOTOS)}.")


def open_photo(path: Path | str, least_side: int | None = None) -> Image.Image:
    """Read a photo of any common kind as an upright RGB image.

    EXIF rotation is applied, transparency is laid on white, and 16-bit greys are scaled to 8. With
    `least_side`, a JPEG is decoded at the smallest scale whose sides keep so many pixels.

    Raises:
        CourseError: no such file, a folder, not an image, damaged, too small or too large.
    """
    photo = read_image(path, _to_rgb, least_side)
    if min(photo.size) < MIN_SIDE:
        width, height = photo.size
        raise CourseError(
            f"{path} is only {width}×{height} pixels: "
            f"use a photo of at least {MIN_SIDE}×{MIN_SIDE}."
        )
    if max(photo.size) > MAX_ASPECT * min(photo.size):
        raise CourseError(
            f"{path} is a strip of {photo.width}×{photo.height} pixels, which resizing would blow "
            "up: crop it first."
        )
    return photo


def read_image(
    path: Path | str,
    convert: Callable[[Image.Image], Image.Image],
    least_side: int | None = None,
) -> Image.Image:
    """Read an image file upright and convert it; raises CourseError as `open_photo` does."""
    path = Path(path)
    if not os.path.exists(path):  # Path.exists raises on a name too long to be one
        raise CourseError(f"There is no photo at {path}: check the path.")
    if path.is_dir():
        raise CourseError(f"{path} is a folder: give the path of one photo inside it.")
    if path.stat().st_size == 0:
        raise CourseError(f"{path} is empty (0 bytes): copy or download the photo again.")
    try:
        # Pillow only warns of an image of over 89 megapixels and refuses one of twice as many.
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if least_side:
                    image.draft(None, (least_side, least_side))
                image.load()
                return convert(_upright(image))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise CourseError(
            f"{path} would unpack to more than {Image.MAX_IMAGE_PIXELS / 1e6:.0f} megapixels: "
            "scale the photo down first."
        ) from error
    except UnidentifiedImageError as error:
        remedy = "give a JPEG, PNG, WebP or TIFF file"
        if path.suffix.lower() in HEIC and not reads_heic():
            remedy = "photos of this kind need another package (pip install pillow-heif)"
        raise CourseError(f"{path} is not an image that can be read: {remedy}.") from error
    except Exception as error:  # decoders raise errors of any type on damaged files
        raise CourseError(
            f"{path} is damaged ({error}): copy or download the photo again."
        ) from error


def reads_heic() -> bool:
    """Whether the package that reads HEIC is installed."""
    return ".heic" in Image.registered_extensions()


def holds_several(path: Path) -> bool:
    """Whether a file that opens as a photo is an animation or has several pages.

    The second picture of a JPEG (MPO) is the same scene, as phones and stereo cameras store it.
    """
    try:
        with Image.open(path) as image:
            return getattr(image, "is_animated", False) and image.format != "MPO"
    except Exception:  # decoders raise errors of any type on damaged files
        return False


def _upright(image: Image.Image) -> Image.Image:
    """The image as its EXIF orientation asks for.

    Pillow's `exif_transpose` also writes the other tags anew, and fails if one is malformed.
    """
    try:
        turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # malformed metadata raises errors of any type, and is no reason to refuse
        return image
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _eight_bits(grey: np.ndarray) -> np.ndarray:
    """Greys of any range as 0–255: integers by 8, 12 or 16 bits, floats by [0, 1], if they fit.

    Scanners and microscopes store 12 bits as 16, whose photos would be nearly black otherwise.
    """
    lowest, highest = np.nanmin(grey), np.nanmax(grey)
    if np.issubdtype(grey.dtype, np.floating) and lowest >= 0 and highest <= 1:
        scale = 1 / 255
    else:
        scale = next((s for s in SCALES if highest <= 255 * s), SCALES[-1])
    return np.nan_to_num(grey / scale).clip(0, 255).round().astype(np.uint8)


def crop_photo(photo: Image.Image, spec: Preprocessing) -> Tensor:
    """Resize and crop a photo: RGB image → uint8 tensor 3×crop×crop, values 0–255."""
    return F.center_crop(resize_photo(photo, spec), [spec.crop])


def resize_photo(photo: Image.Image, spec: Preprocessing) -> Tensor:
    """Scale a photo until its shorter side is `spec.resize`: uint8 tensor 3×H×W."""
    mode = InterpolationMode(spec.interpolation)
    return F.resize(F.pil_to_tensor(photo), [spec.resize], mode, antialias=True)


class Normalize(nn.Module):
    """Pixels 0–255 (N×3×H×W) → floats: divided by 255, minus the mean, divided by std.

    The three steps are one multiplication and one addition, in a single pass over the batch.
    """

    def __init__(self, spec: Preprocessing) -> None:
        super().__init__()
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (spec.mean, spec.std))
        self.register_buffer("scale", 1 / (255 * std))
        self.register_buffer("shift", -mean / std)

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.addcmul(self.shift, pixels.to(self.scale.dtype), self.scale)


@dataclass(frozen=True)
class Preprocessed:
    """One photo on its way into a backbone: each step is made once, so what is shown is what runs.

    `resized` is uint8 3×H×W, `cropped` uint8 3×crop×crop, `pixels` float32 1×3×crop×crop.
    """

    photo: Image.Image
    resized: Tensor
    cropped: Tensor
    pixels: Tensor

    @classmethod
    def of(cls, photo: Image.Image, spec: Preprocessing) -> "Preprocessed":
        resized = resize_photo(photo, spec)
        cropped = F.center_crop(resized, [spec.crop])
        return cls(photo, resized, cropped, Normalize(spec)(cropped.unsqueeze(0)))

    def pictures(self) -> dict[str, np.ndarray]:
        """The photo after each step, as H×W×3 arrays that can be drawn.

        Normalised values lie outside [0, 1], so the last picture is stretched over its own range.
        """
        normal = self.pixels[0]
        stretched = (normal - normal.min()) / (normal.max() - normal.min()).clamp(min=1e-6)
        pictures = {
            f"photo {self.photo.height}×{self.photo.width}": F.pil_to_tensor(self.photo),
            f"shorter side {min(self.resized.shape[1:])}": self.resized,
            f"centre {self.cropped.shape[1]}×{self.cropped.shape[2]}": self.cropped,
            "normalised": stretched,
        }
        return {name: picture.permute(1, 2, 0).numpy() for name, picture in pictures.items()}


def preprocess(photo: Image.Image, spec: Preprocessing) -> Tensor:
    """Photo → the tensor that the backbone takes: float32, 1×3×crop×crop."""
    return Preprocessed.of(photo, spec).pixels


def preprocessing_steps(photo: Image.Image, spec: Preprocessing) -> dict[str, np.ndarray]:
    """What the photo looks like after each step, as H×W×3 arrays that can be drawn."""
    return Preprocessed.of(photo, spec).pictures()
