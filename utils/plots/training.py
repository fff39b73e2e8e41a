"""Figures of training and of choosing: curves with their spread, shapes side by side, trade-offs.

Lines and points are named where they are drawn, not in a legend.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from utils.observations import EpochRecord
from utils.plots import (
    BLUE,
    COLOURS,
    GREY,
    LINES,
    ORANGE,
    name_ends,
    open_frame,
    pareto_front,
)

LOWEST = 0.05  # a loss below it isn't worth the room
OFFSETS = (
    (8, 0, "left"), (-8, 0, "right"), (0, 11, "center"), (0, -12, "center"), (8, 10, "left"),
    (8, -11, "left"), (-8, 10, "right"), (-8, -11, "right"), (0, 22, "center"), (0, -24, "center"),
)  # fmt: skip
Series = tuple[Sequence[float], Sequence[Sequence[float]]]


def spread_figure(
    series: Mapping[str, Series],
    xlabel: str,
    ylabel: str,
    xscale: str = "linear",
    yscale: str = "linear",
) -> Figure:
    """A thick line of means for each name, and a thin one for each run that is in the mean.

    `series` gives x, and a list of values for each run, as long as x.
    """
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    ends = {}
    for number, (name, (x, runs)) in enumerate(series.items()):
        colour, marker = COLOURS[number % len(COLOURS)], LINES[number % len(LINES)]
        means = np.mean(runs, axis=0)
        marker = marker if len(x) < 20 else marker[1:]
        for run in runs if len(runs) > 1 else ():
            axes.plot(x, run, color=colour, alpha=0.35, linewidth=0.8)
        axes.plot(x, means, marker, color=colour, linewidth=2, markersize=5)
        ends[name] = (float(x[-1]), float(means[-1]), colour)
    xs = sorted({value for x, _ in series.values() for value in x})
    if len(xs) <= 12:
        axes.set_xticks(xs, [f"{value:g}" for value in xs])
        axes.set_xticks([], minor=True)
    open_frame(axes)
    name_ends(axes, ends)
    return figure


def shapes_figure(runs: Mapping[str, Sequence[EpochRecord]], reference: str) -> Figure:
    """A panel for each run: training and validation loss, before the reference's validation loss.

    All panels have one logarithmic axis, which ends at `LOWEST`.
    """
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    grid = figure.subplots(-(-len(runs) // 3), 3, sharey=True, squeeze=False).ravel()
    for axes, (name, rows) in zip(grid, runs.items(), strict=False):
        epochs = [row.epoch for row in rows]
        axes.set_yscale("log")
        axes.set_title(name, fontsize=11, loc="left")
        if name != reference:
            good = runs[reference][: len(rows)]
            axes.plot([r.epoch for r in good], [r.val_loss for r in good], color="#BBBBBB", lw=5)
        axes.plot(epochs, [row.train_loss for row in rows], "o-", color=BLUE, markersize=3)
        axes.plot(epochs, [row.val_loss for row in rows], "s--", color=ORANGE, markersize=3)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter("{x:g}")
        open_frame(axes)
    first = runs[reference]
    for axes, text, height, colour in (
        (grid[0], "training", first[-1].train_loss / 1.9, BLUE),
        (grid[0], "validation", first[-1].val_loss * 1.4, ORANGE),
    ):
        axes.text(first[-1].epoch, height, text, color=colour, ha="right", fontsize=10)
    if len(runs) > 1:
        grid[1].text(first[-1].epoch, first[-1].val_loss / 2, "validation loss of\nthe good run",
                     color=GREY, ha="right", va="top", fontsize=9)  # fmt: skip
    grid[0].set_ylim(bottom=LOWEST)
    for axes in grid[-3:]:
        axes.set_xlabel("epoch")
    for axes in grid[::3]:
        axes.set_ylabel("loss")
    return figure


def tradeoff_figure(
    points: Mapping[str, tuple[float, Sequence[float]]],
    xlabel: str,
    ylabel: str,
    level: tuple[str, float] | None = None,
) -> Figure:
    """Cost (x, logarithmic) against the mean of several values, which stand beside it as dots.

    What no other beats in both is filled and joined by a line. `level` is a named floor.
    """
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale="log")
    means = {name: (x, float(np.mean(values))) for name, (x, values) in points.items()}
    best = pareto_front(means)
    axes.plot(*zip(*(means[name] for name in best), strict=True), "-", color=ORANGE, zorder=1)
    for name, (x, values) in points.items():
        colour = ORANGE if name in best else BLUE
        axes.plot([x] * len(values), values, "_", color=colour, markersize=9, alpha=0.7)
        axes.plot([x, x], [min(values), max(values)], color=colour, alpha=0.4, linewidth=1)
        fill = colour if name in best else "white"
        axes.plot(*means[name], "o", color=colour, markerfacecolor=fill, markersize=9)
    if level:
        axes.axhline(level[1], linestyle=":", color=GREY)
        axes.annotate(level[0], (1, level[1]), xycoords=("axes fraction", "data"), xytext=(0, 3),
                      textcoords="offset points", ha="right", color=GREY, fontsize=9)  # fmt: skip
    axes.margins(x=0.12, y=0.08)
    open_frame(axes)
    _log_ticks(axes)
    lines = [[(x, min(values)), (x, max(values))] for x, values in points.values()]
    labels = [(name, *means[name], ORANGE if name in best else BLUE) for name in points]
    _name_points(axes, labels, [*lines, [means[name] for name in best]])
    return figure


def families_figure(
    families: Mapping[str, Mapping[str, tuple[float, float]]],
    better: Mapping[str, tuple[tuple[float, float], tuple[float, float]]],
    xlabel: str,
    ylabel: str,
) -> Figure:
    """A line for each family through its members, cost (x, logarithmic) against accuracy.

    `better` holds arrows from a member to the same one with other weights.
    """
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale="log")
    labels, lines = [], [[start, end] for start, end in better.values()]
    for (_, members), colour, style in zip(families.items(), COLOURS, LINES, strict=False):
        axes.plot(*zip(*members.values(), strict=True), style, color=colour, markersize=6)
        labels += [(name, *place, colour) for name, place in members.items()]
        lines.append(list(members.values()))
    for name, (start, end) in better.items():
        axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": GREY})
        axes.plot(*end, "o", color=GREY, markerfacecolor="white", markersize=7)
        labels.append((name, *end, GREY))
    axes.margins(x=0.1, y=0.1)
    open_frame(axes)
    _log_ticks(axes)
    _name_points(axes, labels, lines)
    return figure


def pairs_figure(
    pairs: Mapping[str, tuple[float, float]], ends: tuple[str, str], label: str
) -> Figure:
    """Two values of each name, joined by a line, the first name on top; `ends` names the two."""
    figure = Figure(figsize=(10, 0.3 * len(pairs) + 1), layout="constrained")
    axes = figure.subplots()
    heights = range(len(pairs), 0, -1)
    for height, (before, after) in zip(heights, pairs.values(), strict=True):
        axes.plot([before, after], [height, height], color="#BBBBBB", linewidth=3, zorder=1)
        axes.plot(before, height, "o", color=BLUE)
        axes.plot(after, height, "s", color=ORANGE)
        axes.annotate(f"{after - before:+.1f}", (after, height), xytext=(8, 0),
                      textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    for value, name, colour in zip(next(iter(pairs.values())), ends, (BLUE, ORANGE), strict=True):
        axes.annotate(name, (value, len(pairs)), xytext=(0, 8), textcoords="offset points",
                      ha="center", color=colour)  # fmt: skip
    axes.set_yticks(heights, list(pairs))
    axes.set_ylim(0.4, len(pairs) + 1.2)
    axes.set_xlabel(label)
    open_frame(axes)
    return figure


def _log_ticks(axes: Axes) -> None:
    """Write 20 where the default writes 2 × 10¹."""
    axes.xaxis.set_major_formatter(LogFormatter())
    axes.xaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.6)))


def _name_points(
    axes: Axes,
    labels: Sequence[tuple[str, float, float, str]],
    lines: Sequence[Sequence[tuple[float, float]]],
) -> None:
    """Write each name (text, x, y, colour) beside its point, where it covers least.

    `lines` are drawn through points (x, y), and names should keep off them too.
    """
    canvas = FigureCanvasAgg(axes.figure)
    axes.figure.draw_without_rendering()
    frame = axes.get_window_extent()
    places = axes.transData.transform([(x, y) for _, x, y, _ in labels])
    taken = [_around(place, 5) for place in places]
    for line in lines:
        for start, end in pairwise(axes.transData.transform(line)):
            taken += [_around(place, 2) for place in np.linspace(start, end, 25)]
    for name, x, y, colour in labels:
        text = axes.annotate(name, (x, y), xytext=(0, 0), textcoords="offset points", fontsize=9,
                             color=colour)  # fmt: skip
        boxes = [_box(text, offset, canvas) for offset in OFFSETS]
        covered = [sum(box.overlaps(other) for other in taken) for box in boxes]
        outside = [100 * (box.x0 < frame.x0 or box.y0 < frame.y0) for box in boxes]
        chosen = int(np.argmin(np.add(covered, outside)))
        taken += 10 * [_box(text, OFFSETS[chosen], canvas)]


def _around(place: np.ndarray, half: float) -> Bbox:
    return Bbox.from_bounds(place[0] - half, place[1] - half, 2 * half, 2 * half)


def _box(text: Text, offset: tuple[float, float, str], canvas: FigureCanvasAgg) -> Bbox:
    """Move a name to an offset from its point; the room that it takes there."""
    text.set(position=offset[:2], ha=offset[2], va="center")
    return text.get_window_extent(canvas.get_renderer())
