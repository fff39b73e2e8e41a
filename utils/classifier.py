"""Stage 3: head, logits, softmax, top-k."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

FOLDS = 5


@dataclass(frozen=True)
class Prediction:
    """One class with its probability."""

    label: str
    probability: float


def feature_scale(features: Tensor) -> tuple[Tensor, Tensor]:
    """Compute mean and standard deviation (both D) of N×D training features, to standardise with.

    A feature that is nearly constant here can be large on a new photo: dividing by its own tiny
    deviation would let it swamp the rest, so deviations are raised to at least their mean. A
    feature that never varies gets an infinite deviation, which makes it zero.
    """
    std = features.std(dim=0)
    return features.mean(dim=0), torch.where(std > 1e-6, std.clamp(min=std.mean()), torch.inf)


class Head(nn.Module):
    """A new classifier on feature vectors: standardise each feature, then one linear layer.

    N×D feature vectors → N×C logits. `mean` and `std` come from the training features, so that
    one learning rate suits every backbone, whatever the scale of its features.
    """

    def __init__(self, features: Tensor, n_classes: int) -> None:
        super().__init__()
        mean, std = feature_scale(features)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.linear = nn.Linear(features.shape[1], n_classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear((features - self.mean) / self.std)


def probabilities(logits: Tensor) -> Tensor:
    """Softmax over the last dimension, in float32: N×C logits → N×C probabilities."""
    return torch.softmax(logits.float(), dim=-1)


def top_k(probs: Tensor, classes: Sequence[str], k: int = 5) -> tuple[Prediction, ...]:
    """The k most probable classes of one photo (a vector of C probabilities), best first."""
    values, indices = probs.topk(min(k, len(classes)))
    return tuple(
        Prediction(classes[int(i)], float(v)) for v, i in zip(values, indices, strict=True)
    )


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Fraction of photos whose largest logit is the right class."""
    return (logits.argmax(dim=1) == labels).float().mean().item()


def linear_probe(
    features: Tensor, labels: Tensor, test_features: Tensor, test_labels: Tensor
) -> float:
    """Measure how informative N×D features are: test accuracy of a logistic regression on them.

    Features are standardised; the strong regularisation (C = 0.01) restrains uninformative ones.
    """
    return float(_probe().fit(features, labels).score(test_features, test_labels))


def cross_validated_accuracy(features: Tensor, labels: Tensor, groups: Tensor) -> float:
    """The accuracy of such a probe, which names the photos of each fold after learning the others.

    There are `FOLDS` folds, and no two share a group.
    """
    folds = GroupKFold(min(FOLDS, len(groups.unique())))
    predicted = cross_val_predict(
        _probe(), features.numpy(), labels.numpy(), groups=groups.numpy(), cv=folds
    )
    return float((predicted == labels.numpy()).mean())


def _probe() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
