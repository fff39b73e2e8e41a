"""Figures of a photo's way through the pipeline: values, feature space, probabilities, heat maps.

Things are named where they are drawn, not in a legend.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from utils.evaluation import ReliabilityBin
from utils.images import Preprocessed
from utils.plots import BLUE, COLOURS, GREY, ORANGE, open_frame

MARKERS = "os^DvX"
BINS = 48  # of a histogram


def preprocessing_figure(steps: Preprocessed) -> Figure:
    """A photo after each step, at one scale, the crop outlined; then one channel's final values.

    The normalised red values are drawn in colours around zero, since they are no picture any more.
    """
    pictures = [picture for name, picture in steps.pictures().items() if name != "normalised"]
    values = steps.pixels[0, 0].numpy()
    widths = [picture.shape[1] for picture in [*pictures, values]]
    figure = Figure(figsize=(10, 3), layout="constrained")
    panels = figure.subplots(1, 4, width_ratios=widths)
    names = ("photo", "resized", "centre crop", "normalised red")
    tallest = max(picture.shape[0] for picture in pictures)
    bound = np.abs(values).max()
    for axes, name, picture in zip(panels, names, [*pictures, values], strict=True):
        height, width = picture.shape[:2]
        drawn = axes.imshow(picture, cmap="PuOr_r", vmin=-bound, vmax=bound)
        axes.set_ylim(tallest + 22, 0)
        axes.axis("off")
        axes.set_title(name, fontsize=10)
        axes.text(width / 2, height + 4, f"{height}×{width}", ha="center", va="top", fontsize=9)
    inside = panels[-1].inset_axes((0.05, 0.1, 0.9, 0.05))
    bar = figure.colorbar(drawn, cax=inside, orientation="horizontal")
    bar.outline.set_visible(False)
    inside.tick_params(labelsize=8)
    side, (high, wide) = values.shape[0], pictures[1].shape[:2]
    corner = ((wide - side) / 2, (high - side) / 2)
    outline = Rectangle(corner, side, side, fill=False, edgecolor="white", linestyle="--")
    outline.set_path_effects([withStroke(linewidth=3, foreground="black")])
    panels[1].add_patch(outline)
    return figure


def histogram_figure(values: Mapping[str, np.ndarray], xlabel: str) -> Figure:
    """How often values occur, one filled histogram under the other on one scale, named inside."""
    figure = Figure(figsize=(10, 1.5 * len(values) + 0.5), layout="constrained")
    panels = figure.subplots(len(values), 1, sharex=True, squeeze=False).ravel()
    low = min(part.min() for part in values.values())
    high = max(part.max() for part in values.values())
    for axes, (name, part), colour in zip(panels, values.items(), COLOURS, strict=False):
        weights = np.full(part.size, 100 / part.size)
        axes.hist(part.ravel(), bins=BINS, range=(low, high), weights=weights, color=colour)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_title(name, fontsize=10, loc="left", color=colour, y=0.75)
        open_frame(axes, grid=False)
        axes.set_ylabel("% of values")
    panels[-1].set_xlabel(xlabel)
    return figure


def grid_figure(rows: Mapping[str, Mapping[str, np.ndarray]], shapes: bool = True) -> Figure:
    """Pictures of bytes in named rows, all in boxes of one size; names above, `shapes` below."""
    columns = max(len(row) for row in rows.values())
    figure = Figure(figsize=(10, 2.7 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    largest = max(max(p.shape[:2]) for row in rows.values() for p in row.values())
    for line, (title, row) in zip(grid, rows.items(), strict=True):
        line[0].set_ylabel(title, fontsize=11)
        for axes, (name, picture) in zip(line, row.items(), strict=True):
            height, width = picture.shape[:2]
            colours = picture[..., :3] if picture.ndim == 3 else picture
            axes.imshow(colours, cmap="gray", vmin=0, vmax=255)
            axes.set(xlim=((width - largest) / 2, (width + largest) / 2), xticks=[], yticks=[])
            axes.set_ylim((height + largest) / 2, (height - largest) / 2)
            axes.spines[:].set_visible(False)
            axes.set_title(name, fontsize=10)
            shape = "×".join(map(str, picture.shape)) if shapes else ""
            axes.text(width / 2, height * 1.02, shape, ha="center", va="top", fontsize=9)
    return figure


def plane_figure(
    planes: Mapping[str, np.ndarray], labels: Sequence[int], classes: Sequence[str]
) -> Figure:
    """Points (N×2) side by side, a colour and a marker per class, each named at its densest part.

    Axes carry no numbers: in such a plane only nearness means something.
    """
    figure = Figure(figsize=(10, 5), layout="constrained")
    truth = np.asarray(labels)
    for axes, (title, points) in zip(figure.subplots(1, len(planes)), planes.items(), strict=True):
        for number, name in enumerate(classes):
            own = points[truth == number]
            style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % 6]}
            axes.scatter(*own.T, s=14, alpha=0.7, linewidths=0, **style)
            axes.annotate(
                name, _densest(own), ha="center", va="center", fontsize=11, weight="bold",
                color=style["color"], path_effects=[withStroke(linewidth=4, foreground="white")],
            )  # fmt: skip
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_title(title, fontsize=10)
    return figure


def _densest(points: np.ndarray) -> np.ndarray:
    """The point whose tenth part of the others lies nearest."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = np.sort(distances, axis=1)[:, max(1, len(points) // 4)]
    return points[near.argmin()]


