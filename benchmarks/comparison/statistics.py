"""Intervals, tests and scores of predictions, by statsmodels, scipy and scikit-learn.

Comparisons are paired: they use the test images that one classifier misclassifies and the other does not.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, log_loss
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

LEVEL = 0.05  # level of significance; intervals have the confidence level 1 - LEVEL
_N_RESAMPLES = 2000
_N_BINS = 15

Interval = tuple[float, float]


def wilson_interval(error_rate: float, n_images: int) -> Interval:
    """Return the confidence interval of an error rate (Wilson, J. Am. Stat. Assoc. 22, 1927).

    Examples
    --------
    >>> low, high = wilson_interval(0.01, 10_000)
    >>> f"{low:.4f} {high:.4f}"
    '0.0082 0.0121'
    """
    low, high = proportion_confint(error_rate * n_images, n_images, LEVEL, "wilson")
    return float(low), float(high)


def mcnemar_p(first_wrong: NDArray[np.bool_], second_wrong: NDArray[np.bool_]) -> float:
    """Return the p-value of the exact test that two classifiers have the same error rate (McNemar 1947).

    Parameters
    ----------
    first_wrong, second_wrong : ndarray of shape (n_test,), bool
        Whether each classifier misclassifies each test image.

    Returns
    -------
    p : float
        Two-sided p-value, which is 1 if the two arrays are equal.

    Examples
    --------
    >>> first, second = np.arange(20) < 10, np.arange(20) < 3
    >>> round(mcnemar_p(first, second), 4)
    0.0156
    """
    first, second = int((first_wrong & ~second_wrong).sum()), int((second_wrong & ~first_wrong).sum())
    return float(mcnemar([[0, first], [second, 0]], exact=True).pvalue)


def bootstrap_interval(differences: NDArray[Any], seed: int = 0) -> Interval:
    """Return the percentile interval of the mean of paired differences (Efron and Tibshirani 1993, ch. 13).

    Parameters
    ----------
    differences : ndarray of shape (n_test,)
        Share of seeds in which the first classifier misclassifies an image, minus the share of the second: -1 to 1.
    seed : int, default=0
    """
    if np.ptp(differences) == 0:
        return float(differences[0]), float(differences[0])
    interval = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=_N_RESAMPLES,
        batch=100,
        confidence_level=1 - LEVEL,
        method="percentile",
        rng=seed,
    ).confidence_interval
    return float(interval.low), float(interval.high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple comparisons (Holm, Scand. J. Stat. 6, 1979).

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    return multipletests(p_values, LEVEL, "holm")[1].tolist() if len(p_values) else []


def corrected_t_p(differences: Sequence[float], n_train: int, n_test: int) -> float:
    """Return the p-value of the corrected resampled t-test (Nadeau and Bengio, Machine Learning 52, 2003, eq. 8).

    The folds of a cross-validation share training images. The test corrects the variance for their correlation.

    Parameters
    ----------
    differences : sequence of float
        Differences of the two error rates, by fold.
    n_train, n_test : int
        Numbers of images of a fold.

    Returns
    -------
    p : float
        Two-sided p-value, which is 1 if all differences are 0.
    """
    n_folds, mean = len(differences), np.mean(differences)
    if not np.any(differences):
        return 1.0
    variance = (1 / n_folds + n_test / n_train) * np.var(differences, ddof=1)
    if variance == 0:
        return 0.0
    return float(2 * stats.t.sf(abs(mean) / np.sqrt(variance), n_folds - 1))


def calibration_bins(proba: NDArray[Any], labels: NDArray[Any]) -> list[dict[str, float]]:
    """Group predictions in `_N_BINS` equal bins of the probability of the predicted class.

    Returns
    -------
    bins : list of dict
        For each bin that is not empty: the `share` of the images, the mean `confidence`, and the `accuracy`.
    """
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == labels
    # The bins are (0, 1/15], (1/15, 2/15], ...
    bins = np.clip(np.ceil(confidence * _N_BINS).astype(int) - 1, 0, _N_BINS - 1)
    return [
        {
            "share": float((bins == index).mean()),
            "confidence": float(confidence[bins == index].mean()),
            "accuracy": float(right[bins == index].mean()),
        }
        for index in np.unique(bins)
    ]


def expected_calibration_error(bins: Sequence[dict[str, float]]) -> float:
    """Return the mean distance between confidence and accuracy (Guo et al., ICML 2017, eq. 3).

    Examples
    --------
    >>> proba = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    >>> round(expected_calibration_error(calibration_bins(proba, np.array([0, 0, 1, 0]))), 3)
    0.1
    """
    return sum(each["share"] * abs(each["confidence"] - each["accuracy"]) for each in bins)


def mean_log_loss(proba: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the mean negative logarithm of the probability of the true class."""
    # Rows of float32 do not sum to one as exactly as scikit-learn expects.
    rows = proba.astype(np.float64)
    return float(log_loss(labels, rows / rows.sum(axis=1, keepdims=True), labels=np.arange(proba.shape[1])))


def balanced_error(predicted: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the mean of the error rates of the classes."""
    return float(1 - balanced_accuracy_score(labels, predicted))
