"""Batches: sizes, order, content, and the device that holds the pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from accelerators import ON_ACCELERATORS
from sklenet import LeNetClassifier
from sklenet._engine import _batches
from sklenet._engine._batches import Batches
from sklenet._engine._canvas import Canvas
from sklenet._engine._pixels import PixelStatistics
from training_images import make_images

CPU = torch.device("cpu")


@pytest.mark.parametrize(("n_samples", "batch_size"), [(1, 1), (1, 32), (32, 32), (33, 32), (97, 32), (120, 7), (5, 2)])
def test_batch_sizes_differ_by_at_most_one(digits, n_samples, batch_size):
    X, y = (part[:n_samples] for part in digits)
    batches = Batches(make_images(X, y), batch_size, CPU, torch.Generator().manual_seed(0))
    sizes = [len(targets) for _, targets in batches]
    assert len(sizes) == len(batches) == np.ceil(n_samples / batch_size)
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= batch_size
    assert sum(sizes) == n_samples


def test_each_epoch_has_each_sample_once_with_matching_label_and_weight(digits):
    _, y = digits
    rows = np.repeat(np.arange(120, dtype=np.float32)[:, None], 64, axis=1)  # each pixel holds the index of its row
    canvas = Canvas((8, 8), 64, PixelStatistics(0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0))
    images = make_images(rows, y, np.arange(1, 121), canvas=canvas)
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


def test_order_is_kept_without_a_generator(digits):
    images = replace(make_images(*digits), indices=np.arange(50, 90))
    targets = np.concatenate([targets for _, targets in Batches(images, 7, CPU)])
    assert_array_equal(targets, digits[1][50:90])


@pytest.mark.parametrize(
    ("n_pixels", "n_at_once", "sizes"),
    [
        (64, 2 * 32 * 1024, [60, 60]),
        (64, 2 * 32 * 1024 - 1, [30, 30, 30, 30]),
        (64, 3 * 32 * 1024, [90, 30]),
        (64, 1, [30, 30, 30, 30]),
        (4096, 2 * 32 * 4096, [60, 60]),
        (4096, 2 * 32 * 4096 - 1, [30, 30, 30, 30]),
    ],
)
def test_batches_are_preprocessed_together_up_to_a_number_of_pixels(digits, monkeypatch, n_pixels, n_at_once, sizes):
    """Pixels are counted on the canvas of 32×32, or in the rows where the rows have more."""
    monkeypatch.setattr(_batches, "_PIXELS_PREPROCESSED_AT_ONCE", n_at_once)
    images = make_images(*digits)
    images = replace(images, data=replace(images.data, rows=np.zeros((120, n_pixels), np.float32)))
    preprocessed = []

    def batch(self, positions, device):
        preprocessed.append(len(positions))
        return {"images": torch.zeros(len(positions)), "weights": torch.zeros(len(positions))}, torch.from_numpy(
            positions
        )

    monkeypatch.setattr(_batches.Images, "batch", batch)
    assert [len(targets) for _, targets in Batches(images, 32, CPU)] == [30, 30, 30, 30]
    assert preprocessed == sizes


@pytest.mark.slow
def test_losses_do_not_depend_on_the_number_of_batches_preprocessed_at_once(digits, monkeypatch):
    # Distortions and dropout draw from the same generator, in the order of the steps.
    model = LeNetClassifier(max_epochs=2, batch_size=7, augment="affine", dropout=0.1, random_state=0)
    losses = model.fit(*digits).loss_curve_
    monkeypatch.setattr(_batches, "_PIXELS_PREPROCESSED_AT_ONCE", 0)
    assert model.fit(*digits).loss_curve_ == losses


# Rows in the memory of an accelerator


def all_batches(images):
    """Return the shuffled images and targets of two epochs."""
    batches = Batches(images, 32, CPU, torch.Generator().manual_seed(0))
    epochs = [[(inputs["images"], targets) for inputs, targets in batches] for _ in range(2)]
    return [torch.cat(parts) for epoch in epochs for parts in zip(*epoch, strict=True)]


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_rows_on_a_device_give_equal_batches_and_are_unchanged(digits, dtype):
    X, y = digits[0].astype(dtype), digits[1]
    images = replace(make_images(X, y), indices=np.arange(10, 110))
    device_rows = torch.from_numpy(X.copy())
    on_device = replace(images, device_rows=device_rows)
    for expected, actual in zip(all_batches(images), all_batches(on_device), strict=True):
        assert torch.equal(actual, expected)
    assert_array_equal(device_rows.numpy(), X)


def test_rows_are_not_copied_to_the_cpu(digits):
    images = make_images(*digits)
    assert images.to_device(CPU) is images


@pytest.mark.parametrize(("n_free", "is_copied"), [(120 * 64 * 4, False), (2 * 120 * 64 * 4, True)])
def test_rows_are_copied_to_a_device_if_they_fit_half_of_the_free_memory(digits, n_free, is_copied, monkeypatch):
    monkeypatch.setattr(_batches, "_free_memory", lambda device: n_free)
    images = make_images(*digits).to_device(CPU)
    assert (images.device_rows is not None) == is_copied
    if is_copied:
        assert_array_equal(images.device_rows, digits[0])


@pytest.mark.parametrize(("kind", "n_free"), [("cpu", 0), ("mps", 70), ("cuda", 5), ("xpu", 0), ("meta", 0)])
def test_free_memory_is_that_of_the_accelerator(kind, n_free, monkeypatch):
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (5, 9))
    monkeypatch.setattr("torch.mps.recommended_max_memory", lambda: 100)
    monkeypatch.setattr("torch.mps.driver_allocated_memory", lambda: 30)
    assert _batches._free_memory(torch.device(kind)) == n_free


@pytest.mark.parametrize(("n_rows", "n_at_once", "stops"), [(5, 2, [2, 4, 6]), (4, 2, [2, 4]), (3, 0, [1, 2, 3])])
def test_parts_follow_one_another(n_rows, n_at_once, stops):
    parts = _batches._parts(n_rows, n_at_once)
    assert [part.stop for part in parts] == stops
    assert [part.start for part in parts] == [0, *stops[:-1]]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.slow
def test_fit_copies_rows_to_the_device_once(digits, early_stopping, monkeypatch):
    monkeypatch.setattr(_batches, "_MOST_BYTES_DRAWN", 0)
    copied = []
    copy = _batches._copy_to_device
    monkeypatch.setattr(_batches, "_free_memory", lambda device: 2**30)
    monkeypatch.setattr(
        _batches, "_copy_to_device", lambda rows, device: copied.append(len(rows)) or copy(rows, device)
    )
    options = {"max_epochs": 2, "early_stopping": early_stopping, "validation_fraction": 0.2, "random_state": 0}
    on_device = LeNetClassifier(**options).fit(*digits)
    assert copied == [120]
    monkeypatch.setattr(_batches, "_free_memory", lambda device: 0)
    on_host = LeNetClassifier(**options).fit(*digits)
    assert_array_equal(on_host.predict_proba(digits[0]), on_device.predict_proba(digits[0]))


@pytest.mark.parametrize("change_layout", [lambda X: X[:, ::-1], np.asfortranarray])
def test_arrays_of_any_memory_layout_are_copied_to_a_device(digits, change_layout, monkeypatch):
    monkeypatch.setattr(_batches, "_free_memory", lambda device: 2**30)
    monkeypatch.setattr(_batches, "_BYTES_COPIED_AT_ONCE", 64 * 4 * 50)  # in three chunks
    X = change_layout(digits[0])
    X.flags.writeable = False
    assert_array_equal(make_images(X, digits[1]).to_device(CPU).device_rows, X)


@ON_ACCELERATORS
@pytest.mark.parametrize("early_stopping", [False, True])
def test_fit_on_an_accelerator_gathers_no_batch_on_the_host(kind, digits, early_stopping, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a batch was gathered on the host")

    monkeypatch.setattr(_batches.np, "take", refuse)
    model = LeNetClassifier(
        max_epochs=2, device=kind, early_stopping=early_stopping, validation_fraction=0.2, random_state=0
    )
    assert model.fit(*digits).predict(digits[0]).shape == (120,)


# Images that are resized are drawn once


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_drawn_images_give_equal_batches(digits, dtype, monkeypatch):
    monkeypatch.setattr(_batches, "_PIXELS_PREPROCESSED_AT_ONCE", 64 * 50)  # in three parts
    X, y = digits[0].astype(dtype), digits[1]
    images = replace(make_images(X.copy(), y), indices=np.arange(10, 110))
    for expected, actual in zip(all_batches(images), all_batches(images.draw(CPU)), strict=True):
        assert torch.equal(actual, expected)
    assert_array_equal(images.data.rows, X)


def fit_and_count_drawings(X, y, monkeypatch):
    """Return the losses of three epochs, and the number of images that were drawn."""
    drawn = []
    draw = Canvas.to_images
    with monkeypatch.context() as context:
        context.setattr(Canvas, "to_images", lambda self, rows: drawn.append(len(rows)) or draw(self, rows))
        model = LeNetClassifier(max_epochs=3, augment="affine", random_state=0, device="cpu").fit(X, y)
    return model.loss_curve_, sum(drawn)


def test_resized_images_are_drawn_once_if_they_fit_the_bound(digits, monkeypatch):
    X, y = digits
    losses, n_drawn = fit_and_count_drawings(X, y, monkeypatch)
    assert n_drawn == 120
    monkeypatch.setattr(_batches, "_MOST_BYTES_DRAWN", 120 * 32 * 32 * 4 - 1)
    losses_beyond, n_drawn_beyond = fit_and_count_drawings(X, y, monkeypatch)
    assert n_drawn_beyond == 3 * 120 + 64 + 120  # and those that detect a failed training and give statistics
    assert losses_beyond == losses


def test_images_that_keep_their_size_are_not_drawn_once(digits):
    X = np.pad(digits[0].reshape(-1, 8, 8), ((0, 0), (10, 10), (10, 10))).reshape(len(digits[0]), -1)
    images = make_images(*digits)
    padded = replace(
        images, data=replace(images.data, rows=X, shape=(28, 28)), canvas=replace(images.canvas, shape=(28, 28))
    )
    assert padded.prepare(CPU).drawn is None
    assert images.prepare(CPU).drawn is not None


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.slow
def test_validation_images_are_drawn_once(digits, early_stopping, monkeypatch):
    options = {"max_epochs": 2, "early_stopping": early_stopping, "validation_fraction": 0.2, "random_state": 0}
    drawn = LeNetClassifier(**options).fit(*digits)
    monkeypatch.setattr(_batches, "_MOST_BYTES_DRAWN", 0)
    redrawn = LeNetClassifier(**options).fit(*digits)
    assert drawn.validation_scores_ == redrawn.validation_scores_
    assert_array_equal(drawn.predict_proba(digits[0]), redrawn.predict_proba(digits[0]))
