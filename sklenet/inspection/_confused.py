"""The confusions of a classifier as a table."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sklenet.inspection._inputs import as_class_indices, as_classes, check_count, check_lengths


def most_confused(y_true: ArrayLike, y_pred: ArrayLike, *, n_pairs: int | None = None) -> pd.DataFrame:
    """List the pairs of classes that are confused, the most frequent confusion first.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    n_pairs : int or None, default=None
        Number of rows at most. None lists all confusions.

    Returns
    -------
    table : pandas.DataFrame
        A row for each pair of a true and another, predicted class that occurs, with the columns `true`, `predicted`,
        `count`, the number of samples, and `rate`, the share of the samples of the true class. Of equal counts, the
        higher rate comes first. A classifier without mistakes has a table without rows.

    Raises
    ------
    ValueError
        If there are no samples, the numbers of labels differ, a label is missing, or `n_pairs` is not positive.

    See Also
    --------
    sklearn.metrics.confusion_matrix : All pairs of classes as a matrix.
    sklearn.metrics.ConfusionMatrixDisplay : The matrix as a picture.

    Examples
    --------
    >>> from sklenet.inspection import most_confused
    >>> most_confused(["4", "4", "4", "9", "9", "7"], ["9", "9", "4", "4", "9", "7"])
      true predicted  count      rate
    0    4         9      2  0.666667
    1    9         4      1  0.500000
    """
    if n_pairs is not None:
        check_count("most_confused", "n_pairs", n_pairs)
    check_lengths(y_true, y_pred)
    classes = as_classes("most_confused", None, y_true, y_pred)
    true = as_class_indices("most_confused", "y_true", y_true, classes)
    predicted = as_class_indices("most_confused", "y_pred", y_pred, classes)
    wrong = true != predicted
    pairs, counts = np.unique(np.column_stack([true, predicted])[wrong], axis=0, return_counts=True)
    table = pd.DataFrame(
        {
            "true": classes[pairs[:, 0]],
            "predicted": classes[pairs[:, 1]],
            "count": counts,
            "rate": counts / np.bincount(true)[pairs[:, 0]],
        }
    )
    return table.sort_values(["count", "rate"], ascending=False, kind="stable", ignore_index=True)[:n_pairs]
