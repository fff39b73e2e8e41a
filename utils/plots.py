"""Figures: preprocessing steps, feature maps, learning curves, top-k bars.

Colours are Okabe and Ito's, which colour-blind readers can tell apart.
"""

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from utils.classifier import Prediction
from utils.observations import EpochRecord

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
MAPS_SHOWN = 6


def preprocessing_figure(steps: Mapping[str, np.ndarray]) -> Figure:
    """The photo after each preprocessing step (H×W×3 arrays), side by side."""
    figure = Figure(figsize=(10, 2.9), layout="constrained")
    for axes, (name, picture) in zip(figure.subplots(1, len(steps)), steps.items(), strict=True):
        axes.imshow(picture)
        axes.set_title(name, fontsize=10)
        axes.axis("off")
    return figure


def feature_maps_figure(maps: Mapping[str, np.ndarray]) -> Figure:
    """A row per stage (C×H×W arrays): the channels that vary most over the photo."""
    figure = Figure(figsize=(10, 1.65 * len(maps)), layout="constrained")
    grid = figure.subplots(len(maps), MAPS_SHOWN, squeeze=False)
    for row, (name, values) in zip(grid, maps.items(), strict=True):
        busiest = np.argsort(-values.std(axis=(1, 2)), kind="stable")[:MAPS_SHOWN]
        for axes, channel in zip(row, busiest, strict=True):
            axes.imshow(values[channel], cmap="viridis")
            axes.set_title(f"channel {channel}", fontsize=8)
            axes.set_xticks([])
            axes.set_yticks([])
        row[0].set_ylabel(f"{name}\n{'×'.join(map(str, values.shape))}", fontsize=9)
    return figure


def curves_figure(epochs: Sequence[EpochRecord]) -> Figure:
    """Loss and accuracy of the training and validation splits, epoch by epoch."""
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    x = [row.epoch for row in epochs]
    for axes, name in ((left, "loss"), (right, "accuracy")):
        axes.plot(
            x, [getattr(row, f"train_{name}") for row in epochs], "o-", color=BLUE, label="training"
        )
        axes.plot(
            x,
            [getattr(row, f"val_{name}") for row in epochs],
            "s--",
            color=ORANGE,
            label="validation",
        )
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    left.set_ylim(bottom=0)
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def top_figure(top: Sequence[Prediction]) -> Figure:
    """The most probable classes as bars."""
    figure = Figure(figsize=(10, 0.5 * len(top) + 0.9), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh([p.label for p in top], [p.probability for p in top], color=GREEN)
    axes.bar_label(bars, fmt="{:.1%}", padding=3)
    axes.invert_yaxis()
    axes.set(xlabel="probability", xlim=(0, 1))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def data_uri(figure: Figure) -> str:
    """The figure as a PNG inside a `data:` address, for pages without other files."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
