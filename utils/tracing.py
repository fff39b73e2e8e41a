"""Traces as records: data flow, prediction, and the layers of any module. Nothing is drawn here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from utils.backbones import (
    Backbone,
)
from utils.classifier import Prediction, probabilities, top_k
from utils.images import preprocess, preprocessing_steps
from utils.models import IMAGENET_CLASSES


@dataclass(frozen=True)
class LayerRecord:
    """What one submodule made of its input: shapes, and its first output values."""

    name: str
    kind: str
    input: str
    output: str
    values: tuple[float, ...]


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class ForwardPass:
    """One photo's way through a backbone, as tensors: what both photo traces describe."""

    backbone: Backbone
    photo: Image.Image
    pixels: Tensor
    features: Tensor
    logits: Tensor
    answer: tuple[Prediction, ...]


@dataclass(frozen=True)
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
def outputs_of(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, Any]]:
    """Collect the outputs of these modules, by name, while the block runs a forward pass."""
    seen: dict[str, Any] = {}

    def keep(name: str):
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            seen[name] = output.detach().clone() if isinstance(output, Tensor) else output

        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def trace_module(model: nn.Module, *inputs: Tensor, depth: int = 1) -> tuple[LayerRecord, ...]:
    """Run any module once and record its submodules down to `depth`, in the order they ran.

    The model comes back as it was: same mode, no hooks left. A submodule that runs twice is
    recorded twice.
    """
    records: list[LayerRecord] = []

    def hook_for(name: str):
        def hook(module: nn.Module, args: tuple, output: Any) -> None:
            values = ()
            if isinstance(output, Tensor):
                values = tuple(output.flatten()[:4].float().tolist())
            records.append(
                LayerRecord(name, type(module).__name__, shape_of(args), shape_of(output), values)
            )

        return hook

    chosen = [(n, m) for n, m in model.named_modules() if n and n.count(".") < depth]
    handles = [module.register_forward_hook(hook_for(name)) for name, module in chosen]
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    return tuple(records)


@torch.no_grad()
def trace_photo(backbone: Backbone, photo: Image.Image, top: int = 5) -> PhotoTrace:
    """Follow one photo through the three stages, in float32 on the CPU."""
    spec = backbone.spec.preprocessing
    backbone = backbone.cpu().float().eval()
    pixels = preprocess(photo, spec)
    with outputs_of(backbone.stages()) as maps:
        features = backbone(pixels)
    logits = backbone.head(features)
    probs = probabilities(logits)[0]
    answer = top_k(probs, IMAGENET_CLASSES, top)
    seen = ForwardPass(backbone, photo, pixels, features, logits, answer)
    return PhotoTrace(
        _data_flow(seen),
        _prediction_layers(seen),
        answer,
        preprocessing_steps(photo, spec),
        {name: value[0].numpy() for name, value in maps.items()},
        features[0].numpy(),
    )


def _data_flow(seen: ForwardPass) -> tuple[DataFlowStage, ...]:
    held, drawn = shape_of(seen.pixels), shape_of(seen.pixels.permute(0, 2, 3, 1))
    corner = ", ".join(f"{v:.2f}" for v in seen.pixels[0, :, 0, 0].tolist())
    return (
        DataFlowStage(
            "1 Input image",
            f"1×{seen.photo.height}×{seen.photo.width}×3 photo",
            str(seen.backbone.spec.preprocessing),
            f"{drawn} as drawn; {held} as PyTorch holds it",
            f"first pixel (R, G, B) = ({corner})",
        ),
        DataFlowStage(
            "2 Feature extraction",
            held,
            f"{seen.backbone.spec.name} without its head",
            f"{shape_of(seen.features)} feature vector",
            some_values(seen.features),
        ),
        DataFlowStage(
            "3 Classification layer",
            shape_of(seen.features),
            "fully connected layer, softmax",
            f"{shape_of(seen.logits)} class probabilities",
            f"{seen.answer[0].label} {seen.answer[0].probability:.3f}",
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
            f"{seen.photo.height}×{seen.photo.width}×3 photo",
            str(seen.backbone.spec.preprocessing),
            seen.pixels,
        ),
        layer(
            "2 Feature extraction",
            shape_of(seen.pixels),
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
