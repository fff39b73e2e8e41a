"""Batches: the same for the same seed and epoch, whoever loads them."""

import torch

from utils.backbones import load_backbone
from utils.batches import PhotoBatches, TensorBatches, TrainingPhotos, mix
from utils.datasets import ImageSet
from utils.device import Runtime


def test_epochs_of_different_seeds_draw_different_numbers() -> None:
    seeds = {mix(seed, epoch) for seed in range(20) for epoch in range(1, 20)}
    assert len(seeds) == 20 * 19


def test_batches_differ_by_epoch_and_repeat_by_seed() -> None:
    rows, labels = torch.arange(50.0)[:, None], torch.arange(50)

    def order(epoch: int, seed: int = 0) -> list[int]:
        batches = TensorBatches(rows, labels, 8, seed, shuffle=True)
        assert len(list(batches(epoch))) == len(batches) == 7
        return [int(label) for _, part in batches(epoch) for label in part]

    assert sorted(order(1)) == list(range(50))
    assert order(1) == order(1)
    assert len({tuple(order(1)), tuple(order(2)), tuple(order(1, seed=1))}) == 3


def test_augmentation_is_for_training_only(squares: ImageSet) -> None:
    spec = load_backbone("resnet18", "untrained").spec.preprocessing
    training = TrainingPhotos(squares, spec, seed=0, augment=True)
    plain = TrainingPhotos(squares, spec, seed=0, augment=False)
    assert torch.equal(training[1, 3][0], training[1, 3][0])
    assert not torch.equal(training[1, 3][0], training[2, 3][0])
    assert torch.equal(plain[1, 3][0], plain[2, 3][0])


class TwoWorkers(Runtime):
    """The CPU with loader processes, as a GPU machine has them."""

    @property
    def workers(self) -> int:
        return 2


def test_spawned_workers_load_the_same_batches(squares: ImageSet, cpu: Runtime) -> None:
    spec = load_backbone("resnet18", "untrained").spec.preprocessing

    def labels_and_sums(runtime: Runtime) -> list[tuple[list[int], float]]:
        batches = PhotoBatches(squares, spec, 8, 0, runtime, training=True)
        return [(y.tolist(), x.double().sum().item()) for e in (1, 2) for x, y in batches(e)]

    assert labels_and_sums(TwoWorkers(cpu.device, cpu.precision)) == labels_and_sums(cpu)
