"""Receptive fields out of an ONNX graph: which pixels of the photo a cell of a map can see."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, NodeProto, numpy_helper


@dataclass(frozen=True, kw_only=True)
class Field:
    """Cell i of a map sees `size` pixels around pixel `start` + i × `stride`, along each axis."""

    size: int
    stride: int
    start: float


def receptive_fields(model: ModelProto, outputs: Sequence[str]) -> dict[str, Field]:
    """The receptive field of each of these outputs, by its name.

    Where paths meet, as behind a shortcut, the largest field counts.
    """
    weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    fields = {model.graph.input[0].name: Field(size=1, stride=1, start=0.0)}
    for node in model.graph.node:
        sources = [fields[name] for name in node.input if name in fields]
        if not sources:
            continue
        field = max(sources, key=lambda source: source.size)
        if node.op_type in ("Conv", "MaxPool", "AveragePool"):
            field = _behind(node, field, weights)
        fields |= dict.fromkeys(node.output, field)
    return {name: fields[name] for name in outputs}


def _behind(node: NodeProto, field: Field, weights: dict[str, np.ndarray]) -> Field:
    given = {a.name: list(a.ints) for a in node.attribute if a.ints}
    kernel = given.get("kernel_shape") or list(weights[node.input[1]].shape[2:])
    side, before = kernel[0], given.get("pads", [0])[0]
    if node.op_type == "Conv" and not weights[node.input[1]][:, :, 0].any():
        side, before = side - 1, before - 1  # a row of zeros that only pads
    reach = (side - 1) * given.get("dilations", [1])[0]
    return Field(
        size=field.size + reach * field.stride,
        stride=field.stride * given.get("strides", [1])[0],
        start=field.start + (reach / 2 - before) * field.stride,
    )
