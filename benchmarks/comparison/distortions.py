"""Training on distorted copies of the images, for classifiers that do not distort them during the fit."""

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone


class DistortedCopies(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Train a classifier on the images and on distorted copies of each image.

    The copies are the virtual examples of DeCoste and Schölkopf [1]_, made of all training images. A transformer cannot
    add them, because a pipeline of scikit-learn keeps the number of images.

    Parameters
    ----------
    estimator : classifier
        It is trained on rows of uint8 pixels.
    n_copies : int
        Number of distorted copies of each image.
    random_state : int
        Seed of the distortions.

    References
    ----------
    .. [1] D. DeCoste and B. Schölkopf, "Training invariant support vector machines", Machine Learning 46, 2002,
       section 3.
    """

    def __init__(self, estimator: Any, n_copies: int, random_state: int) -> None:
        self.estimator = estimator
        self.n_copies = n_copies
        self.random_state = random_state

    def fit(self, X: NDArray[np.uint8], y: NDArray[Any]) -> Self:
        """Distort the images and fit the classifier."""
        rng = np.random.default_rng(self.random_state)
        copies = [distort(X, rng) for _ in range(self.n_copies)]
        self.estimator_ = clone(self.estimator).fit(np.concatenate([X, *copies]), np.tile(y, 1 + self.n_copies))
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X: NDArray[np.uint8]) -> NDArray[Any]:
        """Predict the classes of images, which are not distorted."""
        return self.estimator_.predict(X)


def distort(X: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Rotate, shear, scale and shift each image at random.

    The ranges are those of LeNet's distortions, `sklenet._engine._augment.affine`: angles are uniform within ±10
    degrees, shear within ±0.1, the scale of each axis within 0.9 to 1.1, shifts within a sixteenth of the side. Pixels
    from outside the image have the value of the nearest border pixel.

    Parameters
    ----------
    X : ndarray of shape (n_images, n_pixels), uint8
        Square images.
    rng : numpy.random.Generator

    Returns
    -------
    distorted : ndarray of shape (n_images, n_pixels), uint8
    """
    side = math.isqrt(X.shape[1])
    matrices, shifts = _random_affine(len(X), rng)
    centre = (side - 1) / 2
    offsets = centre + side * shifts - matrices.sum(axis=2) * centre
    distorted = np.empty((len(X), side, side), np.uint8)
    for image, matrix, offset, output in zip(X.reshape(-1, side, side), matrices, offsets, distorted, strict=True):
        ndimage.affine_transform(image, matrix, offset, order=1, mode="nearest", output=output)
    return distorted.reshape(X.shape)


def _random_affine(n_images: int, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw matrices (n, 2, 2) and shifts (n, 2) that map positions in the output, as row and column, to the images."""
    draws = rng.uniform(-1, 1, (6, n_images))
    angle, shear = np.deg2rad(10 * draws[0]), 0.1 * draws[1]
    scale_x, scale_y = 1 + 0.1 * draws[2], 1 + 0.1 * draws[3]
    cos, sin = np.cos(angle), np.sin(angle)
    entries = [scale_y * cos, scale_x * sin, shear - scale_y * sin, scale_x * cos]
    return np.stack(entries, axis=1).reshape(n_images, 2, 2), draws[[5, 4]].T / 16
