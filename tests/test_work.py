"""The work of fit and predict in counts instead of seconds: batches fetched, copies of the data, operators per step."""

import tracemalloc
from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sklenet import LeNetClassifier
from sklenet._engine import _batches
from sklenet._engine._batches import Images
from training_images import make_statistics

N_IMAGES, N_PIXELS = 20_000, 784


@pytest.fixture(scope="module")
def random_images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (N_IMAGES, N_PIXELS), dtype=np.uint8), np.arange(N_IMAGES) % 10


def make(**kwargs):
    return LeNetClassifier(**{"max_epochs": 2, "batch_size": 100, "random_state": 0} | kwargs)


@pytest.mark.parametrize(("early_stopping", "n_fetches"), [(False, 2 * 2), (True, 2 * (2 + 1))])
@pytest.mark.slow
def test_images_are_fetched_once_per_epoch_and_ten_batches_at_a_time(
    random_images, early_stopping, n_fetches, monkeypatch
):
    X, y = (part[:1500] for part in random_images)
    fetched = []
    fetch = Images.batch
    monkeypatch.setattr(
        Images, "batch", lambda self, places, *rest: fetched.append(len(places)) or fetch(self, places, *rest)
    )
    make(early_stopping=early_stopping, validation_fraction=0.2).fit(X, y)
    # The check for a diverged training fetches a few images, the statistics of the features each training image once.
    training, (check, *statistics) = fetched[:n_fetches], fetched[n_fetches:]
    assert sum(training) == 2 * 1500
    assert check <= 64
    assert sum(statistics) == (1200 if early_stopping else 1500)


def measure_peak_memory(step):
    tracemalloc.start()
    step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.slow
def test_fit_does_not_copy_the_images(random_images, early_stopping, monkeypatch):
    X, y = random_images
    model = make(max_epochs=1, batch_size=2000, width=0.2, early_stopping=early_stopping)
    model.fit(X[:1000], y[:1000])
    # About half of the peak is a chunk of float pixels, from which the statistics are computed.
    assert measure_peak_memory(lambda: model.fit(X, y)) < 0.7 * X.nbytes
    weights = np.ones(len(X))
    weights[7] = 0
    assert measure_peak_memory(lambda: model.fit(X, y, sample_weight=weights)) < 0.7 * X.nbytes


@pytest.mark.parametrize("weights", ["none", "one-is-zero"])
@pytest.mark.slow
def test_fit_does_not_copy_a_memory_map(tmp_path, weights):
    shape = (600, 256, 256)
    np.memmap(tmp_path / "images", np.uint8, "w+", shape=shape)[:] = np.random.default_rng(0).integers(0, 256, shape)
    X, y = np.memmap(tmp_path / "images", np.uint8, "r", shape=shape), np.arange(600) % 10
    sample_weight = None if weights == "none" else np.arange(600) != 7
    model = make(max_epochs=1, batch_size=30, width=0.2).fit(X[:100], y[:100])
    assert measure_peak_memory(lambda: model.fit(X, y, sample_weight)) < 0.5 * X.nbytes


@pytest.mark.slow
def test_predict_does_not_copy_a_memory_map(tmp_path):
    shape = (600, 256, 256)
    np.memmap(tmp_path / "images", np.uint8, "w+", shape=shape)[:] = np.random.default_rng(0).integers(0, 256, shape)
    X, y = np.memmap(tmp_path / "images", np.uint8, "r", shape=shape), np.arange(600) % 10
    model = make(max_epochs=1, batch_size=30, width=0.2).fit(X[:100], y[:100])
    assert measure_peak_memory(lambda: model.predict(X)) < X.nbytes


@pytest.mark.slow
def test_predict_does_not_copy_the_images(random_images):
    X, y = random_images
    model = make(max_epochs=1, width=0.2).fit(X[:1000], y[:1000])
    assert measure_peak_memory(lambda: model.predict(X)) < 0.7 * X.nbytes


def test_statistics_of_large_images_are_computed_in_chunks():
    X = np.random.default_rng(0).integers(0, 256, (400, 256 * 256), dtype=np.uint8)
    assert measure_peak_memory(lambda: make_statistics(X, (256, 256))) < 0.5 * X.nbytes


class CountOperators(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.counts[func.name()] += 1
        return func(*args, **kwargs or {})


def count_operators(model, X, y):
    with CountOperators() as counter:
        model.fit(X, y)
    return counter.counts


# PyTorch 2.6 detaches more often.
MORE = 6 if torch.__version__.startswith("2.6.") else 0


# The overhead of a training step grows with the number of operators, so that the number per step is bounded.
@pytest.mark.parametrize(
    ("params", "max_operators"),
    [({}, 132 + MORE), ({"augment": None}, 104 + MORE), ({"augment": None, "dropout": 0.1}, 116 + MORE)],
)
@pytest.mark.slow
def test_number_of_operators_per_step_is_bounded(random_images, params, max_operators):
    X, y = (part[:1000] for part in random_images)
    model = make(max_epochs=1, **params)
    # An epoch of twenty steps has the operators of ten more steps than an epoch of ten.
    few, many = (count_operators(model.set_params(batch_size=size), X, y) for size in (100, 50))
    per_step = (many.total() - few.total()) / 10
    assert 0.9 * max_operators < per_step <= max_operators, (many - few).most_common()


def test_no_data_loader_is_used(random_images, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a DataLoader was made")

    monkeypatch.setattr(_batches.torch.utils.data.DataLoader, "__init__", refuse)
    X, y = (part[:200] for part in random_images)
    make().fit(X, y).predict(X)
