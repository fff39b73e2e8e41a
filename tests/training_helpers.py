"""What several of these tests use."""

from dataclasses import replace

from utils.training import (
    TrainingTrace,
)


def without_seconds(trace: TrainingTrace) -> TrainingTrace:
    epochs = tuple(replace(row, seconds=0.0) for row in trace.epochs)
    return replace(trace, epochs=epochs, seconds=0.0)
