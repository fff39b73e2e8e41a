"""Traces as records: data flow, prediction, and the layers of any module. Nothing is drawn here."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from utils.backbones import Backbone
from utils.classifier import Prediction, probabilities, top_k
from utils.hooks import on_forward
from utils.images import Preprocessed


@dataclass(frozen=True, kw_only=True)
class LayerRecord:
    """What one submodule made of its input: shapes, and its first output values."""

    name: str
    kind: str
    input: str
    output: str
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class DataFlowStage:
    """One of the three stages; shapes as people draw them and as PyTorch holds them."""

    stage: str
    before: str
    operation: str
    after: str
    example: str


@dataclass(frozen=True)
class PredictionLayer:
    """One of the four layers of a prediction trace, with shapes and real values."""

    layer: str
    input: str
    operation: str
    output: str


@dataclass(frozen=True, kw_only=True)
class ForwardPass:
    """One photo's way through a backbone, as tensors: what both photo traces describe."""

    backbone: Backbone
    given: Preprocessed
    features: Tensor
    logits: Tensor
    answer: tuple[Prediction, ...]


@dataclass(frozen=True, kw_only=True)
class PhotoTrace:
    """One photo through one backbone: both traces, the answer, and the arrays for pictures."""

    data_flow: tuple[DataFlowStage, ...]
    prediction: tuple[PredictionLayer, ...]
    top: tuple[Prediction, ...]
    steps: Mapping[str, np.ndarray]
    feature_maps: Mapping[str, np.ndarray]
    features: np.ndarray


def shape_of(value: Any) -> str:
    """1×3×224×224 for a tensor, a list of them for several, else the type's name."""
    if isinstance(value, Tensor | np.ndarray):
        return "×".join(map(str, value.shape)) or "scalar"
    if isinstance(value, list | tuple):
        return ", ".join(shape_of(item) for item in value)
    return type(value).__name__


def some_values(tensor: Tensor, count: int = 4) -> str:
    """The first values, for example [0.12, 0.00, 1.93, …]."""
    shown = ", ".join(f"{v:.2f}" for v in tensor.flatten()[:count].tolist())
    return f"[{shown}, …]" if tensor.numel() > count else f"[{shown}]"


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """Put a model into eval mode within the block; afterwards each submodule is as it was."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@torch.no_grad()
def trace_module(model: nn.Module, *inputs: Tensor, depth: int = 1) -> tuple[LayerRecord, ...]:
    """Run any module once and record its submodules down to `depth`, in the order they ran.

    The model comes back as it was: same mode, no hooks left. A submodule that runs twice is
    recorded twice.
    """
    records: list[LayerRecord] = []

    def note(name: str, module: nn.Module, inputs: tuple, output: Any) -> None:
        values = ()
        if isinstance(output, Tensor):
            values = tuple(output.flatten()[:4].float().tolist())
        kind = type(module).__name__
        records.append(
            LayerRecord(
                name=name,
                kind=kind,
                input=shape_of(inputs),
                output=shape_of(output),
                values=values,
            )
        )

    chosen = [name for name, _ in model.named_modules() if name and name.count(".") < depth]
    with in_eval_mode(model), on_forward(model, chosen, note):
        model(*inputs)
    return tuple(records)


@torch.no_grad()
def trace_photo(backbone: Backbone, photo: Image.Image, top: int = 5) -> PhotoTrace:
    """Follow one photo through the three stages, in float32 on the CPU.

    The backbone stays where it was: a copy runs, unless it is there already.
    """
    if any(
        v.is_floating_point() and (v.device.type, v.dtype) != ("cpu", torch.float32)
        for v in backbone.state_dict().values()
    ):
        backbone = copy.deepcopy(backbone).cpu().float()
    given = Preprocessed.of(photo, backbone.spec.preprocessing)
    with in_eval_mode(backbone):
        maps, features = backbone.maps_and_features(given.pixels)
    logits = backbone.head(features)
    answer = top_k(probabilities(logits)[0], backbone.spec.classes, top)
    seen = ForwardPass(
        backbone=backbone, given=given, features=features, logits=logits, answer=answer
    )
    return PhotoTrace(
        data_flow=_data_flow(seen),
        prediction=_prediction_layers(seen),
        top=answer,
        steps=given.pictures(),
        feature_maps={name: value[0].numpy() for name, value in maps.items()},
        features=features[0].numpy(),
    )


def _data_flow(seen: ForwardPass) -> tuple[DataFlowStage, ...]:
    held, drawn = shape_of(seen.given.pixels), shape_of(seen.given.pixels.permute(0, 2, 3, 1))
    corner = ", ".join(f"{v:.2f}" for v in seen.given.pixels[0, :, 0, 0].tolist())
    return (
        DataFlowStage(
            stage="1 Input image",
            before=f"1×{seen.given.photo.height}×{seen.given.photo.width}×3 photo",
            operation=str(seen.backbone.spec.preprocessing),
            after=f"{drawn} as drawn; {held} as PyTorch holds it",
            example=f"first pixel (R, G, B) = ({corner})",
        ),
        DataFlowStage(
            stage="2 Feature extraction",
            before=held,
            operation=f"{seen.backbone.spec.name} without its head",
            after=f"{shape_of(seen.features)} feature vector",
            example=some_values(seen.features),
        ),
        DataFlowStage(
            stage="3 Classification layer",
            before=shape_of(seen.features),
            operation="fully connected layer, softmax",
            after=f"{shape_of(seen.logits)} class probabilities",
            example=f"{seen.answer[0].label} {seen.answer[0].probability:.3f}",
        ),
    )


def _prediction_layers(seen: ForwardPass) -> tuple[PredictionLayer, ...]:
    def layer(name: str, came: str, operation: str, result: Tensor) -> PredictionLayer:
        return PredictionLayer(name, came, operation, f"{shape_of(result)} {some_values(result)}")

    named = "; ".join(f"{p.label} {p.probability:.3f}" for p in seen.answer)
    probs = probabilities(seen.logits)
    best = int(probs.argmax())
    return (
        layer(
            "1 Input preprocessing",
            f"{seen.given.photo.height}×{seen.given.photo.width}×3 photo",
            str(seen.backbone.spec.preprocessing),
            seen.given.pixels,
        ),
        layer(
            "2 Feature extraction",
            shape_of(seen.given.pixels),
            f"{len(seen.backbone.stages())} stages, then pooling",
            seen.features,
        ),
        PredictionLayer(
            "3 Fully connected + softmax",
            shape_of(seen.features),
            f"logits, largest {seen.logits.max():.2f}; softmax, sum {probs.sum():.3f}",
            f"{shape_of(probs)}, largest {probs.max():.3f} at index {best}",
        ),
        PredictionLayer("4 Output", shape_of(probs), f"top {len(seen.answer)} with names", named),
    )
