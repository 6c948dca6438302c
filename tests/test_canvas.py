"""The canvas: size, position, background and pixels of a placed image."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklenet._engine._canvas import Canvas, resized_shape
from sklenet._engine._pixels import PixelStatistics


def statistics(background=0.0, mean=0.0, scale=1.0):
    others = {"low": 0.0, "high": 1.0, "spread": 0.1, "ink": 0.1, "faintest": 1.0, "inverted": 0.0}
    return PixelStatistics(background=background, mean=mean, scale=scale, **others)


def place(images, **kwargs):
    """Place images (n, h, w) on the canvas, (n, 32, 32)."""
    images = np.asarray(images)
    canvas = Canvas(images.shape[1:], images[0].size, statistics(**kwargs))
    placed = canvas.to_images(torch.from_numpy(np.array(images.reshape(len(images), -1))))
    assert placed.shape == (len(images), 1, 32, 32)
    assert placed.dtype == torch.float32
    return placed[:, 0].numpy()


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def test_images_of_28_pixels_are_padded_to_32_with_unchanged_pixels():
    images = noise(3, 28, 28)
    placed = place(images, background=-7)
    assert_array_equal(placed[:, 2:30, 2:30], images)
    assert (np.delete(placed.reshape(3, -1), np.arange(1024).reshape(32, 32)[2:30, 2:30].ravel(), axis=1) == -7).all()


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (16, 40), (64, 48), (105, 50), (1, 7)])
def test_resizing_is_two_products_of_matrices(shape):
    images = noise(3, *shape)
    canvas = Canvas(shape, images[0].size, statistics())
    rows, columns = canvas.resizing_matrices()
    left, right, top, bottom = canvas.margins
    resized = place(images)[:, top : 32 - bottom, left : 32 - right]
    assert_allclose(rows @ images @ columns, resized, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(20, 20), (21, 20), (25, 31), (32, 32), (32, 1), (5, 20)])
def test_images_with_a_longer_side_of_20_to_32_are_not_resized(shape):
    height, width = shape
    images = noise(2, *shape)
    placed = place(images, background=-7)
    top, left = (32 - height) // 2, (32 - width) // 2
    assert resized_shape(shape) == shape
    assert_array_equal(placed[:, top : top + height, left : left + width], images)
    assert np.count_nonzero(placed == -7) == 2 * (1024 - height * width)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 8), (28, 28)),
        ((64, 64), (28, 28)),
        ((105, 50), (28, 13)),
        ((50, 105), (13, 28)),
        ((19, 19), (28, 28)),
        ((33, 33), (28, 28)),
        ((1, 1), (28, 28)),
        ((1, 1000), (1, 28)),
        ((2, 19), (3, 28)),
    ],
)
def test_other_images_are_resized_to_28_with_their_aspect_ratio_and_centred(shape, expected):
    placed = place(np.ones((1, *shape), dtype=np.float32), background=-7)[0]
    height, width = expected
    top, left = (32 - height) // 2, (32 - width) // 2
    frame = np.full((32, 32), -7.0)
    frame[top : top + height, left : left + width] = 1
    assert resized_shape(shape) == expected
    assert_allclose(placed, frame, atol=1e-5)


@pytest.mark.parametrize("side", [8, 64])
def test_resizing_keeps_the_orientation(side):
    image = np.zeros((1, side, side), dtype=np.float32)
    image[0, : side // 4, side // 2 :] = 1  # right half of the upper quarter
    placed = place(image)[0]
    rows, columns = np.indices((32, 32))
    assert_allclose((placed * rows).sum() / placed.sum(), 2 + 28 / 8 - 0.5, atol=0.5)
    assert_allclose((placed * columns).sum() / placed.sum(), 2 + 28 * 3 / 4 - 0.5, atol=0.5)


def test_downsampling_is_antialiased():
    checkerboard = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)
    inside = place(checkerboard[None])[0, 3:29, 3:29]
    assert_allclose(inside, 0.5, atol=0.05)


def test_upsampling_keeps_the_mean():
    image = noise(1, 8, 8)
    assert_allclose(place(image)[0, 2:30, 2:30].mean(), image.mean(), atol=0.02)


@pytest.mark.parametrize("shape", [(28, 28), (8, 8)])
def test_pixels_are_standardised_and_padding_is_the_background(shape):
    images = 5 + 3 * noise(4, *shape)
    placed = place(images, background=6.0, mean=5.0, scale=2.0)
    assert_allclose(placed[:, 0, :], 0.5, rtol=1e-6)
    if shape == (28, 28):
        assert_allclose(placed[:, 2:30, 2:30], (images - 5) / 2, atol=1e-6)


def test_blank_images_are_padded_without_a_visible_frame():
    for side in (8, 20, 28, 64):
        placed = place(np.full((1, side, side), 0.75, dtype=np.float32), background=0.75, mean=0.3, scale=0.2)
        assert np.ptp(placed) < 1e-5


def test_missing_pixels_are_filled_with_the_background():
    canvas = Canvas((20, 20), 390, statistics(background=9.0, mean=1.0, scale=2.0))
    placed = canvas.to_images(torch.ones(1, 390))[0, 0, 6:26, 6:26].numpy().ravel()
    assert_array_equal(placed[:390], 0)
    assert_array_equal(placed[390:], 4)


@pytest.mark.parametrize("side", [8, 28, 40])
def test_placed_images_do_not_depend_on_dtype(side):
    images = np.random.default_rng(0).integers(0, 256, (3, side, side)).astype(np.uint8)
    placed = place(images, background=3, mean=100, scale=70)
    for dtype in (np.float32, np.int16, np.float64):
        assert_array_equal(place(images.astype(dtype), background=3, mean=100, scale=70), placed)


@pytest.mark.parametrize("side", [8, 28, 40])
def test_single_images_are_placed_as_in_a_batch(side):
    images = noise(7, side, side)
    assert_array_equal(np.concatenate([place(image[None]) for image in images]), place(images))
