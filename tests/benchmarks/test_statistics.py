"""Each statistic by a second route, and the false positive rate for equal classifiers."""

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.metrics import log_loss

from comparison import statistics


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(("n_errors", "n_images"), [(0, 50), (72, 10_000), (50, 50), (1, 7)])
def test_wilson_interval_solves_its_equation(n_errors, n_images):
    """The limits are the rates p at which |p̂ - p| equals 1.96 standard errors of p."""
    z = stats.norm.ppf(0.975)
    rate = n_errors / n_images
    roots = np.roots([1 + z**2 / n_images, -(2 * rate + z**2 / n_images), rate**2])
    assert_allclose(statistics.wilson_interval(rate, n_images), np.sort(roots.real).clip(0, 1), atol=1e-12)


def test_mcnemar_is_a_sign_test_of_the_differing_images(rng):
    for _ in range(20):
        first, second = rng.random((2, 200)) < 0.1
        alone, both = (first & ~second).sum(), (first ^ second).sum()
        tail = sum(math.comb(both, k) for k in range(min(alone, both - alone) + 1)) / 2.0**both
        assert_allclose(statistics.mcnemar_p(first, second), min(1, 2 * tail))
    assert statistics.mcnemar_p(first, first) == 1


@pytest.mark.slow
def test_bootstrap_interval_is_near_the_normal_interval(rng):
    differences = rng.choice([-1.0, 0.0, 1.0], 5000, p=[0.03, 0.95, 0.02])
    error = differences.std() / math.sqrt(len(differences))
    expected = differences.mean() + np.array([-1.96, 1.96]) * error
    assert_allclose(statistics.bootstrap_interval(differences), expected, atol=0.2 * error)
    assert statistics.bootstrap_interval(differences) == statistics.bootstrap_interval(differences)
    assert statistics.bootstrap_interval(np.full(10, 0.5)) == (0.5, 0.5)


@pytest.mark.slow
def test_holm_by_hand():
    assert_allclose(statistics.holm([0.01, 0.04, 0.03, 0.5]), [0.04, 0.09, 0.09, 0.5])
    assert statistics.holm([]) == []
    assert statistics.holm([0.3]) == [0.3]


def test_corrected_t_by_hand():
    differences = [0.01, 0.03, 0.02, 0.04, 0.00]
    mean, variance = 0.02, 0.001 / 4
    t = mean / math.sqrt((1 / 5 + 20 / 80) * variance)
    assert_allclose(statistics.corrected_t_p(differences, 80, 20), 2 * (1 - stats.t.cdf(t, 4)))
    # Without the correction, the p-value is that of the paired t-test, which is smaller.
    assert_allclose(
        statistics.corrected_t_p(differences, 10**12, 1), stats.ttest_1samp(differences, 0).pvalue, rtol=1e-6
    )
    assert statistics.corrected_t_p([0, 0, 0], 80, 20) == 1


def test_calibration_by_hand(rng):
    proba = rng.dirichlet(np.ones(4), 500).astype(np.float32)
    labels = rng.integers(0, 4, 500)
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == labels
    expected = 0.0
    for low, high in pairwise(np.linspace(0, 1, 16)):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    bins = statistics.calibration_bins(proba, labels)
    assert_allclose(statistics.expected_calibration_error(bins), expected, rtol=1e-5)
    assert_allclose(sum(one["share"] for one in bins), 1)


def test_log_loss_and_balanced_error_by_hand(rng):
    proba = rng.dirichlet(np.ones(3), 100)
    labels = np.repeat([0, 1], [90, 10])
    by_hand = -np.mean(np.log(proba[np.arange(100), labels]))
    assert_allclose(statistics.mean_log_loss(proba.astype(np.float32), labels), by_hand, rtol=1e-5)
    assert_allclose(by_hand, log_loss(labels, proba, labels=[0, 1, 2]))
    assert statistics.balanced_error(np.zeros(100, int), labels) == pytest.approx(0.5)


@pytest.mark.slow
def test_false_positive_rate_is_at_most_the_level(rng):
    """Simulate two classifiers with a true error rate of 5 %, half of it on the same images."""
    n_simulations, n_images = 2000, 1000
    hard = rng.random((n_simulations, n_images)) < 0.025
    wrong = hard | (rng.random((2, n_simulations, n_images)) < 0.025 / 0.975)
    claims = sum(
        statistics.mcnemar_p(first, second) < statistics.LEVEL  # Holm does not change a single p-value
        for first, second in zip(*wrong, strict=True)
    )
    monte_carlo_error = math.sqrt(0.05 * 0.95 / n_simulations)
    assert claims / n_simulations <= 0.05 + 2 * monte_carlo_error
    assert claims / n_simulations > 0.01  # the test is not trivially conservative
