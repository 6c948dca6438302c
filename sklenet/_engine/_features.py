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
Kept = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """Normal distributions of features: one for each class, with a common covariance, and one for all images.

    What is kept is rounded to float32, because stored models hold it; everything is computed in float64.

    Attributes
    ----------
    counts : ndarray of shape (n_classes,)
        Number of images of each class. In a stream, earlier images count less.
    means : ndarray of shape (n_classes, n_units)
    scatter : ndarray of shape (n_units, n_units)
        Sum over the images of the products of deviations from the mean of the class. Symmetric to the bit.
    """

    counts: Kept
    means: Kept
    scatter: Kept

    @classmethod
    def of(cls, features: NDArray[np.float32], targets: NDArray[np.intp], n_classes: int) -> Self:
        """Compute the statistics of features (n, n_units) of images of classes `targets`."""
        values = features.astype(np.float64)
        counts = np.bincount(targets, minlength=n_classes).astype(np.float64)
        means = np.zeros((n_classes, values.shape[1]))
        np.add.at(means, targets, values)
        means /= np.maximum(counts, 1)[:, None]
        deviations = values - means[targets]
        return cls._rounded(counts, means, deviations.T @ deviations)

    @classmethod
    def from_state(cls, state: dict[str, Any] | None) -> Self | None:
        """Rebuild statistics from their fields. The first versions stored none, and later ones stored float64."""
        return None if state is None else cls._rounded(**{name: np.array(value) for name, value in state.items()})

    @classmethod
    def _rounded(cls, counts: NDArray[Any], means: NDArray[Any], scatter: NDArray[Any]) -> Self:
        """Round to what is kept. The lower triangle of the scatter decides."""
        lower = np.tril(scatter).astype(np.float32)
        return cls(counts.astype(np.float32), means.astype(np.float32), lower + np.tril(lower, -1).T)

    def merge(self, later: Self) -> Self:
        """Return the statistics of these images and of later ones. At most `MOST_COUNTED` images count.

        The weights of the network, and with them the features of earlier images, have changed in the meantime.
        """
        counts, means, scatter = self._exact
        later_counts, later_means, later_scatter = later._exact
        kept = np.clip((MOST_COUNTED - later_counts.sum()) / counts.sum(), 0, 1)
        earlier = kept * counts
        sums = earlier + later_counts
        share = later_counts / np.maximum(sums, 1)
        shifts = later_means - means
        between = (shifts * (earlier * share)[:, None]).T @ shifts
        return self._rounded(sums, means + share[:, None] * shifts, kept * scatter + later_scatter + between)

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

    def can_score(self) -> bool:
        """Tell whether the covariances are positive definite: that within the classes is the smaller one of the two."""
        try:
            return bool(np.isfinite(self._within).all())
        except np.linalg.LinAlgError:
            return False

    @property
    def _exact(self) -> tuple[Array, Array, Array]:
        """The fields in float64."""
        return self.counts.astype(np.float64), self.means.astype(np.float64), self.scatter.astype(np.float64)

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
        counts, means, _ = self._exact
        return counts @ means / counts.sum()

    @cached_property
    def _within(self) -> Array:
        _, _, scatter = self._exact
        return self._whitening(scatter)

    @cached_property
    def _total(self) -> Array:
        counts, means, scatter = self._exact
        deviations = means - self._mean
        between = (deviations * counts[:, None]).T @ deviations
        return self._whitening(scatter + between)

    @cached_property
    def _whitened_means(self) -> Array:
        """The means of the classes that the training images have."""
        return self.means[self.counts > 0] @ self._within.T

    def _whitening(self, scatter: Array) -> Array:
        """Return the matrix after which features of a scatter, with a ridge, have unit covariance.

        The fewer images there are for each unit, the larger the ridge.
        """
        n_units, n_images = len(scatter), self.counts.sum(dtype=np.float64)
        covariance = scatter / n_images
        # All variances are 0 where all units are dead.
        mean_variance = np.trace(covariance) / n_units or 1.0
        ridge = mean_variance * np.clip((n_units / n_images) ** 2, _LEAST_RIDGE, 1)
        covariance[np.diag_indices(n_units)] += ridge
        return np.linalg.inv(np.linalg.cholesky(covariance))


def _squares(products: Array) -> Array:
    """Return the squared lengths of rows that are given as products (b, n_units, n_units) to be summed."""
    return (products.sum(axis=2) ** 2).sum(axis=1)
