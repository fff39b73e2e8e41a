"""How good the course's own weights are: measured, kept as JSON, and written into their cards."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import jinja2
import torch
from torch import Tensor

from utils.backbones import Backbone, load_backbone
from utils.classifier import linear_probe
from utils.datasets import ImageSet, Progress, load_elpv, no_progress
from utils.device import Runtime, machine
from utils.distillation.compositions import compose
from utils.distillation.pictures import Pictures
from utils.distillation.student import STUDENTS, TEACHER
from utils.features import extract_features
from utils.files import write_file
from utils.images import PHOTOS, Normalize, crop_photo, open_photo, sample_photo
from utils.models import IMAGENET_CLASSES
from utils.splits import split
from utils.training import TrainingConfig, train

COMPOSITIONS = 4096  # of each kind: a standard error of 0.8 points where a third or more agree
BATCH = 64
SIDE = 224  # pixels: the size at which the lessons use the students
SPLITS = 5
TOP = 5
SIBLING = "efficientnet_lite1"  # learned on ImageNet itself, as the teacher did

Namer = Callable[[Tensor], Tensor]  # uint8 pixels N×3×H×W → N×5 indices of classes, best first


@dataclass(frozen=True)
class Match:
    """How often a model names what the teacher names, on compositions."""

    top1: float  # fraction of compositions with the same first class
    top5: float  # mean fraction of the teacher's five classes among the model's five


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How often a student names what its teacher names, on images that its training never saw."""

    pictures: dict[str, int]  # that it learned from
    held_out: dict[str, int]  # that its training held out
    fresh: Match  # new compositions of the pictures that it learned from
    unseen: Match  # compositions of those that were held out
    photos_top1: int  # on how many photos, that no training has seen, the first class is the same
    photos_top5: int  # how many of the teacher's five classes it shares on them
    photos_total: int  # of how many
    photos: dict[str, tuple[str, ...]]  # the student's five classes, best first
    machine: str


@dataclass(frozen=True, kw_only=True)
class Usefulness:
    """Test accuracy on ELPV with a frozen backbone, one value a split by module."""

    probe_binary: tuple[float, ...]  # linear probe: good or defective
    probe_four: tuple[float, ...]  # linear probe: {mono, poly} × {good, defective}
    head_four: tuple[float, ...]  # five epochs of the course's standard head, four classes
    floor_binary: tuple[float, ...]  # always answering "good"
    machine: str


@dataclass(frozen=True)
class Quality:
    """All that was measured of one backbone; the agreement of the students alone."""

    model: str
    weights: str
    usefulness: Usefulness
    agreement: Agreement | None = None


@dataclass(frozen=True)
class Yardstick:
    """What agreement can be expected at best, on compositions of the held-out pictures of the
    student that has the most: how often two other namers name what the teacher names.
    """

    mirrored: Match  # the teacher itself, on the mirrored compositions
    sibling: Match  # the next larger model of its family


@dataclass(frozen=True, kw_only=True)
class Report:
    """The students beside their untrained selves and their teacher."""

    machine: str  # of the yardstick
    runtime: str
    compositions: int  # of each kind
    held_out: dict[str, int]  # pictures of the yardstick
    yardstick: Yardstick
    teacher: Quality
    trained: dict[str, Quality]
    untrained: dict[str, Quality]


def measure(
    pictures: Mapping[str, tuple[Pictures, Pictures]],
    runtime: Runtime,
    progress: Progress = no_progress,
) -> Report:
    """Measure every student's published weights, each on the pictures of its own runs.

    `pictures` are, for each student, those that it learned from and those held out.

    Raises:
        CourseError: a student's weights are missing or damaged.
    """
    held_out = max((held for _, held in pictures.values()), key=lambda p: len(p.digests))
    teacher = load_backbone(TEACHER, "offline")
    trained, untrained = {}, {}
    for name in STUDENTS:
        student = load_backbone(name, "offline")
        agreement = measure_agreement(student, teacher, pictures[name], runtime)
        usefulness = measure_usefulness(student, runtime, progress)
        trained[name] = Quality(name, str(student.weights), usefulness, agreement)
        blank = load_backbone(name, "untrained")
        usefulness = measure_usefulness(blank, runtime, progress)
        untrained[name] = Quality(name, str(blank.weights), usefulness)
    usefulness = measure_usefulness(teacher, runtime, progress)
    return Report(
        machine=machine(runtime.device),
        runtime=str(runtime),
        compositions=COMPOSITIONS,
        held_out=held_out.counts(),
        yardstick=measure_yardstick(teacher, held_out, runtime),
        teacher=Quality(TEACHER, str(teacher.weights), usefulness),
        trained=trained,
        untrained=untrained,
    )


def write_report(report: Report, folder: Path) -> None:
    """Write `report.json`, and a model card for each student whose record lies in the folder."""
    write_file(folder / "report.json", json.dumps(asdict(report), indent=2) + "\n")
    for name in STUDENTS:
        record = folder / f"{name}.json"
        if record.exists():
            card = render_card(report, name, json.loads(record.read_text(encoding="utf-8")))
            write_file(folder / f"{name}.md", card)


