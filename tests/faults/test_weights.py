"""Sample weights and class weights."""

import numpy as np
import pytest

from faults.helpers import X_SMALL, Y_SMALL, assert_same_model, lenet, read_only


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param(np.where(Y_SMALL == 3, -1.0, 1.0), id="negative"),
        pytest.param(np.where(Y_SMALL == 3, np.nan, 1.0), id="nan"),
        pytest.param(np.where(Y_SMALL == 3, np.inf, 1.0), id="inf"),
        pytest.param(np.zeros(40), id="all-zero"),
        pytest.param(np.ones(39), id="wrong-length"),
        pytest.param(np.ones((40, 1)), id="two-dimensional"),
        pytest.param(np.full(40, "heavy"), id="text"),
    ],
)
def test_invalid_sample_weight_is_refused(weights):
    words = "could not convert" if weights.dtype.kind == "U" else "(?i)sample.weight"
    with pytest.raises(ValueError, match=words):
        lenet().fit(X_SMALL, Y_SMALL, sample_weight=weights)
    with pytest.raises(ValueError, match=words):
        lenet().partial_fit(X_SMALL, Y_SMALL, range(10), sample_weight=weights)


def test_sample_weight_that_leaves_one_class_is_refused():
    with pytest.raises(ValueError, match="at least two classes, with positive sample_weight"):
        lenet().fit(X_SMALL, Y_SMALL, sample_weight=Y_SMALL == 3)


@pytest.mark.parametrize("scale", [pytest.param(1e308, id="huge"), pytest.param(1e-308, id="tiny")])
def test_scale_of_sample_weights_does_not_matter(scale):
    weighted = lenet().fit(X_SMALL, Y_SMALL, sample_weight=np.full(40, scale))
    assert_same_model(weighted, lenet().fit(X_SMALL, Y_SMALL))


def test_read_only_labels_and_weights_are_accepted():
    y, weights = read_only(Y_SMALL), read_only(np.linspace(0, 1, 40))
    assert_same_model(lenet().fit(X_SMALL, y, weights), lenet().fit(X_SMALL, Y_SMALL.copy(), weights.copy()))


@pytest.mark.parametrize(
    ("class_weight", "words"),
    [
        pytest.param({"3": 2.0}, "'3' of type str.*3 is int", id="text"),
        pytest.param({3: -1.0}, "-1", id="negative"),
        pytest.param({3: np.nan}, "3", id="nan"),
    ],
)
def test_invalid_class_weight_is_refused(class_weight, words):
    with pytest.raises(ValueError, match=f"class_weight.*{words}"):
        lenet(class_weight=class_weight).fit(X_SMALL, Y_SMALL)


@pytest.mark.parametrize(
    "class_weight",
    [
        pytest.param({3: 2.0}, id="left-out"),
        pytest.param({np.int64(3): np.float64(2)}, id="numpy-keys"),
        pytest.param({3: 2.0, 11: 5.0}, id="unknown"),
    ],
)
@pytest.mark.slow
def test_class_left_out_of_class_weight_has_weight_1(class_weight):
    by_class = lenet(class_weight=class_weight).fit(X_SMALL, Y_SMALL)
    by_sample = lenet().fit(X_SMALL, Y_SMALL, sample_weight=np.where(Y_SMALL == 3, 2.0, 1.0))
    assert_same_model(by_class, by_sample)
    assert (by_class.predict_proba(X_SMALL) != lenet().fit(X_SMALL, Y_SMALL).predict_proba(X_SMALL)).any()
