"""The figures of the report: each is drawn once, and comes with its text and its data."""

import base64
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from comparison.analysis import Entry, Table, condition_errors, curve_errors
from comparison.data import DATASETS
from comparison.models import MODELS
from comparison.store import HeldOut

# Wherever matplotlib writes this colour, the page's colour of text takes its place, in light and in dark.
_INK = "#010203"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#888888",
    "grid.alpha": 0.35,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
# Told apart on white and on black, and, with the markers, without colour (after Okabe and Ito 2008).
_COLOURS = (
    "#0072b2",
    "#2b9fd9",
    "#7a6fd0",
    "#d55e00",
    "#c98a00",
    "#a0522d",
    "#008f69",
    "#6b9e3f",
    "#b8437f",
    "#808080",
)
_MARKERS = "osDv^<>PXphd"
N_SHOWN = 8  # images in a row


@dataclass
class Figure:
    """A drawing.

    Attributes
    ----------
    name : str
        Of its files.
    title : str
    text : str
        What it shows, for those who do not see it.
    svg : str
    data : DataFrame
        What it is drawn from.
    """

    name: str
    title: str
    text: str
    svg: str
    data: pd.DataFrame

    @property
    def inline(self) -> str:
        """The drawing as a part of a page, in the page's colours."""
        return self.svg.replace(_INK, "currentColor")

    @property
    def alone(self) -> str:
        """The drawing as a file of its own, on white."""
        style = "<style>svg { background: white; }</style>"
        return self.svg.replace(_INK, "#000000").replace(">", f">{style}", 1)

    @property
    def csv_uri(self) -> str:
        """The data as a link that needs no network."""
        return "data:text/csv;base64," + base64.b64encode(self.data.to_csv(index=False).encode()).decode()


def curves(tables: Sequence[Table]) -> Figure | None:
    """Error rate by number of training images, a panel for each data set."""
    panels = {}
    for dataset in dict.fromkeys(table.dataset for table in tables):
        errors = curve_errors(list(tables), dataset)
        if len(errors) > 1 and len(errors.columns):
            panels[dataset] = 100 * errors
    if not panels:
        return None

    def draw(canvas: Canvas) -> None:
        axes = _grid(canvas, len(panels))
        for axis, (dataset, errors) in zip(axes, panels.items(), strict=True):
            for model in errors:
                points = errors[model].dropna()
                axis.plot(points.index, points, label=MODELS[model].title, **_line(model))
            axis.set(xscale="log", yscale="log", title=DATASETS[dataset].title, xlabel="training images")
            _plain_ticks(axis)
        axes[0].set_ylabel("error, %")
        _legend(canvas, axes)

    data = pd.concat(
        [
            errors.rename_axis("n_train")
            .reset_index()
            .melt("n_train", var_name="model", value_name="error_percent")
            .assign(dataset=dataset)
            for dataset, errors in panels.items()
        ]
    ).dropna()
    names = ", ".join(DATASETS[dataset].title for dataset in panels)
    text = f"Error rate in percent by number of training images on {names}; both axes are logarithmic."
    return Figure("curves", "Learning curves", text, _draw("curves", len(panels), draw), data)


def times(table: Table) -> list[Figure]:
    """Accuracy against time to fit and to predict, of those timed alone and, apart, of those timed in parallel.

    Of several runs the one with the most classifiers is drawn: times are compared within a run only.
    """
    figures = []
    for pinned in (True, False):
        entries = [entry for entry in table.entries if entry.is_pinned == pinned and len(entry.circumstances) == 1]
        runs = [[entry for entry in entries if entry.circumstances == one.circumstances] for one in entries]
        largest = max(runs, key=len, default=[])
        if len(largest) > 1:
            figures.append(_times(table, largest, pinned))
    return figures


def _times(table: Table, entries: list[Entry], pinned: bool) -> Figure:
    data = pd.DataFrame(
        {
            "classifier": entry.title,
            "accuracy_percent": 100 * (1 - entry.error_rate),
            "fit_seconds": entry.mean("fit_seconds"),
            "predict_seconds": entry.mean("predict_seconds"),
        }
        for entry in entries
    )

    def draw(canvas: Canvas) -> None:
        axes = _grid(canvas, 2)
        for axis, step in zip(axes, ("fit", "predict"), strict=True):
            seconds = data[f"{step}_seconds"]
            for entry, x, y in zip(entries, seconds, data["accuracy_percent"], strict=True):
                axis.plot(x, y, label=entry.title, **(_line(entry.model, entry.cells[0].form) | {"ls": "none"}))
            front = _frontier(seconds.to_numpy(), data["accuracy_percent"].to_numpy())
            axis.plot(seconds.iloc[front], data["accuracy_percent"].iloc[front], color=_INK, lw=1, ls=":", zorder=0)
            axis.set(xscale="log", title=f"time to {step}", xlabel="seconds")
            axis.grid(visible=True)
        axes[0].set_ylabel("accuracy, %")
        _legend(canvas, axes)

    how = "timed alone" if pinned else "timed in parallel"
    name = f"times-{table.dataset}-{table.n_train}-{'alone' if pinned else 'parallel'}"
    text = (
        f"Accuracy against seconds to fit and to predict {table.n_test:,} images, {how}; the dotted line joins those "
        "that no other beats in both."
    )
    return Figure(name, f"Accuracy and time: {table.title}, {how}", text, _draw(name, 2, draw), data)


