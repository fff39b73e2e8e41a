"""Stage 2: the three families, where their weights come from, and what they need as input."""

import difflib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
import torchvision.models as tv
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models._meta import _IMAGENET_CATEGORIES

from utils.errors import CourseError, WeightsMissing
from utils.images import Preprocessing
from utils.weights import (
    check_official,
    course_file,
    official_file,
    read_course_weights,
    read_pickled_weights,
    read_registry_weights,
)

IMAGENET_CLASSES: tuple[str, ...] = tuple(_IMAGENET_CATEGORIES)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WEIGHT_CHOICES = ("auto", "offline", "imagenet", "untrained")


@dataclass(frozen=True)
class ModelSpec:
    """What the course knows of a model before it is built.

    `stages` maps the stride of each stage to the submodule whose output shows it, `last_block`
    names the submodules that `--mode last-block` trains; both are paths inside the body.
    """

    name: str
    family: str
    feature_dim: int
    preprocessing: Preprocessing
    source: str
    stages: dict[str, str]
    last_block: tuple[str, ...]
    parts: Callable[[], tuple[nn.Module, Callable[[nn.Module], tuple[nn.Module, nn.Linear]]]]
    enum: tv.WeightsEnum | None = None


@dataclass(frozen=True)
class Textbook:
    """The model that textbooks name for a family, measured on the `meta` device."""

    model: str
    feature_dim: int
    parameters: int
    gflops: float


