"""Cut a filled-in form of rows and columns into its cells."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sklenet._checks import check_choice, shorten
from sklenet._extras import import_extra
from sklenet._pictures import read_any, reduce_picture
from sklenet.preprocessing._grid import Grid, erase_lines, fit_grid
from sklenet.preprocessing._ink import POLARITIES, find_ink
from sklenet.preprocessing._page import show_picture

# Longer sides are reduced to this number of pixels before the grid is searched.
_MAX_SIDE = 2600
# Cells have at least this side, in pixels of the reduced picture.
_SMALLEST_CELL = 5
# Ink that is this many times as long as a cell belongs to several cells, and is divided at their edges.
_LONGEST_STROKE = 1.5
# A connected stroke with less than this share of a usual cell's ink is a speck, and a cell with less than the second
# share is empty.
_SPECK, _EMPTY = 0.04, 0.1


class GridNotFoundError(ValueError):
    """The grid of a sheet cannot be found.

    Attributes
    ----------
    sheet : CharacterSheet
        The sheet, cut along the grid that fits best; ``sheet.plot()`` shows the grid.
    """

    def __init__(self, message: str, sheet: "CharacterSheet") -> None:
        super().__init__(message)
        self.sheet = sheet


@dataclass(frozen=True, eq=False)
class CharacterSheet:
    """The cells of a sheet, row by row.

    Attributes
    ----------
    picture : ndarray of shape (h, w), uint8
        The sheet in gray levels, upright.
    corners : ndarray of shape (n_rows + 1, n_columns + 1, 2), float
        The corners of the cells, (x, y) in pixels of `picture`.
    images : list of n_rows · n_columns ndarrays of shape (height, width), uint8
        The ink of each cell, dark on white, without the lines of the form and the strokes of neighbouring cells.
        Strokes that leave their cell are not cut off, so that shapes differ.
    is_empty : ndarray of shape (n_rows, n_columns), bool
        Which cells have no ink.
    """

    picture: NDArray[np.uint8]
    corners: NDArray[np.float64]
    images: list[NDArray[np.uint8]] = field(repr=False)
    is_empty: NDArray[np.bool_]

    def plot(self, ax: Any = None) -> Any:
        """Draw the sheet with the grid; empty cells are shaded.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw in. With None, a figure is made.

        Returns
        -------
        ax : matplotlib Axes
        """
        ax = show_picture(self.picture, ax)
        for line in itertools.chain(self.corners, self.corners.swapaxes(0, 1)):
            ax.plot(*line.T, color="tab:blue", linewidth=0.8)
        polygon = import_extra("matplotlib.patches", "inspection").Polygon
        corners = self.corners
        for row, column in np.argwhere(self.is_empty):
            upper, lower = corners[row, column : column + 2], corners[row + 1, column : column + 2]
            ax.add_patch(polygon(np.concatenate([upper, lower[::-1]]), color="tab:red", alpha=0.3, linewidth=0))
        return ax


def cut_sheet(picture: Any, n_rows: int, n_columns: int, *, polarity: str = "auto") -> CharacterSheet:
    """Cut a filled-in form into its cells.

    The grid may be rotated by up to 8 degrees. Visible lines divide the cells, and are erased where no stroke crosses
    them. Otherwise the gaps between characters divide rows and columns. A stroke belongs to the cell that contains its
    centre of mass.

    Parameters
    ----------
    picture : path-like, Pillow image or ndarray of shape (h, w), (h, w, 3) or (h, w, 4)
        Photograph or scan of the sheet, cropped to the form with little around the form.
    n_rows, n_columns : int
        Number of rows and columns of cells.
    polarity : {"auto", "dark-on-light", "light-on-dark"}, default="auto"
        Colours of the ink and of the background.

    Returns
    -------
    sheet : CharacterSheet

    Raises
    ------
    GridNotFoundError
        If the picture has no ink, or no grid of this number of rows and columns. A ValueError, whose attribute `sheet`
        shows the grid that fits best.
    ValueError
        If the picture cannot be read, or a parameter is not as described.
    OSError
        If the file cannot be opened.
    ImportError
        If Pillow or scikit-image is missing. The extra ``sklenet[images]`` installs both.

    See Also
    --------
    find_characters : Find characters where no grid is known.

    Examples
    --------
    A form of 2×3 cells with lines, of which the last is empty:

    >>> import numpy as np
    >>> from sklenet.preprocessing import cut_sheet
    >>> form = np.full((90, 130), 255, np.uint8)
    >>> form[5:86:40, 5:126] = form[5:86, 5:126:40] = 0
    >>> for row, column in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]:
    ...     form[15 + 40 * row : 35 + 40 * row, 24 + 40 * column : 28 + 40 * column] = 0
    >>> sheet = cut_sheet(form, n_rows=2, n_columns=3)
    >>> sheet.is_empty
    array([[False, False, False],
           [False, False,  True]])
    """
    for name, value in (("n_rows", n_rows), ("n_columns", n_columns)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise ValueError(f"The {name!r} parameter of cut_sheet must be an int of at least 1. Got {shorten(value)}.")
    check_choice("cut_sheet", "polarity", polarity, POLARITIES)
    gray = read_any(picture)
    reduced, factor = reduce_picture(gray, _MAX_SIDE)
    for name, n, side in (("rows", n_rows, reduced.shape[0]), ("columns", n_columns, reduced.shape[1])):
        if n * _SMALLEST_CELL > side:
            raise ValueError(f"A picture of {side} pixels is too small for {n} {name} of cells.")
    ink = find_ink(reduced, polarity)
    mask = ink.labels > 0
    grid = fit_grid(mask, n_rows, n_columns) if mask.any() else Grid.divide(mask.shape, n_rows, n_columns)
    sheet = _cut(gray, ink.levels, mask, grid, factor)
    if problem := "The picture has no ink" if not mask.any() else grid.describe_problem():
        raise GridNotFoundError(
            f"A grid of {n_rows} rows and {n_columns} columns was not found. {problem}. Check the numbers, crop the "
            "picture to the form, and look at the grid that fits best: the plot() of this error's attribute `sheet`.",
            sheet,
        )
    return sheet


def _cut(
    gray: NDArray[np.uint8], levels: NDArray[np.float32], mask: NDArray[np.bool_], grid: Grid, factor: int
) -> CharacterSheet:
    labels, n_strokes = ndimage.label(erase_lines(mask, grid), np.ones((3, 3), bool))
    cells = _assign(labels, n_strokes, levels, grid)
    n_cells = grid.n_rows * grid.n_columns
    amounts = np.bincount(cells.ravel(), (levels * (cells > 0)).ravel(), n_cells + 1)[1:]
    usual = float(np.median(amounts[amounts > 0])) if amounts.any() else 0.0
    cells = _leave_out_specks(cells, labels, levels, usual)
    amounts = np.bincount(cells.ravel(), (levels * (cells > 0)).ravel(), n_cells + 1)[1:]
    is_empty = amounts <= _EMPTY * usual
    places = ndimage.find_objects(cells, n_cells)
    images = [_cell_image(levels, cells, index, grid, places[index]) for index in range(n_cells)]
    corners = (grid.corners() + 0.5) * factor - 0.5
    return CharacterSheet(gray, corners, images, is_empty.reshape(grid.n_rows, grid.n_columns))


def _assign(labels: NDArray[np.int32], n_strokes: int, levels: NDArray[np.float32], grid: Grid) -> NDArray[np.int32]:
    """Return for each pixel the number of the cell, from 1, that its stroke belongs to, and 0 without ink."""
    numbers = np.arange(1, n_strokes + 1)
    centers = np.array(ndimage.center_of_mass(levels, labels, numbers)).reshape(-1, 2)
    cell_of_stroke = np.concatenate([[0], grid.cell_at(centers[:, 0], centers[:, 1])])
    cells = cell_of_stroke[labels].astype(np.int32)
    height, width = grid.pitch
    for number, (y, x) in zip(numbers, ndimage.find_objects(labels), strict=True):
        if y.stop - y.start > _LONGEST_STROKE * height or x.stop - x.start > _LONGEST_STROKE * width:
            rows, columns = np.nonzero(labels[y, x] == number)
            cells[rows + y.start, columns + x.start] = grid.cell_at(rows + y.start, columns + x.start)
    return cells


def _leave_out_specks(
    cells: NDArray[np.int32], labels: NDArray[np.int32], levels: NDArray[np.float32], usual: float
) -> NDArray[np.int32]:
    weights = np.bincount(labels.ravel(), levels.ravel())
    return np.where((weights < _SPECK * usual)[labels], 0, cells)


def _cell_image(
    levels: NDArray[np.float32], cells: NDArray[np.int32], index: int, grid: Grid, place: tuple[slice, slice] | None
) -> NDArray[np.uint8]:
    """Return the ink of a cell, at least as large as the cell."""
    rows, columns = grid.bounds(index, cells.shape)
    if place is not None:
        rows = slice(min(rows.start, place[0].start), max(rows.stop, place[0].stop))
        columns = slice(min(columns.start, place[1].start), max(columns.stop, place[1].stop))
    is_own = cells[rows, columns] == index + 1
    halo = ndimage.binary_dilation(is_own, np.ones((3, 3), bool))
    ink = np.where(halo & (is_own | (cells[rows, columns] == 0)), levels[rows, columns], 0)
    return np.rint(255 * (1 - np.minimum(ink, 1))).astype(np.uint8)
