"""Digits, estimators and assertions that the tests of bad input share."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback

from sklenet import LeNetClassifier


def mnist_like_digits():
    """Return scikit-learn's 8×8 digits in MNIST's format: 28×28, uint8, black background, maximum 255."""
    images, y = load_digits().images, load_digits().target
    images = (images * (255 / 16)).astype(np.uint8)
    return np.pad(images.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2))), y


IMAGES, LABELS = mnist_like_digits()
X_TRAIN, Y_TRAIN = IMAGES[:300], LABELS[:300]
X_TEST, Y_TEST = IMAGES[300:500], LABELS[300:500]
# Tests that do not depend on the accuracy of the model use fewer images.
X_SMALL, Y_SMALL = X_TRAIN[:40], Y_TRAIN[:40]

ABSENT_DEVICE = next(device for device in ("cuda", "mps") if not getattr(torch, device).is_available())

# Together, these parameters use every random generator of a fit.
STOCHASTIC_PARAMS = [
    {"dropout": 0.2, "augment": "affine"},
    {"architecture": "1998", "augment": "elastic"},
    {"early_stopping": True, "validation_fraction": 0.3, "class_weight": "balanced"},
]


def lenet(**params):
    """Return a deterministic estimator that trains for one short epoch by default."""
    return LeNetClassifier(**{"max_epochs": 1, "batch_size": 16, "random_state": 0, "device": "cpu"} | params)


def bright_or_dark(*shape, n_samples=40):
    """Return images (n, h, w) of two classes, dark and bright."""
    y = np.arange(n_samples) % 2
    noise = np.random.default_rng(0).integers(0, 100, (n_samples, *shape))
    return (noise + 150 * y.reshape(-1, *[1] * len(shape))).astype(np.uint8), y


def read_only(array):
    """Return a copy of the array that cannot be written to."""
    array = array.copy()
    array.flags.writeable = False
    return array


def assert_same_model(one, other, X=X_SMALL):
    """Assert that two models predict the same probabilities to the bit."""
    assert_array_equal(one.predict_proba(X), other.predict_proba(X), strict=True)


def assert_refused(fitted, X, error, match):
    """Assert that fit of a new estimator and predict of the fitted one both refuse X."""
    with pytest.raises(error, match=match):
        lenet().fit(X, Y_TRAIN[: np.shape(X)[0]])
    with pytest.raises(error, match=match):
        fitted.predict(X)


@contextmanager
def assert_unchanged(model):
    """Assert that a block keeps every attribute of the model, and its predictions if it is fitted."""
    attributes = {name: id(value) for name, value in vars(model).items()}
    probabilities = model.predict_proba(X_SMALL) if hasattr(model, "classes_") else None
    yield
    assert {name: id(value) for name, value in vars(model).items()} == attributes
    if probabilities is not None:
        assert_array_equal(model.predict_proba(X_SMALL), probabilities)
    else:
        with pytest.raises(NotFittedError):
            model.predict(X_SMALL)


class RaisesAt(Callback):
    """Raise an exception at the n-th call of one of skorch's hooks."""

    def __init__(self, hook, exception, n_calls=1):
        self.hook, self.exception, self.n_calls = hook, exception, n_calls

    def initialize(self):
        self.count_ = 0
        setattr(self, self.hook, self._count)
        return self

    def _count(self, *_, **__):
        self.count_ += 1
        if self.count_ == self.n_calls:
            raise self.exception


HOOKS = ("on_train_begin", "on_epoch_begin", "on_batch_end", "on_epoch_end", "on_train_end")
