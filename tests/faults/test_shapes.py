"""Layouts, sizes and numbers of images."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from faults.helpers import (
    IMAGES,
    X_SMALL,
    X_TEST,
    X_TRAIN,
    Y_SMALL,
    Y_TEST,
    Y_TRAIN,
    assert_refused,
    assert_same_model,
    bright_or_dark,
    lenet,
)


@pytest.mark.slow
def test_label_column_left_in_warns():
    table = np.column_stack([Y_TRAIN, X_TRAIN.reshape(300, -1)])
    with pytest.warns(UserWarning, match="785 features.*do not form a square image; padded to 29×29"):
        model = lenet(max_epochs=5).fit(table, Y_TRAIN)
    assert model.image_shape_ == (29, 29)
    assert model.score(table, Y_TRAIN) > 0.8


def test_image_shape_of_another_number_of_features_is_refused():
    with pytest.raises(ValueError, match=r"785 features.*image_shape=\(28, 28\) needs 28×28=784"):
        lenet(image_shape=(28, 28)).fit(np.zeros((40, 785)), Y_SMALL)


def test_image_shape_that_contradicts_the_images_is_refused():
    with pytest.raises(ValueError, match=r"images of shape \(28, 28\), but image_shape=\(14, 56\)"):
        lenet(image_shape=(14, 56)).fit(X_SMALL, Y_SMALL)


@pytest.mark.parametrize("shape", [pytest.param((3, 100), id="pixels"), pytest.param((3, 10, 10), id="images")])
def test_predict_refuses_another_number_of_features(digits_model, shape):
    with pytest.raises(ValueError, match="X has 100 features, but LeNetClassifier is expecting 784"):
        digits_model.predict(np.zeros(shape))


def test_predict_refuses_another_shape_of_as_many_pixels(digits_model):
    with pytest.raises(ValueError, match=r"images of shape \(14, 56\).*fitted on images of shape \(28, 28\)"):
        digits_model.predict(X_TEST.reshape(-1, 14, 56))


def test_rows_of_pixels_equal_images():
    rows = X_SMALL.reshape(40, -1)
    from_images, from_rows = lenet().fit(X_SMALL, Y_SMALL), lenet().fit(rows, Y_SMALL)
    assert_same_model(from_images, from_rows)
    assert_array_equal(from_images.predict_proba(X_SMALL), from_images.predict_proba(rows))
    assert_array_equal(from_rows.predict_proba(X_SMALL), from_rows.predict_proba(rows))


@pytest.mark.parametrize("shape", [pytest.param((40, 1, 28, 28), id="nchw"), pytest.param((40, 28, 28, 1), id="nhwc")])
@pytest.mark.slow
def test_one_channel_equals_no_channel(shape):
    expected, model = lenet().fit(X_SMALL, Y_SMALL), lenet().fit(X_SMALL.reshape(shape), Y_SMALL)
    assert model.image_shape_ == (28, 28)
    assert_same_model(model, expected)
    assert_array_equal(model.predict_proba(X_SMALL.reshape(shape)), expected.predict_proba(X_SMALL))


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((5, 28, 28, 3), id="nhwc"),
        pytest.param((5, 3, 32, 32), id="nchw"),
        pytest.param((5, 28, 28, 4), id="alpha"),
    ],
)
def test_colour_images_are_refused(digits_model, shape):
    assert_refused(digits_model, np.zeros(shape), ValueError, "expects one channel; convert to grayscale")


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((5, 1, 1, 28), id="n11w"),
        pytest.param((5, 28, 1, 1), id="nh11"),
        pytest.param((5, 1, 28, 1), id="n1h1"),
        pytest.param((5, 1, 28, 28, 1), id="5-d"),
    ],
)
def test_ambiguous_shapes_are_refused(digits_model, shape):
    accepted = re.escape("accepted are (n, pixels), (n, height, width), (n, 1, height, width) or (n, height, width, 1)")
    assert_refused(digits_model, np.zeros(shape), ValueError, accepted)


def test_predict_refuses_a_single_image(digits_model):
    with pytest.raises(ValueError, match=r"X has 28 features, but LeNetClassifier is expecting 784.*pass X\[None\]"):
        digits_model.predict(X_TEST[0])


@pytest.mark.parametrize(
    "row", [pytest.param(X_TEST[0].ravel(), id="pixels"), pytest.param(X_TEST[0].ravel().tolist(), id="list")]
)
def test_predict_refuses_a_single_row_of_pixels(digits_model, row):
    with pytest.raises(ValueError, match=r"of shape \(784,\). Reshape your data: X\[None\]"):
        digits_model.predict(row)


def test_predict_refuses_a_scalar(digits_model):
    with pytest.raises(ValueError, match="scalar"):
        digits_model.predict(3.0)


@pytest.mark.slow
def test_transposed_images_are_not_detected(digits_model):
    # Predictions are wrong without a warning, and right where the training images were transposed, too.
    upright, transposed = X_TEST, X_TEST.transpose(0, 2, 1)
    assert digits_model.score(transposed, Y_TEST) < 0.6
    assert digits_model.score(upright, Y_TEST) > 0.8
    model = lenet(max_epochs=5).fit(X_TRAIN.transpose(0, 2, 1), Y_TRAIN)
    assert model.score(transposed, Y_TEST) > 0.8


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 5), (5, 5), (11, 11), (1, 11)], ids="{0[0]}x{0[1]}".format)
@pytest.mark.slow
def test_images_smaller_than_the_receptive_field_are_fitted(shape):
    images, y = bright_or_dark(*shape)
    model = lenet(max_epochs=10).fit(images, y)
    assert model.image_shape_ == shape
    assert model.score(images, y) == 1


@pytest.mark.parametrize("shape", [(33, 33), (64, 64), (105, 105), (300, 2), (1, 300)], ids="{0[0]}x{0[1]}".format)
@pytest.mark.slow
def test_images_larger_than_the_canvas_are_fitted(shape):
    images, y = bright_or_dark(*shape)
    model = lenet(max_epochs=10).fit(images, y)
    assert model.score(images, y) == 1


@pytest.mark.slow
def test_digits_larger_than_the_canvas_are_recognised():
    large = IMAGES[:500, 2:-2, 2:-2].repeat(4, axis=1).repeat(4, axis=2)  # 96×96
    assert lenet(max_epochs=5).fit(large[:300], Y_TRAIN).score(large[300:], Y_TEST) > 0.8


@pytest.mark.slow
def test_images_that_are_not_square_are_fitted():
    images = X_TRAIN[:, 4:-4]
    from_images = lenet(max_epochs=5).fit(images, Y_TRAIN)
    from_rows = lenet(max_epochs=5, image_shape=(20, 28)).fit(images.reshape(300, -1), Y_TRAIN)
    assert from_images.image_shape_ == from_rows.image_shape_ == (20, 28)
    assert_same_model(from_images, from_rows, images)
    assert from_images.score(X_TEST[:, 4:-4], Y_TEST) > 0.8


@pytest.mark.parametrize("shape", [pytest.param((0, 784), id="pixels"), pytest.param((0, 28, 28), id="images")])
def test_no_samples_are_refused(digits_model, shape):
    assert_refused(digits_model, np.zeros(shape), ValueError, re.escape("Found array with 0 sample(s)"))


@pytest.mark.parametrize("shape", [pytest.param((0, 784), id="pixels"), pytest.param((0, 28, 28), id="images")])
def test_predict_proba_refuses_no_samples(digits_model, shape):
    with pytest.raises(ValueError, match=re.escape("Found array with 0 sample(s)")):
        digits_model.predict_proba(np.zeros(shape))


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((5, 0), id="no-pixels"),
        pytest.param((5, 0, 28), id="no-rows"),
        pytest.param((5, 28, 0), id="no-columns"),
        pytest.param((5, 1, 0, 28), id="no-rows-nchw"),
    ],
)
def test_no_features_are_refused(digits_model, shape):
    assert_refused(digits_model, np.zeros(shape), ValueError, re.escape("0 feature(s)"))


def test_one_sample_is_too_few_for_fit():
    with pytest.raises(ValueError, match="1 class"):
        lenet().fit(X_SMALL[:1], Y_SMALL[:1])


def test_one_sample_is_predicted(digits_model):
    assert digits_model.predict_proba(X_TEST[:1]).shape == (1, 10)
    assert digits_model.predict(X_TEST[:1]).shape == (1,)
