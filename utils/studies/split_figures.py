"""Figures of several splits: each split is drawn, since a mean alone hides how they differ."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from utils.evaluation import TwoClassCurves
from utils.plots import BLUE, GREEN, LINES, ORANGE, open_frame
from utils.studies.measures import Interval

GREY, INK = "#6B7785", "#1B2430"
MARKERS = tuple(style[0] for style in LINES)
SPREAD = 0.12  # how far dots of one row lie apart in height, so that none hides another

Rate = tuple[float, float, float]  # false positive rate, recall, precision


def splits_figure(
    results: Mapping[str, tuple[Sequence[float], Interval]],
    label: str,
    marks: Mapping[str, float],
) -> Figure:
    """A row for each name, the first on top: a dot for each split, the mean and its interval.

    All values are fractions, written in percent. `marks` are vertical lines with a name.
    """
    figure = Figure(figsize=(8, 1.1 + 0.75 * len(results)), layout="constrained")
    axes = figure.subplots()
    for row, (values, interval) in enumerate(results.values()):
        height = len(results) - row
        offsets = SPREAD * (np.arange(len(values)) % 3 - 1)
        axes.plot(values, height - 0.2 + offsets, "o", color=BLUE, alpha=0.45, markersize=5)
        ends = [[interval.mean - interval.low], [interval.high - interval.mean]]
        axes.errorbar(
            interval.mean, height + 0.18, xerr=ends, fmt="D", capsize=4, color=ORANGE, markersize=6
        )
        axes.annotate(
            f"{interval.mean:.1%}",
            (interval.mean, height + 0.18),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color=ORANGE,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    for name, value in marks.items():
        axes.axvline(value, linestyle="--", color=GREY, zorder=0)
        axes.annotate(
            name, (value, len(results) + 0.75), ha="center", va="bottom", fontsize=9, color=GREY
        )
    axes.set_yticks(range(len(results), 0, -1), list(results))
    axes.set_ylim(0.45, len(results) + 0.75)
    axes.set_xlabel(label)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


def thresholds_figure(
    curves: Sequence[TwoClassCurves],
    points: Mapping[str, Sequence[Rate]],
    positives: Sequence[float],
) -> Figure:
    """ROC and precision-recall curves, a line for each split, with the thresholds in use.

    Args:
        curves: of each split.
        points: for each way to choose a threshold, what it gave on each split.
        positives: fraction of positives in each split, which is the precision of chance.
    """
    figure = Figure(figsize=(10, 4.3), layout="constrained")
    roc, precision = figure.subplots(1, 2)
    for found in curves:
        roc.plot(found.false_positive_rate, found.true_positive_rate, color=BLUE, lw=1, alpha=0.5)
        shown = [r > 0 for r in found.recall]  # at recall zero nothing is left to be right about
        precision.plot(
            [r for r, seen in zip(found.recall, shown, strict=True) if seen],
            [p for p, seen in zip(found.precision, shown, strict=True) if seen],
            color=BLUE,
            lw=1,
            alpha=0.5,
        )
    roc.plot([0, 1], [0, 1], "--", color=GREY)
    roc.annotate("chance", (0.75, 0.75), xytext=(4, -12), textcoords="offset points", color=GREY)
    precision.axhspan(min(positives), max(positives), color=GREY, alpha=0.25, lw=0)
    precision.annotate("chance", (0.03, min(positives)), (0.03, min(positives) - 0.06), color=GREY)
    for (name, rates), colour, marker in zip(
        points.items(), (ORANGE, GREEN, INK), MARKERS, strict=False
    ):
        style = {"color": colour, "s": 42, "marker": marker, "zorder": 3, "edgecolors": "white"}
        false_positives, recalls, precisions = zip(*rates, strict=True)
        roc.scatter(false_positives, recalls, label=name, **style)
        precision.scatter(recalls, precisions, **style)
    roc.set(xlabel="false positive rate: good cells that raise an alarm", ylabel="recall")
    roc.legend(frameon=False, loc="lower right")
    precision.set(xlabel="recall: defective cells that are found", ylabel="precision")
    for axes, areas, title in (
        (roc, [c.roc_auc for c in curves], "ROC, area under the curve"),
        (
            precision,
            [c.average_precision for c in curves],
            "Precision and recall, average precision",
        ),
    ):
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        axes.set_title(f"{title} {min(areas):.2f} to {max(areas):.2f}", fontsize=10, loc="left")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        open_frame(axes, grid=False)
    return figure
