"""The axes that displays draw on. Matplotlib is an extra, and is imported when a display is drawn."""

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sklenet._checks import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase
    from matplotlib.image import AxesImage

# Distinct for colour-blind readers, and symmetric about 0.
SIGNED = "RdBu_r"

_LEAST_WIDTH = 4.8  # inches of a figure, so that its title has room


def import_pyplot(owner: str) -> Any:
    """Import matplotlib.pyplot.

    Parameters
    ----------
    owner : str
        The function that draws, named in the message.

    Raises
    ------
    ImportError
        If matplotlib is missing. The message says how to install it.
    """
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise  # matplotlib is installed, and lacks a dependency of its own
        raise ImportError(
            f"{owner} requires matplotlib, which is not installed; "
            "install the extra that contains it: pip install 'sklenet[inspection]'"
        ) from error


def make_axes(owner: str, ax: "Axes | None", figsize: tuple[float, float]) -> "Axes":
    """Return the axes that the user passes, or the axes of a new figure of a size in inches."""
    pyplot = import_pyplot(owner)
    if ax is None:
        _, ax = pyplot.subplots(figsize=figsize, layout="constrained")
    if not isinstance(ax, pyplot.Axes):
        raise TypeError(f"The 'ax' parameter of {owner} must be matplotlib axes or None. Got {shorten(ax)} instead.")
    return ax


def make_panels(
    owner: str,
    ax: Any,
    n_panels: int,
    *,
    n_columns: int,
    panel_size: tuple[float, float],
    height_ratios: list[float] | None = None,
) -> "tuple[FigureBase, NDArray[Any]]":
    """Return the figure and the axes of the panels of a display.

    Parameters
    ----------
    owner : str
        The function that draws, named in messages.
    ax : matplotlib axes, array-like of axes or None
        Axes are divided among the panels, as by scikit-learn's PartialDependenceDisplay. Of an array, the first axes
        are used, and the others are hidden. None makes a figure.
    n_panels, n_columns : int
        Number of panels, and of panels side by side.
    panel_size : tuple (width, height)
        Inches of a panel in a figure that is made.
    height_ratios : list of float or None
        Relative heights of the rows.

    Returns
    -------
    figure : matplotlib figure
    panels : ndarray of shape (n_panels,)
        Axes, row by row.
    """
    pyplot = import_pyplot(owner)
    n_columns = min(n_columns, n_panels)
    n_rows = -(-n_panels // n_columns)
    if ax is not None and not isinstance(ax, pyplot.Axes):
        return _choose(owner, ax, n_panels, pyplot.Axes)
    if ax is None:
        width, height = panel_size
        figure = pyplot.figure(figsize=(max(width * n_columns, _LEAST_WIDTH), height * n_rows), layout="constrained")
        grid = figure.add_gridspec(n_rows, n_columns, height_ratios=height_ratios)
    else:
        if ax.get_subplotspec() is None:
            raise ValueError(
                f"The 'ax' parameter of {owner} must be axes made by subplots, which can be divided into panels."
            )
        figure = ax.figure
        ax.set_axis_off()
        grid = ax.get_subplotspec().subgridspec(n_rows, n_columns, height_ratios=height_ratios)
    return figure, np.array([figure.add_subplot(grid[divmod(index, n_columns)]) for index in range(n_panels)])


def _choose(owner: str, ax: Any, n_panels: int, kind: type) -> "tuple[FigureBase, NDArray[Any]]":
    axes = np.ravel(np.asarray(ax, dtype=object))
    if not all(isinstance(each, kind) for each in axes):
        raise TypeError(
            f"The 'ax' parameter of {owner} must be matplotlib axes or an array of them. Got {shorten(ax)}."
        )
    if len(axes) < n_panels:
        raise ValueError(f"{owner} draws {n_panels} panels, but ax has {len(axes)} axes.")
    for spare in axes[n_panels:]:
        spare.set_axis_off()
    return axes[0].figure, axes[:n_panels]


def show_image(axes: "Axes", image: NDArray[Any]) -> "AxesImage":
    """Show an image in gray, as its pixels are."""
    axes.set_axis_off()
    return axes.imshow(image, cmap="gray", interpolation="nearest")
