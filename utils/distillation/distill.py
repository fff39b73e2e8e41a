"""Knowledge distillation: a student learns, without labels, to see what its teacher sees.

For each composition (`compositions.py`) the student (`students.py`) is asked for two things:

- hints (FitNets, Romero et al. 2015): the teacher's feature maps at strides 4, 8, 16 and 32.
  Every place of every map is a lesson, so one picture teaches far more than its 1000 logits do.
- logits (Hinton et al. 2015): the classes that the teacher names, with their probabilities.

Student and teacher always see the same pixels, and the schedule is long ("A good teacher is
patient and consistent", Beyer et al. 2022).
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, mse_loss

from utils.backbones import load_backbone
from utils.checkpoints import Checkpoints
from utils.datasets import Progress, silent
from utils.device import Runtime, machine, memory_guard, seed_everything
from utils.distillation.compositions import Pictures, compose
from utils.distillation.muon import PreciseMuon
from utils.distillation.student import HINTS, STUDENTS, TEACHER, Student, Teacher, student_state
from utils.errors import CourseError, known_name
from utils.files import write_file
from utils.modes import decay_groups, schedule
from utils.training import descend
from utils.weights import course_file, write_course_weights

IMAGES = 300_000  # compositions, if neither a number nor a time is asked for
CALIBRATION = 256  # compositions that show the mean and spread of the teacher's maps


@dataclass(frozen=True)
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
    late: float = 0.2  # share of the steps with the late side
    lr: float = 1e-2  # 4e-3 left the finest hint at 0.33, this at 0.31
    naming: float = 0.1  # weight of the logits beside the hints, at first: with 1 the hints stood
    # at 0.45, 0.58 and 0.81 and the divergence at 4.2, with 0.1 at 0.33, 0.40, 0.63 and 3.7
    late_naming: float = 1.0  # and at last, when the rate is low
    weight_decay: float = 0.05
    warmup: float = 0.03  # share of the steps in which the rate rises to its peak
    clip_norm: float = 20.0  # only rare, very large gradients are shortened
    seed: int = 0

    @property
    def leg(self) -> int:
        """Steps between two saves, each with a row in the record: some minutes, at most."""
        return max(1, min(250, self.steps // 4))

    def side_at(self, step: int) -> int:
        """Side of the compositions at a step, in pixels."""
        return self.late_side if step >= self.steps * (1 - self.late) else self.side

    def naming_at(self, step: int) -> float:
        """Weight of the logits at a step: it rises with the square of the share done."""
        return self.naming + (self.late_naming - self.naming) * (step / self.steps) ** 2


@dataclass(frozen=True)
class LegRecord:
    """Means over one leg: mean squared errors of the standardised hints, fine to coarse; the
    logits' divergence in nats; the share of compositions on which both name the same class.
    """

    images: int
    hints: tuple[float, ...]
    divergence: float
    agreement: float
    lr: float
    seconds: float


@dataclass(frozen=True)
class Distillation:
    """How a student's weights came about: what their card tells."""

    student: str
    teacher: str
    machine: str
    runtime: str
    pictures: dict[str, int]
    held_out: dict[str, int]
    images: int  # compositions seen
    minutes: float
    config: DistillationConfig
    legs: tuple[LegRecord, ...]
    earlier: tuple[dict[str, Any], ...]  # the runs, without legs, whose weights this one began with
    things_left_out: bool = True  # as `load_pictures` does; records of earlier runs don't say so


# A run that begins with trained weights has its coarse lessons behind it. Larger pictures cost more
# and say more: moved by a few pixels, a composition keeps the class that the teacher names in 43 %
# of cases at 128 pixels, in half of them at 160, and in 58 % at 224, for which it was trained.
CONTINUED = {
    "start": "offline",
    "side": 224,
    "late_side": 224,
    "lr": 3e-3,
    "naming": 2.0,
    "late_naming": 4.0,
}


