"""Conversion of images to rows of pixels, and the shape of the images."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy import sparse

from sklenet._validation._images import as_rows, resolve_image_shape

UNDECLARED = {"declared": None, "seen": None}


def enumerate_pixels(*shape):
    return np.arange(np.prod(shape)).reshape(shape)


@pytest.mark.parametrize("shape", [(3, 5, 7), (3, 1, 5, 7), (3, 5, 7, 1)])
def test_layouts_are_flattened_in_row_major_order(shape):
    rows, image_shape = as_rows(enumerate_pixels(*shape))
    assert image_shape == (5, 7)
    assert_array_equal(rows, enumerate_pixels(3, 35))


def test_channel_axis_may_be_first_or_last():
    assert as_rows(enumerate_pixels(2, 1, 5, 7))[1] == (5, 7)
    assert as_rows(enumerate_pixels(2, 5, 7, 1))[1] == (5, 7)


@pytest.mark.parametrize(
    "convert", [np.asfortranarray, np.ndarray.tolist, torch.from_numpy, lambda X: X[::1, ::-1][:, ::-1]]
)
def test_rows_do_not_depend_on_memory_layout_or_container(convert):
    rows, image_shape = as_rows(convert(enumerate_pixels(3, 5, 7)))
    assert image_shape == (5, 7)
    assert_array_equal(rows, enumerate_pixels(3, 35))


@pytest.mark.parametrize("convert", [pd.DataFrame, sparse.csr_array, np.asarray])
def test_two_dimensional_input_is_returned_unchanged(convert):
    X = convert(enumerate_pixels(3, 4))
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
def test_shapes_other_than_of_grayscale_images_raise(shape, message):
    with pytest.raises(ValueError, match=message):
        as_rows(np.zeros(shape))


def test_tensors_that_require_grad_raise():
    with pytest.raises(ValueError, match=r"X\.detach\(\)"):
        as_rows(torch.zeros(2, 4, requires_grad=True))


def test_tensors_on_another_device_raise():
    with pytest.raises(ValueError, match=r"'meta'; pass X\.cpu\(\)"):
        as_rows(torch.zeros(2, 4, device="meta"))


@pytest.mark.parametrize("side", [1, 2, 3, 8, 28, 32, 1000])
def test_square_number_of_features_gives_a_square_image(side):
    assert resolve_image_shape(side * side, **UNDECLARED) == (side, side)


@pytest.mark.parametrize(("n_features", "side"), [(2, 2), (63, 8), (65, 9), (785, 29)])
def test_other_numbers_of_features_are_padded_with_a_warning(n_features, side):
    with pytest.warns(UserWarning, match=rf"The {n_features} features.*padded to {side}×{side}.*label"):
        assert resolve_image_shape(n_features, **UNDECLARED) == (side, side)


def test_declared_shape_is_used_without_a_warning():
    assert resolve_image_shape(35, declared=(5, 7), seen=None) == (5, 7)
    assert resolve_image_shape(36, declared=(4, 9), seen=(4, 9)) == (4, 9)


def test_seen_shape_is_used_without_a_warning():
    assert resolve_image_shape(35, declared=None, seen=(5, 7)) == (5, 7)


def test_mismatching_declared_shape_raises_with_both_shapes():
    with pytest.raises(ValueError, match=r"36 features.*5×7=35"):
        resolve_image_shape(36, declared=(5, 7), seen=None)
    with pytest.raises(ValueError, match=r"\(9, 4\).*image_shape=\(4, 9\)"):
        resolve_image_shape(36, declared=(4, 9), seen=(9, 4))
