"""Refits, warm starts and partial fits on other data than before."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from faults.helpers import X_SMALL, Y_SMALL, assert_same_model, assert_unchanged, lenet


@pytest.mark.parametrize(
    ("images", "y"),
    [
        pytest.param(X_SMALL, Y_SMALL % 3, id="classes"),
        pytest.param(X_SMALL[:, 4:-4], Y_SMALL, id="image-shape"),
        pytest.param(X_SMALL[:, ::2, ::2], Y_SMALL % 2, id="both"),
    ],
)
@pytest.mark.slow
def test_refit_on_other_data_equals_a_first_fit(images, y):
    refitted = lenet().fit(X_SMALL, Y_SMALL).partial_fit(X_SMALL, Y_SMALL).fit(images, y)
    fresh = lenet().fit(images, y)
    assert_same_model(refitted, fresh, images)
    assert_array_equal(refitted.classes_, fresh.classes_)
    assert refitted.image_shape_ == fresh.image_shape_
    assert refitted.loss_curve_ == fresh.loss_curve_


@pytest.mark.parametrize(
    ("params", "images", "y", "words"),
    [
        pytest.param(
            {}, X_SMALL, Y_SMALL % 3, r"classes \[0, 1, .*9\], but y has \[0, 1, 2\].*warm_start=False", id="classes"
        ),
        pytest.param({}, X_SMALL[:, ::2, ::2], Y_SMALL, "X has 196 features.*expecting 784", id="features"),
        pytest.param({}, X_SMALL.reshape(40, 14, 56), Y_SMALL, r"\(14, 56\).*\(28, 28\)", id="image-shape"),
        pytest.param(
            {"image_shape": (14, 56)},
            X_SMALL.reshape(40, -1),
            Y_SMALL,
            r"\(14, 56\).*\(28, 28\)",
            id="image-shape-declared",
        ),
        pytest.param({"width": 2.0}, X_SMALL, Y_SMALL, "width", id="width"),
        pytest.param({"architecture": "1998"}, X_SMALL, Y_SMALL, "architecture", id="architecture"),
    ],
)
@pytest.mark.slow
def test_warm_start_refuses_other_data_and_another_network(params, images, y, words):
    model = lenet(warm_start=True).fit(X_SMALL, Y_SMALL).set_params(**params)
    with assert_unchanged(model), pytest.raises(ValueError, match=words):
        model.fit(images, y)


def test_first_partial_fit_needs_classes():
    model = lenet()
    message = "classes must be passed on the first call to partial_fit"
    with assert_unchanged(model), pytest.raises(ValueError, match=message):
        model.partial_fit(X_SMALL, Y_SMALL)


@pytest.mark.parametrize("is_first", [pytest.param(True, id="first"), pytest.param(False, id="later")])
def test_partial_fit_refuses_undeclared_labels(is_first):
    model = lenet() if is_first else lenet().partial_fit(X_SMALL, Y_SMALL % 3, classes=[0, 1, 2])
    y = np.where(Y_SMALL < 8, 1, Y_SMALL)
    with assert_unchanged(model), pytest.raises(ValueError, match=r"labels \[8, 9\].*declared classes \[0, 1"):
        model.partial_fit(X_SMALL, y, classes=[0, 1, 2] if is_first else None)


def test_partial_fit_refuses_other_classes_than_before():
    model = lenet().partial_fit(X_SMALL, Y_SMALL % 3, classes=[2, 1, 0])
    assert_array_equal(model.classes_, [0, 1, 2])
    with assert_unchanged(model), pytest.raises(ValueError, match=r"classes=\[0, 1\] differs.*\[0, 1, 2\]"):
        model.partial_fit(X_SMALL, Y_SMALL % 2, classes=[0, 1])
