"""The last steps of a student: a head that fits, features of ordinary size."""

from random import Random

import pytest
import torch
from made_up import PictureFolders
from torch import nn

from utils.backbones import load_backbone
from utils.device import Runtime
from utils.distillation import finishing
from utils.distillation.compositions import compose
from utils.distillation.finishing import (
    ORDINARY,
    Answers,
    finish,
    fit_head,
    published_record,
    scale_features,
    unscaled,
)
from utils.distillation.pictures import load_pictures
from utils.distillation.student import STUDENTS, Teacher
from utils.features import fast_backbone
from utils.weights import course_file, read_course_weights


@pytest.mark.parametrize("name", STUDENTS)
def test_scaled_features_leave_logits_and_kernels_as_they_are(name: str) -> None:
    backbone = load_backbone(name, "offline")
    learned = read_course_weights(course_file(name))
    scaled = scale_features(name, learned, 14.0)
    kernels = [key for key, tensor in learned.items() if tensor.ndim == 4]
    # A fine-tuning steps as far in each of them as before.
    assert all(torch.equal(scaled[key], learned[key]) for key in kernels)
    photos = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features, logits = backbone(photos), backbone.logits(photos)
        model = backbone.spec.build()
        model.load_state_dict(scaled)
        body, head = backbone.spec.split(model.eval())
        torch.testing.assert_close(body(photos), 14 * features, rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(head(body(photos)), logits, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_goes_on_with_features_as_small_as_it_learned_them(name: str) -> None:
    """Its logits stay the same."""
    finished = load_backbone(name, "offline")
    smaller = unscaled(finished)
    factor = published_record(name)["finish"]["feature_scale"]
    photos = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = finished(photos)
        torch.testing.assert_close(factor * smaller(photos), expected, rtol=1e-3, atol=1e-3)
        logits, kept = finished.logits(photos), smaller.logits(photos)
    assert factor > 10
    torch.testing.assert_close(kept, logits, rtol=1e-3, atol=1e-4)


def answers(truth: nn.Linear, count: int, seed: int) -> Answers:
    features = torch.randn(count, 8, generator=torch.Generator().manual_seed(seed)) / 100 + 3
    with torch.no_grad():
        return Answers(features=features, wanted=truth(features))


@pytest.fixture
def truth() -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = nn.Linear(8, 5)
    head.weight.data *= 100
    head.bias.data = -3 * head.weight.data.sum(dim=1)  # no class is ahead in the mean
    return head


def test_a_poor_head_is_replaced_by_one_that_fits(truth: nn.Linear) -> None:
    fitting, checking = answers(truth, 2048, 1), answers(truth, 512, 2)
    poor = nn.Linear(8, 5)
    nn.init.zeros_(poor.weight)
    nn.init.zeros_(poor.bias)
    head, learned, fitted = fit_head(poor, fitting, checking)
    assert fitted < 0.9 * learned
    with torch.no_grad():
        same = head(checking.features).argmax(1) == checking.wanted.argmax(1)
        before = poor(checking.features).argmax(1) == checking.wanted.argmax(1)
    assert same.float().mean() > before.float().mean()


def test_a_head_that_no_fit_improves_on_is_kept(truth: nn.Linear) -> None:
    few, checking = answers(truth, 16, 1), answers(truth, 512, 2)
    head, learned, fitted = fit_head(truth, few, checking)
    assert torch.equal(head.weight, truth.weight)
    assert learned == fitted


def test_a_head_that_is_hardly_better_is_not_taken(
    truth: nn.Linear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows the pictures that it is measured on, and may do worse on others."""
    noise = torch.randn(2560, 5, generator=torch.Generator().manual_seed(3))

    def noisy(count: int, seed: int, part: slice) -> Answers:
        clean = answers(truth, count, seed)
        return Answers(features=clean.features, wanted=clean.wanted + noise[part])

    fitting, checking = noisy(2048, 1, slice(2048)), noisy(512, 2, slice(2048, None))
    off = nn.Linear(8, 5)
    off.load_state_dict(truth.state_dict())
    off.bias.data[0] += 0.1
    head, learned, fitted = fit_head(off, fitting, checking)
    assert torch.equal(head.bias, off.bias)
    assert learned == fitted
    monkeypatch.setattr(finishing, "WORTHWHILE", 1.0)
    _, _, lower = fit_head(off, fitting, checking)
    assert 0.95 * learned < lower < learned


@pytest.mark.parametrize("name", STUDENTS)
def test_a_finished_student_has_features_of_ordinary_size(
    name: str, picture_folders: PictureFolders, cpu: Runtime
) -> None:
    pictures, _ = load_pictures([picture_folders.photos], [picture_folders.cutouts])
    student = load_backbone(name, "offline")
    learned = read_course_weights(course_file(name))
    state, said = finish(student, learned, Teacher(cpu), pictures, seen=32, runtime=cpu)
    assert said.fitted <= said.learned
    model = student.spec.build()
    model.load_state_dict(state)
    student.body, student.head = student.spec.split(model.eval())
    pixels = compose(pictures, 32, 224, Random("others"))
    features = fast_backbone(student, cpu, 32)(pixels)
    assert ORDINARY / 2 < features.std(dim=0).mean() < ORDINARY * 2
