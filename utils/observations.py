"""How well a model does on labelled batches, and what an epoch's numbers say, by stated rules.

An accuracy says little without its floor: the accuracy of a trivial answer on the same photos.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from utils.datasets import ImageSet
from utils.device import Runtime
from utils.splits import Splits

RISE = 0.05  # a training loss this much above the previous epoch's is diverging
GAP = 0.02  # a validation loss this much above its best, while training falls, is overfitting ...
ERRORS = 2  # ... if it is as many standard errors above, and accuracy hasn't risen
FLAT = 0.01  # changes below this are a plateau
CLEAR = 0.05  # a validation loss that falls by less than this is converging


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One row of a training trace: losses in nats, accuracies in [0, 1], the peak learning rate.

    `rise_error` is the standard error of the difference between this validation loss and the lowest
    one before it, photo by photo: with few photos a difference is mostly chance.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    lr: float
    seconds: float
    observation: str
    rise_error: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TrainingTrace:
    """What happened, epoch by epoch, and the one look at the test split."""

    dataset: str
    split: str  # by what: "split by module"
    side: int  # of the square that the backbone sees of each photo, in pixels
    model: str
    weights: str
    mode: str
    classes: tuple[str, ...]
    n_train: int
    n_val: int
    n_test: int
    majority: float  # test accuracy of the training split's largest class alone
    informed_floor: float | None  # and of the largest class of the right kind (ImageSet.kinds)
    epochs: tuple[EpochRecord, ...]
    best_epoch: int
    test_accuracy: float
    seconds: float  # computing the features or reading them from the cache, and epochs

    @property
    def floors(self) -> str:
        """What the test accuracy has to be compared with, in words."""
        words = f"largest class alone: {self.majority:.1%}"
        if self.informed_floor is None:
            return words
        return f"{words}; right kind, its largest class: {self.informed_floor:.1%}"


def observe(history: Sequence[EpochRecord]) -> str:
    """The observation on the last epoch of `history`: the first of these rules that holds.

    1. start: there is nothing to compare with yet.
    2. diverging: the training loss rose by more than 5 %.
    3. overfitting: the training loss fell, the validation loss stands more than 2 % and more
       than two standard errors above its best so far, and accuracy is no higher than it was there.
    4. plateau: both losses changed by less than 1 %.
    5. learning: the validation loss fell by 5 % or more.
    6. converging: anything else.
    """
    now = history[-1]
    if len(history) == 1:
        return f"start: validation loss {now.val_loss:.3f}, accuracy {now.val_accuracy:.1%}"
    before, best = history[-2], min(history[:-1], key=lambda row: row.val_loss)
    train, val = _change(before.train_loss, now.train_loss), _change(before.val_loss, now.val_loss)
    above = _change(best.val_loss, now.val_loss)
    if train > RISE:
        return f"diverging: training loss rose {train:.1%} to {now.train_loss:.3f}"
    beyond_chance = now.val_loss - best.val_loss > ERRORS * now.rise_error
    if train < 0 and above > GAP and beyond_chance and now.val_accuracy <= best.val_accuracy:
        return (
            f"overfitting: training loss fell {-train:.1%}, but validation loss is "
            f"{above:.1%} above its best (epoch {best.epoch})"
        )
    if abs(train) < FLAT and abs(val) < FLAT:
        return f"plateau: training loss {train:+.1%}, validation loss {val:+.1%}"
    if val <= -CLEAR:
        return f"learning: validation loss fell {-val:.1%} to {now.val_loss:.3f}"
    return f"converging: training loss {train:+.1%}, validation loss {val:+.1%}"


def _change(before: float, now: float) -> float:
    return (now - before) / max(before, 1e-12)


def evaluate(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], runtime: Runtime
) -> tuple[float, float]:
    """Loss and accuracy, averaged over samples: a smaller last batch counts for less."""
    losses, hits = photo_losses(model, batches, runtime)
    return losses.mean().item(), hits.double().mean().item()


@torch.inference_mode()
def photo_losses(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    runtime: Runtime,
    class_weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Each photo's loss (float64, on the CPU), and whether its class was found; both of shape N.

    `class_weights` (C, on the device) multiply the losses.
    """
    model.eval()
    losses, hits = [], []
    for inputs, labels in batches:
        inputs, labels = runtime.move_batch(inputs), runtime.move_batch(labels)
        with runtime.autocast():
            logits = model(inputs)
        found = cross_entropy(logits.float(), labels, class_weights, reduction="none")
        losses.append(found.cpu().double())
        hits.append((logits.argmax(dim=1) == labels).cpu())
    return torch.cat(losses), torch.cat(hits)


def losses_with(
    state: dict[str, Tensor],
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    runtime: Runtime,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Each photo's loss with another state of the model, which keeps its own."""
    own = copy_state(model)
    model.load_state_dict(state)
    losses, _ = photo_losses(model, batches, runtime, class_weights)
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
