"""What can be chosen: the course's environment variables, and how to train, with every default.

Nothing here needs torch, so the command line can name the choices without loading it.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import platformdirs
from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from utils.errors import CourseError

PROJECT = Path(__file__).resolve().parents[1]


class Mode(StrEnum):
    """What learns: the head alone, the backbone's last block too, or every weight."""

    HEAD = "head"
    LAST_BLOCK = "last-block"
    FULL = "full"


class WeightsChoice(StrEnum):
    """Which weights: a model's own, only those without download, only the official, or random."""

    AUTO = "auto"
    OFFLINE = "offline"
    IMAGENET = "imagenet"
    UNTRAINED = "untrained"


class DeviceKind(StrEnum):
    """Where to compute."""

    CUDA = "cuda"
    MPS = "mps"
    CPU = "cpu"


class Precision(StrEnum):
    """In which number format to multiply."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"
    INT8 = "int8"


class FeatureEngine(StrEnum):
    """What runs a frozen backbone: OpenVINO, on CPUs alone, or PyTorch as it is."""

    OPENVINO = "openvino"
    EAGER = "eager"


class ExportFormat(StrEnum):
    """What an export of quizzes is for: Canvas, Moodle, or a table."""

    QTI = "qti"
    GIFT = "gift"
    CSV = "csv"


class GradesFormat(StrEnum):
    """What an export of marks is for: a table, Canvas or Moodle."""

    CSV = "csv"
    CANVAS = "canvas"
    MOODLE = "moodle"


class Settings(BaseSettings):
    """The variables `COURSE_WEIGHTS`, `…_DEVICE`, `…_PRECISION`, `…_CACHE`, `…_GRADING` and so on.

    An empty variable counts as unset. What a choice may be is checked where it is used.
    """

    model_config = SettingsConfigDict(env_prefix="COURSE_", env_ignore_empty=True)

    weights: str = WeightsChoice.AUTO.value
    device: str | None = None  # the best one here
    precision: str | None = None  # the fastest that the device computes in
    engine: str | None = None  # openvino on a CPU, else eager
    cache: Path = platformdirs.user_cache_path("vision-course")
    grading: Path = PROJECT / "grading"  # students' work and marks
    gradebook: str | None = None  # a database's URL, for the marks alone; else a file in `grading`

    @field_validator("cache", "grading")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        return folder.expanduser().resolve()


def check_checkout() -> None:
    """Raise CourseError if the package was installed without its lessons, weights and data."""
    if not (PROJECT / "pyproject.toml").exists():
        raise CourseError(
            f"The course runs from its own folder, and {PROJECT} has neither lessons nor weights: "
            "install it from its own folder with pip install -e . (make does)."
        )


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How to train; each value with its reason.

    Chosen on validation splits of ELPV with frozen EfficientNet-Lite0 features.
    """

    mode: str = Mode.HEAD.value
    epochs: int = 5
    batch_size: int = 32
    lr_head: float = 3e-3  # the best of 1e-3, 3e-3 and 1e-2 on validation splits
    lr_backbone: float = 1e-4  # small steps: the backbone's knowledge is worth keeping
    weight_decay: float = 0.1
    warmup: float = 0.1  # fraction of the steps in which the learning rate rises to its peak
    clip_norm: float = 5.0  # only rare, very large gradients are shortened
    patience: int | None = None  # stop after so many epochs without a better validation loss
    class_weights: bool = False  # each class counts alike in the loss, however few its photos
    fraction: float = 1.0  # of the training split: how much accuracy do more photos buy?
    # Train the head alone before anything else moves, and keep BatchNorm's statistics. None: both
    # in mode full on a pre-trained backbone. (160 cells, 96 px, three epochs, means of five splits
    # by module: ResNet-18 72 % with both and 58 % with neither, EfficientNet-Lite0 74 and 71 %.)
    head_first: bool | None = None
    frozen_norms: bool | None = None
    head_epochs: int = 5  # of that head alone; more, where few photos make few steps
    seed: int = 0
