"""Modules in ONNX: exported from PyTorch, and quantised to int8 on photos."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from utils.engines.quiet import quiet

OPSET = 18
INPUT = "pixels"


def exporters_example(example: Tensor) -> Tensor:
    """A batch of two photos of the example's kind: with one, exporters take it for a constant."""
    return example[:1].expand(2, *example.shape[1:]).contiguous()


def to_onnx(
    module: nn.Module,
    example: Tensor,
    outputs: Sequence[str],
    input_name: str = INPUT,
) -> "onnx.ModelProto":  # noqa: F821
    """Export a module for any number of photos of the example's shape.

    Args:
        module: in eval mode, on the CPU, in float32.
        example: a batch that it takes.
        outputs: the names of its outputs.
        input_name: the name of its only input.
    """
    photos = exporters_example(example)
    with quiet():
        program = torch.onnx.export(
            module,
            (photos,),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=[input_name],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    return program.model_proto


def to_int8(content: bytes, batches: Iterable[Tensor]) -> bytes:
    """An int8 form of an ONNX model, the ranges of its values read from batches of photos.

    Weights have a scale for each channel, activations one for each tensor; both are marked in the
    graph (QDQ), for ONNX Runtime and OpenVINO to compute in int8.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as scratch, quiet():
        given, plain, small = (Path(scratch) / f"{number}.onnx" for number in range(3))
        given.write_bytes(content)
        quant_pre_process(str(given), str(plain), skip_symbolic_shape=True)
        quantize_static(
            str(plain),
            str(small),
            _Photos(batches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return small.read_bytes()


class _Photos:
    """Batches of photos, as ONNX Runtime's quantiser asks for them."""

    def __init__(self, batches: Iterable[Tensor]) -> None:
        self.batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: batch.numpy()}
