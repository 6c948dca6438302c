"""Fit a grid of rows and columns to the ink of a form."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

# The grid is rotated by at most this number of degrees.
_MAX_ANGLE = 8
# A line of the form is visible if at least this share of its length is inked.
_VISIBLE = 0.5
# Lines in gaps between characters have less than this share of the mean ink.
_GAP_INK = 0.5
# Outside of the grid there is less than this share of the ink of an interval, and in the first and in the last interval
# there is more than the second share.
_MAX_OUTSIDE, _MIN_INSIDE = 0.35, 0.1
# Lines may be this much nearer than the extent of all ink divided by their number, because of blots around the form.
_NEAREST = 0.85
# The distance of lines is the shortest at which the ink repeats as well as this share of the best.
_REPEATS = 0.85
# Number of places at which a visible line is measured.
_N_STATIONS = 8
# Step by which the last line is moved in the search, in pixels, and number of starts of the first line.
_STEP, _N_STARTS = 0.5, 60


@dataclass(frozen=True)
class _Lines:
    """Parallel lines of a grid: line k is at offset[k] + slope[k] · (position along the lines).

    Attributes
    ----------
    offsets, slopes : ndarray of shape (n_lines,)
    is_visible : ndarray of shape (n_lines,), bool
    thickness : int
        Of visible lines, in pixels.
    problem : str or None
        Why these are not the lines of a form.
    """

    offsets: NDArray[np.float64]
    slopes: NDArray[np.float64]
    is_visible: NDArray[np.bool_]
    thickness: int
    problem: str | None = None

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
            _Lines(np.linspace(0, side, n + 1), np.zeros(n + 1), np.zeros(n + 1, bool), 0)
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
            if lines.problem:
                return f"Between {name}, {lines.problem}"
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
    length = float(np.ptp(x)) + 1
    offsets, problem = _fit_comb(profile, n_intervals, length)
    equal = np.full(n_intervals + 1, slope)
    return _measure(mask, _Lines(offsets + lowest, equal, np.zeros(n_intervals + 1, bool), 0, problem))


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


def _fit_comb(profile: NDArray[np.float64], n_intervals: int, length: float) -> tuple[NDArray[np.float64], str | None]:
    """Return the places of n_intervals + 1 lines at equal distances, and what is wrong with them.

    `profile` is the ink across the lines, and `length` the length of the lines.
    """
    nearest, farthest = _NEAREST * len(profile) / n_intervals, 1.05 * len(profile) / max(1, n_intervals - 1)
    distance = _find_distance(profile, nearest / 3, farthest)
    if nearest <= distance <= farthest:
        nearest, farthest = max(nearest, 0.97 * distance), min(farthest, 1.03 * distance)
    combs = _list_combs(len(profile), n_intervals, nearest, farthest)
    ink = _Ink(profile, length, (nearest + farthest) / 2)
    on_lines = ink.on_lines(combs).mean(axis=1)
    if on_lines.max() >= _VISIBLE:
        best, problem = _choose_on_lines(ink, combs, on_lines)
    else:
        best, problem = _choose_in_gaps(ink, combs)
        if distance < nearest:
            problem = f"the ink repeats every {distance:.0f} pixels, as for {len(profile) / distance:.0f} intervals"
    inside = ink.inside(combs[best])
    if min(inside[0], inside[-1]) < _MIN_INSIDE * np.median(inside):
        problem = problem or "the first or the last interval has no ink"
    return combs[best], problem


def _choose_on_lines(ink: "_Ink", combs: NDArray[np.float64], on_lines: NDArray[np.float64]) -> tuple[int, str | None]:
    """Choose the comb with teeth on visible lines, without further lines beside the first and the last."""
    n_intervals = combs.shape[1] - 1
    distances = np.diff(combs[:, :2])
    is_beside = ink.near_lines(combs[:, [0, -1]] + distances * [-1, 1]).max(axis=1) >= _VISIBLE
    best = int((on_lines - is_beside / (2 * n_intervals)).argmax())
    teeth = combs[best, :-1]
    halves, thirds, others = (ink.on_lines(teeth + distances[best] * part).mean() for part in (1 / 2, 1 / 3, 2 / 3))
    if max(halves, min(thirds, others)) >= _VISIBLE:
        return best, "there are further lines within the intervals"
    return best, "there is a further line beside the grid" if is_beside[best] else None


def _choose_in_gaps(ink: "_Ink", combs: NDArray[np.float64]) -> tuple[int, str | None]:
    """Choose the comb with teeth in the gaps between ink, with all ink between the first and the last."""
    in_gaps = ink.in_gaps(combs[:, 1:-1])
    outside = ink.outside(combs) * (combs.shape[1] - 1)
    best = int((in_gaps + outside).argmin())
    if outside[best] > _MAX_OUTSIDE:
        return best, f"there is {outside[best]:.0%} of the ink of an interval outside of the grid"
    if in_gaps[best] > _GAP_INK:
        return best, f"no lines are visible, and there is {in_gaps[best]:.0%} of the mean ink where gaps are expected"
    return best, None


def _find_distance(profile: NDArray[np.float64], nearest: float, farthest: float) -> float:
    """Return the shortest distance at which the ink repeats well, infinity if it does not repeat."""
    centered = profile - profile.mean()
    repeats = np.correlate(centered, centered, "full")[len(profile) - 1 :]
    repeats = ndimage.gaussian_filter1d(repeats, 1)
    lags = np.arange(max(2, int(nearest)), min(int(farthest) + 2, len(profile) - 1))
    peaks = lags[(repeats[lags] >= repeats[lags - 1]) & (repeats[lags] > repeats[lags + 1]) & (repeats[lags] > 0)]
    if not len(peaks):
        return np.inf
    return float(peaks[repeats[peaks] >= _REPEATS * repeats[peaks].max()][0])


def _list_combs(length: int, n_intervals: int, nearest: float, farthest: float) -> NDArray[np.float64]:
    """List lines at equal distances that may divide a length, (n_combs, n_intervals + 1)."""
    distances = np.arange(nearest, farthest + 1e-9, _STEP / n_intervals)
    shares = np.linspace(0, 1, _N_STARTS)[:, None]
    # Between the comb that ends with the ink, with less than an interval to spare, and the comb that begins with it.
    ends, begins = np.minimum(0, length - n_intervals * distances), np.maximum(0, length - n_intervals * distances)
    starts = ((1 - shares) * (ends - 2) + shares * (begins + 2))[..., None]
    return (starts + distances[:, None] * np.arange(n_intervals + 1)).reshape(-1, n_intervals + 1)


class _Ink:
    """Ink across lines, looked up at many places at once.

    Parameters
    ----------
    profile : ndarray of shape (n,)
        Inked pixels at each place.
    length : float
        Length of the lines.
    distance : float
        Distance of the lines.
    """

    def __init__(self, profile: NDArray[np.float64], length: float, distance: float) -> None:
        self._margin = int(2 * distance)
        padded = np.pad(profile, self._margin)
        shares = np.minimum(padded / length, 1)
        self._peaks = ndimage.maximum_filter1d(shares, 3)
        self._near_peaks = ndimage.maximum_filter1d(shares, 2 * int(0.1 * distance) + 3)
        self._smooth = ndimage.gaussian_filter1d(padded, 0.08 * distance) / profile.mean()
        self._before = np.concatenate([[0], profile.cumsum()]) / profile.sum()

    def on_lines(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the inked shares of lines."""
        return self._look_up(self._peaks, places)

    def near_lines(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the inked shares of lines within a tenth of the distance of two lines."""
        return self._look_up(self._near_peaks, places)

    def in_gaps(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean ink near lines, divided by the mean of all ink."""
        return self._look_up(self._smooth, places).mean(axis=1) if places.shape[1] else np.zeros(len(places))

    def inside(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the shares of all ink between lines, without the ink near the lines."""
        margin = 0.12 * (places[1] - places[0])
        return self._before_of(places[1:] - margin) - self._before_of(places[:-1] + margin)

    def outside(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the shares of all ink outside of the first and the last line, two pixels of a thick line apart."""
        return 1 - (self._before_of(places[:, -1] + 3) - self._before_of(places[:, 0] - 2))

    def _before_of(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._before[np.clip(np.rint(places).astype(np.intp), 0, len(self._before) - 1)]

    def _look_up(self, values: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[np.clip(np.rint(places).astype(np.intp) + self._margin, 0, len(values) - 1)]


def _measure(mask: NDArray[np.bool_], lines: _Lines) -> _Lines:
    """Measure which lines are visible, and correct the places and slopes of visible lines."""
    height = len(mask)
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
    return replace(lines, offsets=offsets, slopes=slopes, is_visible=is_visible, thickness=thickness)


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
