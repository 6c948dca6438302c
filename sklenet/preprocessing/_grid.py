"""Fit a grid of rows and columns to the ink of a form."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

# The grid is rotated by at most this number of degrees.
_MAX_ANGLE = 8
# A line of the form is visible if at least this share of its length is inked.
_VISIBLE = 0.5
# Gaps between characters have less than this share of the mean ink, and hold less than this share of all ink outside.
_GAP_INK, _MAX_OUTSIDE = 0.5, 0.05
# Number of places at which a visible line is measured.
_N_STATIONS = 8
# Number of steps by which the last of all lines is moved in the search, in pixels.
_STEP = 0.5


@dataclass(frozen=True)
class _Lines:
    """Parallel lines of a grid: line k is at offset[k] + slope[k] · (position along the lines).

    Attributes
    ----------
    offsets, slopes : ndarray of shape (n_lines,)
    is_visible : ndarray of shape (n_lines,), bool
    thickness : int
        Of visible lines, in pixels.
    ink : float
        Mean ink on the inner lines, divided by the mean ink between the outer lines.
    """

    offsets: NDArray[np.float64]
    slopes: NDArray[np.float64]
    is_visible: NDArray[np.bool_]
    thickness: int
    ink: float

    def at(self, position: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the places of the lines, (n_lines, n_positions)."""
        return self.offsets[:, None] + self.slopes[:, None] * np.atleast_1d(position)

    @property
    def pitch(self) -> float:
        """Mean distance of two lines."""
        return float(self.offsets[-1] - self.offsets[0]) / (len(self.offsets) - 1)

    def interval(self, along: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return for each point the number of the interval between lines, -1 for points far outside."""
        places = self.at(along)
        number = np.clip((places <= across).sum(axis=0) - 1, 0, len(self.offsets) - 2)
        is_near = (across > places[0] - self.pitch / 2) & (across < places[-1] + self.pitch / 2)
        return np.where(is_near, number, -1)


@dataclass(frozen=True)
class Grid:
    """The lines that divide rows, y as a function of x, and columns, x as a function of y."""

    rows: _Lines
    columns: _Lines

    @property
    def n_rows(self) -> int:
        """Number of rows of cells."""
        return len(self.rows.offsets) - 1

    @property
    def n_columns(self) -> int:
        """Number of columns of cells."""
        return len(self.columns.offsets) - 1

    @property
    def pitch(self) -> tuple[float, float]:
        """Mean height and width of a cell, in pixels."""
        return self.rows.pitch, self.columns.pitch

    @classmethod
    def divide(cls, shape: tuple[int, ...], n_rows: int, n_columns: int) -> Self:
        """Divide a picture evenly."""
        rows, columns = (
            _Lines(np.linspace(0, side, n + 1), np.zeros(n + 1), np.zeros(n + 1, bool), 0, 1.0)
            for side, n in zip(shape, (n_rows, n_columns), strict=True)
        )
        return cls(rows, columns)

    def cell_at(self, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the numbers of the cells, from 1, row by row, at points; 0 for points far outside of the grid."""
        y, x = np.asarray(y, np.float64), np.asarray(x, np.float64)
        row, column = self.rows.interval(x, y), self.columns.interval(y, x)
        return np.where((row < 0) | (column < 0), 0, row * self.n_columns + column + 1)

    def corners(self) -> NDArray[np.float64]:
        """Return the corners of the cells, (n_rows + 1, n_columns + 1, 2), as (x, y)."""
        a, b = self.rows.offsets[:, None], self.rows.slopes[:, None]  # y = a + b x
        c, d = self.columns.offsets[None], self.columns.slopes[None]  # x = c + d y
        y = (a + b * c) / (1 - b * d)
        return np.stack([c + d * y, y], axis=-1)

    def bounds(self, index: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """Return the bounding box of a cell within a picture."""
        row, column = divmod(index, self.n_columns)
        corners = self.corners()[row : row + 2, column : column + 2].reshape(4, 2)
        (left, top), (right, bottom) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        return _clip(top, bottom, shape[0]), _clip(left, right, shape[1])

    def describe_problem(self) -> str | None:
        """Say why the grid is not that of the form, or return None."""
        for name, lines in (("rows", self.rows), ("columns", self.columns)):
            if lines.is_visible.mean() < _VISIBLE and lines.ink > _GAP_INK:
                return (
                    f"{lines.is_visible.sum()} of the {len(lines.offsets)} lines between {name} are visible, and where "
                    f"the lines fit best, there is {lines.ink:.0%} of the mean ink instead of gaps"
                )
        return None


def _clip(start: float, stop: float, length: int) -> slice:
    first = int(np.clip(start, 0, length - 1))
    return slice(first, int(np.clip(stop, first + 1, length)))


def fit_grid(mask: NDArray[np.bool_], n_rows: int, n_columns: int) -> Grid:
    """Fit a grid to the ink of a form.

    The direction of the lines is that in which the ink's projection has the sharpest edges. Lines lie at equal
    distances, on the projection's peaks if the lines are visible, in its gaps otherwise. Visible lines are then
    measured at several places each.
    """
    return Grid(_fit_lines(mask, n_rows), _fit_lines(mask.T, n_columns))


def _fit_lines(mask: NDArray[np.bool_], n_intervals: int) -> _Lines:
    """Fit lines y = offset + slope · x to a mask (h, w)."""
    y, x = (axis.astype(np.float64) for axis in np.nonzero(mask))
    slope = _find_slope(y, x)
    lowest = float((y - slope * x).min())
    profile = np.bincount(np.rint(y - slope * x - lowest).astype(np.intp)).astype(np.float64)
    along = float(np.ptp(x)) + 1
    offsets = _fit_comb(profile, n_intervals, along)
    between = profile[max(0, int(offsets[0])) : int(offsets[-1]) + 1]
    smooth = ndimage.uniform_filter1d(profile, 3)
    inner = smooth[np.clip(np.rint(offsets[1:-1]).astype(np.intp), 0, len(profile) - 1)]
    ink = float(inner.mean() / max(between.mean(), 1e-9)) if len(inner) else 0.0
    lines = _Lines(offsets + lowest, np.full(n_intervals + 1, slope), np.zeros(n_intervals + 1, bool), 1, ink)
    return _measure(mask, lines)


def _find_slope(y: NDArray[np.float64], x: NDArray[np.float64]) -> float:
    """Return the slope along which the projection of the points has the sharpest edges."""
    step = max(1, len(y) // 200_000)
    y, x = y[::step], x[::step]

    def sharpness(slope: float) -> float:
        across = y - slope * x
        counts = np.bincount(np.rint(across - across.min()).astype(np.intp))
        return float((np.diff(counts.astype(np.float64)) ** 2).sum())

    best = 0.0
    for width, spacing in ((np.tan(np.deg2rad(_MAX_ANGLE)), 0.002), (0.002, 0.0002)):
        slopes = best + np.arange(-width, width + spacing / 2, spacing)
        best = float(max(slopes, key=sharpness))
    return best


def _fit_comb(profile: NDArray[np.float64], n_intervals: int, along: float) -> NDArray[np.float64]:
    """Return the places of n_intervals + 1 lines at equal distances, along peaks if there are lines, else in gaps."""
    length = len(profile)
    teeth = np.arange(n_intervals + 1)
    most = length / max(1, n_intervals - 1) if n_intervals > 1 else length
    distances = np.arange(0.85 * length / n_intervals, 1.02 * most + 1e-9, _STEP / n_intervals)
    cumulated = np.concatenate([[0], profile.cumsum()]) / max(profile.sum(), 1)
    peaks = ndimage.maximum_filter1d(profile, 3)
    smooth = ndimage.uniform_filter1d(profile, 1 + 2 * max(1, int(0.06 * length / n_intervals)))
    lines, gaps = (-np.inf, teeth * 1.0), (-np.inf, teeth * 1.0)
    for distance in distances:
        span = n_intervals * distance
        starts = np.arange(min(0.0, length - span) - 2, max(0.0, length - span) + 3, 0.5)
        places = starts[:, None] + distance * teeth
        indices = np.rint(places).astype(np.intp)
        is_inside = (indices >= 0) & (indices < length)
        indices = np.clip(indices, 0, length - 1)
        score = np.where(is_inside, np.minimum(peaks[indices], along), 0).mean(axis=1)
        lines = max(lines, (score.max(), places[score.argmax()]), key=lambda pair: pair[0])
        ends = np.clip(indices[:, [0, -1]] + [0, 1], 0, length)
        outside = 1 - (cumulated[ends[:, 1]] - cumulated[ends[:, 0]])
        cost = smooth[indices[:, 1:-1]].mean(axis=1) if n_intervals > 1 else np.zeros(len(starts))
        score = -np.where(outside <= _MAX_OUTSIDE, cost, np.inf)
        gaps = max(gaps, (score.max(), places[score.argmax()]), key=lambda pair: pair[0])
    return (lines if lines[0] >= _VISIBLE * along else gaps)[1]


def _measure(mask: NDArray[np.bool_], lines: _Lines) -> _Lines:
    """Measure which lines are visible, and correct the places and slopes of visible lines."""
    height, width = mask.shape
    reach = max(2, int(0.2 * lines.pitch))
    offsets, slopes, is_visible = lines.offsets.copy(), lines.slopes.copy(), lines.is_visible.copy()
    columns = np.flatnonzero(mask.any(axis=0))
    edges = np.linspace(columns[0], columns[-1] + 1, _N_STATIONS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    thicknesses = []
    for k in range(len(offsets)):
        shifts = np.arange(-reach, reach + 1)
        x = np.arange(columns[0], columns[-1] + 1)
        y = np.rint(offsets[k] + slopes[k] * x).astype(np.intp) + shifts[:, None]
        band = np.where((y >= 0) & (y < height), mask[np.clip(y, 0, height - 1), x], False)
        stations = np.stack([part.mean(axis=1) for part in np.array_split(band, _N_STATIONS, axis=1)], axis=1)
        tallest = ndimage.maximum_filter1d(stations, 3, axis=0).max(axis=0)
        is_visible[k] = (tallest >= _VISIBLE).mean() > 0.5
        if is_visible[k]:
            peaks = _centers_of_peaks(stations) - reach
            slope, intercept = stats.theilslopes(peaks[tallest >= _VISIBLE], middles[tallest >= _VISIBLE])[:2]
            offsets[k] += intercept
            slopes[k] += slope
            thicknesses.append(int((stations.mean(axis=1) >= 0.5 * stations.mean(axis=1).max()).sum()))
    thickness = int(np.median(thicknesses)) if thicknesses else 0
    return _Lines(offsets, slopes, is_visible, thickness, lines.ink)


def _centers_of_peaks(stations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the row of the peak in each column, to a fraction of a pixel."""
    rows = np.arange(len(stations))[:, None]
    near = np.abs(rows - stations.argmax(axis=0)) <= 2
    weights = np.where(near, stations**2, 0)
    return (rows * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-9)


def erase_lines(mask: NDArray[np.bool_], grid: Grid) -> NDArray[np.bool_]:
    """Return the ink without the visible lines of a grid, except where strokes cross the lines."""
    rest = mask & ~_on_lines(mask, grid.rows)
    return rest & ~_on_lines(rest.T, grid.columns).T


def _on_lines(mask: NDArray[np.bool_], lines: _Lines) -> NDArray[np.bool_]:
    """Mark the ink near visible lines that extends no further across the line than the line is thick."""
    marked = np.zeros_like(mask)
    height, width = mask.shape
    reach = 2 + lines.thickness
    longest = lines.thickness + 2
    x = np.arange(width)
    for offset, slope in zip(lines.offsets[lines.is_visible], lines.slopes[lines.is_visible], strict=True):
        y = np.rint(offset + slope * x).astype(np.intp) + np.arange(-reach, reach + 1)[:, None]
        is_inside = (y >= 0) & (y < height)
        clipped = np.clip(y, 0, height - 1)
        band = np.where(is_inside, mask[clipped, x], False)
        is_line = band & (band.sum(axis=0) <= longest)
        marked[clipped[is_line], np.broadcast_to(x, y.shape)[is_line]] = True
    return marked
