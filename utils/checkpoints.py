"""Checkpoints: everything that changes in training, saved so that a stopped run can resume."""

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from utils.errors import CourseError
from utils.files import write_file

FORMAT = 2
LAST, MODEL = "last.pt", "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class TrainState:
    """A model with its optimizer, schedule and loss scaler, all of which change in training."""

    model: nn.Module
    optimizer: Optimizer
    scheduler: LRScheduler
    scaler: torch.amp.GradScaler
    clip_norm: float  # gradients with a larger norm are clipped to this one

    @property
    def lr(self) -> float:
        """The present learning rate of the first group of parameters."""
        return self.optimizer.param_groups[0]["lr"]

    def step(self, loss: Tensor) -> None:
        """Take one optimizer step down the gradient of a loss, and advance the schedule.

        In fp16 the scaler skips the optimizer if gradients overflow; the schedule then waits.
        """
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        groups = self.optimizer.param_groups
        nn.utils.clip_grad_norm_([p for group in groups for p in group["params"]], self.clip_norm)
        scale = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.scaler.get_scale() >= scale:  # the scale is lowered after a skipped step
            self.scheduler.step()

    def _parts(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "optimizer": self.optimizer,
            "scheduler": self.scheduler,
            "scaler": self.scaler,
        }

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(state[name])


@dataclass(frozen=True)
class Checkpoints:
    """A folder with `last.pt` (to resume) and `model.safetensors` (the best epoch, to use).

    `run_key` holds the settings that a checkpoint must share with a run that resumes from it;
    `resume` asks the run to do so.
    """

    folder: Path
    run_key: dict[str, Any] = field(default_factory=dict)
    resume: bool = False

    @property
    def last(self) -> Path:
        return self.folder / LAST

    @property
    def best(self) -> Path:
        return self.folder / MODEL

    def save(
        self,
        state: TrainState,
        history: list[dict[str, Any]],
        best: dict[str, Tensor],
        improved: bool = True,
    ) -> None:
        """Keep the state after an epoch; each file is replaced whole or not at all.

        The best weights are written only if they are new: before the state, so that a run that is
        killed between the two finds them again.
        """
        if improved or not self.best.exists():
            write_file(self.best, safetensors.torch.save(best))
        buffer = BytesIO()
        content = {
            "format": FORMAT,
            "run_key": self.run_key,
            "history": history,
            "best": best,
            "state": state.state_dict(),
        }
        torch.save(content, buffer)
        write_file(self.last, buffer.getvalue())

    def load(self, state: TrainState) -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
        """Put a state back as it was; returns the epochs so far and the best weights.

        Raises:
            CourseError: nothing to resume, damaged, or from a run with other settings.
        """
        if not self.last.exists():
            raise CourseError(f"There is nothing to resume in {self.folder}: run without --resume.")
        try:
            content = torch.load(self.last, map_location="cpu", weights_only=True)
            made_by = content.get("format")
        except Exception as error:  # damaged pickles raise many types; none may reach the user
            raise CourseError(
                f"{self.last} is damaged: delete it and train again without --resume."
            ) from error
        if made_by != FORMAT:
            raise CourseError(
                f"{self.last} was written by another version of the course: delete "
                "it and train again without --resume."
            )
        other = [key for key in self.run_key if content["run_key"].get(key) != self.run_key[key]]
        if other:
            raise CourseError(
                f"{self.last} belongs to a run with different settings ({', '.join(other)}): give "
                "the same as before, or train again without --resume."
            )
        state.load_state_dict(content["state"])
        return content["history"], content["best"]
