"""The figures of the report, each with a description and the data that it is drawn from."""

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
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

from comparison.analysis import Entry, Table, condition_errors, curve_errors
from comparison.data import DATASETS
from comparison.models import MODELS
from comparison.store import HeldOut
from sklenet.inspection import MistakesDisplay, ReliabilityDisplay, most_confused

# A placeholder: the page replaces this colour by its text colour, in light and in dark mode.
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
# The colours are distinct on white and on black (after Okabe and Ito 2008), the markers without colour.
_COLOURS = (
    "#0072b2", "#2b9fd9", "#7a6fd0", "#d55e00", "#c98a00", "#e8413c", "#8a6d00", "#a0522d", "#008f69", "#6b9e3f",
    "#b8437f", "#808080",
)  # fmt: skip
_MARKERS = "osDv^<>PXphd*"
N_SHOWN = 8  # images in a row


@dataclass
class Figure:
    """A drawing with its description and its data.

    Attributes
    ----------
    name : str
        The name of its files, without the extension.
    title : str
    text : str
        A description, also for readers who cannot see the drawing.
    svg : str
    data : DataFrame
        The data that it is drawn from.
    """

    name: str
    title: str
    text: str
    svg: str
    data: pd.DataFrame

    @property
    def inline(self) -> str:
        """The drawing as part of a page, in the page's colours."""
        return self.svg.replace(_INK, "currentColor")

    @property
    def standalone(self) -> str:
        """The drawing as a separate file, on white."""
        style = "<style>svg { background: white; }</style>"
        return self.svg.replace(_INK, "#000000").replace(">", f">{style}", 1)

    @property
    def csv_uri(self) -> str:
        """The data as a link that contains them."""
        return "data:text/csv;base64," + base64.b64encode(self.data.to_csv(index=False).encode()).decode()


def curves(tables: Sequence[Table]) -> Figure | None:
    """Draw error rates by number of training images, a panel for each data set."""
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
        [_to_rows(errors, "n_train", "model").assign(dataset=dataset) for dataset, errors in panels.items()]
    ).dropna()
    names = ", ".join(DATASETS[dataset].title for dataset in panels)
    text = f"Error rate in percent by number of training images on {names}; both axes are logarithmic."
    return Figure("curves", "Learning curves", text, _draw("curves", len(panels), draw), data)


def times(table: Table) -> list[Figure]:
    """Draw accuracy against the time to fit and to predict, once for times measured alone and once for parallel ones.

    Times are compared within a run only, so each figure shows the run with the most classifiers.
    """
    figures = []
    for alone in (True, False):
        entries = [entry for entry in table.entries if entry.is_timed_alone == alone and len(entry.circumstances) == 1]
        runs = [[entry for entry in entries if entry.circumstances == first.circumstances] for first in entries]
        largest = max(runs, key=len, default=[])
        if len(largest) > 1:
            figures.append(_times(table, largest, alone))
    return figures


def _times(table: Table, entries: list[Entry], alone: bool) -> Figure:
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

    how = "timed alone" if alone else "timed in parallel"
    name = f"times-{table.dataset}-{table.n_train}-{'alone' if alone else 'parallel'}"
    text = (
        f"Accuracy against seconds to fit and to predict {table.n_test:,} images, {how}; the dotted line joins the "
        "classifiers that no other one beats in both accuracy and time."
    )
    return Figure(name, f"Accuracy and time: {table.title}, {how}", text, _draw(name, 2, draw), data)


def _frontier(seconds: NDArray[Any], accuracy: NDArray[Any]) -> list[int]:
    """Return the indices of the Pareto-optimal points, the fastest first."""
    best, front = -np.inf, []
    for index in np.lexsort((-accuracy, seconds)):
        if accuracy[index] > best:
            best = accuracy[index]
            front.append(int(index))
    return front


