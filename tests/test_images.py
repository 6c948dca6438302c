"""What is accepted as images, what is learned of their pixels, and what looks wrong later. Without torch."""

import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sklenet import _images
from sklenet._images import PixelStatistics, as_rows, resolve_image_shape

SQUARE = {"declared": None, "seen": None}


def numbered(*shape):
    return np.arange(np.prod(shape)).reshape(shape)


@pytest.mark.parametrize("shape", [(3, 5, 7), (3, 1, 5, 7), (3, 5, 7, 1)])
def test_layouts_become_rows_in_reading_order(shape):
    rows, image_shape = as_rows(numbered(*shape))
    assert image_shape == (5, 7)
    assert_array_equal(rows, numbered(3, 35))


def test_one_channel_last_and_a_height_of_one_are_told_apart():
    assert as_rows(numbered(2, 1, 5, 7))[1] == (5, 7)
    assert as_rows(numbered(2, 5, 7, 1))[1] == (5, 7)


@pytest.mark.parametrize(
    "kind", [np.asfortranarray, np.ndarray.tolist, torch.from_numpy, lambda X: X[::1, ::-1][:, ::-1]]
)
def test_layout_in_memory_and_container_do_not_matter(kind):
    rows, image_shape = as_rows(kind(numbered(3, 5, 7)))
    assert image_shape == (5, 7)
    assert_array_equal(rows, numbered(3, 35))


@pytest.mark.parametrize("kind", [pd.DataFrame, sparse.csr_array, np.asarray])
def test_two_dimensions_pass_through_untouched(kind):
    X = kind(numbered(3, 4))
    rows, image_shape = as_rows(X)
    assert rows is X
    assert image_shape is None


def test_uint8_images_are_not_copied():
    X = np.zeros((3, 5, 7), dtype=np.uint8)
    rows, _ = as_rows(X)
    assert rows.dtype == np.uint8
    assert np.shares_memory(rows, X)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 5, 7, 3), r"\(3, 5, 7, 3\).*one channel; convert to grayscale"),
        ((3, 3, 5, 7), r"\(3, 3, 5, 7\).*one channel; convert to grayscale"),
        ((3, 1, 5, 1), r"\(3, 1, 5, 1\).*cannot be read"),
        ((3, 1, 1, 5, 7), r"\(3, 1, 1, 5, 7\).*cannot be read"),
    ],
)
def test_what_is_no_grayscale_image_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        as_rows(np.zeros(shape))


def test_tensors_that_require_grad_are_refused():
    with pytest.raises(ValueError, match=r"X\.detach\(\)"):
        as_rows(torch.zeros(2, 4, requires_grad=True))


def test_tensors_elsewhere_are_refused():
    with pytest.raises(ValueError, match=r"'meta'; pass X\.cpu\(\)"):
        as_rows(torch.zeros(2, 4, device="meta"))


@pytest.mark.parametrize("side", [1, 2, 3, 8, 28, 32, 1000])
def test_a_square_number_of_features_is_a_square(side):
    assert resolve_image_shape(side * side, **SQUARE) == (side, side)


@pytest.mark.parametrize(("n_features", "side"), [(2, 2), (63, 8), (65, 9), (785, 29)])
def test_any_other_number_is_padded_with_a_warning(n_features, side):
    with pytest.warns(UserWarning, match=rf"The {n_features} features.*padded to {side}×{side}.*label"):
        assert resolve_image_shape(n_features, **SQUARE) == (side, side)


def test_declared_shape_wins_without_a_warning():
    assert resolve_image_shape(35, declared=(5, 7), seen=None) == (5, 7)
    assert resolve_image_shape(36, declared=(4, 9), seen=(4, 9)) == (4, 9)


def test_seen_shape_is_taken_without_a_warning():
    assert resolve_image_shape(35, declared=None, seen=(5, 7)) == (5, 7)


def test_declared_shape_that_does_not_fit_names_both_numbers():
    with pytest.raises(ValueError, match=r"36 features.*5×7=35"):
        resolve_image_shape(36, declared=(5, 7), seen=None)
    with pytest.raises(ValueError, match=r"\(9, 4\).*image_shape=\(4, 9\)"):
        resolve_image_shape(36, declared=(4, 9), seen=(9, 4))


def border_median(rows, shape):
    images = rows.reshape(-1, *shape)
    frame = np.concatenate([images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], axis=1)
    return np.median(frame)


