"""Statistics of the training pixels, and the detection of images of another scale or polarity. NumPy only."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklenet._checks import Shape

# Rows are read in chunks of about this number of pixels, so that the statistics need no float copy of the data set and
# do not depend on the dtype or the memory layout.
_PIXELS_AT_ONCE = 2**20

# Statistics that need no more than a sample are computed on this number of evenly spaced images; on fewer images, but
# on a batch at least, where the sample would have more pixels than are read at once.
_N_SAMPLE = 1000

# From this number of images on, a batch is judged as a whole; fewer images draw a warning only where the fault is
# certain.
_N_BATCH = 10


@dataclass(frozen=True)
class PixelStatistics:
    """Statistics of the training pixels: they standardise pixels and detect images of another scale or polarity.

    Attributes
    ----------
    background : float
        Median of the images' border pixels. Padding has this value.
    mean, scale : float
        Mean and standard deviation of all pixels; `scale` is 1 where all pixels are equal.
    low, high : float
        Smallest and largest pixel.
    spread : float
        Standard deviation of the images' mean pixels.
    ink : float
        Median over the images of the mean distance of a pixel from the background.
    faintest : float
        Smallest range of pixels of an image that is not blank; the range of all pixels where every image is blank.
    inverted : float
        Share of the images that have the opposite of the common polarity.

    Notes
    -----
    `background`, `ink` and `inverted` are computed on at most 1,000 images, evenly spaced, the others on all images.
    """

    background: float
    mean: float
    scale: float
    low: float
    high: float
    spread: float
    ink: float
    faintest: float
    inverted: float

    @classmethod
    def from_rows(cls, rows: NDArray[Any], shape: Shape, indices: NDArray[np.intp]) -> Self:
        """Compute the statistics of those rows (n, pixels) of images of a shape that are at `indices`."""
        means, mean_squares, lowest, highest = _summarise_images(rows, indices)
        mean, low, high = float(means.mean()), float(lowest.min()), float(highest.max())
        variance = float(mean_squares.mean()) - mean**2
        ranges = highest - lowest
        background = _median_of_borders(rows, shape, indices)
        sample = _Sample(rows, shape, indices, is_uint8=rows.dtype == np.uint8)
        return cls(
            background=background,
            mean=mean,
            # Where all pixels are equal, the variance is nothing but rounding.
            scale=math.sqrt(variance) if high > low and variance > 0 else 1.0,
            low=low,
            high=high,
            spread=float(means.std()),
            ink=sample.ink(background),
            faintest=float(ranges[ranges > 0].min(initial=high - low)),
            inverted=sample.share_inverted(background, low, high),
        )

    def find_mismatch(self, rows: NDArray[Any], shape: Shape) -> str | None:
        """Return a warning where images have another scale than the training images, or the opposite polarity.

        Blank images are not judged. A scaler that was fitted on few images leaves single pixels far outside the
        training range, so a scale is judged by most pixels.

        - Too large: pixels lie outside the training range by more than a fifth of the range, and their number is more
          than a fifth of the number of pixels that differ from the background; more than half for fewer than ten
          images.
        - Too small: the median of the images' mean distance from the background is less than a tenth of the training
          images'. For fewer than ten images: the pixels are not uint8, which may be the noise of a blank page, and the
          range of each image is less than a tenth of the smallest range of a training image.
        - Inverted: most images have their border on the far side of the training range and are darker or brighter
          inside than any training image. For ten images or more, also: the mean pixel lies more than four standard
          deviations of the training images' means away.
        """
        sample = _Sample(rows, shape, np.arange(len(rows)), is_uint8=rows.dtype == np.uint8).without_blank()
        if not len(sample.images):
            return None
        if self._is_too_large(sample) or self._is_too_small(sample):
            low, high = float(sample.lowest.min()), float(sample.highest.max())
            return (
                f"X spans [{low:g}, {high:g}] but the model was fitted on [{self.low:g}, {self.high:g}]; "
                "scale the pixels as they were scaled for fit."
            )
        if self._is_inverted(sample):
            mean = float(sample.images.mean(dtype=np.float64))
            return (
                f"The mean pixel of X is {mean:g}, but {self.mean:g} in the images the model was fitted on; are the "
                "images inverted? Fit and predict need the same polarity and the same scale."
            )
        return None

    @property
    def _width(self) -> float:
        return self.high - self.low

    def _is_too_large(self, sample: "_Sample") -> bool:
        # np.float64 makes NumPy compare in float64, because a margin can overflow float32.
        bottom, top = np.float64(self.low - self._width / 5), np.float64(self.high + self._width / 5)
        if sample.lowest.min() >= bottom and sample.highest.max() <= top:
            return False
        outside = (sample.images < bottom) | (sample.images > top)
        ink = sample.distance(sample.background()) > np.float64(self._width / 10)
        share = 0.2 if sample.is_batch else 0.5
        return bool(outside.sum() > share * ink.sum() and outside.mean() > 0.01)

    def _is_too_small(self, sample: "_Sample") -> bool:
        if sample.is_batch:
            return sample.ink(self.background) < self.ink / 10
        return not sample.is_uint8 and bool((sample.highest - sample.lowest).max() < self.faintest / 10)

    def _is_inverted(self, sample: "_Sample") -> bool:
        usual = self.inverted < 0.1 if sample.is_batch else self.inverted == 0
        if usual and sample.share_inverted(self.background, self.low, self.high) > 0.5:
            return True
        if not sample.is_batch:
            return False
        # Clipped, because a pixel far outside the training range says nothing about the polarity.
        means = sample.images.clip(self.low, self.high).mean(axis=1, dtype=np.float64)
        return abs(float(np.median(means)) - self.mean) > 4 * self.spread + 1e-3 * self._width


class _Sample:
    """An evenly spaced sample of the images, as float32.

    Attributes
    ----------
    images : ndarray of shape (n_sampled, pixels), float32
    lowest, highest : ndarray of shape (n_sampled,), float32
        Smallest and largest pixel of each image.
    is_uint8 : bool
        Whether the pixels were uint8.
    """

    def __init__(self, rows: NDArray[Any], shape: Shape, indices: NDArray[np.intp], *, is_uint8: bool) -> None:
        n_sample = min(_N_SAMPLE, max(_N_BATCH, _PIXELS_AT_ONCE // rows.shape[1]))
        rows = rows[_evenly_spaced(indices, n_sample)]
        self.shape = shape
        self.is_uint8 = is_uint8
        self.images = np.ascontiguousarray(rows, dtype=np.float32)

    @cached_property
    def lowest(self) -> NDArray[np.float32]:
        return self.images.min(axis=1)

    @cached_property
    def highest(self) -> NDArray[np.float32]:
        return self.images.max(axis=1)

    @property
    def is_batch(self) -> bool:
        return len(self.images) >= _N_BATCH

    def without_blank(self) -> "_Sample":
        """Return the sample without the images whose pixels are all equal."""
        blank = self.lowest == self.highest
        return self._subset(~blank) if blank.any() else self

    def background(self) -> float:
        return float(np.median(self._border()))

    def distance(self, background: float) -> NDArray[np.float32]:
        with np.errstate(over="ignore"):
            differences = self.images - np.float32(background)
        return np.abs(differences, out=differences)

    def ink(self, background: float) -> float:
        return float(np.median(self.distance(background).mean(axis=1, dtype=np.float64)))

    def share_inverted(self, background: float, low: float, high: float) -> float:
        """Return the share of images whose border and mean are on the far side of the range, the mean less so."""
        opposite = high if high - background >= background - low else low
        middle, sign = (background + opposite) / 2, math.copysign(1, opposite - background)
        means = self.images.mean(axis=1, dtype=np.float64)
        far = sign * (means - middle) > 0
        if not far.any():
            return 0.0
        borders = np.median(self._subset(far)._border(), axis=1)
        return float(np.sum((sign * (borders - middle) > 0) & (sign * (borders - means[far]) > 0))) / len(means)

    def _border(self) -> NDArray[np.float64]:
        # In float64: the mean of two pixels, which a median may be, can overflow float32.
        return self.images[:, _border_positions(self.shape, self.images.shape[1])].astype(np.float64)

    def _subset(self, chosen: NDArray[np.bool_]) -> "_Sample":
        return _Sample(self.images, self.shape, np.flatnonzero(chosen), is_uint8=self.is_uint8)


def _summarise_images(rows: NDArray[Any], indices: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the mean, the mean square, the smallest and the largest pixel of each image, (4, n)."""
    summaries = [
        # float64 sums of float32 pixels: the two-pass formula would read the data twice.
        (
            chunk.mean(axis=1, dtype=np.float64),
            np.einsum("ij,ij->i", chunk, chunk, dtype=np.float64) / rows.shape[1],
            chunk.min(axis=1).astype(np.float64),
            chunk.max(axis=1).astype(np.float64),
        )
        for chunk in _float_chunks(rows, indices)
    ]
    return np.concatenate([np.stack(summary) for summary in summaries], axis=1)


