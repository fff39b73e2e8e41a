"""How to distil: the settings, each with its reason, and those of a run that was stopped."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from utils.device import Runtime
from utils.distillation.student import STUDENTS
from utils.errors import CourseError, known_name
from utils.files import write_file

IMAGES = 300_000  # compositions, if neither a number nor a time is asked for


@dataclass(frozen=True, kw_only=True)
class DistillationConfig:
    """How to distil; each value with its reason.

    Chosen by runs of three minutes with ResNet-18 on two cores, in which the three finer hints
    came, with AdamW, to 0.66, 0.79 and 0.95; with Muon (Jordan et al. 2024), which saw three
    quarters as many images in that time, to 0.51, 0.65 and 0.86.
    """

    student: str
    steps: int
    start: str = "untrained"  # or "offline": the weights that the course has
    batch_size: int = 64  # with 32, the optimizer takes a quarter of the time
    side: int = 96  # pixels; at 128 an image costs half as much again
    late_side: int = 160  # nearer to the 224 px at which the student will be used
    late: float = 0.2  # fraction of the steps with the late side
    lr: float = 1e-2  # 4e-3 left the finest hint at 0.33, this at 0.31
    # The logits' weight beside the hints, at first and at last. With 1 at first the hints stood at
    # 0.45, 0.58 and 0.81 and the divergence at 4.2, with 0.1 at 0.33, 0.40, 0.63 and 3.7.
    logit_weight: float = 0.1
    late_logit_weight: float = 1.0
    # Stages up to this stride keep their weights. With 8, VGG-11 gets through 37 compositions of
    # 128 pixels a second instead of 20, on two cores with bf16.
    frozen: int = 0
    weight_decay: float = 0.05
    warmup: float = 0.03  # fraction of the steps in which the learning rate rises to its peak
    clip_norm: float = 20.0  # only rare, very large gradients are shortened
    seed: int = 0

    @property
    def interval(self) -> int:
        """Steps between two saves, each with a row in the record: some minutes, at most."""
        return max(1, min(250, self.steps // 4))

    def side_at(self, step: int) -> int:
        """Side of the compositions at a step, in pixels."""
        return self.late_side if step >= self.steps * (1 - self.late) else self.side

    def logit_weight_at(self, step: int) -> float:
        """Weight of the logits at a step: it rises with the square of the fraction done."""
        rise = self.late_logit_weight - self.logit_weight
        return self.logit_weight + rise * (step / self.steps) ** 2


# A run that begins with trained weights. Larger pictures cost more and tell more: of a composition
# shifted by a few pixels, the teacher names the same class in 43 % of cases at 128 pixels, in half
# of them at 160, and in 58 % at 224, for which it was trained.
CONTINUED = {
    "start": "offline",
    "side": 224,
    "late_side": 224,
    "lr": 5e-3,
    "logit_weight": 2.0,
    "late_logit_weight": 4.0,
}
# On a CPU, where minutes are dear. The fine stages are learned by then: on new pictures VGG-11's
# two finest hints stood at 0.22 and 0.23 after 74,880 compositions, ResNet-18's at 0.18 and 0.19
# after 965,888. A composition of 224 pixels takes three times as long as one of 128.
SPARING = {"side": 128, "late": 0.15, "frozen": 8}


def configure(
    student: str, runtime: Runtime, images: int | None = None, start: bool = False, seed: int = 0
) -> DistillationConfig:
    """How to distil so many compositions on this runtime; raises CourseError (unknown student)."""
    slow = runtime.device.type == "cpu"
    batch_size = 64 if slow else 256
    return DistillationConfig(
        student=known_name("student", student, STUDENTS),
        steps=-(-(images or IMAGES) // batch_size),
        batch_size=batch_size,
        seed=seed,
        **(CONTINUED | (SPARING if slow else {}) if start else {}),
    )


def keep_config(config: DistillationConfig, folder: Path) -> None:
    """Write the settings of a run into its folder, for `kept_config`."""
    write_file(folder / "config.json", json.dumps(asdict(config), indent=2) + "\n")


def kept_config(folder: Path, student: str) -> DistillationConfig:
    """The settings of a run that was stopped.

    Raises:
        CourseError: there was no run, its settings are damaged, or it was another student's.
    """
    file = folder / "config.json"
    try:
        config = DistillationConfig(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise CourseError(
            f"There is nothing to resume in {folder}: run without --resume."
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise CourseError(
            f"{file} is damaged: delete {folder} and run without --resume."
        ) from error
    if config.student != student:
        raise CourseError(
            f"{folder} belongs to {config.student}: resume with --student {config.student}."
        )
    return config
