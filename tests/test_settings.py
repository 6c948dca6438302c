"""What "auto" is resolved to, and for which images training batches are distorted by default."""

import dataclasses
import math

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sklenet import LeNetClassifier
from sklenet._engine import resolve_settings
from small_models import assert_same_weights, weights_differ


def resolve(n_samples, *, shape=None, is_stream=False, **params):
    return resolve_settings(LeNetClassifier(**params), n_samples, seed=0, shape=shape, is_stream=is_stream)


def values(settings, *names):
    return tuple(getattr(settings, name) for name in names)


# Steps are the epochs times the batches of an epoch: 340 up to 1,000 images.
@pytest.mark.parametrize(
    ("n_samples", "batch_size", "max_epochs", "n_steps", "label_smoothing"),
    [
        (20, 32, 340, 340, 0.1),
        (100, 32, 85, 340, 0.1),
        (1_000, 64, 31, 31 * 16, math.sqrt(0.003)),
        (10_000, 128, 19, 19 * 79, 0.02),
        (60_000, 128, 13, 13 * 469, 0.02),
    ],
)
def test_automatic_values_of_fit(n_samples, batch_size, max_epochs, n_steps, label_smoothing):
    settings = resolve(n_samples)
    assert values(settings, "batch_size", "max_epochs") == (batch_size, max_epochs)
    assert settings.label_smoothing == pytest.approx(label_smoothing)
    assert settings.weight_decay == pytest.approx(8 / math.sqrt(n_steps))
    assert values(settings, "lr", "dropout", "augment", "schedule") == (0.012, 0.0, "affine", "one_cycle")


@pytest.mark.parametrize("n_samples", [20, 100, 1_000, 10_000, 60_000])
def test_rates_of_a_stream_do_not_depend_on_the_number_of_images_or_on_the_width(n_samples):
    for width in (1.0, 3.0):
        settings = resolve(n_samples, is_stream=True, width=width)
        assert values(settings, "lr", "weight_decay", "label_smoothing") == (0.003, 0.3, 0.02)
        assert values(settings, "max_epochs", "augment", "schedule") == (1, None, "constant")
        assert settings.batch_size == resolve(n_samples).batch_size // 2


@pytest.mark.parametrize(("width", "lr"), [(0.5, 0.012), (1.0, 0.012), (2, 0.006), (3, 0.004)])
def test_automatic_rate_of_wide_networks_is_lower(width, lr):
    assert resolve(1_000, width=width).lr == pytest.approx(lr)


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("shape", "augment"),
    [
        (None, "affine"),
        ((28, 28), "affine"),
        ((8, 8), "affine"),
        ((8, 100), "affine"),
        ((7, 9), None),
        ((9, 7), None),
        ((2, 40), None),
    ],
)
def test_images_with_a_side_of_less_than_8_pixels_are_not_distorted_automatically(shape, augment, is_stream):
    assert resolve(100, shape=shape, is_stream=is_stream).augment == (None if is_stream else augment)
    assert resolve(100, shape=shape, is_stream=is_stream, augment=None).augment is None
    assert resolve(100, shape=shape, is_stream=is_stream, augment="affine").augment == "affine"


@pytest.mark.parametrize(("max_epochs", "patience"), [(1, 10), (32, 10), (33, 11), (100, 33), ("auto", 340 // 3)])
def test_automatic_patience_is_a_third_of_the_epochs_and_at_least_ten(max_epochs, patience):
    assert resolve(20, max_epochs=max_epochs, early_stopping=True).n_iter_no_change == patience


# Values that differ from all automatic ones.
GIVEN = {
    "batch_size": 7,
    "max_epochs": 3,
    "lr": 0.5,
    "weight_decay": 0.25,
    "label_smoothing": 0.0,
    "augment": "elastic",
    "n_iter_no_change": 2,
    "dropout": 0.75,
    "tol": 0.5,
}


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("n_samples", [20, 60_000])
@pytest.mark.parametrize("is_stream", [False, True])
def test_given_value_is_never_changed(name, n_samples, is_stream):
    for shape in (None, (28, 28), (5, 5)):
        one = resolve(n_samples, shape=shape, is_stream=is_stream, width=3.0, **{name: GIVEN[name]})
        everything = resolve(n_samples, shape=shape, is_stream=is_stream, width=3.0, **GIVEN)
        for settings in (one, everything):
            is_one_epoch = is_stream and name == "max_epochs"  # a call of partial_fit trains for one epoch
            assert getattr(settings, name) == (1 if is_one_epoch else GIVEN[name])


def test_distortion_given_as_a_function_is_kept():
    def distort(images, generator):
        return images

    assert resolve(100, shape=(5, 5), augment=distort).augment is distort


@pytest.mark.parametrize("is_stream", [False, True])
def test_nothing_is_left_automatic(is_stream):
    for early_stopping in (False, True):
        settings = resolve(100, shape=(28, 28), is_stream=is_stream, early_stopping=early_stopping)
        assert "auto" not in dataclasses.astuple(settings)


# What fit does with the resolved settings


def fit_default_and_undistorted(images, y):
    options = {"max_epochs": 2, "random_state": 0}
    return LeNetClassifier(**options).fit(images, y), LeNetClassifier(augment=None, **options).fit(images, y)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:100].reshape(-1, 8, 8), y[:100]


@pytest.mark.slow
def test_small_images_are_not_distorted_by_default(digits):
    X, y = digits
    assert_same_weights(*fit_default_and_undistorted(X[:, 1:6, 1:6], y))
    assert_same_weights(*fit_default_and_undistorted(X[:, :7], y))


def test_images_of_8_by_8_pixels_are_distorted_by_default(digits):
    assert weights_differ(*fit_default_and_undistorted(*digits))


@pytest.mark.slow
def test_stream_is_not_distorted_by_default(digits):
    X, y = digits

    def stream(images, **params):
        model = LeNetClassifier(random_state=0, **params).partial_fit(images, y, classes=range(10))
        return model.partial_fit(images, y)

    assert_same_weights(stream(X), stream(X, augment=None))
    assert weights_differ(stream(X), stream(X, augment="affine"))


@pytest.mark.parametrize("max_epochs", ["auto", 40])
@pytest.mark.slow
def test_patience_of_early_stopping_is_resolved_in_fit(digits, max_epochs):
    options = {"early_stopping": True, "tol": 2.0, "validation_fraction": 0.2, "random_state": 0}
    model = LeNetClassifier(max_epochs=max_epochs, **options).fit(*digits)
    n_most = 340 // 3 if max_epochs == "auto" else max_epochs  # 80 images for training are three batches
    # No gain is as large as tol, so that every epoch but the first is one without an improvement.
    assert model.n_epochs_ == 1 + max(10, n_most // 3) + 1


def dots(n_samples=100):
    """Return images of 28×28 pixels of two classes: a dot one pixel to the left or to the right of the middle."""
    images, y = np.zeros((n_samples, 28, 28), dtype=np.uint8), np.arange(n_samples) % 2
    images[np.arange(n_samples), 14, np.where(y == 0, 13, 15)] = 255
    return images, y


@pytest.mark.slow
def test_classes_that_differ_by_place_alone_are_learnt_better_without_distortions():
    X, y = dots()
    plain, distorted = (
        LeNetClassifier(augment=None, random_state=0).fit(X, y),
        LeNetClassifier(random_state=0).fit(X, y),
    )
    assert plain.score(X, y) == 1
    assert distorted.loss_curve_[-1] > 2 * plain.loss_curve_[-1]
