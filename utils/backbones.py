"""Stage 2: the three families, where their weights come from, and what they need as input."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from utils.engines.tensor_files import fingerprint
from utils.errors import CourseError, WeightsMissing, known_name
from utils.hooks import on_forward, outputs_of
from utils.images import Preprocessing
from utils.models import MODELS, OFFLINE, TEXTBOOK, ModelSpec, find_family, find_model
from utils.models.library import is_library_name, timm_state
from utils.settings import Settings, WeightsChoice
from utils.weights import (
    WeightsSource,
    check_official,
    course_file,
    naming_note,
    official_file,
    read_course_weights,
    read_pickled_weights,
    read_registry_weights,
)


@dataclass(frozen=True)
class Textbook:
    """The model that textbooks name for a family, measured on the `meta` device."""

    model: str
    feature_dim: int
    parameters: int
    gmacs: float


@dataclass(frozen=True)
class StageCost:
    """A model's output shape at a stage, and the cost of computing it from the input."""

    stage: str
    shape: tuple[int, ...]  # without the batch
    parameters: int
    gmacs: float


class Backbone(nn.Module):
    """A model in two parts: `body` (images N×3×224×224 → feature vectors N×D) and `head`.

    The head is the linear layer that came with the weights: feature vectors → 1000 logits.
    """

    def __init__(
        self, spec: ModelSpec, body: nn.Module, head: nn.Linear, weights: WeightsSource
    ) -> None:
        super().__init__()
        self.spec, self.body, self.head, self.weights = spec, body, head, weights

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images → feature vectors."""
        return self.body(images)

    def logits(self, images: Tensor) -> Tensor:
        """Normalised images → logits of the 1000 ImageNet classes."""
        return self.head(self.body(images))

    def stages(self) -> dict[str, nn.Module]:
        """The submodules whose outputs are the feature maps of each stage, by "stride 4" …"""
        return {name: self.body.get_submodule(path) for path, name in self.spec.stage_names.items()}

    @property
    def naming_note(self) -> str:
        """A warning if the weights were made to show features, not to name classes; else empty."""
        return naming_note(self.spec.name) if self.weights.kind == "course" else ""

    def maps_and_features(self, images: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Normalised images → the feature maps of each stage (N×C×H×W), and feature vectors."""
        names = self.spec.stage_names
        with outputs_of(self.body, names) as maps:
            features = self.body(images)
        return {names[path]: output for path, output in maps.items()}, features

    def fingerprint(self) -> str:
        """SHA-256 over the names, shapes and values of all weights of the body."""
        return fingerprint(self.body.state_dict())


def choose_weights(weights: str | None = None) -> str:
    """The choice asked for, else that of `COURSE_WEIGHTS`, else "auto".

    Raises:
        CourseError: not one of `WeightsChoice`.
    """
    return known_name("weights", weights or Settings().weights, list(WeightsChoice))


def model_of_family(family: str, weights: str | None = None) -> ModelSpec:
    """Choose the model that represents a family: with "auto", the textbook model if its official
    weights are already on this machine, else the offline one.
    """
    weights, textbook = choose_weights(weights), MODELS[TEXTBOOK[find_family(family)]]
    if weights == "imagenet" or (weights == "auto" and official_file(textbook.enum).exists()):
        return textbook
    return MODELS[OFFLINE[family]]


def load_family(family: str, weights: str | None = None) -> Backbone:
    """The backbone that stands for a family.

    Raises:
        CourseError: unknown family, damaged weights, or weights that aren't here.
    """
    return load_backbone(model_of_family(family, weights).name, weights)