def _median_of_borders(rows: NDArray[Any], shape: Shape, indices: NDArray[np.intp]) -> float:
    sampled = _evenly_spaced(indices, _N_SAMPLE)
    return float(np.median(rows[np.ix_(sampled, _border_positions(shape, rows.shape[1]))].astype(np.float64)))


def _border_positions(shape: Shape, n_pixels: int) -> NDArray[np.intp]:
    """Return the positions of the border pixels in a row, which may lack the last pixels of the shape."""
    grid = np.ones(shape, dtype=bool)
    grid[1:-1, 1:-1] = False
    return np.flatnonzero(grid.ravel()[:n_pixels])


def _evenly_spaced(indices: NDArray[np.intp], n_sample: int) -> NDArray[np.intp]:
    """Return at most `n_sample` evenly spaced indices."""
    return indices[np.linspace(0, len(indices) - 1, min(len(indices), n_sample)).astype(np.intp)]


def _float_chunks(rows: NDArray[Any], indices: NDArray[np.intp]) -> Iterator[NDArray[np.float32]]:
    n_rows = max(1, _PIXELS_AT_ONCE // rows.shape[1])
    for start in range(0, len(indices), n_rows):
        yield np.ascontiguousarray(rows[indices[start : start + n_rows]], dtype=np.float32)
