"""Pixels of another scale, polarity or dtype, and values that are not finite real numbers."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

from faults.helpers import X_SMALL, X_TEST, X_TRAIN, Y_SMALL, Y_TEST, Y_TRAIN, assert_refused, assert_same_model, lenet


def test_scaled_images_warn_after_a_fit_on_0_to_255(digits_model):
    with pytest.warns(UserWarning, match=r"X spans \[0, 1\] but the model was fitted on \[0, 255\]"):
        digits_model.predict(X_TEST / 255)


def test_unscaled_images_warn_after_a_fit_on_0_to_1():
    model = lenet().fit(X_TRAIN / 255, Y_TRAIN)
    with pytest.warns(UserWarning, match=r"X spans \[0, 255\] but the model was fitted on \[0, 1\]"):
        probabilities = model.predict_proba(X_TEST)
    assert np.isfinite(probabilities).all()


@pytest.mark.parametrize(
    "brightest", [pytest.param(np.finfo(np.float32).max, id="float32-max"), pytest.param(1e36, id="1e36")]
)
def test_probabilities_of_huge_pixels_are_finite(digits_model, brightest):
    with pytest.warns(UserWarning, match="X spans"):
        probabilities = digits_model.predict_proba(X_TEST[:1] * np.float32(brightest / 255))
    assert np.isfinite(probabilities).all()


def test_inverted_images_warn(digits_model):
    with pytest.warns(UserWarning, match="inverted"):
        digits_model.predict(255 - X_TEST)


@pytest.mark.parametrize(
    "images",
    [
        pytest.param(np.zeros_like(X_TRAIN[:1]), id="one-blank-image"),
        pytest.param(X_TEST[Y_TEST == 1], id="ones-only"),
        pytest.param(X_TEST[:10], id="ten-images"),
    ],
)
def test_upright_polarity_does_not_warn(digits_model, images):
    digits_model.predict(images)  # pytest turns a warning into an error


def test_uint8_equals_float32_because_arithmetic_does_not_overflow():
    from_uint8, from_float32 = lenet().fit(X_SMALL, Y_SMALL), lenet().fit(X_SMALL.astype(np.float32), Y_SMALL)
    assert_same_model(from_uint8, from_float32)
    assert_array_equal(from_uint8.predict_proba(X_SMALL), from_uint8.predict_proba(X_SMALL.astype(np.float32)))


@pytest.mark.parametrize(
    "dtype", ["b", "h", "H", "i", "I", "l", "L", "e", "d", "g"], ids=lambda code: np.dtype(code).name
)
@pytest.mark.slow
def test_equal_values_of_any_dtype_give_the_same_model(dtype):
    values = X_SMALL // 2  # the range of int8
    expected = lenet().fit(values, Y_SMALL)
    assert_same_model(lenet().fit(values.astype(dtype), Y_SMALL), expected, values)
    assert_array_equal(expected.predict_proba(values.astype(dtype)), expected.predict_proba(values))


def test_bool_images_equal_images_of_0_and_1():
    values = X_SMALL > 127
    expected = lenet().fit(values.astype(np.float32), Y_SMALL)
    assert_same_model(lenet().fit(values.astype(bool), Y_SMALL), expected, values)
    assert_array_equal(expected.predict_proba(values), expected.predict_proba(values.astype(np.uint8)))


def test_uint8_images_cast_to_negative_int8_warn_in_predict(digits_model):
    with pytest.warns(UserWarning, match=r"X spans \[-\d+, 127\] but the model was fitted on \[0, 255\]"):
        digits_model.predict(X_TEST.astype(np.int8))


@pytest.mark.slow
def test_fit_takes_negative_int8_pixels_as_they_are():
    # The cast makes bright strokes darker than the background, but the images can still be told apart.
    images = X_TRAIN.astype(np.int8)
    model = lenet(max_epochs=5).fit(images, Y_TRAIN)
    assert_same_model(model, lenet(max_epochs=5).fit(images.astype(np.float32), Y_TRAIN), images)
    assert model.score(images, Y_TRAIN) > 0.8


@pytest.mark.parametrize(
    ("value", "word"),
    [
        pytest.param(np.nan, "NaN", id="nan"),
        pytest.param(np.inf, "infinity", id="inf"),
        pytest.param(-np.inf, "infinity", id="minus-inf"),
    ],
)
def test_one_pixel_that_is_not_finite_is_refused(digits_model, value, word):
    images = X_SMALL.astype(np.float64)
    images[3, 4, 5] = value
    for X in (images, images.astype(np.float16), images.reshape(40, -1), pd.DataFrame(images.reshape(40, -1))):
        assert_refused(digits_model, X, ValueError, word)


def test_pixel_that_overflows_float32_is_refused(digits_model):
    images = X_SMALL.astype(np.float64)
    images[3, 4, 5] = 1e39
    assert_refused(digits_model, images, ValueError, re.escape("too large for dtype('float32')"))


def test_complex_pixels_are_refused(digits_model):
    assert_refused(digits_model, X_SMALL * 1j, ValueError, "Complex data not supported")


@pytest.mark.parametrize(
    "sparse",
    [
        pytest.param(scipy.sparse.csr_matrix(X_SMALL.reshape(40, -1)), id="csr-matrix"),
        pytest.param(scipy.sparse.csr_array(X_SMALL.reshape(40, -1)), id="csr-array"),
        pytest.param(scipy.sparse.coo_array(X_SMALL.reshape(40, -1)), id="coo-array"),
        pytest.param(scipy.sparse.coo_array(X_SMALL), id="three-dimensional"),
    ],
)
def test_sparse_pixels_are_refused(digits_model, sparse):
    assert_refused(digits_model, sparse, TypeError, r"Sparse data was passed.*toarray\(\)")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param({}, "dict", id="dict"),
        pytest.param("ink", "ink", id="str"),
        pytest.param([1, 2], "list|sequence", id="list"),
        pytest.param(None, "None|NaN", id="none"),
    ],
)
def test_object_in_place_of_a_pixel_is_refused(digits_model, value, words):
    images = X_SMALL.astype(object)
    images[3, 4, 5] = value
    for X in (images, images.reshape(40, -1)):
        assert_refused(digits_model, X, (TypeError, ValueError), words)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(0, id="zeros"),
        pytest.param(255, id="white"),
        pytest.param(0.1, id="fraction"),
        pytest.param(1e30, id="huge"),
        pytest.param(-3.5, id="negative"),
        pytest.param(1e-40, id="tiny"),
    ],
)
@pytest.mark.slow
def test_probabilities_of_constant_images_are_finite(value):
    images = np.full((40, 8, 8), value)
    probabilities = lenet().fit(images, np.arange(40) % 2).predict_proba(images)
    assert np.isfinite(probabilities).all()
    assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