def load_backbone(name: str, weights: str | None = None, seed: int = 0) -> Backbone:
    """Build a model and load the weights asked for, in eval mode.

    "auto" loads from the model's own source, "offline" only what never needs a download,
    "imagenet" only the official weights, "untrained" random values that depend on `seed` alone.

    Raises:
        WeightsMissing: they aren't on this machine; nothing is downloaded or replaced silently.
        CourseError: unknown name, or weights that are damaged or not the published ones.
    """
    spec, weights = find_model(name), choose_weights(weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = spec.build()
    if weights == "untrained":
        used = WeightsSource("random", f"untrained (seed {seed})")
    else:
        state, used = _state(spec, weights, model)
        _load(model, state, used)
    return Backbone(spec, *spec.split(model), used).eval()


def with_input(backbone: Backbone, preprocessing: Preprocessing) -> Backbone:
    """The same weights behind another preprocessing, for example for whole, smaller photos."""
    spec = replace(backbone.spec, preprocessing=preprocessing)
    return Backbone(spec, backbone.body, backbone.head, backbone.weights).eval()


def with_side(backbone: Backbone, side: int) -> Backbone:
    """Return the same weights for photos scaled until their shorter side has `side` pixels, which
    crops nothing off a square photo.
    """
    return with_input(backbone, replace(backbone.spec.preprocessing, resize=side, crop=side))


class MultiScalePooling(nn.Module):
    """Images → mean, maximum and deviation of each channel of several stages, as one vector.

    A mean over the whole map dilutes small details; the maximum and standard deviation keep them.
    """

    def __init__(self, body: nn.Module, paths: Sequence[str]) -> None:
        super().__init__()
        self.body, self.paths = body, tuple(paths)

    def extra_repr(self) -> str:
        return f"paths={self.paths}"

    def forward(self, images: Tensor) -> Tensor:
        with outputs_of(self.body, self.paths) as maps:
            self.body(images)
        pooled = [
            (m.mean(dim=(2, 3)), m.amax(dim=(2, 3)), m.std(dim=(2, 3))) for m in maps.values()
        ]
        return torch.cat([part for parts in pooled for part in parts], dim=1)


def with_scales(backbone: Backbone, strides: Sequence[int]) -> Backbone:
    """The same weights with a longer feature vector, pooled at several strides in three ways.

    The ImageNet head no longer fits, and the stages can no longer be looked up.
    """
    body = MultiScalePooling(backbone.body, [backbone.spec.stages[stride] for stride in strides])
    with torch.no_grad():
        side = backbone.spec.preprocessing.crop
        feature_dim = body.eval()(torch.zeros(1, 3, side, side)).shape[1]
    spec = replace(backbone.spec, feature_dim=feature_dim, stages={}, last_block=())
    return Backbone(spec, body, backbone.head, backbone.weights).eval()


def _state(
    spec: ModelSpec, weights: str, model: nn.Module
) -> tuple[dict[str, Tensor], WeightsSource]:
    offered = "imagenet" if spec.source in ("imagenet", "timm") else "offline"
    if weights not in ("auto", offered):
        other = (TEXTBOOK if weights == "imagenet" else OFFLINE).get(spec.family)
        raise WeightsMissing(
            f"{spec.name} has no {weights} weights: use --weights {offered}, or the model "
            f"{other or OFFLINE['efficientnet']}."
        )
    if spec.source == "timm":
        return timm_state(spec.name), WeightsSource("timm", f"imagenet ({spec.name})")
    if spec.source == "imagenet":
        return _official_state(spec), WeightsSource("imagenet", f"imagenet ({spec.enum})")
    if spec.source == "registry":
        label = f"offline (EfficientNet-Lite{spec.name[-1]}, ImageNet, by Google)"
        return read_registry_weights(spec.name, model), WeightsSource("registry", label)
    label = f"offline (course, weights/{spec.name}.safetensors)"
    return _course_state(spec), WeightsSource("course", label)


def _load(model: nn.Module, state: dict[str, Tensor], used: WeightsSource) -> None:
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
        own = is_library_name(spec.name)
        raise WeightsMissing(
            f"The official weights of {spec.name} are not on this machine: download them with "
            f"`course weights --download {spec.name if own else spec.family}`, "
            f"or use the offline model {OFFLINE.get(spec.family, OFFLINE['efficientnet'])}."
        )
    check_official(spec.enum)
    return read_pickled_weights(file)


def _course_state(spec: ModelSpec) -> dict[str, Tensor]:
    file = course_file(spec.name)
    if not file.exists():
        raise WeightsMissing(
            f"The course's weights of {spec.name} are missing ({file}): restore them with "
            "`git checkout weights`, or use --model efficientnet_lite0."
        )
    return read_course_weights(file)


@cache
def textbook(family: str) -> Textbook:
    """Shape, size and cost of a family's textbook model for one 224×224 photo, counted."""
    spec = MODELS[TEXTBOOK[find_family(family)]]
    *_, whole = measure_stages(spec.name)
    return Textbook(spec.name, spec.feature_dim, whole.parameters, whole.gmacs)


@cache
def measure_stages(name: str) -> tuple[StageCost, ...]:
    """What a model gives at each stage for one 224×224 photo, and what it costs to get there.

    The last row is the whole model. It is built on the `meta` device, so no weights are needed.
    The flop counter counts multiplications and additions separately; GMACs (4.09 for ResNet-50)
    count each pair as one.

    Raises:
        CourseError: unknown name.
    """
    spec = find_model(name)
    with torch.device("meta"):
        model = spec.build()
        photo = torch.empty(1, 3, 224, 224)
    total = count_parameters(model)
    backbone = Backbone(spec, *spec.split(model), WeightsSource("random", "none")).eval()
    rows: list[StageCost] = []
    with FlopCounterMode(display=False) as counter:

        def note(stage: str, output: Tensor, parameters: int) -> None:
            gmacs = round(counter.get_total_flops() / 2 / 1e9, 3)
            rows.append(StageCost(stage, tuple(output.shape[1:]), parameters, gmacs))

        def note_stage(path: str, _module: nn.Module, _inputs: tuple, output: Tensor) -> None:
            note(spec.stage_names[path], output, _parameters_until(backbone.body, path))

        with on_forward(backbone.body, spec.stage_names, note_stage):
            note("whole model", backbone.logits(photo), total)
    return tuple(rows)


def _parameters_until(body: nn.Module, path: str) -> int:
    """Learnable values of a body from its input up to and including the submodule at `path`."""
    before = [name for name, _ in body.named_modules()]
    last = max(i for i, name in enumerate(before) if name == path or name.startswith(f"{path}."))
    return sum(
        p.numel()
        for name in before[: last + 1]
        for p in body.get_submodule(name).parameters(recurse=False)
    )


def count_parameters(model: nn.Module) -> int:
    """Number of learnable values."""
    return sum(p.numel() for p in model.parameters())