class Backbone(nn.Module):
    """A model in two parts: `body` (images N×3×224×224 → feature vectors N×D) and `head`.

    The head is the linear layer that came with the weights: feature vectors → 1000 logits.
    """

    def __init__(self, spec: ModelSpec, body: nn.Module, head: nn.Linear, weights: str) -> None:
        super().__init__()
        self.spec, self.body, self.head, self.weights = spec, body, head, weights

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images → feature vectors."""
        return self.body(images)

    def logits(self, images: Tensor) -> Tensor:
        """Normalised images → logits of the 1000 ImageNet classes."""
        return self.head(self.body(images))

    def stages(self) -> dict[str, nn.Module]:
        """The submodules whose outputs are the feature maps of each stage."""
        return {name: self.body.get_submodule(path) for name, path in self.spec.stages.items()}

    @property
    def untrained(self) -> bool:
        return self.weights.startswith("untrained")

    def fingerprint(self) -> str:
        """SHA-256 over the names, shapes and values of all weights of the body."""
        digest = hashlib.sha256()
        for name, tensor in self.body.state_dict().items():
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return digest.hexdigest()


def _resnet(builder: Callable[[], nn.Module]):
    def cut(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
        head, model.fc = model.fc, nn.Identity()
        return model, head

    return lambda: (builder(), cut)


def _vgg16():
    def cut(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
        *hidden, head = model.classifier
        return _vgg_body(model.features, model.avgpool, nn.Sequential(*hidden)), head

    return tv.vgg16(), cut


def _vgg11_bn():
    def cut(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
        return _vgg_body(model.features, nn.AdaptiveAvgPool2d(1), nn.Identity()), model.classifier

    model = nn.Module()
    model.features = tv.vgg11_bn().features
    model.classifier = nn.Linear(512, 1000)
    return model, cut


def _vgg_body(features: nn.Module, pool: nn.Module, hidden: nn.Module) -> nn.Sequential:
    body = nn.Sequential()
    for name, part in (
        ("features", features),
        ("pool", pool),
        ("flatten", nn.Flatten()),
        ("hidden", hidden),
    ):
        body.add_module(name, part)
    return body


def _efficientnet_b0():
    def cut(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
        head, model.classifier = model.classifier[-1], nn.Identity()
        return model, head

    return tv.efficientnet_b0(), cut


def _efficientnet_lite0():
    import timm

    def cut(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
        head, model.classifier = model.classifier, nn.Identity()
        return model, head

    return timm.create_model("tf_efficientnet_lite0"), cut


def _official(enum: tv.WeightsEnum) -> Preprocessing:
    """The preprocessing that torchvision publishes with a set of weights."""
    t = enum.transforms()
    return Preprocessing(
        t.resize_size[0], t.crop_size[0], tuple(t.mean), tuple(t.std), t.interpolation.value
    )


COURSE_INPUT = Preprocessing(256, 224, IMAGENET_MEAN, IMAGENET_STD, "bilinear")
LITE_INPUT = Preprocessing(256, 224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic")
R50, V16, B0 = (
    tv.ResNet50_Weights.IMAGENET1K_V2,
    tv.VGG16_Weights.IMAGENET1K_V1,
    tv.EfficientNet_B0_Weights.IMAGENET1K_V1,
)
RESNET_STAGES = {f"stride {2 ** (n + 1)}": f"layer{n}" for n in (1, 2, 3, 4)}

MODELS = {
    spec.name: spec
    for spec in (
        ModelSpec(
            "resnet18",
            "resnet",
            512,
            COURSE_INPUT,
            "course",
            RESNET_STAGES,
            ("layer4",),
            _resnet(tv.resnet18),
        ),
        ModelSpec(
            "resnet50",
            "resnet",
            2048,
            _official(R50),
            "imagenet",
            RESNET_STAGES,
            ("layer4",),
            _resnet(tv.resnet50),
            R50,
        ),
        ModelSpec(
            "vgg11_bn",
            "vgg",
            512,
            COURSE_INPUT,
            "course",
            {f"stride {2 ** (n + 1)}": f"features.{i}" for n, i in enumerate((3, 7, 14, 21, 28))},
            tuple(f"features.{i}" for i in range(22, 29)),
            _vgg11_bn,
        ),
        ModelSpec(
            "vgg16",
            "vgg",
            4096,
            _official(V16),
            "imagenet",
            {f"stride {2 ** (n + 1)}": f"features.{i}" for n, i in enumerate((4, 9, 16, 23, 30))},
            tuple(f"features.{i}" for i in range(24, 31)),
            _vgg16,
            V16,
        ),
        ModelSpec(
            "efficientnet_b0",
            "efficientnet",
            1280,
            _official(B0),
            "imagenet",
            {
                "stride 4": "features.2",
                "stride 8": "features.3",
                "stride 16": "features.5",
                "stride 32": "features.8",
            },
            ("features.7", "features.8"),
            _efficientnet_b0,
            B0,
        ),
        ModelSpec(
            "efficientnet_lite0",
            "efficientnet",
            1280,
            LITE_INPUT,
            "registry",
            {
                "stride 4": "blocks.1",
                "stride 8": "blocks.2",
                "stride 16": "blocks.4",
                "stride 32": "bn2",
            },
            ("blocks.6", "conv_head", "bn2"),
            _efficientnet_lite0,
        ),
    )
}
TEXTBOOK = {"resnet": "resnet50", "vgg": "vgg16", "efficientnet": "efficientnet_b0"}
OFFLINE = {"resnet": "resnet18", "vgg": "vgg11_bn", "efficientnet": "efficientnet_lite0"}
FAMILIES = tuple(TEXTBOOK)


def find_model(name: str) -> ModelSpec:
    """The model of that name.

    Raises:
        CourseError: unknown name; the nearest known ones are given.
    """
    return MODELS[_known("model", name, MODELS)]


def find_family(name: str) -> str:
    """The family of that name, or CourseError."""
    return _known("family", name, FAMILIES)


def _known(kind: str, name: str, known) -> str:
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=2)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    raise CourseError(f"Unknown {kind} '{name}'{hint}: use {', '.join(known)}.")


def choose_weights(weights: str | None = None) -> str:
    """The choice asked for, else that of `COURSE_WEIGHTS`, else "auto".

    Raises:
        CourseError: not one of `WEIGHT_CHOICES`.
    """
    return _known("weights", weights or os.environ.get("COURSE_WEIGHTS") or "auto", WEIGHT_CHOICES)


def model_of_family(family: str, weights: str | None = None) -> ModelSpec:
    """The model that stands for a family, by design: with "auto" the textbook model if its
    official weights are already on this machine, else the offline one.
    """
    weights, textbook = choose_weights(weights), MODELS[TEXTBOOK[find_family(family)]]
    if weights == "imagenet" or (weights == "auto" and official_file(textbook.enum).exists()):
        return textbook
    return MODELS[OFFLINE[family]]


def load_family(family: str, weights: str | None = None) -> Backbone:
    """The family's backbone; where it has no weights at all yet, its untrained one, which says so.

    Raises:
        CourseError: unknown family, damaged weights, or "imagenet" weights that aren't here.
    """
    spec, weights = model_of_family(family, weights), choose_weights(weights)
    try:
        return load_backbone(spec.name, weights)
    except WeightsMissing:
        if weights == "imagenet":
            raise
        return load_backbone(spec.name, "untrained")


def load_backbone(name: str, weights: str | None = None, seed: int = 0) -> Backbone:
    """Build a model and load the weights asked for, in eval mode.

    "auto" takes the model's own source, "offline" only what needs no download ever, "imagenet"
    only the official ones, "untrained" random values that depend on `seed` alone.

    Raises:
        WeightsMissing: they aren't on this machine; nothing is downloaded or replaced silently.
        CourseError: unknown name, or weights that are damaged or not the published ones.
    """
    spec, weights = find_model(name), choose_weights(weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, cut = spec.parts()
    if weights == "untrained":
        used = f"untrained (seed {seed})"
    else:
        state, used = _state(spec, weights, model)
        _load(model, state, used)
    return Backbone(spec, *cut(model), used).eval()


def _state(spec: ModelSpec, weights: str, model: nn.Module) -> tuple[dict[str, Tensor], str]:
    offered = "imagenet" if spec.source == "imagenet" else "offline"
    if weights not in ("auto", offered):
        raise WeightsMissing(
            f"{spec.name} has no {weights} weights: use --weights {offered}, or the model "
            f"{TEXTBOOK[spec.family] if weights == 'imagenet' else OFFLINE[spec.family]}."
        )
    if spec.source == "imagenet":
        return _official_state(spec), f"imagenet ({spec.enum})"
    if spec.source == "registry":
        return read_registry_weights(model), "offline (EfficientNet-Lite0, ImageNet, by Google)"
    return _course_state(spec), f"offline (course, weights/{spec.name}.safetensors)"


def _load(model: nn.Module, state: dict[str, Tensor], used: str) -> None:
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise CourseError(
            f"The weights '{used}' don't fit the model: install the versions in "
            "requirements.txt (make setup)."
        ) from error


def _official_state(spec: ModelSpec) -> dict[str, Tensor]:
    file = official_file(spec.enum)
    if not file.exists():
        raise WeightsMissing(
            f"The official weights of {spec.name} are not on this machine: download them with "
            f"`course weights --download {spec.family}`, or use the offline model "
            f"{OFFLINE[spec.family]}."
        )
    check_official(spec.enum)
    return read_pickled_weights(file)


def _course_state(spec: ModelSpec) -> dict[str, Tensor]:
    file = course_file(spec.name)
    if not file.exists():
        raise WeightsMissing(
            f"{spec.name} has no weights yet ({file} is missing): use --model efficientnet_lite0, "
            "or --weights untrained for comparison."
        )
    return read_course_weights(file)


@cache
def textbook(family: str) -> Textbook:
    """Shape, size and cost of a family's textbook model for one 224×224 photo, counted.

    Built on the `meta` device, so no weights are needed. The flop counter counts multiplications
    and additions apart; the field's GFLOPs (4.09 for ResNet-50) count a pair as one.
    """
    spec = MODELS[TEXTBOOK[find_family(family)]]
    with torch.device("meta"):
        model, cut = spec.parts()
        photo = torch.empty(1, 3, 224, 224)
    parameters = count_parameters(model)
    backbone = Backbone(spec, *cut(model), "none").eval()
    with FlopCounterMode(display=False) as counter:
        features = backbone(photo)
        backbone.head(features)
    gflops = counter.get_total_flops() / 2 / 1e9
    return Textbook(spec.name, features.shape[1], parameters, round(gflops, 3))


def count_parameters(model: nn.Module) -> int:
    """Number of learnable values."""
    return sum(p.numel() for p in model.parameters())
