"""Traces for the terminal, as rich renderables; printing them is the command line's part."""

from collections.abc import Iterable, Sequence
from statistics import mean

import plotext
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from utils.classifier import Prediction
from utils.distillation.evaluation import Report
from utils.evaluation import Evaluation
from utils.files import printable
from utils.models import DISPLAY_NAMES
from utils.observations import EpochRecord
from utils.studies.capstone import Summary
from utils.studies.family_run import FamilyRun
from utils.training import TrainingTrace

UNTRAINED = "UNTRAINED backbone: it has learned nothing, and its predictions are noise."


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A plain table; columns of numbers stand to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    made = Table(title=Text(title), title_justify="left", header_style="bold")
    for position, name in enumerate(columns):
        numeric = all(
            row[position][:1].isdigit() and " " not in row[position] and "×" not in row[position]
            for row in rows
        )
        made.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))
    return made


def weights_line(weights: str, trained: bool) -> Text:
    """Which weights ran: in red, with a warning, if they are random."""
    if trained:
        return Text(f"Weights: {weights}")
    return Text(f"Weights: {weights}. {UNTRAINED}", style="bold red")


def show_run(run: FamilyRun, width: int) -> RenderableType:
    """All that the terminal shows of one family."""
    book = run.textbook
    line = Text(
        f"Textbook model {book.model}: {book.feature_dim} features, "
        f"{book.parameters:,} parameters, {book.gmacs:.2f} GMACs (counted)"
    )
    note = [Text(run.naming_note, style="italic")] if run.naming_note else []
    insight = Text(f"{run.key_insight} {time_spent(run.training)}")
    return Group(
        Rule(f"{DISPLAY_NAMES[run.family]}: {run.model}"),
        weights_line(run.weights, not run.untrained),
        *note,
        line,
        table(
            "Data flow",
            ("stage", "before", "operation", "after", "example"),
            [(s.stage, s.before, s.operation, s.after, s.example) for s in run.photo.data_flow],
        ),
        show_training(run.training, width),
        table(
            "Prediction trace",
            ("layer", "input", "operation", "output"),
            [(x.layer, x.input, x.operation, x.output) for x in run.photo.prediction],
        ),
        show_top("Top classes", run.photo.top),
        *note,
        Panel(insight, title="Key insight", border_style="red" if run.untrained else "green"),
    )


def time_spent(trace: TrainingTrace) -> str:
    """A sentence on the seconds that features and epochs took in this run."""
    return f"Time spent: {trace.seconds:.1f} s (features are computed once, then kept on disk)."


def show_training(trace: TrainingTrace, width: int) -> RenderableType:
    """Table, chart of the losses, and the test accuracy."""
    head = (
        f"Training trace: {trace.dataset}, {len(trace.classes)} classes, "
        f"{trace.n_train} train / {trace.n_val} validation / {trace.n_test} test, {trace.split}, "
        f"photos at {trace.side}×{trace.side}"
    )
    columns = ("epoch", "train loss", "val loss", "val acc", "learning rate", "s", "observation")
    rows = [
        (
            e.epoch,
            f"{e.train_loss:.4f}",
            f"{e.val_loss:.4f}",
            f"{e.val_accuracy:.1%}",
            f"{e.lr:.1e}",
            f"{e.seconds:.2f}",
            e.observation,
        )
        for e in trace.epochs
    ]
    result = Text(
        f"Best epoch {trace.best_epoch}; test accuracy {trace.test_accuracy:.1%} ({trace.floors})",
        style="bold",
    )
    return Group(table(head, columns, rows), loss_chart(trace.epochs, width), result)


def loss_chart(epochs: Sequence[EpochRecord], width: int) -> Text:
    """Training and validation loss as a chart of characters."""
    x = [row.epoch for row in epochs]
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(min(width, 72), 12)
    plotext.plot(x, [row.train_loss for row in epochs], label="train loss", marker="o")
    plotext.plot(x, [row.val_loss for row in epochs], label="validation loss", marker="x")
    plotext.xticks(x)
    plotext.xlabel("epoch")
    return Text.from_ansi(plotext.build())


def show_top(title: str, top: Sequence[Prediction]) -> Table:
    """The most probable classes."""
    return table(title, ("probability", "class"), [(f"{p.probability:.3f}", p.label) for p in top])


def percent(value: float | None) -> str:
    """A fraction as a percentage with one decimal, or a dash for none."""
    return "–" if value is None else f"{value:.1%}"


def show_evaluation(result: Evaluation, names: Sequence[str]) -> RenderableType:
    """A table of the classes, the rates of all, and the most confident mistakes by file name."""
    rows = [
        (
            printable(row.name),
            row.photos,
            *map(percent, (row.precision, row.recall, row.f1)),
        )
        for row in result.per_class
    ]
    low, high = map(percent, result.interval)
    lines = [
        f"Accuracy {percent(result.accuracy)} of {result.photos} photos (95 % interval {low} to "
        f"{high}; most frequent class alone: {percent(result.floor)}); balanced accuracy "
        f"{percent(result.balanced_accuracy)}; calibration error {result.calibration_error:.3f}"
    ]
    if result.curves:
        lines.append(
            f"Area under the ROC curve {result.curves.roc_auc:.3f}, average precision "
            f"{result.curves.average_precision:.3f} (for {printable(result.curves.positive)})"
        )
    lines += [
        f"{name}: {printable(m.truth)}, taken for {printable(m.answer)} with "
        f"{percent(m.probability)}"
        for name, m in zip(names, result.mistakes, strict=True)
    ]
    columns = ("class", "photos", "precision", "recall", "F1")
    return Group(table("By class", columns, rows), *map(Text, lines))


def show_qualities(report: Report) -> Table:
    """How good the course's own weights are, beside untrained backbones and the teacher."""
    rows = []
    for quality in (*report.trained.values(), *report.untrained.values(), report.teacher):
        same, useful = quality.agreement, quality.usefulness
        rows.append(
            (
                quality.model,
                quality.weights.split(" (")[0],
                f"{same.fresh.top1:.1%}" if same else "-",
                f"{same.unseen.top1:.1%}" if same else "-",
                f"{same.photos_top5} of {same.photos_total}" if same else "-",
                *(f"{mean(v):.1%}" for v in (useful.probe_binary, useful.probe_four)),
                f"{mean(useful.head_four):.1%}",
            )
        )
    columns = ("model", "weights", "as teacher: fresh", "unseen", "top-5, six photos",
               "ELPV binary probe", "ELPV 4-class probe", "ELPV 4-class head")  # fmt: skip
    return table("The course's own weights", columns, rows)


def show_capstone(lines: Sequence[Summary]) -> RenderableType:
    """The capstone's table: each model on each kind of split, by each measure."""
    columns = ("model", "split", "measure", "n", "floor", "accuracy", "95 % interval", "balanced",
               "MCC", "AUC", "sure cells")  # fmt: skip
    rows = [
        (
            line.way,
            line.kind,
            line.measure,
            line.splits,
            f"{line.floor:.1%}",
            f"{line.accuracy.mean:.2%}",
            f"{line.accuracy.low:.1%} to {line.accuracy.high:.1%}",
            f"{line.balanced_accuracy:.1%}",
            f"{line.mcc:.2f}",
            f"{line.auc:.3f}",
            f"{line.sure_accuracy:.1%}",
        )
        for line in lines
    ]
    return table("Good or defective: means over n splits", columns, rows)
