"""What an epoch's numbers say, by stated rules."""

from collections.abc import Sequence
from dataclasses import dataclass

RISE = 0.05  # a training loss this much above the previous epoch's is diverging
GAP = 0.02  # a validation loss this much above its best, while training falls, is over-fitting ...
ERRORS = 2  # ... if it is as many standard errors above, and accuracy hasn't risen
FLAT = 0.01  # changes below this are a plateau
CLEAR = 0.05  # a validation loss that falls by less than this is converging


@dataclass(frozen=True)
class EpochRecord:
    """One row of a training trace: losses in nats, accuracies in [0, 1], the peak rate.

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


def observe(history: Sequence[EpochRecord]) -> str:
    """The observation on the last epoch of `history`: the first of these rules that holds.

    1. start: there is nothing to compare with yet.
    2. diverging: the training loss rose by more than 5 %.
    3. over-fitting: the training loss fell, the validation loss stands more than 2 % and more
       than two standard errors above its best so far, and accuracy is no higher than it was there.
    4. plateau: both losses changed by less than 1 %.
    5. learning: the validation loss fell by 5 % or more.
    6. converging: anything else, so small steps.
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
            f"over-fitting: training loss fell {-train:.1%}, but validation loss is "
            f"{above:.1%} above its best (epoch {best.epoch})"
        )
    if abs(train) < FLAT and abs(val) < FLAT:
        return f"plateau: training loss {train:+.1%}, validation loss {val:+.1%}"
    if val <= -CLEAR:
        return f"learning: validation loss fell {-val:.1%} to {now.val_loss:.3f}"
    return f"converging: training loss {train:+.1%}, validation loss {val:+.1%}"


def _change(before: float, now: float) -> float:
    return (now - before) / max(before, 1e-12)
