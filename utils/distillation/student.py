"""Student and teacher: what a student gives back to compare with its teacher, and what it keeps.

At four depths a 1×1 convolution, the adapter, makes the teacher's feature maps out of the
student's (FitNets, Romero et al. 2015). The student has no classifier of its own: the adapter at
stride 32 gives it the teacher's features, and the teacher's classifier reads them (Chen et al.
2022, "Knowledge distillation with the reused teacher classifier"). Adapter, average pooling and
classifier are linear, so at the end they become one linear layer on the student's own features.
"""

from collections.abc import Sequence
from copy import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, log_softmax

from utils.backbones import Backbone, load_backbone
from utils.device import Runtime
from utils.hooks import outputs_of
from utils.images import Normalize
from utils.inference import FastModule, Outputs, fast_inference
from utils.models import find_model
from utils.modes import cut_after
from utils.observations import copy_state

TEACHER = "efficientnet_lite0"
STUDENTS = ("resnet18", "vgg11_gap")
HINTS = (4, 8, 16, 32)  # strides
# Of the classifier's largest singular value. On 128 other compositions, the coarsest hint and the
# divergence in nats were with 0 at 11.8 and 2.70 for VGG-11 and at 0.78 and 2.22 for ResNet-18,
# with 0.2 at 1.07 and 2.57, 0.81 and 2.22, with 0.5 at 0.95 and 2.84, 0.89 and 2.65.
LISTENED = 0.2


