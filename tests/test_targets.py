"""Labels in columns of pandas, polars and pyarrow."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from sklenet import LeNetClassifier
from sklenet._validation._targets import as_labels, stratified_split, training_weights, weigh_samples

X, y = load_digits(n_class=3, return_X_y=True)
X, y = X[:60], y[:60]
INTS, BOOLS, TEXT = y + 5, y > 0, np.array(["a", "b", "c"])[y]

COLUMNS = {
    "pandas Int64": (pd.Series(INTS, dtype="Int64"), "i", INTS),
    "pandas UInt8": (pd.Series(INTS, dtype="UInt8"), "u", INTS),
    "pandas int64[pyarrow]": (pd.Series(INTS, dtype="int64[pyarrow]"), "i", INTS),
    "pandas boolean": (pd.Series(BOOLS, dtype="boolean"), "b", BOOLS),
    "pandas bool[pyarrow]": (pd.Series(BOOLS, dtype="bool[pyarrow]"), "b", BOOLS),
    "pandas str": (pd.Series(TEXT), "OU", TEXT),
    "pandas category": (pd.Series(TEXT, dtype="category"), "OU", TEXT),
    "polars ints": (pl.Series(INTS), "i", INTS),
    "polars bools": (pl.Series(BOOLS), "b", BOOLS),
    "polars text": (pl.Series(TEXT.tolist()), "OU", TEXT),
    "pyarrow ints": (pa.chunked_array([INTS]), "i", INTS),
    "pyarrow text": (pa.chunked_array([TEXT.tolist()]), "OU", TEXT),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.slow
def test_classes_have_the_kind_of_the_column(name):
    column, kind, values = COLUMNS[name]
    model = LeNetClassifier(max_epochs=1, random_state=0).fit(X, column)
    assert model.classes_.dtype.kind in kind
    assert_array_equal(model.classes_, np.unique(values))
    assert model.predict(X).dtype.kind in kind


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.slow
def test_declared_classes_may_be_a_column(name):
    column, kind, values = COLUMNS[name]
    model = LeNetClassifier(random_state=0).partial_fit(X, column, classes=column)
    assert model.classes_.dtype.kind in kind
    assert_array_equal(model.classes_, np.unique(values))


MISSING = {
    "pandas Int64": pd.Series([1, None, 2], dtype="Int64"),
    "pandas boolean": pd.Series([True, None, False], dtype="boolean"),
    "polars ints": pl.Series([1, None, 2]),
    "polars text": pl.Series(["a", None, "b"]),
    "pyarrow ints": pa.chunked_array([[1, None, 2]]),
    "pyarrow text": pa.chunked_array([["a", None, "b"]]),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_labels_in_a_column_raise(name):
    with pytest.raises(ValueError, match=r"NaN|missing"):
        LeNetClassifier().fit(X[:3], MISSING[name])


def test_labels_without_a_column_type_are_returned_unchanged():
    for labels in (INTS, INTS.tolist(), INTS[:, None]):
        assert as_labels(labels) is labels


TARGETS, NAMES = np.array([0, 0, 0, 1]), np.array(["a", "b"])


@pytest.mark.parametrize(
    ("sample_weight", "class_weight", "expected"),
    [
        ([1, 1, 1, 1], None, [1, 1, 1, 1]),
        ([1, 2, 3, 2], None, [0.5, 1, 1.5, 1]),
        ([1, 1, 1, 1], {"b": 5}, [0.5, 0.5, 0.5, 2.5]),
        ([1, 1, 1, 1], {"a": 0, "c": 7}, [0, 0, 0, 4]),
        ([1, 1, 1, 1], "balanced", [2 / 3, 2 / 3, 2 / 3, 2]),
        ([1, 1, 2, 2], "balanced", [0.5, 0.5, 1, 2]),
        ([1e308, 1e308, 1e308, 1e308], {"a": 1e308, "b": 1e308}, [1, 1, 1, 1]),
        ([5e-324, 0, 5e-324, 5e-324], None, [4 / 3, 0, 4 / 3, 4 / 3]),
    ],
)
def test_weights_are_products_of_mean_1(sample_weight, class_weight, expected):
    weights = training_weights(TARGETS, NAMES, np.array(sample_weight, float), class_weight)
    assert weights.dtype == np.float32
    assert_allclose(weights, expected, rtol=1e-6)


@pytest.mark.parametrize("weight", [-1e-300, np.inf, np.nan, -np.inf])
def test_weights_of_classes_are_finite_and_not_negative(weight):
    with pytest.raises(ValueError, match=f"finite and not negative. Got {weight!r} for class 'b'"):
        training_weights(TARGETS, NAMES, np.ones(4), {"a": 1, "b": weight})


def test_weights_must_leave_a_sample():
    with pytest.raises(ValueError, match="class_weight and sample_weight leave no sample"):
        training_weights(TARGETS, NAMES, np.ones(4), {"a": 0, "b": 0})
    with pytest.raises(ValueError, match=r"(?i)sample.weight"):
        weigh_samples(np.zeros((2, 3)), [0, 0])


def test_samples_of_positive_weight_are_selected():
    indices, weights = weigh_samples(np.zeros((4, 3)), [0, 2, 0, 0.5])
    assert_array_equal(indices, [1, 3])
    assert_array_equal(weights, [2, 0.5])
    indices, weights = weigh_samples(np.zeros((2, 3)), None)
    assert_array_equal(indices, [0, 1])
    assert_array_equal(weights, [1, 1])


@pytest.mark.parametrize(
    ("counts", "fraction", "n_validation"),
    [([5, 5], 0.2, 2), ([5, 5], 0.21, 3), ([6, 5], 0.2, 3), ([5, 5], 0.8, 8), ([2, 2], 0.5, 2)],
)
def test_held_out_samples_are_rounded_up(counts, fraction, n_validation):
    targets = np.repeat([0, 1], counts)
    training, validation = stratified_split(targets, NAMES, fraction, seed=3)
    assert len(validation) == n_validation
    assert_array_equal(np.sort([*training, *validation]), np.arange(len(targets)))
    again = stratified_split(targets, NAMES, fraction, seed=3)
    assert_array_equal(again[1], validation)


@pytest.mark.parametrize(
    ("counts", "fraction", "message"),
    [
        ([5, 1], 0.5, "at least two samples of each class .* class 'b' has 1"),
        ([5, 5], 0.1, "into 9 for training and 1 for validation, but there are 2 classes"),
        ([5, 5], 0.81, "into 1 for training and 9 for validation"),
    ],
)
def test_splits_that_lack_classes_are_refused(counts, fraction, message):
    with pytest.raises(ValueError, match=message):
        stratified_split(np.repeat([0, 1], counts), NAMES, fraction, seed=0)
