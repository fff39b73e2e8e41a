"""Figures of networks: what layers hold and cost, what looks at what, how a family grows.

Lines and bars are named where they are drawn, not in a legend.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from utils.plots import BLUE, COLOURS, GREEN, GREY, LINES, ORANGE, name_ends, open_frame

Band = tuple[Sequence[float], Sequence[float]]


def named_lines_figure(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    xscale: str = "linear",
    yscale: str = "linear",
    bands: Mapping[str, Band] | None = None,
) -> Figure:
    """A line for each name, (x, y), with the name at its right end; `bands` are (lower, upper)."""
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.set(xscale=xscale, yscale=yscale)
    ends = {}
    for number, (name, (x, y)) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(x, y, LINES[number % len(LINES)], color=colour, label=name, markersize=4)
        if bands and name in bands:
            axes.fill_between(x, *bands[name], color=colour, alpha=0.18, linewidth=0)
        ends[name] = (x[-1], y[-1], colour)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    xs = sorted({value for x, _ in series.values() for value in x})
    if xscale == "log":
        axes.set_xticks(xs, [f"{value:g}" for value in xs])
        axes.set_xticks([], minor=True)
    open_frame(axes)
    name_ends(axes, ends)
    return figure


def mirrored_bars_figure(
    left: Mapping[str, float], right: Mapping[str, float], labels: tuple[str, str], form: str
) -> Figure:
    """Two quantities of the same things: bars to the left and to the right of their names."""
    figure = Figure(figsize=(10, 0.36 * len(left) + 0.9), layout="constrained")
    both = figure.subplots(1, 2, sharey=True)
    for axes, values, label, colour in zip(
        both, (left, right), labels, (BLUE, ORANGE), strict=True
    ):
        axes.barh(range(len(values)), list(values.values()), color=colour)
        outwards = {"xytext": (-3, 0), "ha": "right"} if axes is both[0] else {"xytext": (3, 0)}
        for height, value in enumerate(values.values()):
            text = _written(value, form)
            axes.annotate(
                text, (value, height), textcoords="offset points", va="center", size=9, **outwards
            )
        axes.margins(x=0.16, y=0.02)
        axes.set_xlabel(label)
        open_frame(axes, grid=False)
        axes.tick_params(left=False)
    both[0].invert_xaxis()
    both[0].spines["left"].set_visible(False)
    both[0].tick_params(labelleft=False)
    both[1].tick_params(labelleft=True)
    both[1].set_yticks(range(len(left)), list(left), ha="center", fontsize=9)
    both[1].tick_params(axis="y", pad=62)
    both[0].invert_yaxis()
    return figure


def _written(value: float, form: str) -> str:
    """A value in `form`; one that would be written as zero, as less than the last digit."""
    text = form.format(value)
    if value and not float(text):
        digits = len(text.partition(".")[2])
        return f"< {10.0**-digits:.{digits}f}"
    return text


def bar_panels_figure(panels: Mapping[str, Mapping[str, float]], label: str, form: str) -> Figure:
    """Panels of bars under their titles, each on an axis of its own, from zero."""
    rows = max(len(values) for values in panels.values())
    figure = Figure(figsize=(10, 0.5 * rows + 1.2), layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    colours = (GREEN, ORANGE, BLUE)
    for number, (axes, (title, values)) in enumerate(zip(grid, panels.items(), strict=True)):
        bars = axes.barh(list(values), list(values.values()), color=colours[number % 3])
        axes.bar_label(bars, fmt=lambda value: _written(value, form), padding=3)
        axes.margins(x=0.2)
        axes.set_ylim(rows - 0.5, -0.5)
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_xlabel(label)
        open_frame(axes, grid=False)
    return figure


def grids_figure(
    grids: Mapping[str, np.ndarray], xlabel: str = "", ylabel: str = "", counts: bool = False
) -> Figure:
    """H×W arrays as squares, dark where values are large; `counts` writes those that aren't 0."""
    figure = Figure(figsize=(10, 10 / len(grids) + 0.5), layout="constrained")
    for axes, (name, grid) in zip(
        figure.subplots(1, len(grids), squeeze=False)[0], grids.items(), strict=True
    ):
        top = grid.max() or 1
        shown = np.ma.masked_equal(grid, 0)  # white
        axes.imshow(shown, cmap="Blues", vmin=-0.05 * top, vmax=1.15 * top)
        axes.set_title(name, fontsize=11)
        axes.set(xticks=[], yticks=[], xlabel=xlabel, ylabel=ylabel)
        for spine in axes.spines.values():
            spine.set_color("#BBBBBB")
        for (row, column), value in np.ndenumerate(grid) if counts else ():
            if value:
                ink = "white" if value > 0.65 * top else "black"
                axes.text(column, row, f"{value:g}", ha="center", va="center", color=ink, size=9)
    return figure


def growth_figure(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    rule: Mapping[str, Sequence[float]],
    steps: Sequence[float],
    names: Sequence[str],
    xlabel: str,
) -> Figure:
    """How networks grow: a panel for each quantity, with what a rule gives (grey) at every step.

    `panels` holds series of values, one for each of `names`, which are written at the first series.
    """
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, series) in zip(grid, panels.items(), strict=True):
        axes.plot(steps, rule[title], "-", color=GREY, linewidth=1.5)
        for number, (name, values) in enumerate(series.items()):
            style = ("o", "s")[number]
            axes.plot(steps, values, style, color=(BLUE, ORANGE)[number], label=name, markersize=6)
            if len(series) > 1:
                axes.annotate(
                    name, (steps[-1], values[-1]), xytext=(-9, 0), textcoords="offset points",
                    ha="right", va="center", color=(BLUE, ORANGE)[number], fontsize=9,
                )  # fmt: skip
        for name, x, y in zip(names, steps, next(iter(series.values())), strict=True):
            axes.annotate(
                name, (x, y), xytext=(5, -5), textcoords="offset points", va="top",
                color=BLUE, fontsize=9,
            )  # fmt: skip
        axes.set_title(title, fontsize=10, loc="left")
        axes.set(xlabel=xlabel, xticks=sorted(set(steps)))
        axes.margins(x=0.14, y=0.12)
        open_frame(axes)
    grid[0].annotate(
        "the rule", (steps[-2], rule[next(iter(panels))][-2]), xytext=(-6, 8),
        textcoords="offset points", ha="right", color=GREY, fontsize=9,
    )  # fmt: skip
    return figure