def configure(
    student: str, runtime: Runtime, images: int | None = None, start: bool = False, seed: int = 0
) -> DistillationConfig:
    """How to distil so many compositions on this runtime; raises CourseError (unknown student)."""
    batch_size = (128 if start else 64) if runtime.device.type == "cpu" else 256
    return DistillationConfig(
        known_name("student", student, STUDENTS),
        steps=-(-(images or IMAGES) // batch_size),
        batch_size=batch_size,
        seed=seed,
        **(CONTINUED if start else {}),
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


def distill(
    config: DistillationConfig,
    pictures: tuple[Pictures, Pictures],
    runtime: Runtime,
    checkpoints: Checkpoints,
    resume: bool = False,
    on_leg: Callable[[LegRecord], None] | None = None,
    progress: Progress = silent,
) -> tuple[Distillation, dict[str, Tensor]]:
    """Distil `TEACHER` into a student; returns the record, and the student's weights.

    `pictures` are those to train on and those held out, which are only counted. Progress is saved
    after each leg, so that a stopped run can be resumed and then equals an uninterrupted one.

    Raises:
        CourseError: a loss that isn't finite, out of memory, nothing to resume.
    """
    seed_everything(config.seed)
    train = pictures[0].to(runtime.device)
    job = asdict(config) | {"pictures": train.fingerprint(), "precision": runtime.precision}
    rows: list[LegRecord] = []
    with memory_guard(config.batch_size):
        run = _Run(config, train, runtime)
        if resume:
            saved, _ = checkpoints.load(run.parts, job)
            rows = [LegRecord(**row) for row in saved]
        while (done := len(rows) * config.leg) < config.steps:
            rows.append(_leg(run, range(done, min(done + config.leg, config.steps)), progress))
            state = student_state(run.student, config.student)
            checkpoints.save(run.parts, job, [asdict(row) for row in rows], state)
            if on_leg:
                on_leg(rows[-1])
    record = Distillation(
        config.student,
        TEACHER,
        machine(runtime.device),
        str(runtime),
        pictures[0].counts(),
        pictures[1].counts(),
        rows[-1].images,
        sum(row.seconds for row in rows) / 60,
        config,
        tuple(rows),
        _earlier_runs(config, rows),
    )
    return record, student_state(run.student, config.student)


def _earlier_runs(
    config: DistillationConfig, rows: Sequence[LegRecord]
) -> tuple[dict[str, Any], ...]:
    """The runs that made the weights a run begins with, oldest first."""
    record = course_file(config.student).with_suffix(".json")
    if config.start == "untrained" or not record.exists():
        return ()
    content = json.loads(record.read_text(encoding="utf-8"))
    earlier, legs = content.pop("earlier"), content.pop("legs")
    # A finished run that is resumed may find its own record there.
    itself = legs == [json.loads(json.dumps(asdict(row))) for row in rows]
    return tuple(earlier) if itself else (*earlier, content)


def write_student(record: Distillation, state: dict[str, Tensor], folder: Path) -> None:
    """Write the weights, their checksum and the record of how they were made into a folder."""
    write_course_weights(state, folder / f"{record.student}.safetensors")
    write_file(folder / f"{record.student}.json", json.dumps(asdict(record), indent=2) + "\n")


def steps_in(
    minutes: float, config: DistillationConfig, pictures: Pictures, runtime: Runtime
) -> int:
    """How many steps this machine gets through in that time, from a few that are timed."""
    pictures, timed = pictures.to(runtime.device), 6
    with memory_guard(config.batch_size):
        run = _Run(config, pictures, runtime)
        seconds = 0.0
        for first, share in ((0, 1 - config.late), (config.steps - timed, config.late)):
            for step, pixels in run.batches(range(first, first + 1)):  # tracing and warming up
                run.step(pixels, step)
            started = perf_counter()
            for step, pixels in run.batches(range(first, first + timed)):
                run.step(pixels, step)
            seconds += share * (perf_counter() - started) / timed
    return max(1, round(minutes * 60 / seconds))


class _Run:
    """Teacher, student and optimizer of one distillation."""

    def __init__(self, config: DistillationConfig, pictures: Pictures, runtime: Runtime) -> None:
        self.config, self.pictures, self.runtime = config, pictures, runtime
        self.teacher = Teacher(runtime)
        seen = runtime.send(compose(pictures, CALIBRATION, config.side, Random(config.seed)))
        backbone = load_backbone(config.student, config.start, config.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.student = runtime.place(Student(backbone, self.teacher, seen))
        if not backbone.untrained:
            self.student.fit_adapters(self.teacher, seen.split(config.batch_size))
        optimizer = PreciseMuon(decay_groups(self.student, config.lr, config.weight_decay))
        self.parts: dict[str, Any] = {
            "model": self.student,
            "optimizer": optimizer,
            "scheduler": torch.optim.lr_scheduler.LambdaLR(
                optimizer, lambda step: schedule(step, config.steps, config.warmup)
            ),
            "scaler": runtime.scaler(),
        }

    def batches(self, steps: range) -> Iterator[tuple[int, Tensor]]:
        """Numbers and compositions of steps; the next are made while the student learns."""

        def make(step: int) -> Tensor:
            random = Random(f"{self.config.seed}/{step}")
            side = self.config.side_at(step)
            return compose(self.pictures, self.config.batch_size, side, random)

        with ThreadPoolExecutor(max_workers=1) as maker:
            coming = maker.submit(make, steps[0])
            for step in steps:
                pixels = coming.result()
                if step != steps[-1]:
                    coming = maker.submit(make, step + 1)
                yield step, self.runtime.send(pixels)

    def step(self, pixels: Tensor, step: int) -> tuple[list[float], float, float]:
        """Learn from one batch; returns the hints' errors, the divergence and the agreement."""
        *maps, features = self.teacher(pixels)
        self.student.train()
        with self.runtime.autocast():
            guesses, logits = self.student(pixels)
        hints = []
        for number, (guess, target) in enumerate(zip(guesses, maps, strict=True)):
            mean, std = self.student.scale(number)
            hints.append(mse_loss(guess, (target - mean) / std))
        wanted = self.student.classifier(features)
        divergence = kl_div(
            log_softmax(logits.float(), dim=1),
            log_softmax(wanted, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        loss = sum(hints) + self.config.naming_at(step) * divergence
        if not torch.isfinite(loss):
            raise CourseError(
                f"The loss became {loss.item()}: distil with a lower rate. The progress up to the "
                "last leg was kept."
            )
        descend(loss, self.parts, self.config.clip_norm)
        agreement = (logits.argmax(dim=1) == wanted.argmax(dim=1)).float().mean()
        return [hint.item() for hint in hints], divergence.item(), agreement.item()


def _leg(run: _Run, steps: range, progress: Progress) -> LegRecord:
    started = perf_counter()
    sums = torch.zeros(len(HINTS) + 2)
    lr = 0.0
    for step, pixels in progress(run.batches(steps), desc=f"step {steps[0]}", total=len(steps)):
        lr = max(lr, run.parts["optimizer"].param_groups[0]["lr"])
        hints, divergence, agreement = run.step(pixels, step)
        sums += torch.tensor([*hints, divergence, agreement])
    *hints, divergence, agreement = (sums / len(steps)).tolist()
    images = (steps[-1] + 1) * run.config.batch_size
    return LegRecord(images, tuple(hints), divergence, agreement, lr, perf_counter() - started)
