"""Training on distorted copies."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV

from comparison.distortions import DistortedCopies, distort
from comparison.models import MODELS
from sklenet._engine import _augment

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(20, 230, (30, 64), np.uint8), np.arange(30) % 3


class Recorder(DummyClassifier):
    """A classifier that keeps its training images."""

    def fit(self, X, y):
        self.X_, self.y_ = X, y
        return super().fit(X, y)


def test_classifier_is_trained_on_the_images_and_on_distorted_copies(images):
    X, y = images
    recorder = DistortedCopies(Recorder(), n_copies=3, random_state=0).fit(X, y).estimator_
    assert recorder.X_.dtype == np.uint8
    assert_array_equal(recorder.y_, [*y, *y, *y, *y])
    originals, *copies = np.split(recorder.X_, 4)
    assert_array_equal(originals, X)
    for copy, other in zip(copies, [X, *copies], strict=False):
        assert (copy != other).any(axis=1).all()


def test_pixels_stay_within_the_range_of_the_image(images):
    X, _ = images
    distorted = distort(X, np.random.default_rng(0))
    assert (distorted.min(axis=1) >= X.min(axis=1)).all()  # no black corners
    assert (distorted.max(axis=1) <= X.max(axis=1)).all()


def test_copies_are_determined_by_the_seed(images):
    first, again, other = (DistortedCopies(Recorder(), 1, seed).fit(*images).estimator_.X_ for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("side", [8, 28, 32])
def test_distortions_are_those_of_lenet(side, monkeypatch):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 1, side, side), np.uint8)
    draws = rng.uniform(-1, 1, (6, 20))
    monkeypatch.setattr(_augment, "_uniform", lambda *_: torch.from_numpy(draws))
    expected = _augment.affine(torch.from_numpy(images.astype(np.float64)), torch.Generator())

    class SameDraws:
        def uniform(self, low, high, shape):
            assert (low, high, shape) == (-1, 1, draws.shape)
            return draws

    distorted = distort(images.reshape(20, -1), SameDraws())
    assert_allclose(distorted, expected.reshape(20, -1), atol=0.5 + 1e-6)  # rounded


@pytest.mark.parametrize("name", ["svm_distorted", "hog_svm_distorted"])
def test_clone_and_grid_search(name, images):
    model = MODELS[name]
    estimator = clone(model.make(3, 30))
    assert (estimator.n_copies, estimator.random_state) == (5, 3)
    X, y = np.kron(np.eye(3, dtype=np.uint8)[np.arange(30) % 3], np.full((1, 27), 200, np.uint8))[:, :81], images[1]
    search = GridSearchCV(estimator, {"estimator__svc__C": [0.5]}, cv=2).fit(X, y)
    fitted = search.best_estimator_
    assert fitted.estimator_.get_params()["svc__C"] == 0.5
    assert not hasattr(fitted.estimator, "classes_")  # the parameter is not fitted
    assert_array_equal(fitted.classes_, [0, 1, 2])
    assert_array_equal(fitted.predict(X), fitted.estimator_.predict(X))
    assert search.score(X, y) == 1


@pytest.mark.slow
def test_process_of_another_classifier_does_not_import_torch():
    program = """
import sys
from comparison.protocol import Cell, measure
measure(Cell("digits", "hog_svm_distorted", train_size=50), None, threads=1)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=BENCHMARKS)
