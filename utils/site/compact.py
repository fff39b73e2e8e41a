"""Smaller forms of an ONNX network: weights as int8 or float16, computing still in float32.

Activations keep their full precision, so that answers hardly change; ONNX Runtime turns the
weights back into float32 once, when it loads the file.
"""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

FEW = 4096  # values: a tensor with fewer is kept as it is
Store = Callable[[str, np.ndarray], tuple[NodeProto, list[TensorProto]]]


def with_float16(model: ModelProto) -> ModelProto:
    """A copy whose large weights are stored in float16, with a cast behind each."""
    return _stored(model, _as_float16)


def with_int8(model: ModelProto) -> ModelProto:
    """A copy whose large weights are stored in int8, with a scale for each output channel."""
    return _stored(model, _as_int8)


def with_both(model: ModelProto, few: int) -> ModelProto:
    """A copy with convolutions in int8, but in float16 those of fewer values than `few`, where
    rounding saves little, and the linear head, whose rounding moves logits most.
    """

    def store(name: str, values: np.ndarray) -> tuple[NodeProto, list[TensorProto]]:
        precise = values.ndim == 2 or values.size < few
        return (_as_float16 if precise else _as_int8)(name, values)

    return _stored(model, store)


def _stored(model: ModelProto, store: Store) -> ModelProto:
    small = ModelProto()
    small.CopyFrom(model)
    graph, nodes, tensors = small.graph, [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2 or values.size < FEW:
            tensors.append(tensor)
            continue
        node, stored = store(tensor.name, values)
        nodes.append(node)
        tensors += stored
    nodes += graph.node
    for field, content in ((graph.initializer, tensors), (graph.node, nodes)):
        kept = [type(item).FromString(item.SerializeToString()) for item in content]
        del field[:]
        field.extend(kept)
    onnx.checker.check_model(small)
    return small


def _as_float16(name: str, values: np.ndarray) -> tuple[NodeProto, list[TensorProto]]:
    stored = numpy_helper.from_array(values.astype(np.float16), f"{name}_float16")
    return helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT), [stored]


def _as_int8(name: str, values: np.ndarray) -> tuple[NodeProto, list[TensorProto]]:
    """Rounds each channel by the scale, of a few, that changes its values least."""
    rows = values.reshape(len(values), -1)
    largest = np.maximum(np.abs(rows).max(axis=1), 1e-12)
    best_scale, best_error = largest / 127, np.full(len(rows), np.inf)
    for share in np.linspace(0.6, 1, 17):
        scale = largest * share / 127
        error = ((_rounded(rows, scale) * scale[:, None] - rows) ** 2).sum(axis=1)
        best_scale = np.where(error < best_error, scale, best_scale)
        best_error = np.minimum(error, best_error)
    scale = best_scale.astype(np.float32)
    whole = _rounded(rows, scale).astype(np.int8).reshape(values.shape)
    stored = [
        numpy_helper.from_array(whole, f"{name}_int8"),
        numpy_helper.from_array(scale, f"{name}_scale"),
    ]
    inputs = [tensor.name for tensor in stored]
    return helper.make_node("DequantizeLinear", inputs, [name], axis=0), stored


def _rounded(rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(rows / scale[:, None]), -127, 127)
