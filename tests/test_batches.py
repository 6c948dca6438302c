"""Batches: sizes, order, what they hold, and where their pixels come from."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from sklenet import LeNetClassifier, _batches
from sklenet._batches import Batches, Images
from sklenet._canvas import Canvas
from sklenet._pixels import PixelStatistics
from training_images import make_images

CPU = torch.device("cpu")

ACCELERATOR = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
ON_ACCELERATORS = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.skipif(not there, reason=f"this machine has no {kind} device"))
        for kind, there in ACCELERATOR.items()
    ],
)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:120].astype(np.float32), y[:120]


@pytest.mark.parametrize(("n_samples", "batch_size"), [(1, 1), (1, 32), (32, 32), (33, 32), (97, 32), (120, 7), (5, 2)])
def test_batches_are_of_nearly_equal_size(digits, n_samples, batch_size):
    X, y = (part[:n_samples] for part in digits)
    batches = Batches(make_images(X, y), batch_size, CPU, torch.Generator().manual_seed(0))
    sizes = [len(targets) for _, targets in batches]
    assert len(sizes) == len(batches) == np.ceil(n_samples / batch_size)
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= batch_size
    assert sum(sizes) == n_samples


def test_each_epoch_has_each_sample_once_with_its_own_label_and_weight(digits):
    X, y = digits
    images = make_images(X, y, np.arange(1, 121))
    images.rows = np.repeat(np.arange(120, dtype=np.float32)[:, None], 64, axis=1)  # pixels say which row they are
    images.canvas = Canvas((8, 8), PixelStatistics(0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0))
    batches = Batches(images, 32, CPU, torch.Generator().manual_seed(0))
    orders = []
    for _ in range(2):
        order = []
        for inputs, targets in batches:
            rows = inputs["images"][:, 0, 16, 16].round().int().numpy()
            assert_array_equal(targets, y[rows])
            assert_array_equal(inputs["weights"], images.weights[rows])
            order.extend(rows.tolist())
        assert sorted(order) == list(range(120))
        orders.append(order)
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])


def test_without_a_generator_the_order_is_kept(digits):
    images = make_images(*digits).subset(np.arange(50, 90))
    targets = np.concatenate([targets for _, targets in Batches(images, 7, CPU)])
    assert_array_equal(targets, digits[1][50:90])


def test_how_many_batches_are_drawn_at_once_changes_nothing(digits, monkeypatch):
    # Distortions and dropout draw from the same noise, in the order of the steps.
    model = LeNetClassifier(max_epochs=2, batch_size=7, augment="affine", dropout=0.1, random_state=0)
    losses = model.fit(*digits).loss_curve_
    monkeypatch.setattr(_batches, "_PIXELS_DRAWN_AT_ONCE", 0)
    assert model.fit(*digits).loss_curve_ == losses


# Pixels in the memory of an accelerator


def drawn(images):
    """All images and targets, batch by batch, shuffled and in two epochs."""
    batches = Batches(images, 32, CPU, torch.Generator().manual_seed(0))
    epochs = [[(inputs["images"], targets) for inputs, targets in batches] for _ in range(2)]
    return [torch.cat(parts) for epoch in epochs for parts in zip(*epoch, strict=True)]


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_resident_pixels_give_the_same_batches_and_stay_as_they_are(digits, dtype):
    X, y = digits[0].astype(dtype), digits[1]
    images = make_images(X, y).subset(np.arange(10, 110))
    resident = torch.from_numpy(X.copy())
    there = Images(**vars(images) | {"resident": resident})
    for expected, found in zip(drawn(images), drawn(there), strict=True):
        assert torch.equal(found, expected)
    assert_array_equal(resident.numpy(), X)


def test_pixels_stay_in_the_array_on_the_cpu(digits):
    images = make_images(*digits)
    assert images.on(CPU) is images


@pytest.mark.parametrize(("n_free", "there"), [(120 * 64 * 4, False), (2 * 120 * 64 * 4, True)])
def test_pixels_go_where_they_take_no_more_than_half_of_what_is_free(digits, n_free, there, monkeypatch):
    monkeypatch.setattr(_batches, "_free_memory", lambda device: n_free)
    images = make_images(*digits).on(CPU)
    assert (images.resident is not None) == there
    if there:
        assert_array_equal(images.resident, digits[0])
        assert images.subset(np.arange(3)).resident is images.resident


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_training_moves_them_once(digits, early_stopping, monkeypatch):
    moved = []
    copy = _batches._copy
    monkeypatch.setattr(_batches, "_free_memory", lambda device: 2**30)
    monkeypatch.setattr(_batches, "_copy", lambda rows, device: moved.append(len(rows)) or copy(rows, device))
    options = {"max_epochs": 2, "early_stopping": early_stopping, "validation_fraction": 0.2, "random_state": 0}
    there = LeNetClassifier(**options).fit(*digits)
    assert moved == [120]
    monkeypatch.setattr(_batches, "_free_memory", lambda device: 0)
    assert_array_equal(LeNetClassifier(**options).fit(*digits).predict_proba(digits[0]), there.predict_proba(digits[0]))


@pytest.mark.parametrize("change", [lambda X: X[:, ::-1], np.asfortranarray])
def test_any_array_can_go_there(digits, change, monkeypatch):
    monkeypatch.setattr(_batches, "_free_memory", lambda device: 2**30)
    monkeypatch.setattr(_batches, "_BYTES_COPIED_AT_ONCE", 64 * 4 * 50)  # in three parts
    X = change(digits[0])
    X.flags.writeable = False
    assert_array_equal(make_images(X, digits[1]).on(CPU).resident, X)


@ON_ACCELERATORS
@pytest.mark.parametrize("early_stopping", [False, True])
def test_on_an_accelerator_pixels_are_moved_once(kind, digits, early_stopping, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a batch was gathered in the memory of the processor")

    monkeypatch.setattr(_batches.np, "take", refuse)
    model = LeNetClassifier(
        max_epochs=2, device=kind, early_stopping=early_stopping, validation_fraction=0.2, random_state=0
    )
    assert model.fit(*digits).predict(digits[0]).shape == (120,)
