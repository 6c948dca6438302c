"""Conversion of images to rows of pixels, and the shape of the images."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy import sparse

from sklenet._validation._images import as_rows, refuse_single_image, resolve_image_shape

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


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.array(["b.png", 3], dtype=object), TypeError, r"X holds text instead of pixels, such as 'b\.png'"),
        (["b.png", "c.png"], TypeError, r"X holds text instead of pixels, such as 'b\.png'"),
        (np.array([3, "b.png"], dtype=object), ValueError, r"Expected an array of images, got 1D .* \(2,\)"),
        ("b.png", TypeError, r"X holds text instead of pixels, such as 'b\.png'"),
        (["1", "2", "3"], ValueError, r"Expected an array of images, got 1D .* \(3,\)"),
        ([1.0, 2.0], ValueError, r"Expected an array of images, got 1D .* \(2,\)"),
        (pd.DataFrame({"a": [1], "b": ["c.png"]}), TypeError, r"The column 'b' of X holds text .* 'c\.png'"),
        (pd.DataFrame({"a": [np.zeros(3)]}), TypeError, r"The column 'a' of X holds arrays; pass np\.stack\(X\['a'"),
    ],
)
def test_what_is_no_array_of_images_is_named(X, error, message):
    with pytest.raises(error, match=message):
        as_rows(X)


@pytest.mark.parametrize("X", [pd.DataFrame({"a": ["1"], "b": ["2.5"]}), pd.DataFrame({"a": []}), np.float64(3)])
def test_what_scikit_learn_judges_is_returned(X):
    assert as_rows(X)[0] is X


@pytest.mark.parametrize(
    ("shape", "image_shape", "n_features", "message"),
    [
        ((8, 6), (8, 6), 48, r"X has 6 features, but .* expecting 48 .*\(8, 6\); pass X\[None\]"),
        ((8, 6, 1), (8, 6), 48, r"\(8, 6, 1\); pass X\[None, \.\.\., 0\]"),
        ((8, 6, 3), (8, 6), 48, r"\(8, 6, 3\); convert it to grayscale, and pass X\[None\]"),
        ((8, 6, 4), (8, 6), 48, r"\(8, 6, 4\); convert it to grayscale"),
    ],
)
def test_single_images_are_refused(shape, image_shape, n_features, message):
    with pytest.raises(ValueError, match=message):
        refuse_single_image(shape, image_shape, n_features)


@pytest.mark.parametrize(
    ("shape", "image_shape", "n_features"),
    [
        ((1, 6), (1, 6), 6),  # rows of six pixels
        ((8, 6), (6, 8), 48),
        ((8, 6, 2), (8, 6), 48),
        ((8, 6, 5), (8, 6), 48),
        ((3, 3, 3), (3, 3), 9),  # three images
        ((8, 6, 1, 1), (8, 6), 48),
        ((8, 5, 3), (8, 6), 48),
    ],
)
def test_arrays_of_images_are_no_single_image(shape, image_shape, n_features):
    refuse_single_image(shape, image_shape, n_features)


def test_seen_and_declared_shapes_of_two_images_of_equal_size_differ():
    assert as_rows(np.zeros((2, 1, 5, 7)))[0].shape == as_rows(np.zeros((2, 5, 7, 1)))[0].shape == (2, 35)
    with pytest.raises(ValueError, match=r"\(2, 5, 1, 1\).*cannot be read"):
        as_rows(np.zeros((2, 5, 1, 1)))
