"""Inference in chunks: chunk sizes, agreement of small chunks with large chunks, and the mean over shifted views."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklenet import LeNet5
from sklenet._engine import _inference
from sklenet._engine._canvas import SIDE, Canvas
from sklenet._engine._inference import CHUNK, SMALL_CHUNKS, compute_in_chunks, mean_over_shifts
from sklenet._engine._pixels import PixelStatistics


@pytest.fixture
def rows():
    return np.random.default_rng(0).integers(0, 256, (1000, 784), dtype=np.uint8)


@pytest.fixture
def module():
    return LeNet5(generator=torch.Generator().manual_seed(0)).to(memory_format=torch.channels_last).eval()


def predict(module, rows, *, shifted=False):
    canvas = Canvas((28, 28), 784, PixelStatistics(0.0, 33.0, 79.0, 0.0, 255.0, 10.0, 33.0, 255.0, 0.0))
    return compute_in_chunks(module, canvas, rows, partial(mean_over_shifts, module) if shifted else module)


def chunk_sizes(module, rows):
    sizes = []
    hook = module.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    predict(module, rows)
    hook.remove()
    return sizes


@pytest.mark.parametrize(
    ("n_rows", "sizes"),
    [
        (1, [4]), (4, [4]), (5, [4] * 2), (8, [4] * 2), (9, [32]), (33, [32] * 2), (256, [32] * 8), (257, [CHUNK]),
        (512, [CHUNK]), (513, [CHUNK, 4]), (600, [CHUNK] + [32] * 3), (1000, [CHUNK] * 2),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_chunk_sizes_depend_on_the_number_of_rows(module, rows, n_rows, sizes, monkeypatch):
    monkeypatch.setattr(_inference, "_agrees", lambda *_: True)
    assert chunk_sizes(module, rows[:n_rows]) == sizes


@pytest.mark.parametrize(
    ("n_rows", "agreeing", "sizes"),
    [
        (0, (4, 32), []),
        (1, (4, 32), [4]),
        (4, (4, 32), [4]),
        (8, (4, 32), [4] * 2),
        (9, (4, 32), [32]),
        (8, (32,), [32]),
        (8, (), [512]),
        (256, (4, 32), [32] * 8),
        (257, (4, 32), [512]),
        (512, (4, 32), [512]),
        (513, (4, 32), [512, 4]),
        (1057, (4,), [512] * 3),
        (1057, (4, 32), [512] * 2 + [32] * 2),
    ],
)
def test_rows_are_divided_into_large_chunks_and_the_smallest_suitable_ones(n_rows, agreeing, sizes):
    assert _inference._divide(n_rows, lambda size: size in agreeing) == sizes


def test_mean_is_over_the_nine_views_that_are_shifted_by_a_pixel():
    images = torch.rand((2, 1, SIDE, SIDE), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    views = [padded[:, :, top : top + SIDE, left : left + SIDE] for top in range(3) for left in range(3)]
    squares = mean_over_shifts(torch.square, images)
    assert_allclose(squares.numpy(), np.mean(np.square(views), axis=0), rtol=1e-12)
    asked = []
    mean_over_shifts(lambda view: asked.append(view.numpy().copy()) or view, images)
    assert_array_equal(asked, views[::-1])


@pytest.mark.parametrize(("agreeing", "sizes"), [((), [CHUNK] * 2), ((32,), [CHUNK, 32])])
def test_small_chunks_that_differ_are_not_used(module, rows, agreeing, sizes, monkeypatch):
    monkeypatch.setattr(_inference, "_agrees", lambda _module, _device, size: size in agreeing)
    assert chunk_sizes(module, rows[: CHUNK + 1]) == sizes


class ChunkSizeDependent(torch.nn.Module):
    """A module whose outputs depend on the length of the chunk."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return images.mean((2, 3)) + len(images) * 2.0**-20


@pytest.mark.parametrize("size", SMALL_CHUNKS)
@pytest.mark.slow
def test_agreement_of_small_chunks_is_detected(module, size):
    cpu = torch.device("cpu")
    with torch.inference_mode():
        assert not _inference._agrees(ChunkSizeDependent(), cpu, size)
        noise = torch.rand((CHUNK, 1, 32, 32), generator=torch.Generator().manual_seed(1))
        agrees = torch.equal(torch.cat([module(piece) for piece in noise.split(size)]), module(noise))
        assert _inference._agrees(module, cpu, size) == agrees


def test_agreement_of_small_chunks_is_cached_per_model(module, rows):
    assert len(chunk_sizes(module, rows[:1])) > 1
    assert len(chunk_sizes(module, rows[:1])) == 1


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("n_rows", [1, 3, 9, 256, 257, 512, 513, 600])
@pytest.mark.slow
def test_outputs_do_not_depend_on_the_number_of_rows(module, rows, n_rows, shifted):
    assert_array_equal(predict(module, rows[:n_rows], shifted=shifted), predict(module, rows, shifted=shifted)[:n_rows])


@pytest.mark.slow
def test_mean_over_shifts_equals_the_mean_over_shifted_images(module, rows):
    images = rows.reshape(-1, 28, 28)
    images[:, [0, -1]] = images[:, :, [0, -1]] = 0  # as the margin of the canvas, because np.roll wraps around
    shifts = itertools.product((-1, 0, 1), repeat=2)
    views = [np.roll(images, shift, (1, 2)).reshape(len(images), -1) for shift in shifts]
    expected = np.mean([predict(module, view) for view in views], axis=0, dtype=np.float64)
    assert_allclose(predict(module, rows, shifted=True), expected, rtol=1e-4, atol=1e-5)


class Corners(torch.nn.Module):
    """A module that returns the four corners of each image."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return images[:, 0, :: SIDE - 1, :: SIDE - 1].flatten(1)


def test_shifts_replicate_the_border_of_the_image():
    canvas = Canvas((SIDE, SIDE), SIDE**2, PixelStatistics(0.0, 0.0, 1.0, 0.0, 255.0, 10.0, 33.0, 255.0, 0.0))
    image = np.full((1, SIDE * SIDE), 7, dtype=np.uint8)
    corners = compute_in_chunks(Corners(), canvas, image, partial(mean_over_shifts, Corners()))
    assert_array_equal(corners, np.full((1, 4), 7, dtype=np.float32))
