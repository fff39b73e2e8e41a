"""What is done to a student that has learned: its head fitted anew, its features scaled.

Both leave the backbone's maps alone but for a scale. In a trial, 1,024 compositions of 72 photos
and 269 cut-outs that no student had seen were shown to two of them. A VGG that had learned from
74,880 compositions of 96 photos named what its teacher names on 8 % with the head that had learned
with it, and on 16 % with one fitted on 6,144 compositions of 675 photos. For a ResNet-18 after
965,888 compositions, no fitted head did better than the one that had learned.
"""

import json
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from utils.backbones import Backbone
from utils.device import Runtime
from utils.distillation.compositions import compose
from utils.distillation.pictures import Pictures
from utils.distillation.student import Teacher, divergence
from utils.features import fast_backbone
from utils.weights import course_file

SIDE = 224  # pixels: the size at which students are used
COMPOSITIONS = 6144  # to fit the head on, if the student has seen as many
CHECKED = 4  # a quarter as many besides tell which epoch's head is the best
BATCH = 64
EPOCHS = 20
LR = 1e-3
# A fitted head takes the place of the one that learned only if the divergence falls by a twentieth:
# both know the pictures that it is measured on. Where it fell by 8 % (the VGG, after 136,896
# compositions), the head did better on other pictures too, 1.53 nats after 1.56; where it fell by
# 4 % (the ResNet), it did worse, 1.08 after 1.06.
WORTHWHILE = 0.95
LEAST_SPREAD = 0.1  # of the mean deviation: the least divisor of a feature
ORDINARY = 0.5  # mean standard deviation of the features afterwards

# Scale and shift of these norms are multiplied by the factor of the features, and the classifier's
# weights, which stand beside them, divided. In a ResNet the shortcut of the last block brings the
# block before along.
SCALED = {
    "resnet18": (("layer4.0.bn2", "layer4.0.downsample.1", "layer4.1.bn2"), "fc.weight"),
    "vgg11_gap": (("features.26",), "classifier.weight"),
}
# The statistics of a norm inside of what was scaled follow. Its convolution keeps its weights: tiny
# ones would be thrown far by the first steps of a fine-tuning.
INSIDE = {"resnet18": ("layer4.1.bn1",), "vgg11_gap": ()}
EPSILON = nn.BatchNorm2d(1).eps


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Features of a student on compositions (N×D), and the teacher's logits on the same (N×C)."""

    features: Tensor
    wanted: Tensor


@dataclass(frozen=True, kw_only=True)
class Finish:
    """How a student was finished: the divergence (in nats) of the head that it learned with and of
    the fitted one on compositions that neither was fitted to, and the factor of its features.
    """

    learned: float
    fitted: float
    feature_scale: float


