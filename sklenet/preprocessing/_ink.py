"""Find the ink of a picture, whatever the colour of the paper and the light on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sklenet._extras import import_extra
from sklenet._pictures import border_pixels

POLARITIES = ("auto", "dark-on-light", "light-on-dark")

# The light is measured on a copy of the picture whose longer side has at most this number of pixels.
_LIGHT_SIDE = 192
# The border of a picture has one level if three quarters of its pixels are within this distance of their median.
_UNIFORM = 12
# If fewer pixels than this share have the border's level, the border is a frame around the paper.
_LEAST_PAPER = 0.2
# The neighbourhood of a median is half of the picture, which is reduced to this longer side, in pixels.
_MEDIAN_SIDE = 40
# Strokes are narrower than this share of the shorter side of a picture: a closing by a square of this side fills them.
_WIDEST_STROKE = 1 / 3
# The light is uneven if the light of the paper varies by more than this share of its maximum.
_EVEN_LIGHT = 0.06
# Less contrast than this share of the brightness, or than this number of standard deviations of noise, is no ink.
_MIN_CONTRAST, _MIN_SIGNAL = 0.08, 6
# Share of the threshold between paper and ink: weaker pixels do not belong to a stroke. Antialiasing and JPEG surround
# strokes by weak pixels.
_WEAK = 0.4
# Connected strokes with less than this share of the ink of a usual stroke are specks.
_SPECK = 0.03
_NEIGHBOURS = np.ones((3, 3), bool)


@dataclass(frozen=True, eq=False)
class Ink:
    """The ink of a picture.

    Attributes
    ----------
    levels : ndarray of shape (h, w), float32
        From 0, paper, to about 1, black ink on white paper.
    labels : ndarray of shape (h, w), int32
        The number of the connected stroke that a pixel belongs to, from 1, and 0 for the background.
    weights : ndarray of shape (n_strokes + 1,)
        Sum of the levels of each stroke; that of the background is 0.
    """

    levels: NDArray[np.float32]
    labels: NDArray[np.int32]
    weights: NDArray[np.float64]

    def select(self, strokes: NDArray[np.bool_]) -> "Ink":
        """Return the ink of some strokes, given by a bool for the background and for each stroke."""
        labels = np.where(strokes[self.labels], self.labels, 0)
        return Ink(self.levels, labels, np.where(strokes, self.weights, 0))

    def without_specks(self) -> "Ink":
        """Leave out strokes that are small beside the stroke that half of the ink is not heavier than."""
        ordered = np.sort(self.weights)
        usual = ordered[np.searchsorted(ordered.cumsum(), ordered.sum() / 2)]
        return self.select(self.weights > _SPECK * usual)


def find_ink(gray: NDArray[np.uint8], polarity: str = "auto") -> Ink:
    """Find the strokes of a picture.

    Uneven light is divided out by a morphological closing, as in the shading correction of [1]_, section 9.6. Otsu's
    threshold divides paper and ink. Weaker pixels around strokes belong to strokes too, as in hysteresis thresholding.

    Parameters
    ----------
    gray : ndarray of shape (h, w), uint8
    polarity : {"auto", "dark-on-light", "light-on-dark"}, default="auto"
        With "auto", paper is what the border has, and ink is what differs from paper most.

    Returns
    -------
    ink : Ink
        Without strokes if the picture is blank.

    References
    ----------
    .. [1] R. C. Gonzalez and R. E. Woods, "Digital image processing", 4th edition, Pearson 2018.
    """
    if polarity == "dark-on-light" or (polarity == "auto" and _is_ink_darker(gray)):
        # Light is a factor of what paper and ink reflect.
        levels = 1 - gray / np.maximum(_estimate_light(gray), 1)
    else:
        levels = (_estimate_light(255 - gray) + gray) / 255 - 1
    return _find_strokes(np.maximum(levels, 0).astype(np.float32))


def _estimate_paper(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Estimate the gray level of the paper at each pixel, whatever the colour of the ink, for the sign of the ink.

    The level is the median of the border, or, where the border has several levels or is a frame around the paper, the
    median of a large neighbourhood.
    """
    border = border_pixels(gray)
    middle = np.median(border)
    is_uniform = np.percentile(np.abs(border - middle), 75) <= _UNIFORM
    if is_uniform and (np.abs(gray - middle) <= _UNIFORM).mean() > _LEAST_PAPER:
        return np.full(gray.shape, middle, np.float32)
    small = _shrink(gray, _MEDIAN_SIDE)
    median = ndimage.median_filter(small, size=[max(1, side // 2) for side in small.shape])
    return _enlarge(median, gray.shape)


def _is_ink_darker(gray: NDArray[np.uint8]) -> bool:
    # The cube weighs the few pixels of strokes more than the many pixels of paper.
    return float(((gray - _estimate_paper(gray)) ** 3).sum()) < 0


def _estimate_light(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Estimate the brightness of the paper at each pixel, for dark ink."""
    border = border_pixels(gray)
    if np.ptp(border) == 0:
        return np.full(gray.shape, border[0], np.float32)
    small = ndimage.median_filter(_shrink(gray, _LIGHT_SIDE), 3)
    light = _close(small, min(small.shape) * _WIDEST_STROKE)
    if np.ptp(light) <= _EVEN_LIGHT * light.max():
        return np.full(gray.shape, np.median(light), np.float32)
    # A square that is hardly wider than the strokes follows the edges of shadows more closely.
    contrast = np.rint(light - small)
    radius = ndimage.distance_transform_edt(np.pad(contrast > _upper_threshold(contrast), 1)).max()
    return _enlarge(np.minimum(light, _close(small, 3 * radius + 3)), gray.shape)


def _upper_threshold(contrast: NDArray[np.float32]) -> float:
    """Return the upper of Otsu's two thresholds, between paper, what a shadow has left, and ink."""
    if len(np.unique(contrast)) < 3:
        return _otsu(contrast)
    return float(import_extra("skimage.filters", "images").threshold_multiotsu(contrast, 3)[-1])


def _close(image: NDArray[np.float32], side: float) -> NDArray[np.float32]:
    """Fill dark structures that are narrower than a side in pixels."""
    n_pixels = 2 * max(1, round(side / 2)) + 1
    # The continuation beyond the border is odd, so that the light of a slope is a slope.
    padded = np.pad(image, n_pixels, mode="reflect", reflect_type="odd")
    closed = ndimage.grey_closing(padded, (n_pixels, n_pixels))[n_pixels:-n_pixels, n_pixels:-n_pixels]
    # At the sharp edge of a shadow, the lower of two neighbours is the light of both.
    return ndimage.gaussian_filter(ndimage.minimum_filter(closed, 5), 1)


def _otsu(image: NDArray[np.float32]) -> float:
    """Return Otsu's threshold, and infinity for an image of one level."""
    return float(import_extra("skimage.filters", "images").threshold_otsu(image)) if np.ptp(image) > 0 else np.inf


def _shrink(gray: NDArray[np.uint8], longest: int) -> NDArray[np.float32]:
    pillow = import_extra("PIL.Image", "images")
    scale = max(1.0, max(gray.shape) / longest)
    height, width = (max(1, round(side / scale)) for side in gray.shape)
    return np.asarray(pillow.fromarray(gray).resize((width, height), pillow.Resampling.BOX), np.float32)


def _enlarge(small: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    pillow = import_extra("PIL.Image", "images")
    return np.asarray(pillow.fromarray(small).resize(shape[::-1], pillow.Resampling.BILINEAR))


def _find_strokes(levels: NDArray[np.float32]) -> Ink:
    strong = _otsu(levels)
    is_ink = levels > strong
    if not is_ink.any():
        return _blank(levels)
    noise = 1.4826 * float(np.median(np.abs(levels[~is_ink] - np.median(levels[~is_ink]))))
    contrast = float(levels[is_ink].mean() - levels[~is_ink].mean())
    if contrast < max(_MIN_CONTRAST, _MIN_SIGNAL * noise):
        return _blank(levels)
    labels, n_strokes = ndimage.label(levels > max(_WEAK * strong, 3 * noise), _NEIGHBOURS)
    weights = np.bincount(labels.ravel(), levels.ravel(), n_strokes + 1).astype(np.float64)
    has_ink = np.bincount(labels.ravel(), is_ink.ravel(), n_strokes + 1) > 0
    weights[0] = 0
    return Ink(levels, labels, weights).select(has_ink)


def _blank(levels: NDArray[np.float32]) -> Ink:
    return Ink(levels, np.zeros(levels.shape, np.int32), np.zeros(1))
