"""Validated training data as one value. NumPy only."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklenet._checks import Shape


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Validated images, targets and weights, and the samples that are trained on.

    Samples are selected by index, so that rows are never copied as a whole.

    Attributes
    ----------
    rows : ndarray of shape (n, pixels), uint8 or float32
    shape : tuple (h, w)
        Shape of one image; h·w is at least the number of pixels in a row, the rest is padded.
    targets : ndarray of shape (n,), intp
        Indices of `classes`.
    weights : ndarray of shape (n,), float32
        Weights of samples times weights of classes, 1 on average over the samples of positive sample weight.
    classes : ndarray of shape (n_classes,)
    training : ndarray of shape (n_training,), intp
        Indices of the samples that are trained on. Samples of weight 0 are left out.
    seed : int
        Seed of this training.
    validation : ndarray of shape (n_validation,), intp, or None
        Indices of the samples that are held out for early stopping.
    """

    rows: NDArray[Any]
    shape: Shape
    targets: NDArray[np.intp]
    weights: NDArray[np.float32]
    classes: NDArray[Any]
    training: NDArray[np.intp]
    seed: int
    validation: NDArray[np.intp] | None = None

    @property
    def selected(self) -> NDArray[np.intp]:
        """Indices of the samples for training and for validation, sorted."""
        return self.training if self.validation is None else np.union1d(self.training, self.validation)


def count_batches(n_samples: int, batch_size: int) -> int:
    """Count the batches of an epoch."""
    return -(-n_samples // batch_size)
