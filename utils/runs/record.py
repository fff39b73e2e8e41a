"""What `model.json` in a run folder says of a trained classifier."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from utils.images import Preprocessing

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The photos of a run: `source` is a data set's name or a folder's absolute path."""

    name: str
    source: str
    limit: int | None
    group_by: str | None
    photos: int
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """How they were split, so that the same test photos are found again."""

    by: str
    seed: int
    train: int
    val: int
    test: int
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What `model.json` says of a trained classifier: all that is needed to use it.

    `weights` is the choice that loads the backbone, `backbone` the fingerprint of what it learned
    from. `reject_below` is the probability under which an answer can be "none of these".
    """

    family: str
    model: str
    weights: str
    backbone: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    mode: str
    precision: str
    data: DataRecord
    split: SplitRecord
    metrics: dict[str, float | None]
    reject_below: float
    format: int = field(default=FORMAT)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "RunRecord":
        """Read what `to_json` wrote; raises KeyError, TypeError or ValueError if it isn't that."""
        content: dict[str, Any] = json.loads(text)
        spec = content["preprocessing"]
        return cls(
            **content
            | {
                "classes": tuple(content["classes"]),
                "preprocessing": Preprocessing(
                    **spec | {"mean": tuple(spec["mean"]), "std": tuple(spec["std"])}
                ),
                "data": DataRecord(**content["data"]),
                "split": SplitRecord(**content["split"]),
            }
        )
