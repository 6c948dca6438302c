"""Corrupted test images, after MNIST-C (Mu and Gilmer, arXiv:1906.02337).

There are six corruptions at three severities each. The severities are our choice: they range from hardly noticeable to
just legible.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SEVERITIES: dict[str, tuple[float, ...]] = {
    "shift": (1, 2, 4),  # pixels, to the right and down
    "rotation": (10, 20, 30),  # degrees, counter-clockwise
    "scale": (0.9, 0.8, 0.7),  # share of the side
    "noise": (0.1, 0.2, 0.4),  # standard deviation, as a share of the range of pixel values
    "blur": (0.5, 1.0, 1.5),  # standard deviation of the Gaussian, in pixels
    "contrast": (0.75, 0.5, 0.25),  # share of the range of pixel values
}
CONDITIONS = ("clean", *(f"{name} {value:g}" for name, values in SEVERITIES.items() for value in values))


def corrupt(images: NDArray[np.uint8], condition: str) -> NDArray[np.uint8]:
    """Corrupt images.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width), uint8
    condition : str
        One of `CONDITIONS`: "clean", or a name and a severity.

    Returns
    -------
    images : ndarray of shape (n_images, height, width), uint8
        The corrupted images. Noise is drawn with a fixed seed, so the result is always the same.

    Examples
    --------
    >>> image = np.zeros((1, 5, 5), np.uint8)
    >>> image[0, 1, 1] = 255
    >>> np.argwhere(corrupt(image, "shift 2"))
    array([[0, 3, 3]])
    >>> corrupt(image, "contrast 0.5").max()
    np.uint8(128)
    """
    if condition == "clean":
        return images.copy()
    name, severity = condition.split()
    changed = _CORRUPTIONS[name](images.astype(np.float64), float(severity))
    return np.rint(changed).clip(0, 255).astype(np.uint8)


def _shift(images: NDArray[Any], pixels: float) -> NDArray[Any]:
    return ndimage.shift(images, (0, pixels, pixels), order=1)


def _rotate(images: NDArray[Any], degrees: float) -> NDArray[Any]:
    return ndimage.rotate(images, degrees, axes=(2, 1), reshape=False, order=1)


def _scale(images: NDArray[Any], share: float) -> NDArray[Any]:
    """Shrink the content of the images about their centres."""
    centre = (np.array(images.shape[1:]) - 1) / 2
    matrix = np.diag([1, 1 / share, 1 / share])
    return ndimage.affine_transform(images, matrix, offset=(0, *(centre - centre / share)), order=1)


def _add_noise(images: NDArray[Any], deviation: float) -> NDArray[Any]:
    return images + np.random.default_rng(0).normal(0, 255 * deviation, images.shape)


def _blur(images: NDArray[Any], deviation: float) -> NDArray[Any]:
    return ndimage.gaussian_filter(images, (0, deviation, deviation))


def _reduce_contrast(images: NDArray[Any], share: float) -> NDArray[Any]:
    return share * images


_CORRUPTIONS = {
    "shift": _shift,
    "rotation": _rotate,
    "scale": _scale,
    "noise": _add_noise,
    "blur": _blur,
    "contrast": _reduce_contrast,
}