def curve_figure(
    x: Sequence[float],
    y: Sequence[float],
    labels: tuple[str, str],
    points: Mapping[str, tuple[float, float]],
) -> Figure:
    """One curve without markers, and a few named points on it."""
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(x, y, color=BLUE, linewidth=2)
    for name, place in points.items():
        axes.plot(*place, "o", color=ORANGE)
        axes.annotate(name, place, xytext=(9, 6), textcoords="offset points", color=ORANGE)
    axes.set(xlabel=labels[0], ylabel=labels[1], ylim=(0, None))
    open_frame(axes, grid=False)
    return figure


def calibration_figure(panels: Mapping[str, Sequence[ReliabilityBin]]) -> Figure:
    """Reliability diagrams side by side: accuracy by probability, areas by number of photos."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    drawn = zip(figure.subplots(1, len(panels), sharey=True), panels.items(), strict=True)
    for axes, (title, bins) in drawn:
        _reliability(axes, bins)
        axes.set_title(title, fontsize=10)
    figure.axes[0].set_ylabel("accuracy")
    return figure


def _reliability(axes: Axes, bins: Sequence[ReliabilityBin]) -> None:
    most = max(b.photos for b in bins)
    x, y = [b.confidence for b in bins], [b.accuracy for b in bins]
    axes.plot([0, 1], [0, 1], "--", color=GREY)
    axes.text(
        0.3, 0.34, "probability = accuracy", rotation=45, color=GREY, ha="center", va="center",
        rotation_mode="anchor", transform_rotates_text=True,
    )  # fmt: skip
    for b in bins:
        axes.plot([b.confidence] * 2, [b.confidence, b.accuracy], color=ORANGE, linewidth=1.5)
    axes.plot(x, y, color=BLUE, linewidth=1)
    sizes = [20 + 250 * b.photos / most for b in bins]
    axes.scatter(x, y, s=sizes, color=BLUE, zorder=3)
    for b, size in zip(bins, sizes, strict=True):
        away, side = (1, "bottom") if b.accuracy > b.confidence else (-1, "top")
        axes.annotate(
            f"{b.photos}", (b.confidence, b.accuracy), xytext=(0, away * (2 + size**0.5 / 2)),
            fontsize=8, textcoords="offset points", ha="center", va=side, color=BLUE,
        )  # fmt: skip
    axes.set(xlabel="probability of the answer", xlim=(0, 1.05), ylim=(-0.06, 1.12))
    open_frame(axes, grid=False)


def heat_map_figure(pictures: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Photos (H×W×3) under heat maps (h×w): the larger a value, the more its square is covered.

    Colour is laid on in the squares of the map, whose grid is drawn; negative values show nothing.
    Each map is drawn against its own maximum.
    """
    figure = Figure(figsize=(10, 10 / max(3, len(pictures)) + 0.4), layout="constrained")
    grid = figure.subplots(1, len(pictures), squeeze=False)[0]
    for axes, (name, (photo, values)) in zip(grid, pictures.items(), strict=True):
        height, width = photo.shape[:2]
        strength = np.clip(values, 0, None) / max(values.max(), 1e-12)
        colour = np.empty((*values.shape, 4))
        colour[..., :3], colour[..., 3] = to_rgb(ORANGE), 0.85 * strength
        grey = photo.mean(axis=2, keepdims=True) / 255
        axes.imshow(np.repeat(0.25 + 0.75 * grey, 3, axis=2), extent=(0, width, height, 0))
        axes.imshow(colour, extent=(0, width, height, 0), interpolation="nearest")
        rows, columns = values.shape
        axes.set_xticks(np.linspace(0, width, columns + 1), [])
        axes.set_yticks(np.linspace(0, height, rows + 1), [])
        axes.grid(color="white", linewidth=0.5, alpha=0.6)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(name, fontsize=10)
    return figure
