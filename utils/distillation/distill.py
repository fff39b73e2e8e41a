"""Knowledge distillation: a student learns, without labels, to see what its teacher sees.

For each composition (`compositions.py`) the student (`student.py`) is asked for two things:

- hints (FitNets, Romero et al. 2015): the teacher's feature maps at strides 4, 8, 16 and 32.
  Every position of every map is a target, so a picture teaches far more than its 1000 logits do.
- logits (Hinton et al. 2015): the classes that the teacher names, with their probabilities.

Student and teacher always see the same pixels, and the schedule is long ("A good teacher is
patient and consistent", Beyer et al. 2022).
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from utils.backbones import load_backbone
from utils.checkpoints import Checkpoints, TrainState
from utils.datasets import Progress, no_progress
from utils.device import Runtime, machine, memory_guard, reproducible
from utils.distillation.compositions import compose
from utils.distillation.config import DistillationConfig
from utils.distillation.finishing import Finish, finish, published_record, unscaled
from utils.distillation.muon import PreciseMuon
from utils.distillation.pictures import Pictures
from utils.distillation.student import TEACHER, Student, Teacher, divergence, student_state
from utils.errors import CourseError
from utils.files import write_file
from utils.modes import decay_groups, schedule
from utils.weights import write_course_weights

TIMED = 6  # steps that show a machine's speed
CALIBRATION = 256  # compositions that show the mean and spread of the teacher's maps


@dataclass(frozen=True, kw_only=True)
class IntervalRecord:
    """Means over one interval: mean squared errors of the standardised hints, fine to coarse, which
    frozen stages have none of; the logits' divergence in nats; the fraction of compositions on
    which both name the same class.
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
    intervals: tuple[IntervalRecord, ...]
    earlier: tuple[
        dict[str, Any], ...
    ]  # the runs, without intervals, whose weights this one began with
    finish: Finish | None = None  # earlier runs kept the head that they learned with
    things_left_out: bool = True  # as `load_pictures` does; records of earlier runs don't say so


def distill(
    config: DistillationConfig,
    pictures: tuple[Pictures, Pictures],
    runtime: Runtime,
    checkpoints: Checkpoints,
    on_interval: Callable[[IntervalRecord], None] | None = None,
    progress: Progress = no_progress,
) -> tuple[Distillation, dict[str, Tensor]]:
    """Distil `TEACHER` into a student; returns the record, and the student's weights.

    `pictures` are those to train on and those held out, which are only counted. Progress is saved
    after each interval, so that a stopped run can be resumed and then equals an uninterrupted one.

    Raises:
        CourseError: a loss that isn't finite, out of memory, nothing to resume.
    """
    train = pictures[0].to(runtime.device)
    key = asdict(config) | {"pictures": train.fingerprint(), "precision": runtime.precision}
    checkpoints = replace(checkpoints, run_key=key)
    rows: list[IntervalRecord] = []
    with reproducible(config.seed), memory_guard(config.batch_size):
        run = _Run(config, train, runtime)
        if checkpoints.resume:
            saved, _ = checkpoints.load(run.state)
            rows = [IntervalRecord(**row) for row in saved]
        while (done := len(rows) * config.interval) < config.steps:
            steps = range(done, min(done + config.interval, config.steps))
            rows.append(_interval(run, steps, progress))
            checkpoints.save(
                run.state, [asdict(row) for row in rows], student_state(run.student, config.student)
            )
            if on_interval:
                on_interval(rows[-1])
        learned = student_state(run.student, config.student)
        seen = rows[-1].images
        state, finished = finish(run.backbone, learned, run.teacher, train, seen, runtime)
    record = Distillation(
        student=config.student,
        teacher=TEACHER,
        machine=machine(runtime.device),
        runtime=str(runtime),
        pictures=pictures[0].counts(),
        held_out=pictures[1].counts(),
        images=rows[-1].images,
        minutes=sum(row.seconds for row in rows) / 60,
        config=config,
        intervals=tuple(rows),
        earlier=_earlier_runs(config, rows),
        finish=finished,
    )
    return record, state


def _earlier_runs(
    config: DistillationConfig, rows: Sequence[IntervalRecord]
) -> tuple[dict[str, Any], ...]:
    """The runs that made the weights a run begins with, oldest first."""
    content = published_record(config.student)
    if config.start == "untrained" or content is None:
        return ()
    earlier, intervals = content.pop("earlier"), content.pop("intervals")
    # A finished run that is resumed may find its own record there.
    itself = intervals == [json.loads(json.dumps(asdict(row))) for row in rows]
    return tuple(earlier) if itself else (*earlier, content)