def render_card(report: Report, name: str, record: dict[str, Any]) -> str:
    """A student's model card in Markdown, from what was measured and how it was made."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("utils.distillation"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["percent"] = lambda fraction: f"{fraction:.1%}"
    environment.filters["splits"] = _splits
    return environment.get_template("card.md.j2").render(
        name=name,
        record=record,
        runs=[*record["earlier"], record],
        report=report,
        rows=(report.trained[name], report.untrained[name], report.teacher),
        agreement=report.trained[name].agreement,
    )


def _splits(values: Sequence[float]) -> str:
    """The mean over splits, and between which values they lie."""
    return f"{mean(values):.1%} ({min(values):.1%} to {max(values):.1%})"


def measure_agreement(
    student: Backbone, teacher: Backbone, pictures: tuple[Pictures, Pictures], runtime: Runtime
) -> Agreement:
    """Compare the classes of a student with its teacher's; `pictures` are those that the student
    learned from, and those held out.
    """
    theirs, ours = _namer(teacher, runtime), {"student": _namer(student, runtime)}
    fresh, unseen = (
        matches(ours, theirs, part.to(runtime.device), what)["student"]
        for part, what in zip(pictures, ("fresh", "held out"), strict=True)
    )
    on_photos = {
        name: tuple(_top_on_photo(b, name, runtime) for b in (student, teacher)) for name in PHOTOS
    }
    return Agreement(
        pictures=pictures[0].counts(),
        held_out=pictures[1].counts(),
        fresh=fresh,
        unseen=unseen,
        photos_top1=sum(int(own[0, 0] == other[0, 0]) for own, other in on_photos.values()),
        photos_top5=sum(_shared(own, other) for own, other in on_photos.values()),
        photos_total=TOP * len(PHOTOS),
        photos={
            name: tuple(IMAGENET_CLASSES[i] for i in own[0].tolist())
            for name, (own, _) in on_photos.items()
        },
        machine=f"{machine(runtime.device)} ({runtime})",
    )


def measure_yardstick(teacher: Backbone, held_out: Pictures, runtime: Runtime) -> Yardstick:
    """How far the teacher agrees with its mirrored view, and with a sibling."""
    theirs = _namer(teacher, runtime)
    namers = {
        "mirrored": lambda pixels: theirs(pixels.flip(-1)),
        "sibling": _namer(load_backbone(SIBLING, "offline"), runtime),
    }
    return Yardstick(**matches(namers, theirs, held_out.to(runtime.device), "held out"))


def matches(
    namers: Mapping[str, Namer], theirs: Namer, pictures: Pictures, what: str
) -> dict[str, Match]:
    """Compare what each namer and the teacher name, on compositions of these pictures; `what` is
    the seed of the compositions.
    """
    same, overlap = dict.fromkeys(namers, 0), dict.fromkeys(namers, 0)
    for number in range(COMPOSITIONS // BATCH):
        pixels = compose(pictures, BATCH, SIDE, Random(f"{what} {number}"))
        wanted = theirs(pixels)
        for name, namer in namers.items():
            found = namer(pixels)
            same[name] += int((found[:, 0] == wanted[:, 0]).sum())
            overlap[name] += _shared(found, wanted)
    return {
        name: Match(same[name] / COMPOSITIONS, overlap[name] / COMPOSITIONS / TOP)
        for name in namers
    }


def _namer(backbone: Backbone, runtime: Runtime) -> Namer:
    return lambda pixels: top_classes(backbone, pixels, runtime)


@torch.inference_mode()
def top_classes(backbone: Backbone, pixels: Tensor, runtime: Runtime) -> Tensor:
    """Indices of the five likeliest classes, best first: uint8 N×3×H×W → N×5."""
    normalise = runtime.move_module(Normalize(backbone.spec.preprocessing))
    images = normalise(runtime.move_batch(pixels))
    with runtime.autocast():
        logits = runtime.move_module(backbone).logits(images)
    return logits.float().topk(TOP).indices


def _top_on_photo(backbone: Backbone, name: str, runtime: Runtime) -> Tensor:
    crop = crop_photo(open_photo(sample_photo(name)), backbone.spec.preprocessing)
    return top_classes(backbone, crop.unsqueeze(0), runtime)


def _shared(ours: Tensor, theirs: Tensor) -> int:
    """Count the classes that two N×5 tables of indices share, row by row."""
    return int((ours[:, :, None] == theirs[:, None, :]).sum())


def measure_usefulness(
    backbone: Backbone, runtime: Runtime, progress: Progress = no_progress
) -> Usefulness:
    """Probe the frozen backbone on ELPV with five splits by module (75 % to learn, 25 % test)."""
    binary, four = load_elpv(binary=True), load_elpv()
    vectors = extract_features(backbone, four, runtime, progress=progress).vectors

    def probes(images: ImageSet) -> tuple[float, ...]:
        return tuple(_probe(vectors, images, seed) for seed in range(SPLITS))

    heads = [
        train(backbone, four, TrainingConfig(seed=seed), runtime)[0].test_accuracy
        for seed in range(SPLITS)
    ]
    floors = [
        1 - mean(binary.labels[i] for i in split(binary, seed).test) for seed in range(SPLITS)
    ]
    where = f"{machine(runtime.device)} ({runtime})"
    return Usefulness(
        probe_binary=probes(binary),
        probe_four=probes(four),
        head_four=tuple(heads),
        floor_binary=tuple(floors),
        machine=where,
    )


def _probe(vectors: Tensor, images: ImageSet, seed: int) -> float:
    parts, labels = split(images, seed), torch.tensor(images.labels)
    learn, test = list(parts.train + parts.val), list(parts.test)
    return linear_probe(vectors[learn], labels[learn], vectors[test], labels[test])
