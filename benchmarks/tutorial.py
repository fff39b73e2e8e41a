"""The way of most tutorials to train a head: every epoch runs the frozen backbone again.

PyTorch's transfer-learning tutorial with a fixed feature extractor, except that its loader
asks for 4 worker processes, which torch itself advises against on fewer cores.
"""

import os
from collections.abc import Sequence

import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.timing import Stopwatch
from utils.datasets import ImageSet
from utils.models import IMAGENET_MEAN, IMAGENET_STD
from utils.splits import split

BATCH_SIZE = 32  # the course's, too
WORKERS = min(4, os.cpu_count() or 1)
TRANSFORM = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
    ]
)


class Photos(Dataset):
    """Photos opened by Pillow and transformed, as torchvision's ImageFolder gives them."""

    def __init__(self, images: ImageSet, indices: Sequence[int]) -> None:
        self.images, self.indices = images, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        index = self.indices[position]
        photo = Image.open(self.images.images[index]).convert("RGB")
        return TRANSFORM(photo), self.images.labels[index]


def train_head(images: ImageSet, epochs: int, device: torch.device) -> list[float]:
    """Train a new head on a frozen ResNet-18; the seconds at the end of each epoch."""
    watch = Stopwatch(device)
    splits = split(images)
    loaders = [_loader(images, splits.train, True), _loader(images, splits.val, False)]
    model = _frozen_resnet18(len(images.classes)).to(device)
    optimizer = torch.optim.SGD(model.fc.parameters(), lr=1e-3, momentum=0.9)
    seconds = []
    for _ in range(epochs):
        for loader, learning in zip(loaders, (True, False), strict=True):
            _pass(model, loader, optimizer if learning else None, device)
        seconds.append(watch.seconds())
    return seconds


def _frozen_resnet18(classes: int) -> nn.Module:
    model = torchvision.models.resnet18()
    model.requires_grad_(False)
    model.fc = nn.Linear(model.fc.in_features, classes)
    return model


def _loader(images: ImageSet, indices: Sequence[int], shuffle: bool) -> DataLoader:
    return DataLoader(
        Photos(images, indices), batch_size=BATCH_SIZE, shuffle=shuffle, num_workers=WORKERS
    )


def _pass(
    model: nn.Module,
    loader: DataLoader,
    optimizer: torch.optim.Optimizer | None,
    device: torch.device,
) -> tuple[float, float]:
    """Once through a loader, learning if there is an optimizer; mean loss and accuracy."""
    model.train(optimizer is not None)
    loss_sum = correct = 0.0
    for photos, labels in loader:
        photos, labels = photos.to(device), labels.to(device)
        with torch.set_grad_enabled(optimizer is not None):
            logits = model(photos)
            loss = nn.functional.cross_entropy(logits, labels)
        if optimizer:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss_sum += loss.item() * len(labels)
        correct += (logits.argmax(dim=1) == labels).sum().item()
    return loss_sum / len(loader.dataset), correct / len(loader.dataset)
