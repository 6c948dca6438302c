"""Images out of whatever arrays people have: NumPy only, no torch.

Every accepted layout becomes rows of pixels, (n_samples, n_features), and a shape of one image, (height, width).
What cannot be an image is refused here, in terms of the array that came.
"""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

ACCEPTED_LAYOUTS = "(n, pixels), (n, height, width), (n, 1, height, width) or (n, height, width, 1)"

# Rows are read in chunks of about so many pixels, so that statistics need no float copy of the data set and do not
# depend on its dtype or memory layout.
_PIXELS_AT_ONCE = 2**20
_N_BACKGROUND_IMAGES = 1000

# Below this many images a batch says too little about the scale of the data: a single blank image is no fault.
_N_IMAGES_TO_JUDGE = 10

Shape = tuple[int, int]


def as_rows(X: Any) -> tuple[Any, Shape | None]:
    """Flatten images to rows of pixels.

    Parameters
    ----------
    X : array-like
        Images in one of the layouts (n, pixels), (n, h, w), (n, 1, h, w) or (n, h, w, 1). Data frames, sparse arrays
        and array-likes of two dimensions pass through untouched: scikit-learn's validation is the judge of those.

    Returns
    -------
    rows : array-like of shape (n, pixels)
    shape : tuple (h, w) or None
        What the layout says of one image; None where it says nothing.

    Raises
    ------
    ValueError
        If X has more than one channel, an ambiguous fourth dimension, more than four dimensions, or requires grad.
    """
    tensors = X if isinstance(X, list | tuple) else [X]
    if any(getattr(tensor, "requires_grad", False) for tensor in tensors):
        raise ValueError("X is a tensor that requires grad; pass X.detach() instead.")
    if getattr(getattr(X, "device", None), "type", "cpu") != "cpu":
        raise ValueError(f"X is a tensor on device {str(X.device)!r}; pass X.cpu() instead.")
    if not hasattr(X, "ndim") or hasattr(X, "requires_grad"):
        X = np.asarray(X)
    if X.ndim <= 2 or hasattr(X, "toarray"):
        return X, None
    X = np.asarray(X)
    shape = _shape_of_one_image(X.shape)
    return X.reshape(X.shape[0], shape[0] * shape[1]), shape


def _shape_of_one_image(shape: tuple[int, ...]) -> Shape:
    if len(shape) == 3:
        return shape[1], shape[2]
    if len(shape) == 4:
        _, first, middle, last = shape
        if first != 1 and last != 1:
            raise ValueError(
                f"X has shape {shape}, but LeNetClassifier expects one channel; convert to grayscale, "
                f"for one of the shapes {ACCEPTED_LAYOUTS}."
            )
        if first == 1 and middle != 1 and last != 1:
            return middle, last
        if last == 1 and first != 1 and middle != 1:
            return first, middle
    raise ValueError(f"X has shape {shape}, which cannot be read as grayscale images; accepted are {ACCEPTED_LAYOUTS}.")


def check_image_shape(shape: tuple[Any, ...] | None) -> Shape | None:
    """Check the parameter `image_shape`.

    Raises
    ------
    ValueError
        If it is neither None nor two positive ints.
    """
    if shape is None:
        return None
    if len(shape) != 2 or not all(isinstance(side, Integral) and int(side) > 0 for side in shape):
        raise ValueError(
            "The 'image_shape' parameter of LeNetClassifier must be None or a tuple of two positive ints, "
            f"(height, width) in pixels. Got {shape!r} instead."
        )
    height, width = shape
    return int(height), int(width)


def resolve_image_shape(n_features: int, *, declared: Shape | None, seen: Shape | None) -> Shape:
    """Find the shape of one image.

    Parameters
    ----------
    n_features : int
        Number of pixels in a row.
    declared : tuple (h, w) or None
        The parameter `image_shape`.
    seen : tuple (h, w) or None
        What the layout of X says.

    Returns
    -------
    shape : tuple (h, w)
        The declared shape, the seen one, or the smallest square of at least `n_features` pixels.

    Raises
    ------
    ValueError
        If `declared` fits neither `seen` nor `n_features`.

    Warns
    -----
    UserWarning
        If `n_features` is not a square number, so that the images have to be padded.
    """
    if declared is not None:
        height, width = declared
        if height * width != n_features:
            raise ValueError(
                f"X has {n_features} features, but image_shape={declared} needs {height}×{width}="
                f"{height * width}; set image_shape to the height and width of the images in X."
            )
        if seen is not None and seen != (height, width):
            raise ValueError(
                f"X holds images of shape {seen}, but image_shape={declared}; "
                "pass images of that shape, or leave image_shape=None."
            )
        return height, width
    if seen is not None:
        return seen
    side = math.isqrt(n_features - 1) + 1
    if side * side != n_features:
        warnings.warn(
            f"The {n_features} features of X do not form a square image; padded to {side}×{side} with the background. "
            "Set image_shape=(height, width) if the images are not square; drop the column if one of them is the "
            "label.",
            UserWarning,
            stacklevel=4,
        )
    return side, side


