"""Student and teacher: maps to compare, and a head that can stand alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torchvision.models as tv
from torch import nn

from utils.backbones import load_backbone
from utils.batches import generator, random_crop
from utils.device import Runtime
from utils.distillation.student import (
    HINTS,
    STUDENTS,
    Student,
    Teacher,
    divergence,
    student_state,
)
from utils.images import Normalize, open_photo, resize_photo, sample_photo


@pytest.fixture(scope="module")
def teacher(cpu: Runtime) -> Teacher:
    return Teacher(cpu)


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8, generator=random)


@pytest.fixture(scope="module", params=STUDENTS)
def student(request: pytest.FixtureRequest, teacher: Teacher, pixels: torch.Tensor) -> Student:
    return Student(load_backbone(request.param, "untrained"), teacher, pixels)


def test_maps_have_the_strides_of_the_hints(
    student: Student, teacher: Teacher, pixels: torch.Tensor
) -> None:
    *own, features = student.extractor(pixels)
    *maps, teachers_features = teacher(pixels)
    guesses, logits = student(pixels)
    for stride, mine, theirs, guess in zip(HINTS, own, maps, guesses, strict=True):
        side = 64 // stride
        assert mine.shape[2:] == theirs.shape[2:] == (side, side)
        assert guess.shape == theirs.shape
    assert (features.shape, teachers_features.shape) == ((4, 512), (4, 1280))
    assert logits.shape == (4, 1000)


def test_a_teacher_gives_what_its_backbone_gives(teacher: Teacher, pixels: torch.Tensor) -> None:
    """In its fastest form, and at a second size too."""
    backbone = teacher.backbone
    for batch in (pixels, pixels[..., :32, :32].contiguous()):
        with torch.no_grad():
            expected = backbone(Normalize(backbone.spec.preprocessing)(batch))
        torch.testing.assert_close(teacher(batch)[-1], expected, rtol=1e-3, atol=1e-3)


def test_all_but_the_teachers_classifier_learns(student: Student, pixels: torch.Tensor) -> None:
    guesses, logits = student.train()(pixels)
    (sum(guess.square().mean() for guess in guesses) + logits.square().mean()).backward()
    for name, parameter in student.named_parameters():
        assert (parameter.grad is None) == name.startswith("classifier."), name


def test_what_is_kept_says_what_the_student_says(student: Student, pixels: torch.Tensor) -> None:
    """Adapter, pooling and the teacher's classifier, merged, and under torchvision's names."""
    name = "resnet18" if student.adapters[0].in_channels == 64 else "vgg11_gap"
    state = student_state(student, name)
    if name == "resnet18":
        model = tv.resnet18(num_classes=1000)
    else:
        model = tv.vgg11_bn()
        model.avgpool = nn.AdaptiveAvgPool2d(1)
        model.classifier = nn.Linear(512, 1000)
    model.load_state_dict(state, strict=True)
    with torch.no_grad():
        _, expected = student.eval()(pixels)
        kept = model.eval()(student.extractor.normalize(pixels))
    torch.testing.assert_close(kept, expected, rtol=1e-3, atol=1e-3)


def test_fitted_adapters_guess_better_than_those_drawn(
    student: Student, teacher: Teacher, pixels: torch.Tensor
) -> None:
    """Even an untrained backbone's maps tell something of its teacher's."""

    def errors() -> list[float]:
        with torch.no_grad():
            guesses, _ = student.eval()(pixels)
        scales = [student.scale(number) for number in range(len(HINTS))]
        return [
            float(((target - mean) / std - guess).square().mean())
            for guess, target, (mean, std) in zip(guesses, teacher(pixels), scales, strict=False)
        ]

    drawn = errors()
    student.fit_adapters(teacher, [pixels])
    assert all(fitted < before for fitted, before in zip(errors(), drawn, strict=True))


@pytest.mark.parametrize("name", STUDENTS)
def test_frozen_stages_keep_weights_and_statistics(
    name: str, teacher: Teacher, pixels: torch.Tensor, cpu: Runtime
) -> None:
    """Up to stride 8: what comes out there stays the same, and what comes after learns."""
    student = Student(load_backbone(name, "untrained"), teacher, pixels)
    with torch.no_grad():
        expected, _ = student.eval()(pixels)
        student.freeze(8, cpu)
        guesses, _ = student(pixels)
        before = student.extractor(pixels)
    torch.testing.assert_close(guesses, expected[2:], rtol=1e-3, atol=1e-3)
    guesses, logits = student.train()(pixels)
    (sum(guess.square().mean() for guess in guesses) + logits.square().mean()).backward()
    with torch.no_grad():
        for parameter in student.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
        after = student.eval().extractor(pixels)
    unchanged = [torch.equal(old, new) for old, new in zip(before[:4], after[:4], strict=True)]
    assert unchanged == [True, True, False, False]


@pytest.mark.engine
def test_frozen_stages_on_an_engine_give_their_maps_within_autocast(
    teacher: Teacher, pixels: torch.Tensor, cpu: Runtime, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    student = Student(load_backbone("resnet18", "untrained"), teacher, pixels)
    with torch.no_grad():
        expected = student.eval().extractor(pixels)[1]
    student.freeze(8, replace(cpu, engine="openvino"))
    with torch.autocast("cpu", torch.bfloat16):
        student(pixels)  # a student learns within it, and the stages are compiled at its first step
    torch.testing.assert_close(student.frozen(pixels), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_that_goes_on_answers_as_its_weights_do(
    name: str, teacher: Teacher, cpu: Runtime
) -> None:
    """What its head has learned is there from the first step on, beside what its maps have."""
    photo = open_photo(sample_photo("coffee"))
    crops = [
        random_crop(resize_photo(photo, teacher.backbone.spec.preprocessing), 96, generator(n))
        for n in range(16)
    ]
    pixels = torch.stack(crops)
    backbone = load_backbone(name, "offline")
    student = Student(backbone, teacher, pixels)
    student.fit_adapters(teacher, [pixels])

    def answers() -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            guesses, logits = student.eval()(pixels)
        return guesses[-1], logits

    with torch.no_grad():
        expected = backbone.logits(student.extractor.normalize(pixels))
    guess, logits = answers()
    forgotten = divergence(logits, expected)
    student.keep_head(backbone.head)
    changed, logits = answers()
    assert divergence(logits, expected) < forgotten / 10
    assert (changed - guess).square().mean() < 2 * guess.square().mean()
