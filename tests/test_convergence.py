"""The warning of a fit that ended near chance level, or while its loss still fell steeply."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from sklenet import LeNetClassifier
from sklenet._engine._convergence import _last_fall, _loss_bounds, describe_poor_convergence
from sklenet.datasets import load_mnist_sample
from small_models import make_model
from training_images import make_data

NEAR_CHANCE, STEEP = "ended near chance level", "still fell steeply"

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def mnist():
    return load_mnist_sample(subset="train", return_X_y=True)


def binary(mnist):
    X, y = mnist
    chosen = (y == 3) | (y == 8)
    return X[chosen], y[chosen]


@pytest.mark.parametrize("n_samples", [20, 100])
@pytest.mark.parametrize("params", [{}, {"augment": "affine", "label_smoothing": 0.1}])
@pytest.mark.slow
def test_default_epochs_never_warn(mnist, n_samples, params):
    for X, y in mnist, load_digits(return_X_y=True), binary(mnist):
        LeNetClassifier(random_state=0, **params).fit(X[:n_samples], y[:n_samples])


@pytest.mark.slow
def test_default_epochs_do_not_warn_with_weights_and_rare_classes(mnist):
    X, y = mnist
    is_one = (y == 1).astype(int)
    for class_weight in None, "balanced", {1: 30.0}:
        LeNetClassifier(class_weight=class_weight, random_state=0).fit(X[:200], is_one[:200])
    weights = np.random.default_rng(0).uniform(0, 5, 200)
    LeNetClassifier(random_state=0).fit(X[:200], y[:200], weights)


@pytest.mark.parametrize("augment", [None, "affine"])
@pytest.mark.parametrize("n_samples", [100, 500])
@pytest.mark.parametrize("max_epochs", [1, 2])
@pytest.mark.slow
def test_one_or_two_epochs_on_few_images_warn(mnist, max_epochs, n_samples, augment):
    X, y = (part[:n_samples] for part in mnist)
    with pytest.warns(ConvergenceWarning, match=rf"at epoch {max_epochs}, and 2\.\d+ at chance level.*max_epochs"):
        LeNetClassifier(max_epochs=max_epochs, augment=augment, random_state=0).fit(X, y)


@pytest.mark.slow
def test_few_epochs_on_many_images_do_not_warn(mnist):
    LeNetClassifier(max_epochs=3, random_state=0).fit(*mnist)


@pytest.mark.slow
def test_rate_that_kills_the_units_is_refused(digits):
    with pytest.raises(ValueError, match=r"its units have died; lower lr, now 0\.1"):
        LeNetClassifier(lr=0.1, max_epochs=10, random_state=0).fit(*digits)


@pytest.mark.parametrize("lr", [1e-5, 1e-6])
@pytest.mark.slow
def test_rate_that_is_too_low_warns(digits, lr):
    with pytest.warns(ConvergenceWarning, match=f"{NEAR_CHANCE}.*another lr, now {lr:g}"):
        LeNetClassifier(lr=lr, max_epochs=10, random_state=0).fit(*digits)


def replace_by_noise(images, generator):
    return torch.empty_like(images).normal_(generator=generator)


@pytest.mark.slow
def test_classes_that_do_not_survive_distortions_warn_with_the_remedy(digits):
    with pytest.warns(ConvergenceWarning, match=rf"{NEAR_CHANCE}.*augment=None"):
        LeNetClassifier(augment=replace_by_noise, random_state=0).fit(*digits)
    LeNetClassifier(augment=None, random_state=0).fit(*digits)


def test_warning_names_the_line_of_the_call(digits):
    with pytest.warns(ConvergenceWarning) as caught:
        LeNetClassifier(max_epochs=1, random_state=0).fit(*digits)
    assert caught[0].filename == __file__


def test_partial_fit_never_warns(digits):
    LeNetClassifier(random_state=0).partial_fit(*digits, classes=np.arange(10))


def test_model_is_unchanged_where_the_warning_is_an_error(digits):
    model = LeNetClassifier(max_epochs=1, random_state=0)
    with pytest.raises(ConvergenceWarning):
        model.fit(*digits)
    assert not hasattr(model, "classes_")


def make_trained(digits, losses, **params):
    """Return a model with a loss curve, and its data."""
    model = make_model(*digits, max_epochs=len(losses), **params)
    for loss in losses:
        model.net.history.new_epoch()
        model.net.history.record("train_loss", loss)
    return replace(model, loss_curve=list(losses)), make_data(*digits)


CHANCE = math.log(10)


@pytest.mark.parametrize(
    ("losses", "finding"),
    [
        ([0.8 * CHANCE], NEAR_CHANCE),
        ([5.0] * 20, NEAR_CHANCE),
        ([0.6 * CHANCE], STEEP),  # compared with chance level
        ([0.8 * CHANCE, 0.5 * CHANCE], STEEP),
        ([0.6 * CHANCE, 0.58 * CHANCE], None),  # a plateau, such as that of wrong labels
        ([0.8 * CHANCE, 0.2 * CHANCE], None),  # little is left
        ([*np.linspace(1.0, 0.4, 100) * CHANCE], None),  # falls by 0.06 in a tenth of the epochs
        ([*np.linspace(1.1, 0.3, 100) * CHANCE], STEEP),  # falls by 0.08 in a tenth of the epochs
    ],
)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_criteria_are_shares_of_the_loss_that_can_be_learnt(digits, losses, finding, smoothing):
    least, chance = _loss_bounds(make_data(*digits), smoothing)
    scaled = [least + loss * (chance - least) / CHANCE for loss in losses]
    description = describe_poor_convergence(*make_trained(digits, scaled, label_smoothing=smoothing))
    assert description is None if finding is None else finding in description


def test_falling_loss_does_not_warn_if_a_callback_ended_the_training(digits):
    model, data = make_trained(digits, [0.8 * CHANCE, 0.5 * CHANCE])
    model.net.settings = replace(model.settings, max_epochs=3)
    assert describe_poor_convergence(model, data) is None


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_bounds_are_the_losses_of_constant_and_of_perfect_predictions(digits, smoothing):
    weights = np.random.default_rng(0).uniform(0, 3, 120)
    data = make_data(*digits, weights)
    targets = (1 - smoothing) * np.eye(10)[data.targets] + smoothing / 10
    frequencies = np.bincount(data.targets, data.weights) / data.weights.sum()
    constant = np.log((1 - smoothing) * frequencies + smoothing / 10)
    perfect = np.log(np.maximum(targets, 1e-300))
    expected = [(data.weights * -(targets * log_p).sum(axis=1)).mean() for log_p in (perfect, constant)]
    assert_allclose(_loss_bounds(data, smoothing), expected, rtol=1e-6, atol=1e-12)


class KillUnits(Callback):
    def on_batch_end(self, net, training=False, **kwargs):
        with torch.no_grad():
            net.module_.f6.weight.zero_()
            net.module_.f6.bias.fill_(-1)


@pytest.mark.slow
def test_dead_units_warn_under_the_automatic_rate_and_are_an_error_under_a_chosen_rate(digits):
    params = {"callbacks": [KillUnits()], "max_epochs": 10, "random_state": 0}
    with pytest.warns(ConvergenceWarning, match=NEAR_CHANCE):
        classifier = LeNetClassifier(**params).fit(*digits)
    assert len(np.unique(classifier.predict(digits[0]))) == 1
    with pytest.raises(ValueError, match="its units have died"):
        LeNetClassifier(**params, lr=0.012).fit(*digits)
    with pytest.raises(ValueError, match="its units have died"):
        LeNetClassifier(**params).partial_fit(*digits, classes=range(10))


@pytest.mark.parametrize(
    ("losses", "fall"),
    [
        ([2.0], 1.0),
        ([2.0, 1.5], 0.5),
        ([9.0, 2.0, 1.5], 0.5),
        ([9.0] * 17 + [4.0, 3.0, 2.0, 1.0][1:], 4.5),
        ([9.0] * 16 + [4.0, 3.0, 2.0, 1.0], 2.0),
    ],
)
def test_fall_is_that_of_the_last_tenth_of_the_epochs(losses, fall):
    assert _last_fall(losses, len(losses), chance=3.0) == fall