class FeatureExtractor(nn.Module):
    """uint8 pixels (N×3×H×W) → the feature maps at `HINTS` and the feature vectors (N×D)."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.normalize = Normalize(backbone.spec.preprocessing)
        self.body = backbone.body
        self.paths = [backbone.spec.stages[hint] for hint in HINTS]

    def extra_repr(self) -> str:
        return f"paths={self.paths}"

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        # Hooks set here follow a copy of the module, as hooks set once would not.
        with outputs_of(self.body, self.paths) as maps:
            features = self.body(self.normalize(pixels))
        return *(maps[path] for path in self.paths), features

    def cut_after(self, stride: int) -> tuple[nn.Module, "FeatureExtractor"]:
        """Two modules that share this one's layers: pixels → the map at a stride, and an extractor
        of what follows, which takes that map.
        """
        count = HINTS.index(stride) + 1
        first, rest = cut_after(self.body, self.paths[count - 1])
        following = copy(self)
        following._modules = {"normalize": nn.Identity(), "body": rest}
        following.paths = self.paths[count:]
        return nn.Sequential(self.normalize, first), following


class AnySize:
    """A frozen module in its fastest form, which is compiled for each shape that it meets."""

    def __init__(self, module: nn.Module, runtime: Runtime) -> None:
        self.module, self.runtime = module, runtime
        self.fast: dict[torch.Size, FastModule] = {}

    def __call__(self, pixels: Tensor) -> Outputs:
        """uint8 pixels N×3×H×W → what the module gives, in float32."""
        if pixels.shape not in self.fast:
            self.fast[pixels.shape] = fast_inference(self.module, self.runtime, pixels)
        return self.fast[pixels.shape](pixels)


class Teacher:
    """The frozen teacher: pixels → feature maps and feature vectors."""

    def __init__(self, runtime: Runtime) -> None:
        self.backbone = load_backbone(TEACHER, "offline")
        self.extractor = AnySize(FeatureExtractor(self.backbone), runtime)

    def __call__(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """uint8 pixels N×3×H×W → float32 maps at `HINTS`, and features N×1280."""
        return self.extractor(pixels)


class Student(nn.Module):
    """A backbone with the adapters that turn its maps into the teacher's, and its classifier."""

    def __init__(self, backbone: Backbone, teacher: Teacher, pixels: Tensor) -> None:
        """`pixels` are compositions on which the teacher's maps are measured."""
        super().__init__()
        self.extractor = FeatureExtractor(backbone)
        self.frozen: AnySize | None = None  # what doesn't learn of the extractor
        # What learns of it, in a tuple: its layers are registered already.
        self.learning: tuple[FeatureExtractor] = (self.extractor,)
        self.classifier = nn.Linear(*reversed(teacher.backbone.head.weight.shape))
        self.classifier.load_state_dict(teacher.backbone.head.state_dict())
        self.classifier.requires_grad_(False)
        *targets, _ = teacher(pixels)
        with torch.no_grad():
            *maps, _ = self.extractor.eval()(pixels[:1].cpu())
        self.adapters = nn.ModuleList(
            nn.Conv2d(own.shape[1], target.shape[1], 1)
            for own, target in zip(maps, targets, strict=True)
        )
        for number, target in enumerate(targets):
            std, mean = torch.std_mean(target, dim=(0, 2, 3), keepdim=True)
            self.register_buffer(f"mean{number}", mean)
            # A channel that is nearly silent here can be loud on other pictures: as in `Head`, the
            # mean deviation is the least divisor.
            self.register_buffer(f"std{number}", std.clamp(min=std.mean()))

    def freeze(self, stride: int, runtime: Runtime) -> None:
        """Keep the weights and the norms' statistics of all stages up to that of this stride.

        They run in their fastest form from now on, and their maps are no longer guessed at.
        """
        frozen, learning = self.extractor.cut_after(stride)
        self.frozen = AnySize(frozen.requires_grad_(False), runtime)
        self.learning = (learning,)

    @property
    def hints(self) -> range:
        """Numbers of the teacher's maps that the student guesses at, from fine to coarse."""
        return range(len(HINTS) - len(self.learning[0].paths), len(HINTS))

    def scale(self, number: int) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the teacher's map of that number, 1×C×1×1."""
        return getattr(self, f"mean{number}"), getattr(self, f"std{number}")

    @torch.no_grad()
    def fit_adapters(self, teacher: Teacher, batches: Sequence[Tensor]) -> None:
        """Set the adapters by least squares: for a backbone that knows something already.

        A small ridge keeps channels that hardly vary in these uint8 batches from blowing up.
        """
        self.eval()
        sums = [(0, 0) for _ in self.adapters]
        for pixels in batches:
            (*maps, _), (*targets, _) = self.extractor(pixels), teacher(pixels)
            for number, (own, target) in enumerate(zip(maps, targets, strict=True)):
                mean, std = self.scale(number)
                rows = nn.functional.pad(own.movedim(1, -1).flatten(0, 2), (0, 1), value=1.0)
                wanted = ((target - mean) / std).movedim(1, -1).flatten(0, 2)
                gram, product = sums[number]
                sums[number] = gram + rows.T @ rows, product + rows.T @ wanted
        for adapter, (gram, product) in zip(self.adapters, sums, strict=True):
            ridge = 1e-3 * gram.diagonal().mean() * torch.eye(len(gram), device=gram.device)
            solution = torch.linalg.solve(gram + ridge, product)
            adapter.weight.copy_(solution[:-1].T[..., None, None])
            adapter.bias.copy_(solution[-1])

    @torch.no_grad()
    def keep_head(self, head: nn.Linear) -> None:
        """Change the last adapter by little, so that the student answers nearly as with this head.

        Least squares on the maps alone would forget what the head has learned. Directions to which
        the teacher's classifier hardly listens are left alone: they change no answer, and would
        have to be changed so much that VGG-11's error of the coarsest hint rose from 0.9 to 12.
        """
        adapter, own = self.adapters[-1], self.head()
        _, std = self.scale(len(HINTS) - 1)
        std, inverse = std.flatten(), torch.linalg.pinv(self.classifier.weight, rtol=LISTENED)
        weight = inverse @ (head.weight.cpu() - own.weight).to(std.device) / std[:, None]
        adapter.weight += weight[..., None, None]
        adapter.bias += inverse @ (head.bias.cpu() - own.bias).to(std.device) / std

    def forward(self, pixels: Tensor) -> tuple[list[Tensor], Tensor]:
        """uint8 pixels → standardised guesses at the teacher's maps, and logits."""
        seen = pixels if self.frozen is None else self.frozen(pixels)
        *maps, _ = self.learning[0](seen)
        adapters = [self.adapters[number] for number in self.hints]
        guesses = [adapt(own).float() for adapt, own in zip(adapters, maps, strict=True)]
        mean, std = self.scale(len(HINTS) - 1)
        features = (guesses[-1] * std + mean).mean(dim=(2, 3))
        return guesses, self.classifier(features)

    @torch.no_grad()
    def head(self) -> nn.Linear:
        """Adapter, pooling and classifier as one linear layer on the student's own features."""
        adapter = self.adapters[-1]
        mean, std = (value.flatten() for value in self.scale(len(HINTS) - 1))
        head = nn.Linear(adapter.in_channels, self.classifier.out_features)
        weight, bias = adapter.weight.flatten(1) * std[:, None], adapter.bias * std + mean
        head.weight.copy_(self.classifier.weight @ weight)
        head.bias.copy_(self.classifier(bias))
        return head


def divergence(logits: Tensor, wanted: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence of a student's classes from its teacher's, in nats; both
    N×C logits.
    """
    answer, target = log_softmax(logits.float(), dim=1), log_softmax(wanted, dim=1)
    return kl_div(answer, target, reduction="batchmean", log_target=True)


def student_state(student: Student, name: str) -> dict[str, Tensor]:
    """The student under the names that its model has in `models.py`: body, and merged head."""
    body = copy_state(student.extractor.body)
    keys = find_model(name).build().state_dict()
    weight, bias = (key for key in keys if key not in body)
    head = student.head()
    return body | {weight: head.weight.detach(), bias: head.bias.detach()}
