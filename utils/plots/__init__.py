"""Figures: pictures side by side, feature maps, learning curves, lines, bars, tables of errors.

Colours are Okabe and Ito's, which colour-blind readers can tell apart.
"""

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from utils.classifier import Prediction
from utils.observations import EpochRecord

if TYPE_CHECKING:
    from utils.evaluation import ReliabilityBin, TwoClassCurves

GREY = "#767676"
APART = 0.075  # names at the ends of lines, as a fraction of the height
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#000000", "#E69F00")
LINES = ("o-", "s--", "^-.", "D:", "v-", "x--")
MAPS_SHOWN = 6
MARKS = 12
NAMED = 20  # classes that a table of errors has room to name


def images_figure(pictures: Mapping[str, np.ndarray], columns: int | None = None) -> Figure:
    """Pictures (H×W×3 or H×W arrays) under their names, in rows of `columns` (one row if None)."""
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(10, rows * (10 / columns + 0.4)), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, (name, picture) in zip(grid, pictures.items(), strict=False):
        axes.imshow(picture, cmap="gray" if picture.ndim == 2 else None)
        axes.set_title(name, fontsize=10)
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
        train, val = (
            [getattr(row, f"{part}_{name}") for row in epochs] for part in ("train", "val")
        )
        axes.plot(x, train, "o-", color=BLUE)
        axes.plot(x, val, "s--", color=ORANGE)
        upper = 1 if train[-1] > val[-1] else -1  # each name on its own side of the other curve
        for values, text, colour, side in (
            (train, "training", BLUE, upper), (val, "validation", ORANGE, -upper)
        ):  # fmt: skip
            on_axis = name == "loss" and values[-1] < 0.1 * max(*train, *val)
            axes.annotate(
                text, (x[-1], values[-1]), xytext=(0, 9 if on_axis else 9 * side),
                textcoords="offset points", ha="right", va="center", color=colour,
            )  # fmt: skip
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        open_frame(axes, grid=False)
        axes.margins(y=0.12)
        axes.grid(alpha=0.3)
    left.set_ylim(bottom=0)
    right.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def top_figure(top: Sequence[Prediction]) -> Figure:
    """The most probable classes as bars."""
    figure = bars_figure({p.label: p.probability for p in top}, "probability", "{:.1%}")
    axes = figure.axes[0]
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def bars_figure(values: Mapping[str, float], label: str, form: str = "{:.3g}") -> Figure:
    """A bar for each name, the first on top, with its value written in `form`."""
    figure = Figure(figsize=(10, 0.5 * len(values) + 0.9), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(list(values), list(values.values()), color=GREEN)
    axes.bar_label(bars, fmt=form, padding=3)
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    open_frame(axes, grid=False)
    return figure


def lines_figure(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    xscale: str = "linear",
    yscale: str = "linear",
) -> Figure:
    """A line for each name, (x, y); told apart by marker and dash as well as by colour."""
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    axes = figure.subplots()
    for number, (name, (x, y)) in enumerate(series.items()):
        style = LINES[number % len(LINES)]
        axes.plot(x, y, style, color=COLOURS[number % len(COLOURS)], label=name, markersize=5)
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    _mark(axes, sorted({value for x, _ in series.values() for value in x}))
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def _mark(axes: Axes, values: Sequence[float]) -> None:
    """Mark the values themselves on a horizontal axis where they are few."""
    if len(values) <= MARKS:
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.set_xticks([], minor=True)
    elif axes.get_xscale() == "log":
        for formatter in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            formatter("{x:g}")


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Names of the points (cost, gain) that no other beats in both, cheapest first."""
    front: list[str] = []
    for name, (_, gain) in sorted(points.items(), key=lambda item: (item[1][0], -item[1][1])):
        if not front or gain > points[front[-1]][1]:
            front.append(name)
    return front


def confusion_figure(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """Photos of each true class (row) by predicted class (column), with counts.

    With more than `NAMED` classes there is only room for the colours.
    """
    figure = Figure(figsize=(10, min(10, max(4, 0.6 * len(classes)))), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.2)
    axes.set(xlabel="answered", ylabel="true class")
    if len(classes) > NAMED:
        return figure
    for place, count in np.ndenumerate(counts):
        ink = "white" if shares[place] > 0.6 else "black"
        axes.text(*place[::-1], f"{count:g}", ha="center", va="center", fontsize=12, color=ink)
    tilt = 45 if len(classes) > 6 else 0
    names = [name.replace("$", r"\$") for name in classes]  # matplotlib would read mathematics
    positions = range(len(classes))
    axes.set_xticks(positions, names, rotation=tilt, ha="right" if tilt else "center")
    axes.set_yticks(positions, names)
    return figure


def reliability_figure(bins: Sequence["ReliabilityBin"]) -> Figure:
    """Accuracy by probability: on the diagonal, a probability means what it says."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], "--", color="#777777", label="calibrated")
    sizes = [20 + 200 * b.photos / max(x.photos for x in bins) for b in bins]
    x, y = [b.confidence for b in bins], [b.accuracy for b in bins]
    axes.plot(x, y, color=BLUE, label="this classifier (area: photos)")
    axes.scatter(x, y, s=sizes, color=BLUE)
    axes.set(xlabel="probability of the answer", ylabel="accuracy", xlim=(0, 1.04), ylim=(0, 1.04))
    axes.legend()
    return figure


def two_class_figure(curves: "TwoClassCurves") -> Figure:
    """ROC curve and precision-recall curve, side by side."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    roc, recall = figure.subplots(1, 2)
    roc.plot(curves.false_positive_rate, curves.true_positive_rate, color=BLUE)
    roc.plot([0, 1], [0, 1], "--", color="#777777")
    roc.set(xlabel="false positive rate", ylabel="true positive rate")
    roc.set_title(f"ROC, area {curves.roc_auc:.3f}")
    recall.plot(curves.recall, curves.precision, color=ORANGE)
    recall.set(xlabel="recall", ylabel="precision", ylim=(0, 1.04))
    recall.set_title(f"precision and recall, average {curves.average_precision:.3f}")
    return figure


def data_uri(figure: Figure) -> str:
    """The figure as a PNG inside a `data:` address, for pages without other files."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def open_frame(axes: Axes, grid: bool = True) -> None:
    """Leave off the frame's right and upper line, and draw a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(alpha=0.25)


def name_ends(axes: Axes, ends: Mapping[str, tuple[float, float, str]]) -> None:
    """Write each name right of the end of its line, moved until none covers another."""
    axes.get_xlim(), axes.get_ylim()  # the limits are settled when somebody asks
    to_axes = axes.transData + axes.transAxes.inverted()
    wanted = {name: float(to_axes.transform((x, y))[1]) for name, (x, y, _) in ends.items()}
    heights: dict[str, float] = {}
    last = -np.inf
    for name, height in sorted(wanted.items(), key=lambda item: item[1]):
        last = heights[name] = max(height, last + APART)
    most = 1.0
    for name in reversed(heights):
        most = heights[name] = min(heights[name], most)
        most -= APART
        axes.annotate(
            name, ends[name][:2], xytext=(1.01, heights[name]), textcoords="axes fraction",
            color=ends[name][2], va="center", fontsize=10, annotation_clip=False,
        )  # fmt: skip
