"""Batches: the same ones for the same seed and epoch, whoever loads them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision.transforms.v2 import functional as F

from utils.datasets import ImageSet
from utils.device import Runtime
from utils.images import Normalize, Preprocessing, crop_photo, resize_photo
from utils.settings import TrainingConfig
from utils.splits import Splits

Batch = tuple[Tensor, Tensor]


class EpochBatches(Protocol):
    """Gives the batches of an epoch when called with its number; its length is their number."""

    def __call__(self, epoch: int) -> Iterable[Batch]: ...

    def __len__(self) -> int: ...


def mix(*numbers: int) -> int:
    """Combine several numbers into one seed that, unlike a sum, differs for each combination."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % 2**63
    return seed


def generator(*numbers: int) -> torch.Generator:
    """A random generator that depends on these numbers alone."""
    return torch.Generator().manual_seed(mix(*numbers))


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """The order in which an epoch sees `count` photos."""
    return torch.randperm(count, generator=generator(seed, epoch))


class TensorBatches:
    """Batches of tensors in memory, shuffled anew in each epoch if asked for."""

    def __init__(
        self, inputs: Tensor, labels: Tensor, batch_size: int, seed: int, shuffle: bool
    ) -> None:
        self.inputs, self.labels, self.batch_size = inputs, labels, batch_size
        self.seed, self.shuffle = seed, shuffle

    def __call__(self, epoch: int) -> Iterator[Batch]:
        count = len(self.labels)
        order = epoch_order(count, self.seed, epoch) if self.shuffle else torch.arange(count)
        for rows in order.split(self.batch_size):
            yield self.inputs[rows], self.labels[rows]

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch_size)


class TrainingPhotos(Dataset):
    """Photos as normalised tensors, looked up by (epoch, index); augmented if asked for.

    The augmentation of a photo depends on seed, epoch and index alone: it comes out the same with
    any number of workers, and after a resume.
    """

    def __init__(self, images: ImageSet, spec: Preprocessing, seed: int, augment: bool) -> None:
        self.images, self.spec, self.seed, self.augment = images, spec, seed, augment
        self.normalize = Normalize(spec)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:
        epoch, index = key
        photo = self.images.photo(index)
        if self.augment:
            pixels = random_crop(
                resize_photo(photo, self.spec), self.spec.crop, generator(self.seed, epoch, index)
            )
        else:
            pixels = crop_photo(photo, self.spec)
        return self.normalize(pixels.unsqueeze(0))[0], self.images.labels[index]


def random_crop(pixels: Tensor, size: int, random: torch.Generator) -> Tensor:
    """Augmentation: a random size×size window of a 3×H×W photo, mirrored half of the time."""
    top = int(torch.randint(pixels.shape[1] - size + 1, (), generator=random))
    left = int(torch.randint(pixels.shape[2] - size + 1, (), generator=random))
    window = F.crop(pixels, top, left, size, size)
    return F.horizontal_flip(window) if torch.rand((), generator=random) < 0.5 else window


class EpochKeys(Sampler):
    """Keys (epoch, index) that tell worker processes, which keep no state, the epoch."""

    def __init__(self, count: int, seed: int, shuffle: bool) -> None:
        self.count, self.seed, self.shuffle, self.epoch = count, seed, shuffle, 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        indices = range(self.count)
        order = epoch_order(self.count, self.seed, self.epoch).tolist() if self.shuffle else indices
        return ((self.epoch, index) for index in order)

    def __len__(self) -> int:
        return self.count


class PhotoBatches:
    """Batches of photos from disk; the training split is shuffled and augmented."""

    def __init__(
        self,
        images: ImageSet,
        spec: Preprocessing,
        batch_size: int,
        seed: int,
        runtime: Runtime,
        training: bool,
    ) -> None:
        self.keys = EpochKeys(len(images), seed, shuffle=training)
        self.loader = DataLoader(
            TrainingPhotos(images, spec, seed, augment=training),
            batch_size=batch_size,
            sampler=self.keys,
            persistent_workers=runtime.workers > 0,
            **runtime.loader_options,
        )

    def __call__(self, epoch: int) -> Iterable[Batch]:
        self.keys.epoch = epoch
        return self.loader

    def __len__(self) -> int:
        return len(self.loader)


@dataclass(frozen=True)
class SplitBatches:
    """The three splits, ready to iterate; `train` gives other batches in each epoch."""

    train: EpochBatches
    val: EpochBatches
    test: EpochBatches


def feature_batches(
    vectors: Tensor, labels: Sequence[int], splits: Splits, config: TrainingConfig
) -> SplitBatches:
    """Batches of feature vectors (N×D) with their N labels."""
    targets = torch.tensor(labels)

    def part(indices: tuple[int, ...], shuffle: bool) -> EpochBatches:
        rows = list(indices)
        return TensorBatches(vectors[rows], targets[rows], config.batch_size, config.seed, shuffle)

    return SplitBatches(part(splits.train, True), part(splits.val, False), part(splits.test, False))


def photo_batches(
    images: ImageSet,
    spec: Preprocessing,
    splits: Splits,
    config: TrainingConfig,
    runtime: Runtime,
) -> SplitBatches:
    """Batches of photos as a backbone with this preprocessing takes them."""

    def part(indices: tuple[int, ...], training: bool) -> EpochBatches:
        chosen = images.subset(indices)
        return PhotoBatches(chosen, spec, config.batch_size, config.seed, runtime, training)

    return SplitBatches(part(splits.train, True), part(splits.val, False), part(splits.test, False))