def write_student(record: Distillation, state: dict[str, Tensor], folder: Path) -> None:
    """Write the weights, their checksum and the record of how they were made into a folder."""
    write_course_weights(state, folder / f"{record.student}.safetensors")
    write_file(folder / f"{record.student}.json", json.dumps(asdict(record), indent=2) + "\n")


def steps_in(
    minutes: float, config: DistillationConfig, pictures: Pictures, runtime: Runtime
) -> int:
    """How many steps this machine gets through in that time, from a few that are timed."""
    pictures, timed = pictures.to(runtime.device), TIMED
    with memory_guard(config.batch_size):
        run = _Run(config, pictures, runtime)
        seconds = 0.0
        for first, fraction in ((0, 1 - config.late), (config.steps - timed, config.late)):
            for step, pixels in run.batches(range(first, first + 1)):  # tracing and warming up
                run.step(pixels, step)
            started = perf_counter()
            for step, pixels in run.batches(range(first, first + timed)):
                run.step(pixels, step)
            seconds += fraction * (perf_counter() - started) / timed
    return max(1, round(minutes * 60 / seconds))


class _Run:
    """Teacher, student and optimizer of one distillation."""

    def __init__(self, config: DistillationConfig, pictures: Pictures, runtime: Runtime) -> None:
        self.config, self.pictures, self.runtime = config, pictures, runtime
        self.teacher = Teacher(runtime)
        seen = runtime.move_batch(compose(pictures, CALIBRATION, config.side, Random(config.seed)))
        backbone = load_backbone(config.student, config.start, config.seed)
        self.backbone = backbone = unscaled(backbone) if backbone.weights.trained else backbone
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.student = runtime.move_module(Student(backbone, self.teacher, seen))
        if backbone.weights.trained:
            self.student.fit_adapters(self.teacher, seen.split(config.batch_size))
            self.student.keep_head(backbone.head)
        if config.frozen:
            self.student.freeze(config.frozen, runtime)
        optimizer = PreciseMuon(decay_groups(self.student, config.lr, config.weight_decay))
        self.state = TrainState(
            model=self.student,
            optimizer=optimizer,
            scheduler=torch.optim.lr_scheduler.LambdaLR(
                optimizer, lambda step: schedule(step, config.steps, config.warmup)
            ),
            scaler=runtime.scaler(),
            clip_norm=config.clip_norm,
        )

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
                yield step, self.runtime.move_batch(pixels)

    def step(self, pixels: Tensor, step: int) -> tuple[list[float], float, float]:
        """Learn from one batch; returns the hints' errors, the divergence and the agreement."""
        *maps, features = self.teacher(pixels)
        self.student.train()
        with self.runtime.autocast():
            guesses, logits = self.student(pixels)
        hints = []
        for number, guess in zip(self.student.hints, guesses, strict=True):
            mean, std = self.student.scale(number)
            hints.append(mse_loss(guess, (maps[number] - mean) / std))
        wanted = self.student.classifier(features)
        gap = divergence(logits, wanted)
        loss = sum(hints) + self.config.logit_weight_at(step) * gap
        if not torch.isfinite(loss):
            raise CourseError(
                f"The loss became {loss.item()}: distil with a lower learning rate. The "
                "progress up to the last interval was kept."
            )
        self.state.step(loss)
        agreement = (logits.argmax(dim=1) == wanted.argmax(dim=1)).float().mean()
        return [hint.item() for hint in hints], gap.item(), agreement.item()


def _interval(run: _Run, steps: range, progress: Progress) -> IntervalRecord:
    started = perf_counter()
    rows, lr = [], 0.0
    for step, pixels in progress(run.batches(steps), desc=f"step {steps[0]}", total=len(steps)):
        lr = max(lr, run.state.lr)
        hints, gap, agreement = run.step(pixels, step)
        rows.append([*hints, gap, agreement])
    *hints, gap, agreement = torch.tensor(rows).mean(dim=0).tolist()
    images = (steps[-1] + 1) * run.config.batch_size
    return IntervalRecord(
        images=images,
        hints=tuple(hints),
        divergence=gap,
        agreement=agreement,
        lr=lr,
        seconds=perf_counter() - started,
    )
