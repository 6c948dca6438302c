"""Models on an accelerator: repeatable, equal to those on the CPU within rounding, and movable in both directions."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from accelerators import ON_ACCELERATORS
from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample

pytestmark = ON_ACCELERATORS


@pytest.fixture(scope="module")
def images():
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    return X[:600], y[:600]


def make(kind, **params):
    return LeNetClassifier(**{"max_epochs": 4, "random_state": 0, "device": kind, "dropout": 0.1} | params)


@pytest.mark.parametrize("params", [{}, {"architecture": "1998"}, {"augment": "elastic"}, {"early_stopping": True}])
def test_a_seed_gives_the_same_model_twice(kind, images, params):
    first, second = (make(kind, **params).fit(*images) for _ in range(2))
    assert_array_equal(first.predict_proba(images[0]), second.predict_proba(images[0]))


@pytest.mark.parametrize("params", [{}, {"architecture": "1998"}, {"test_time_augment": True}])
def test_outputs_are_those_of_the_cpu(kind, images, params):
    model = make(kind, **params).fit(*images)
    on_cpu = pickle.loads(pickle.dumps(model)).set_params(device="cpu")
    on_cpu = pickle.loads(pickle.dumps(on_cpu))
    assert on_cpu.net_.device == "cpu"
    assert_allclose(model.decision_function(images[0]), on_cpu.decision_function(images[0]), atol=1e-3)
    assert_allclose(model.transform(images[0]), on_cpu.transform(images[0]), atol=1e-3)
    assert_allclose(model.score_samples(images[0]), on_cpu.score_samples(images[0]), rtol=1e-2, atol=1e-1)


def test_a_row_has_the_same_outputs_in_any_batch(kind, images):
    model = make(kind).fit(*images)
    together = model.predict_proba(images[0][:70])
    assert_array_equal(model.predict_proba(images[0][3:4]), together[3:4])
    assert_array_equal(model.predict_proba(images[0][40:70]), together[40:])


def test_partial_fit_on_a_loaded_model_equals_the_original(kind, images, tmp_path):
    X, y = images
    model = make(kind).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    loaded = LeNetClassifier.load(tmp_path / "model.safetensors")
    for each in (model, loaded):
        each.partial_fit(X, y)
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_model_of_the_cpu_goes_on_here_and_back(kind, images, tmp_path):
    X, y = images
    path = tmp_path / "model.safetensors"
    make("cpu").fit(X, y).save(path)
    moved = LeNetClassifier.load(path, device=kind).partial_fit(X, y)
    moved.save(path)
    back = LeNetClassifier.load(path, device="cpu")
    assert back.net_.device == "cpu"
    assert_allclose(back.predict_proba(X), moved.predict_proba(X), atol=1e-4)
    assert back.partial_fit(X, y).score(X, y) > 0.5


def test_two_fits_at_once_equal_fits_one_after_the_other(kind, images):
    models = [make(kind, random_state=seed) for seed in (0, 1)]
    expected = [clone(model).fit(*images).predict_proba(images[0]) for model in models]
    with ThreadPoolExecutor(2) as pool:
        fitted = list(pool.map(lambda model: model.fit(*images), models))
    for model, probabilities in zip(fitted, expected, strict=True):
        assert_array_equal(model.predict_proba(images[0]), probabilities)
