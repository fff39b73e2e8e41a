"""Batches: the same ones for the same seed and epoch, whoever loads them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.v2 import functional as F

from utils.datasets import ImageSet
from utils.device import Runtime
from utils.images import Normalise, Preprocessing, crop_photo, resize_photo

Batch = tuple[Tensor, Tensor]


class EpochBatches(Protocol):
    """Called with the number of an epoch, gives its batches; its length is that of an epoch."""

    def __call__(self, epoch: int) -> Iterable[Batch]: ...

    def __len__(self) -> int: ...


def generator(*numbers: int) -> torch.Generator:
    """A random generator that depends on these numbers alone."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % 2**63
    return torch.Generator().manual_seed(seed)


@dataclass(frozen=True)
class tensor_batches:  # noqa: N801, used like the function photo_batches
    """Batches of tensors in memory, shuffled anew in each epoch if asked for."""

    inputs: Tensor
    labels: Tensor
    batch_size: int
    seed: int
    shuffle: bool

    def __call__(self, epoch: int) -> Iterator[Batch]:
        order = _order(len(self.labels), self.seed, epoch, self.shuffle)
        for rows in order.split(self.batch_size):
            yield self.inputs[rows], self.labels[rows]

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch_size)


def _order(count: int, seed: int, epoch: int, shuffle: bool) -> Tensor:
    return torch.randperm(count, generator=generator(seed, epoch)) if shuffle else torch.arange(count)
