"""One family from photo to trained head: the run behind `course trace`."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from PIL import Image

from utils.backbones import Textbook, load_family, textbook, with_side
from utils.datasets import ImageSet, Progress, no_progress
from utils.device import Runtime
from utils.studies.pretraining import TransferAccuracy, transfer_accuracy
from utils.tracing import PhotoTrace, trace_photo
from utils.training import Reporter, TrainingConfig, TrainingTrace, train

# The data set is seen at this side, whole. On 600 solar cells (five splits by module) each family
# learned as well from 128 px as from 224 px with the borders cut off, for a third of the work.
TRAINING_SIDE = 128


@dataclass(frozen=True, kw_only=True)
class FamilyRun:
    """Everything that `course trace` shows of one family."""

    family: str
    model: str
    weights: str
    untrained: bool
    naming_note: str
    textbook: Textbook
    photo: PhotoTrace
    training: TrainingTrace
    transfer: TransferAccuracy | None  # None if the backbone is untrained itself

    @property
    def key_insight(self) -> str:
        """Test accuracy beside its floors, and what pre-training contributes."""
        now, what = self.training.test_accuracy, f"{self.model} on {self.training.dataset}"
        if self.transfer is None:
            return (
                f"{what}: a new head on an UNTRAINED backbone reaches {now:.1%} on the test split "
                f"({self.training.floors}); this is the baseline that pre-trained weights must "
                "beat, with heads trained until they converge."
            )
        return (
            f"{what}: a new head on the frozen pre-trained backbone reaches {now:.1%} on the "
            f"test split after epoch {self.training.best_epoch} ({self.training.floors}). "
            f"{self.transfer.sentence}"
        )

    def to_json(self) -> dict[str, Any]:
        """The run as plain data; shapes, values and names as in the terminal."""
        trace = asdict(self.training)
        training = {
            key: trace[key]
            for key in (
                "dataset",
                "classes",
                "n_train",
                "n_val",
                "n_test",
                "epochs",
                "test_accuracy",
                "majority",
                "informed_floor",
            )
        }
        return {
            "family": self.family,
            "model": self.model,
            "weights": self.weights,
            "textbook": asdict(self.textbook),
            "data_flow": [asdict(stage) for stage in self.photo.data_flow],
            "training": training,
            "prediction": [asdict(layer) for layer in self.photo.prediction],
            "note": self.naming_note,
            "top": [asdict(prediction) for prediction in self.photo.top],
            "key_insight": self.key_insight,
            "pretraining": self.transfer and self.transfer.to_json(),
            "seconds": self.training.seconds,
        }


def trace_family(
    family: str,
    photo: Image.Image,
    images: ImageSet,
    runtime: Runtime,
    weights: str | None = None,
    config: TrainingConfig | None = None,
    progress: Progress = no_progress,
) -> FamilyRun:
    """Both photo traces, the training trace, and what pre-training is worth.

    Raises:
        CourseError: unknown family, damaged or missing weights, failed training.
    """
    config = replace(config or TrainingConfig(), mode="head")
    backbone = load_family(family, weights)
    shown = trace_photo(backbone, photo)
    backbone = with_side(backbone, TRAINING_SIDE)
    trace, _ = train(backbone, images, config, runtime, reporter=Reporter(progress=progress))
    transfer = None
    if backbone.weights.trained:
        transfer = transfer_accuracy(backbone, images, runtime, progress)
    return FamilyRun(
        family=family,
        model=backbone.spec.name,
        weights=str(backbone.weights),
        untrained=not backbone.weights.trained,
        naming_note=backbone.naming_note,
        textbook=textbook(family),
        photo=shown,
        training=trace,
        transfer=transfer,
    )
