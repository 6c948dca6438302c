"""Labels in columns of pandas, polars and pyarrow."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from sklenet import LeNetClassifier
from sklenet._validation._targets import as_labels

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