def _frontier(seconds: NDArray[Any], accuracy: NDArray[Any]) -> list[int]:
    """Places of the points that none other beats in both, the fastest first."""
    best, front = -np.inf, []
    for place in np.lexsort((-accuracy, seconds)):
        if accuracy[place] > best:
            best = accuracy[place]
            front.append(int(place))
    return front


def confusion(table: Table, entry: Entry, test: HeldOut) -> Figure:
    """Which classes are taken for which, in numbers of test images."""
    labels, predicted = np.concatenate(entry.labels), np.concatenate(entry.predicted)
    counts = confusion_matrix(labels, predicted, labels=np.arange(len(test.classes)))
    errors = counts - np.diag(np.diag(counts))

    def draw(canvas: Canvas) -> None:
        axis = canvas.subplots()
        shown = np.ma.masked_equal(errors, 0)
        axis.imshow(shown, cmap=mpl.colormaps["YlOrRd"], vmin=0)
        if len(counts) <= 12:
            for row, column in np.argwhere(errors):
                dark = errors[row, column] > 0.6 * errors.max()
                axis.text(
                    column,
                    row,
                    errors[row, column],
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if dark else "black",
                )
        axis.set_xticks(range(len(counts)), test.classes, fontsize=7 if len(counts) > 12 else 10)
        axis.set_yticks(range(len(counts)), test.classes, fontsize=7 if len(counts) > 12 else 10)
        axis.set(xlabel="predicted", ylabel="true")

    places = np.argwhere(errors)
    data = pd.DataFrame(
        {"true": test.classes[row], "predicted": test.classes[column], "n_images": errors[row, column]}
        for row, column in places
    )
    most = data.nlargest(3, "n_images") if len(data) else data
    taken = "; ".join(f"{row.true} for {row.predicted}, {row.n_images} times" for row in most.itertuples())
    text = (
        f"Test images by true class and by the wrong class that {entry.title} took them for. "
        f"Most often: {taken or 'none'}."
    )
    name = f"confusion-{table.dataset}-{entry.model}-{entry.cells[0].form}"
    return Figure(name, f"{entry.title}: {table.title}", text, _draw(name, 1, draw, height=4.2), data)


def mistakes(table: Table, test: HeldOut) -> Figure | None:
    """Show test images that each classifier gets wrong, a row for each, and last those that all do."""
    places = {int(row): place for place, row in enumerate(test.rows)}
    shown = [
        (title, entry, [int(row) for row in rows if int(row) in places][:N_SHOWN])
        for title, entry, rows in rows_of_mistakes(table)
    ]
    shown = [row for row in shown if row[2]]
    if not shown:
        return None
    side = round(test.images.shape[1] ** 0.5)

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots(len(shown), N_SHOWN, squeeze=False)
        for axis in axes.flat:
            axis.axis("off")
        for row_axes, (title, entry, rows) in zip(axes, shown, strict=True):
            row_axes[0].text(-0.15, 0.5, title, ha="right", va="center", transform=row_axes[0].transAxes)
            for axis, row in zip(row_axes, rows, strict=False):
                axis.imshow(test.images[places[row]].reshape(side, side), cmap="gray", interpolation="nearest")
                axis.set_title(_taken(entry, test, row), fontsize=8, pad=2)

    data = pd.DataFrame(
        {
            "wrong_by": title,
            "test_image": row,
            "true": test.classes[entry.labels[0][row]],
            "predicted": test.classes[entry.predicted[0][row]],
        }
        for title, entry, rows in shown
        for row in rows
    )
    best = table.entries[0].title
    counts = "; ".join(f"{title} {len(rows)}" for title, _, rows in rows_of_mistakes(table))
    text = (
        f"The first test images that each classifier, in its better form, gets wrong, as true class → predicted class; "
        f"where all are wrong, as {best} has it. Numbers of mistakes: {counts}."
    )
    name = f"mistakes-{table.dataset}"
    svg = _draw(name, 1, draw, height=0.25 + 0.72 * len(shown), width=7.6)
    return Figure(name, f"Mistakes: {table.title}", text, svg, data)


