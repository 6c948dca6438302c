"""What the features of the training images are like, and how much other features are like them. NumPy only."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

# Number of training images that count. In a stream, those before the latest fade.
MOST_COUNTED = 10_000

# Least share of the mean variance that is added to each variance. Units that are dead on the training images have none.
_LEAST_RIDGE = 1e-4

_ROWS_AT_ONCE = 64  # a few MB of products

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """Normal distributions of features: one for each class, with a common covariance, and one for all images.

    Attributes
    ----------
    counts : ndarray of shape (n_classes,)
        Number of images of each class. In a stream, earlier images count less.
    means : ndarray of shape (n_classes, n_units)
    scatter : ndarray of shape (n_units, n_units)
        Sum over the images of the products of deviations from the mean of the class.
    """

    counts: Array
    means: Array
    scatter: Array

    @classmethod
    def of(cls, features: NDArray[np.float32], targets: NDArray[np.intp], n_classes: int) -> Self:
        """Compute the statistics of features (n, n_units) of images of classes `targets`."""
        values = features.astype(np.float64)
        counts = np.bincount(targets, minlength=n_classes).astype(np.float64)
        means = np.zeros((n_classes, values.shape[1]))
        np.add.at(means, targets, values)
        means /= np.maximum(counts, 1)[:, None]
        deviations = values - means[targets]
        return cls(counts, means, deviations.T @ deviations)

    @classmethod
    def from_state(cls, state: dict[str, Any] | None) -> Self | None:
        """Rebuild statistics from their fields. Models that were stored by the first versions have none."""
        return None if state is None else cls(**{name: np.array(value) for name, value in state.items()})

    def merge(self, later: Self) -> Self:
        """Return the statistics of these images and of later ones. At most `MOST_COUNTED` images count.

        The weights of the network, and with them the features of earlier images, have changed in the meantime.
        """
        kept = np.clip((MOST_COUNTED - later.counts.sum()) / self.counts.sum(), 0, 1)
        earlier = kept * self.counts
        counts = earlier + later.counts
        share = later.counts / np.maximum(counts, 1)
        shifts = later.means - self.means
        between = (shifts * (earlier * share)[:, None]).T @ shifts
        return type(self)(counts, self.means + share[:, None] * shifts, kept * self.scatter + later.scatter + between)

    def scores(self, features: NDArray[np.float32]) -> Array:
        """Compute the relative Mahalanobis scores (n,) of features (n, n_units).

        A score is the squared distance under the distribution of all images, less the least one under that of a class.
        A row gets the same score, to the bit, in any batch: sums of products along a row do not depend on the number of
        rows, where a matrix product may.
        """
        scores = np.empty(len(features))
        for start in range(0, len(features), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            rows = features[part, None].astype(np.float64)  # (b, 1, n_units)
            total = _squares((rows - self._mean) * self._total)
            deviations = (rows * self._within).sum(axis=2)[:, None] - self._whitened_means  # (b, n_classes, n_units)
            scores[part] = total - (deviations**2).sum(axis=2).min(axis=1)
        return scores

    def whitening(self) -> dict[str, Array]:
        """Return what `scores` computes with.

        "mean" is the mean of all features, (n_units,); "total" and "within" are the whitening matrices, lower triangles
        (n_units, n_units), of all images and within the classes; "class_means" are the means of the classes that the
        training images have, times "within".
        """
        return {
            "mean": self._mean,
            "total": self._total,
            "within": self._within,
            "class_means": self._whitened_means,
        }

    @cached_property
    def _mean(self) -> Array:
        return self.counts @ self.means / self.counts.sum()

    @cached_property
    def _within(self) -> Array:
        return self._whitening(self.scatter)

    @cached_property
    def _total(self) -> Array:
        deviations = self.means - self._mean
        between = (deviations * self.counts[:, None]).T @ deviations
        return self._whitening(self.scatter + between)

    @cached_property
    def _whitened_means(self) -> Array:
        """The means of the classes that the training images have."""
        return self.means[self.counts > 0] @ self._within.T

    def _whitening(self, scatter: Array) -> Array:
        """Return the matrix after which features of a scatter, with a ridge, have unit covariance.

        The fewer images there are for each unit, the larger the ridge.
        """
        n_units, n_images = len(scatter), self.counts.sum()
        covariance = scatter / n_images
        # All variances are 0 where all units are dead.
        mean_variance = np.trace(covariance) / n_units or 1.0
        ridge = mean_variance * np.clip((n_units / n_images) ** 2, _LEAST_RIDGE, 1)
        return np.linalg.inv(np.linalg.cholesky(covariance + ridge * np.eye(n_units)))


def _squares(products: Array) -> Array:
    """Return the squared lengths of rows that are given as products (b, n_units, n_units) to be summed."""
    return (products.sum(axis=2) ** 2).sum(axis=1)
