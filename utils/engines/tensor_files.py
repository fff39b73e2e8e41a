"""Named tensors: their fingerprint, and files of the cache that tell whether they are whole."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from utils.files import write_file


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the names, shapes and values of tensors, in their order."""
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def write_tensors(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors, which must be on the CPU; raises CourseError as `write_file` does."""
    metadata = {"sha256": _checksum(tensors)}
    write_file(file, safetensors.torch.save(dict(tensors), metadata=metadata))


def read_tensors(file: Path) -> dict[str, Tensor] | None:
    """The tensors in a file, or None where there is none or it is damaged."""
    try:
        with safe_open(file, framework="pt") as content:
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
            intact = content.metadata()["sha256"] == _checksum(tensors)
    except (OSError, SafetensorError, KeyError, TypeError):
        return None
    return tensors if intact else None


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    return fingerprint(dict(sorted(tensors.items())))