def finish(
    student: Backbone,
    state: dict[str, Tensor],
    teacher: Teacher,
    pictures: Pictures,
    seen: int,
    runtime: Runtime,
) -> tuple[dict[str, Tensor], Finish]:
    """Fit the head of a student anew, and bring its features to an ordinary size.

    Args:
        student: the model, of whose weights those in `state` take the place.
        state: as `student_state` gives it.
        teacher: whose answers the head is fitted to.
        pictures: those that the student learned from.
        seen: how many compositions the student has learned from.
        runtime: where to compute.
    """
    backbone = _with_state(student, state)
    count = min(COMPOSITIONS, seen)
    fitting, checking = (
        _answers(backbone, teacher, pictures, number, what, runtime)
        for number, what in ((count, "head"), (-(-count // CHECKED), "check"))
    )
    head, learned, fitted = fit_head(backbone.head.cpu(), fitting, checking)
    name = backbone.spec.name
    weight = SCALED[name][1]
    state = state | {weight: head.weight.detach(), _bias(weight): head.bias.detach()}
    scale = ORDINARY / float(fitting.features.std(dim=0).mean().clamp(min=1e-6))
    return scale_features(name, state, scale), Finish(
        learned=learned, fitted=fitted, feature_scale=scale
    )


def _bias(weight: str) -> str:
    return weight.removesuffix("weight") + "bias"


def published_record(student: str) -> dict[str, Any] | None:
    """The record of how the course's weights of a student were made; none where there is none."""
    file = course_file(student).with_suffix(".json")
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def unscaled(student: Backbone) -> Backbone:
    """A finished student with features of the size with which it learned; its logits are the same.

    The optimizer's steps have a fixed length, so on features that are larger an adapter moves that
    much too far: with 23 times larger ones, VGG-11's divergence rose from 2.6 to 3.5 nats in eighty
    steps instead of to 2.8.
    """
    name = student.spec.name
    finished = (published_record(name) or {}).get("finish")
    if not finished:
        return student
    head, weight = student.head.state_dict(), SCALED[name][1]
    state = student.body.state_dict() | {weight: head["weight"], _bias(weight): head["bias"]}
    return _with_state(student, scale_features(name, state, 1 / finished["feature_scale"]))


def _with_state(student: Backbone, state: dict[str, Tensor]) -> Backbone:
    model = student.spec.build()
    model.load_state_dict(state)
    return Backbone(student.spec, *student.spec.split(model), student.weights).eval()


def _answers(
    backbone: Backbone,
    teacher: Teacher,
    pictures: Pictures,
    count: int,
    what: str,
    runtime: Runtime,
) -> Answers:
    """What both say of `count` compositions, drawn by the word `what`."""
    size = min(BATCH, count)
    model = fast_backbone(backbone, runtime, size)
    features, theirs = [], []
    for number in range(count // size):  # none is kept: all together would take a gigabyte
        batch = compose(pictures, size, SIDE, Random(f"{what}/{number}"))
        features.append(model(batch).cpu())
        theirs.append(teacher(batch)[-1].cpu())
    head = deepcopy(teacher.backbone.head).cpu()
    with torch.no_grad():
        return Answers(features=torch.cat(features), wanted=head(torch.cat(theirs)))


def fit_head(
    head: nn.Linear, fitting: Answers, checking: Answers
) -> tuple[nn.Linear, float, float]:
    """Fit a linear head to a teacher's answers by their divergence, beginning with `head`.

    Returns the head of the epoch that does best on `checking`, which is `head` itself where none
    is better by enough, and the divergences there of `head` and of the one returned, in nats.
    """
    std, mean = torch.std_mean(fitting.features, dim=0)
    std = std.clamp(min=float(std.mean()) * LEAST_SPREAD)
    learner, best = nn.Linear(head.in_features, head.out_features), head
    with torch.no_grad():
        learner.weight.copy_(head.weight * std)
        learner.bias.copy_(head.bias + head.weight @ mean)
    learned = _gap(head, checking)
    lowest = WORTHWHILE * learned
    rows = (fitting.features - mean) / std
    optimizer = torch.optim.AdamW(learner.parameters(), lr=LR, weight_decay=0.0)
    random = torch.Generator().manual_seed(0)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(rows), generator=random).split(4 * BATCH):
            loss = divergence(learner(rows[chosen]), fitting.wanted[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        tried = _unscaled(learner, mean, std)
        if (gap := _gap(tried, checking)) < lowest:
            best, lowest = tried, gap
    return best, learned, _gap(best, checking)


@torch.no_grad()
def _unscaled(learner: nn.Linear, mean: Tensor, std: Tensor) -> nn.Linear:
    """The same head for features that aren't standardised."""
    head = nn.Linear(learner.in_features, learner.out_features)
    head.weight.copy_(learner.weight / std)
    head.bias.copy_(learner.bias - head.weight @ mean)
    return head


@torch.no_grad()
def _gap(head: nn.Linear, answers: Answers) -> float:
    return float(divergence(head(answers.features), answers.wanted))


def scale_features(name: str, state: dict[str, Tensor], scale: float) -> dict[str, Tensor]:
    """The weights of a student whose features are `scale` times as large, and whose logits are the
    same: ReLU and pooling keep a positive factor, and the classifier divides by it.

    Features of ordinary size are for heads in plain PyTorch, which don't standardise them: with a
    deviation of some thousandths they learn hardly anything in a few epochs.
    """
    norms, classifier = SCALED[name]
    scaled = state | {classifier: state[classifier] / scale}
    for norm in norms:
        for key in (f"{norm}.weight", f"{norm}.bias"):
            scaled[key] = state[key] * scale
    for norm in INSIDE[name]:
        mean, variance = f"{norm}.running_mean", f"{norm}.running_var"
        scaled[mean] = state[mean] * scale
        scaled[variance] = (state[variance] + EPSILON) * scale**2 - EPSILON
    return scaled
