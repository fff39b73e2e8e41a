"""Stage 3: what a linear probe finds in features."""

import torch

from utils.classifier import Head, accuracy, linear_probe, probabilities, top_k


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


def test_probabilities_sum_to_one_even_for_huge_logits() -> None:
    probs = probabilities(torch.tensor([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]]))
    torch.testing.assert_close(probs, torch.tensor([[1.0, 0, 0], [1 / 3] * 3]))


def test_top_k_never_asks_for_more_than_there_are() -> None:
    top = top_k(torch.tensor([0.2, 0.8]), ("cat", "dog"), 5)
    assert [p.label for p in top] == ["dog", "cat"]


def test_a_rarely_seen_feature_cannot_shout_down_the_rest() -> None:
    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    features[:, 3] *= 1e-5
    head = Head(features, 2)
    surprise = torch.tensor([[0.0, 0.0, 0.0, 1.0]])
    assert ((surprise - head.mean) / head.std).abs().max() < 3


def test_head_ignores_a_feature_that_never_varies() -> None:
    features = torch.tensor([[1.0, 5.0], [3.0, 5.0], [2.0, 5.0]])
    head = Head(features, 2)
    changed = features + torch.tensor([0.0, 100.0])
    torch.testing.assert_close(head(features), head(changed))
    assert accuracy(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([1, 1])) == 0.5