def confusion(table: Table, entry: Entry, test: HeldOut) -> Figure:
    """Draw the off-diagonal entries of the confusion matrix, in numbers of test images."""
    labels, predicted = np.concatenate(entry.labels), np.concatenate(entry.predicted)
    counts = confusion_matrix(labels, predicted, labels=np.arange(len(test.classes)))
    errors = counts - np.diag(np.diag(counts))

    def draw(canvas: Canvas) -> None:
        axis = canvas.subplots()
        are_few = len(counts) <= 12
        # Cells without errors are left blank, and so is their text.
        colours = mpl.colormaps["YlOrRd"].with_extremes(under="none")
        limits = {"vmin": 0.5, "vmax": max(1, errors.max())}
        display = ConfusionMatrixDisplay(errors, display_labels=test.classes)
        display.plot(
            ax=axis, include_values=are_few, cmap=colours, colorbar=False, im_kw=limits, text_kw={"fontsize": 8}
        )
        for text in display.text_[errors == 0] if are_few else ():
            text.remove()
        axis.tick_params(labelsize=10 if are_few else 7)

    names = np.asarray(test.classes)
    data = most_confused(names[labels], names[predicted]).drop(columns="rate").rename(columns={"count": "n_images"})
    confusions = "; ".join(f"{row.true} → {row.predicted}: {row.n_images:,}" for row in data[:3].itertuples())
    text = f"Misclassified test images of {entry.title} by true class and predicted class."
    if confusions:
        text += f" The most frequent errors, true class → predicted class: {confusions}."
    name = f"confusion-{table.dataset}-{entry.model}-{entry.cells[0].form}"
    return Figure(name, f"{entry.title}: {table.title}", text, _draw(name, 1, draw, height=4.2), data)


def mistakes(table: Table, test: HeldOut) -> Figure | None:
    """Show misclassified test images, a row for each classifier and a last row for the images that all misclassify."""
    kept = {int(index): position for position, index in enumerate(test.rows)}
    all_mistakes = misclassified(table)
    shown = [
        (title, entry, [int(index) for index in indices if int(index) in kept][:N_SHOWN])
        for title, entry, indices in all_mistakes
    ]
    shown = [row for row in shown if row[2]]
    if not shown:
        return None
    side = round(test.images.shape[1] ** 0.5)

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots(len(shown), N_SHOWN, squeeze=False)
        for row_axes, (title, entry, indices) in zip(axes, shown, strict=True):
            row_axes[0].text(-0.15, 0.5, title, ha="right", va="center", transform=row_axes[0].transAxes)
            true, predicted = zip(*(_classes(entry, test, index) for index in indices), strict=True)
            images = test.images[[kept[index] for index in indices]].reshape(-1, side, side)
            MistakesDisplay(images, y_true=true, y_pred=predicted, indices=indices).plot(ax=row_axes)

    data = pd.DataFrame(
        {"wrong_by": title, "test_image": index}
        | dict(zip(("true", "predicted"), _classes(entry, test, index), strict=True))
        for title, entry, indices in shown
        for index in indices
    )
    counts = "; ".join(f"{title}: {len(indices):,}" for title, _, indices in all_mistakes)
    text = (
        "The first test images that each classifier, in its better form, misclassifies, labelled true class → "
        "predicted class. Images that all classifiers misclassify are labelled with the predictions of "
        f"{table.entries[0].title}. Numbers of misclassified images: {counts}."
    )
    name = f"mistakes-{table.dataset}"
    svg = _draw(name, 1, draw, height=0.25 + 0.72 * len(shown), width=7.6)
    return Figure(name, f"Mistakes: {table.title}", text, svg, data)


def misclassified(table: Table) -> list[tuple[str, Entry, NDArray[np.intp]]]:
    """List the indices of the test images that each classifier misclassifies, and last, those that all misclassify.

    Each classifier is represented by its better form and the first seed. The list is empty for a cross-validation,
    because its folds have different test images.
    """
    if table.n_folds:
        return []
    better = {entry.model: entry for entry in reversed(table.entries)}.values()
    mistakes = [(entry.title, entry, np.flatnonzero(entry.wrong[0])) for entry in reversed(better)]
    common = np.flatnonzero(np.all([entry.wrong[0] for entry in better], axis=0))
    return [*mistakes, (f"all {len(mistakes)}", table.entries[0], common)]


def _classes(entry: Entry, test: HeldOut, index: int) -> tuple[str, str]:
    """Return the true and the predicted class of a test image."""
    return test.classes[entry.labels[0][index]], test.classes[entry.predicted[0][index]]