def rows_of_mistakes(table: Table) -> list[tuple[str, Entry, NDArray[np.intp]]]:
    """List the test images that each classifier gets wrong, in its better form and with the first seed; last, all do.

    None over the folds of a cross-validation, where each fold has test images of its own.
    """
    if table.n_folds:
        return []
    better = {entry.model: entry for entry in reversed(table.entries)}.values()
    rows = [(entry.title, entry, np.flatnonzero(entry.wrong[0])) for entry in reversed(better)]
    everyone = np.flatnonzero(np.all([entry.wrong[0] for entry in better], axis=0))
    return [*rows, (f"all {len(rows)}", table.entries[0], everyone)]


def _taken(entry: Entry, test: HeldOut, row: int) -> str:
    return f"{test.classes[entry.labels[0][row]]} → {test.classes[entry.predicted[0][row]]}"


def calibration(table: Table) -> Figure | None:
    """Accuracy by confidence, of those that give probabilities."""
    entries = [entry for entry in table.entries if entry.calibration]
    if not entries:
        return None
    data = pd.DataFrame(
        {"classifier": entry.title, "model": entry.model, "form": entry.cells[0].form, **one}
        for entry in entries
        for one in entry.calibration[0]["bins"]
    )

    def draw(canvas: Canvas) -> None:
        axis = canvas.subplots()
        axis.plot([0, 1], [0, 1], color=_INK, lw=1, ls=":")
        for (title, model, form), bins in data.groupby(["classifier", "model", "form"], sort=False):
            axis.plot(bins["confidence"], bins["accuracy"], label=title, **_line(model, form))
        axis.set(xlabel="probability of the predicted class", ylabel="share that is right")
        axis.grid(visible=True)
        _legend(canvas, [axis])

    name = f"calibration-{table.dataset}"
    text = "Share of right predictions by the probability that the classifier gave them; on the dotted line both agree."
    return Figure(name, f"Calibration: {table.title}", text, _draw(name, 1, draw, height=4, width=6), data)


def robustness(table: Table) -> Figure:
    """Error rate by severity, a panel for each corruption."""
    errors = 100 * condition_errors(table)
    names = list(dict.fromkeys(condition.split()[0] for condition in errors.columns if condition != "clean"))
    entries = {entry.title: entry for entry in table.entries}

    def draw(canvas: Canvas) -> None:
        axes = _grid(canvas, len(names))
        for axis, name in zip(axes, names, strict=True):
            columns = ["clean", *(column for column in errors if column.split()[0] == name)]
            for title, entry in entries.items():
                axis.plot(
                    [column.split()[-1] for column in columns],
                    errors.loc[title, columns],
                    label=title,
                    **_line(entry.model, entry.cells[0].form),
                )
            axis.set(title=name, ylim=(0, 100))
            axis.grid(visible=True)
        axes[0].set_ylabel("error, %")
        _legend(canvas, axes)

    data = (
        errors.rename_axis("classifier")
        .reset_index()
        .melt("classifier", var_name="condition", value_name="error_percent")
    )
    n_images = table.n_test // len(errors.columns)
    text = f"Error rate in percent under {', '.join(names)}, each at three severities, on {n_images} test images."
    name = f"robustness-{table.dataset}-{table.n_train}"
    return Figure(name, f"Robustness: {table.title}", text, _draw(name, len(names), draw), data)


def _draw(
    name: str,
    n_panels: int,
    draw: Callable[[Canvas], None],
    height: float | None = None,
    width: float | None = None,
) -> str:
    columns = min(n_panels, 3)
    rows = -(-n_panels // columns)
    size = (width or (4.6 if n_panels == 1 else 3.1 * columns)), (height or 2.6 * rows + 0.9)
    # Names within a drawing are made from its own, so that they differ between the drawings of a page.
    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}):
        canvas = Canvas(size, layout="constrained")
        draw(canvas)
        buffer = io.StringIO()
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # Names of groups repeat from drawing to drawing, those of images where the same image is drawn twice.
    return re.sub(r'(<g| )\bid="image[0-9a-f]+"|(<g) id="[A-Za-z0-9_.]+"', r"\1\2", svg)


def _grid(canvas: Canvas, n_panels: int) -> list[Axes]:
    columns = min(n_panels, 3)
    axes = np.ravel(canvas.subplots(-(-n_panels // columns), columns, squeeze=False))
    for spare in axes[n_panels:]:
        spare.remove()
    return list(axes[:n_panels])


def _line(model: str, form: str = "default") -> dict[str, Any]:
    place = list(MODELS).index(model)
    tuned = form == "tuned"
    return {
        "color": _COLOURS[place % len(_COLOURS)],
        "marker": _MARKERS[place % len(_MARKERS)],
        "markersize": 5,
        "lw": 1.5,
        "ls": "--" if tuned else "-",
        "markerfacecolor": "none" if tuned else None,
    }


def _legend(canvas: Canvas, axes: Sequence[Axes]) -> None:
    handles: dict[str, Artist] = {}
    for axis in axes:
        handles |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    canvas.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=3, fontsize=9)


def _plain_ticks(axis: Axes) -> None:
    axis.grid(visible=True, which="both")
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        side.set_minor_formatter(NullFormatter())
