"""Stage 3: what a linear probe finds in features."""

import torch

from utils.classifier import linear_probe


def probe(features: torch.Tensor, labels: torch.Tensor) -> float:
    half = len(labels) // 2
    return linear_probe(features[:half], labels[:half], features[half:], labels[half:])


def test_a_probe_finds_what_features_tell_whatever_their_scale() -> None:
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (300,), generator=random)
    told = torch.nn.functional.one_hot(labels, 3) + torch.randn(300, 3, generator=random) / 5
    noise = torch.randn(300, 20, generator=random)
    assert probe(torch.cat([noise, told], dim=1), labels) > 0.95
    assert probe(torch.cat([noise, told * 1000], dim=1), labels) > 0.95


def test_a_probe_of_noise_finds_nothing() -> None:
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (800,), generator=random)
    assert probe(torch.randn(800, 10, generator=random), labels) < 0.35
