"""Checkpoints: what a training run needs to go on after it was stopped, and its best weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import safetensors.torch
import torch
from torch import Tensor

from utils.errors import CourseError
from utils.files import write_file

FORMAT = 1


class Stateful(Protocol):
    """Anything with a state: model, optimizer, scheduler, scaler."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> Any: ...


@dataclass(frozen=True)
class Checkpoints:
    """A folder with `last.pt` (to resume) and `best.safetensors` (to use)."""

    folder: Path

    @property
    def last(self) -> Path:
        return self.folder / "last.pt"

    @property
    def best(self) -> Path:
        return self.folder / "best.safetensors"

    def save(
        self,
        parts: Mapping[str, Stateful],
        config: dict[str, Any],
        history: list[dict[str, Any]],
        best_state: dict[str, Tensor],
    ) -> None:
        """Keep the state after an epoch; both files are replaced whole or not at all."""
        content = {
            "format": FORMAT,
            "config": config,
            "history": history,
            "best": best_state,
            **{name: part.state_dict() for name, part in parts.items()},
        }
        buffer = BytesIO()
        torch.save(content, buffer)
        write_file(self.last, buffer.getvalue())
        write_file(self.best, safetensors.torch.save(best_state))

    def load(
        self, parts: Mapping[str, Stateful], config: dict[str, Any]
    ) -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
        """Put the parts back as they were; returns the epochs so far and the best weights.

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
        other = [key for key in config if content["config"].get(key) != config[key]]
        if other:
            raise CourseError(
                f"{self.last} belongs to a run with another {', '.join(other)}: give the same "
                "settings as before, or train again without --resume."
            )
        for name, part in parts.items():
            part.load_state_dict(content[name])
        return content["history"], content["best"]