def calibration(table: Table) -> Figure | None:
    """Draw accuracy by confidence, for the classifiers that predict probabilities."""
    entries = [entry for entry in table.entries if entry.calibration]
    if not entries:
        return None
    data = pd.DataFrame(
        {"classifier": entry.title, "model": entry.model, "form": entry.cells[0].form, **calibration_bin}
        for entry in entries
        for calibration_bin in entry.calibration[0]["bins"]
    )

    def draw(canvas: Canvas) -> None:
        axis = canvas.subplots()
        for (title, model, form), bins in data.groupby(["classifier", "model", "form"], sort=False):
            display = ReliabilityDisplay(**bins[["confidence", "accuracy", "share"]])
            display.plot(ax=axis, label=title, **_line(model, form))
        axis.legend().remove()  # a legend of the display would cover the lines
        axis.grid(visible=True)
        _legend(canvas, [axis])

    name = f"calibration-{table.dataset}"
    text = "Accuracy by the probability of the predicted class; on the dotted line, the two are equal."
    return Figure(name, f"Calibration: {table.title}", text, _draw(name, 1, draw, height=4, width=6), data)


def robustness(table: Table) -> Figure:
    """Draw error rates by severity, a panel for each corruption."""
    errors = 100 * condition_errors(table)
    names = list(dict.fromkeys(condition.split()[0] for condition in errors.columns if condition != "clean"))
    entries = {entry.title: entry for entry in table.entries}

    def draw(canvas: Canvas) -> None:
        axes = _grid(canvas, len(names))
        for axis, name in zip(axes, names, strict=True):
            columns = ["clean", *(column for column in errors if column.split()[0] == name)]
            for title, entry in entries.items():
                severities = [column.split()[-1] for column in columns]
                line = _line(entry.model, entry.cells[0].form)
                axis.plot(severities, errors.loc[title, columns], label=title, **line)
            axis.set(title=name, ylim=(0, 100))
            axis.grid(visible=True)
        axes[0].set_ylabel("error, %")
        _legend(canvas, axes)

    data = _to_rows(errors, "classifier", "condition")
    n_images = table.n_test // len(errors.columns)
    text = f"Error rate in percent under {', '.join(names)}, each at three severities, on {n_images:,} test images."
    name = f"robustness-{table.dataset}-{table.n_train}"
    return Figure(name, f"Robustness: {table.title}", text, _draw(name, len(names), draw), data)


def _to_rows(errors: pd.DataFrame, index: str, column: str) -> pd.DataFrame:
    """Turn a table of error rates in percent into a row for each entry."""
    return errors.rename_axis(index).reset_index().melt(index, var_name=column, value_name="error_percent")


def _draw(
    name: str, n_panels: int, draw: Callable[[Canvas], None], height: float | None = None, width: float | None = None
) -> str:
    n_rows, n_columns = _grid_shape(n_panels)
    size = (width or (4.6 if n_panels == 1 else 3.1 * n_columns)), (height or 2.6 * n_rows + 0.9)
    # The name salts the ids within a drawing, so that they differ between the drawings of a page.
    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}):
        canvas = Canvas(size, layout="constrained")
        draw(canvas)
        buffer = io.StringIO()
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # The ids of groups repeat between drawings, and those of images wherever the same image is drawn twice.
    return re.sub(r'(<g| )\bid="image[0-9a-f]+"|(<g) id="[A-Za-z0-9_.]+"', r"\1\2", svg)


def _grid_shape(n_panels: int) -> tuple[int, int]:
    n_columns = min(n_panels, 3)
    return -(-n_panels // n_columns), n_columns


def _grid(canvas: Canvas, n_panels: int) -> list[Axes]:
    axes = np.ravel(canvas.subplots(*_grid_shape(n_panels), squeeze=False))
    for spare in axes[n_panels:]:
        spare.remove()
    return list(axes[:n_panels])


def _line(model: str, form: str = "default") -> dict[str, Any]:
    index = list(MODELS).index(model)
    tuned = form == "tuned"
    return {
        "color": _COLOURS[index % len(_COLOURS)],
        "marker": _MARKERS[index % len(_MARKERS)],
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
    for coordinate in (axis.xaxis, axis.yaxis):
        coordinate.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        coordinate.set_minor_formatter(NullFormatter())
