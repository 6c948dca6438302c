"""The table of confusions against the confusion matrix."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import confusion_matrix

from sklenet.inspection import most_confused


@pytest.mark.slow
def test_table_has_the_confusions_of_the_matrix(classifiers, images):
    X, y = images
    predicted = classifiers["forest"].predict(X)
    table = most_confused(y, predicted)
    matrix = confusion_matrix(y, predicted)
    np.fill_diagonal(matrix, 0)
    assert_array_equal(matrix[table["true"], table["predicted"]], table["count"])
    assert table["count"].sum() == matrix.sum() > 0
    assert_allclose(table["rate"], table["count"] / np.bincount(y)[table["true"]])


def test_most_frequent_confusions_come_first_then_the_higher_rates():
    true = ["i"] * 5 + ["j", "j", "k", "l"]
    predicted = ["j", "j", "i", "i", "i", "i", "j", "i", "l"]
    table = most_confused(true, predicted)
    assert table[["true", "predicted"]].to_numpy().tolist() == [["i", "j"], ["k", "i"], ["j", "i"]]
    assert table["rate"].tolist() == [2 / 5, 1.0, 1 / 2]
    assert most_confused(true, predicted, n_pairs=1).equals(table[:1])


def test_class_that_is_predicted_alone_is_listed():
    table = most_confused([1, 1], [1, 7])
    assert table.to_dict("list") == {"true": [1], "predicted": [7], "count": [1], "rate": [0.5]}


def test_table_without_mistakes_has_no_rows():
    table = most_confused(pd.Series([1, 2]), pd.Series([1, 2]))
    assert list(table.columns) == ["true", "predicted", "count", "rate"]
    assert len(table) == 0


def test_wrong_labels_raise():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        most_confused([1, 2], [1])
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        most_confused([], [])
    with pytest.raises(ValueError, match="missing label"):
        most_confused([1, None], [1, 2])
    with pytest.raises(ValueError, match="Mix of label input types"):
        most_confused([1, 2], ["1", "2"])
