"""How well a model does on labelled batches, and how well one does who has learned next to nothing.

An accuracy says little without its floor, on the same photos.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from utils.datasets import ImageSet
from utils.device import Runtime
from utils.splits import Splits


def evaluate(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], runtime: Runtime
) -> tuple[float, float]:
    """Loss and accuracy, averaged over samples: a smaller last batch counts for less."""
    losses, hits = photo_losses(model, batches, runtime)
    return losses.mean().item(), hits.double().mean().item()


@torch.inference_mode()
def photo_losses(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], runtime: Runtime
) -> tuple[Tensor, Tensor]:
    """Each photo's loss (float64, on the CPU), and whether its class was found; both of shape N."""
    model.eval()
    losses, hits = [], []
    for inputs, labels in batches:
        inputs, labels = runtime.send(inputs), runtime.send(labels)
        with runtime.autocast():
            logits = model(inputs)
        losses.append(cross_entropy(logits.float(), labels, reduction="none").cpu().double())
        hits.append((logits.argmax(dim=1) == labels).cpu())
    return torch.cat(losses), torch.cat(hits)


def losses_with(
    state: dict[str, Tensor],
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    runtime: Runtime,
) -> Tensor:
    """Each photo's loss with other weights; the model keeps its own."""
    own = copy_state(model)
    model.load_state_dict(state)
    losses, _ = photo_losses(model, batches, runtime)
    model.load_state_dict(own)
    return losses


def standard_error(differences: Tensor) -> float:
    """Standard error of the mean of N differences; 0 where there is but one."""
    return (differences.std() / len(differences) ** 0.5).item() if len(differences) > 1 else 0.0


def copy_state(model: nn.Module) -> dict[str, Tensor]:
    """A copy on the CPU, in the plain layout that safetensors asks for."""
    plain = torch.contiguous_format
    return {
        name: value.detach().cpu().clone(memory_format=plain)
        for name, value in model.state_dict().items()
    }


def largest_class_floor(images: ImageSet, splits: Splits) -> float:
    """Test accuracy of always answering with the largest class of the training split."""
    return _floor(images.labels, [""] * len(images.classes), splits)


def informed_floor(images: ImageSet, splits: Splits) -> float | None:
    """Test accuracy of knowing the kind of each photo (`ImageSet.kinds`), and nothing else.

    The answer is the largest class of that kind in the training split. None if the set has no
    kinds, so that only the largest class of all can be guessed.
    """
    return _floor(images.labels, images.kinds, splits) if images.kinds else None


def _floor(labels: Sequence[int], kinds: Sequence[str], splits: Splits) -> float:
    learned = Counter(labels[i] for i in splits.train)
    answers: dict[str, int] = {}
    for label, _ in learned.most_common():
        answers.setdefault(kinds[label], label)
    tested = [labels[i] for i in splits.test]
    return sum(answers.get(kinds[label]) == label for label in tested) / len(tested)
