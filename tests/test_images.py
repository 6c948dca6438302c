"""What is accepted as images. Without torch."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy import sparse

from sklenet._validation._images import as_rows, resolve_image_shape

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