@dataclass(frozen=True)
class PixelStatistics:
    """What is learned of the pixels in `fit`: enough to standardise them, and to tell data of another kind.

    Attributes
    ----------
    background : float
        Median of the images' border pixels, of at most 1,000 images evenly spaced. Padding has this value.
    mean, scale : float
        Mean and standard deviation of all pixels; `scale` is 1 where they are all the same.
    low, high : float
        Smallest and largest pixel.
    spread : float
        Standard deviation of the images' mean pixels.
    """

    background: float
    mean: float
    scale: float
    low: float
    high: float
    spread: float

    @classmethod
    def of(cls, rows: NDArray[Any], shape: Shape) -> Self:
        """Learn the statistics of rows (n, pixels) that hold images of the given shape."""
        n_samples, n_pixels = rows.shape
        means = np.empty(n_samples)
        mean_squares = np.empty(n_samples)
        low, high = np.inf, -np.inf
        for start, chunk in _float_chunks(rows):
            here = slice(start, start + len(chunk))
            # float64 sums of float32 pixels: the two-pass formula would read the data twice.
            means[here] = chunk.mean(axis=1, dtype=np.float64)
            mean_squares[here] = np.einsum("ij,ij->i", chunk, chunk, dtype=np.float64) / n_pixels
            low, high = min(low, float(chunk.min())), max(high, float(chunk.max()))
        mean = float(means.mean())
        variance = float(mean_squares.mean()) - mean**2
        # Where the pixels are all the same, what is left of the variance is rounding.
        scale = math.sqrt(variance) if high > low and variance > 0 else 1.0
        return cls(_background(rows, shape), mean, scale, low, high, float(means.std()))

    def warn_if_unlike(self, rows: NDArray[Any]) -> None:
        """Warn where rows are on another scale than the training images, or inverted.

        Judged on ten images or more: the range differs more than tenfold, it leaves the training range by more than a
        fifth of its width, or the mean lies more than four standard deviations of the training images' means away.
        """
        if len(rows) < _N_IMAGES_TO_JUDGE:
            return
        low, high, total = np.inf, -np.inf, 0.0
        for _, chunk in _float_chunks(rows):
            low, high = min(low, float(chunk.min())), max(high, float(chunk.max()))
            total += float(chunk.sum(dtype=np.float64))
        mean = total / rows.size
        width, own_width = self.high - self.low, high - low
        other_scale = own_width > 10 * width or own_width < width / 10
        outside = low < self.low - width / 5 or high > self.high + width / 5
        if other_scale or outside:
            warnings.warn(
                f"X spans [{low:g}, {high:g}] but the model was fitted on [{self.low:g}, {self.high:g}]; "
                "scale the pixels as they were scaled for fit.",
                UserWarning,
                stacklevel=5,
            )
        elif abs(mean - self.mean) > 4 * self.spread + 1e-3 * width:
            warnings.warn(
                f"The mean pixel of X is {mean:g}, but {self.mean:g} in the images the model was fitted on; are the "
                "images inverted? Fit and predict need the same polarity.",
                UserWarning,
                stacklevel=5,
            )


def _float_chunks(rows: NDArray[Any]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    n_rows = max(1, _PIXELS_AT_ONCE // rows.shape[1])
    for start in range(0, len(rows), n_rows):
        yield start, np.ascontiguousarray(rows[start : start + n_rows], dtype=np.float32)


def _background(rows: NDArray[Any], shape: Shape) -> float:
    n_samples, n_pixels = rows.shape
    grid = np.ones(shape, dtype=bool)
    grid[1:-1, 1:-1] = False
    border = np.flatnonzero(grid.ravel()[:n_pixels])
    some = np.linspace(0, n_samples - 1, min(n_samples, _N_BACKGROUND_IMAGES)).astype(np.intp)
    # In float64: the mean of the two middle pixels can overflow float32.
    return float(np.median(rows[np.ix_(some, border)].astype(np.float64)))