@pytest.mark.parametrize("n_images", [3, 1000, 2100])  # 1,024 are read at once
@pytest.mark.parametrize("offset", [0, 10_000])
def test_statistics_are_numpys(n_images, offset):
    shape = (5, 7)
    rows = offset + np.random.default_rng(0).random((n_images, 35), dtype=np.float32)
    found = PixelStatistics.of(rows, shape)

    exact = rows.astype(np.float64)
    assert_allclose(found.mean, exact.mean(), rtol=1e-6)
    assert_allclose(found.scale, exact.std(), rtol=1e-4)
    assert_allclose(found.spread, exact.mean(axis=1).std(), rtol=1e-4)
    assert (found.low, found.high) == (rows.min(), rows.max())
    if n_images <= 1000:
        assert_allclose(found.background, border_median(rows, shape), rtol=1e-6)
    else:
        assert_allclose(found.background, offset + 0.5, atol=0.03)


def test_background_is_the_paper_and_not_the_ink():
    images = np.full((20, 8, 8), 255, dtype=np.uint8)
    images[:, 2:6, 2:6] = 0
    assert PixelStatistics.of(images.reshape(20, 64), (8, 8)).background == 255


def test_background_of_padded_rows_leaves_the_padding_out():
    assert PixelStatistics.of(np.full((5, 60), 3, dtype=np.uint8), (8, 8)).background == 3


@pytest.mark.parametrize("value", [0.0, 0.1, 255.0])
def test_scale_is_1_where_all_pixels_are_the_same(value):
    assert PixelStatistics.of(np.full((30, 64), value, dtype=np.float32), (8, 8)).scale == 1


def test_statistics_do_not_depend_on_dtype_or_memory_layout():
    rows = np.random.default_rng(0).integers(0, 256, (1500, 64)).astype(np.uint8)
    found = PixelStatistics.of(rows, (8, 8))
    wide = np.zeros((1500, 128), dtype=np.float32)
    wide[:, ::2] = rows
    for same in (rows.astype(np.float32), np.asfortranarray(rows), wide[:, ::2]):
        assert PixelStatistics.of(same, (8, 8)) == found


@pytest.fixture
def digits_like():
    """Dark images with some ink, 0 to 255."""
    rng = np.random.default_rng(0)
    return np.where(rng.random((200, 64)) < rng.uniform(0.1, 0.3, (200, 1)), rng.integers(128, 256, (200, 64)), 0)


@pytest.mark.parametrize("factor", [1 / 255, 100])
def test_another_scale_warns(digits_like, factor):
    learned = PixelStatistics.of(digits_like, (8, 8))
    with pytest.warns(UserWarning, match=r"X spans .* but the model was fitted on \[0, 255\]"):
        learned.warn_if_unlike(digits_like * factor)


def test_shifted_pixels_warn(digits_like):
    learned = PixelStatistics.of(digits_like, (8, 8))
    with pytest.warns(UserWarning, match="scale the pixels"):
        learned.warn_if_unlike(digits_like.astype(np.float32) - 128)


def test_inverted_polarity_warns(digits_like):
    learned = PixelStatistics.of(digits_like, (8, 8))
    with pytest.warns(UserWarning, match="are the images inverted"):
        learned.warn_if_unlike(255 - digits_like)


def test_images_of_the_same_kind_do_not_warn(digits_like):
    learned = PixelStatistics.of(digits_like[:100], (8, 8))
    learned.warn_if_unlike(digits_like[100:])
    learned.warn_if_unlike(digits_like[100:110].astype(np.float32))


@pytest.mark.parametrize("n_images", [0, 1, 9])
def test_few_images_never_warn(digits_like, n_images):
    learned = PixelStatistics.of(digits_like, (8, 8))
    learned.warn_if_unlike(np.zeros((n_images, 64)))
    learned.warn_if_unlike(np.full((n_images, 64), 1e6))


def test_imports_and_works_without_torch():
    script = f"""
    import importlib.util, sys
    sys.modules.update(dict.fromkeys(["torch", "skorch", "sklearn", "scipy", "pandas"]))  # None: not to be imported
    spec = importlib.util.spec_from_file_location("alone", {_images.__file__!r})
    module = importlib.util.module_from_spec(spec)
    sys.modules["alone"] = module
    spec.loader.exec_module(module)
    import numpy as np
    rows, shape = module.as_rows(np.zeros((3, 4, 5)))
    assert shape == (4, 5)
    assert module.PixelStatistics.of(rows, shape).background == 0
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=60)


def test_no_warning_filter_is_changed(digits_like):
    before = list(warnings.filters)
    PixelStatistics.of(digits_like, (8, 8)).warn_if_unlike(digits_like)
    assert warnings.filters == before
