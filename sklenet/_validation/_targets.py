"""Labels, classes and weights, and the split for early stopping."""

import math
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import check_classification_targets

from sklenet._private import _check_sample_weight

ClassWeight = dict[Any, float] | str | None


def weigh_samples(rows: NDArray[Any], sample_weight: ArrayLike | None) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Validate the sample weights, and select the samples of positive weight.

    Returns
    -------
    indices : ndarray of shape (n_positive,)
        Samples of positive weight.
    weights : ndarray of shape (n_positive,)
        Weights of these samples.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, all are zero, or their number is not that of the samples.
    """
    weights = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    indices = np.flatnonzero(weights)
    if len(indices) == 0:
        raise ValueError("sample_weight leaves no sample: at least one weight must be positive.")
    return indices, weights[indices]


def as_labels(y: Any) -> Any:
    """Refuse missing labels, and convert a column of a data frame to a NumPy array.

    NumPy cannot sort None, NaN or pandas.NA among other labels, or treats missing labels as a class. Columns of the
    nullable dtypes of pandas, and of polars and pyarrow, become arrays of ints, bools or text.

    Raises
    ------
    ValueError
        If a label is missing.
    """
    labels = np.asarray(y)
    if y is not None and labels.dtype == object and pd.isna(labels).any():
        raise ValueError("y contains NaN, None or another missing label; drop those samples, or name their class.")
    column = nw.from_native(y, series_only=True, pass_through=True)
    return column.to_numpy() if isinstance(column, nw.Series) else y


def find_classes(y: NDArray[Any]) -> NDArray[Any]:
    """Return the sorted labels of y.

    Raises
    ------
    ValueError
        If y has one class only, or the labels are continuous numbers.
    TypeError
        If labels of several types cannot be sorted.
    """
    try:
        classes = np.unique(y)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in y})
        raise TypeError(
            f"y has labels of the types {kinds}, which cannot be sorted; pass labels of one type."
        ) from error
    check_classification_targets(y)
    if len(classes) < 2:
        raise ValueError(
            "LeNetClassifier needs samples of at least two classes, with positive sample_weight; y has 1 class: "
            f"{classes.tolist()}."
        )
    return classes


def check_declared_classes(classes: ArrayLike | None, known: NDArray[Any] | None, y: NDArray[Any]) -> NDArray[Any]:
    """Return the classes of a series of partial fits.

    Parameters
    ----------
    classes : array-like or None
        Classes that the user declares in this call.
    known : ndarray or None
        Classes of earlier calls; None in the first call.
    y : ndarray of shape (n,)
        Labels of this call.

    Raises
    ------
    ValueError
        If `classes` is missing in the first call or differs in a later one, or y has a label that is not among them.
    """
    declared = None if classes is None else np.asarray(as_labels(classes))
    if known is None:
        if declared is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: every label that later calls may have."
            )
        known = find_classes(declared)
    if declared is not None and not np.array_equal(np.unique(declared), known):
        raise ValueError(
            f"classes={declared.tolist()} differs from the classes of earlier calls, {known.tolist()}; "
            "pass the same, or leave classes=None."
        )
    if len(unknown := np.setdiff1d(y, known)):
        raise ValueError(
            f"y has the labels {unknown.tolist()}, which are not among the declared classes {known.tolist()}; "
            "declare every label in the first call to partial_fit."
        )
    return known


def training_weights(
    targets: NDArray[np.intp],
    classes: NDArray[Any],
    sample_weight: NDArray[np.float64],
    class_weight: ClassWeight,
) -> NDArray[np.float32]:
    """Multiply sample weights by class weights, and scale the products to a mean of 1.

    Raises
    ------
    ValueError
        If `class_weight` has a weight that is negative or not finite, or a label whose type in y is another type.
    """
    # The weights are divided by the largest before sums and products, which could overflow.
    weights = sample_weight / sample_weight.max()
    weights *= _weight_of_classes(targets, classes, weights, class_weight)[targets]
    largest = weights.max()
    if largest == 0:
        raise ValueError("class_weight and sample_weight leave no sample a positive weight.")
    weights /= largest
    return (weights / weights.mean()).astype(np.float32)


def _weight_of_classes(
    targets: NDArray[np.intp], classes: NDArray[Any], sample_weight: NDArray[np.float64], class_weight: ClassWeight
) -> NDArray[np.float64]:
    if isinstance(class_weight, dict):
        _check_class_weight(class_weight, classes.tolist())
        return np.array([class_weight.get(label, 1.0) for label in classes.tolist()], dtype=np.float64)
    if class_weight is None:
        return np.ones(len(classes))
    # scikit-learn's compute_class_weight takes no sample_weight before release 1.7.
    totals = np.bincount(targets, weights=sample_weight)
    return totals.sum() / (len(totals) * totals)


def _check_class_weight(class_weight: dict[Any, float], classes: list[Any]) -> None:
    """Validate the weights of classes. Labels that y lacks are ignored, because a fold may lack a class."""
    for label, weight in class_weight.items():
        if not 0 <= weight < math.inf:
            raise ValueError(
                f"class_weight must be finite and not negative. Got {weight!r} for class {label!r} instead."
            )
        if label not in classes and str(label) in map(str, classes):
            known = next(known for known in classes if str(known) == str(label))
            raise ValueError(
                f"class_weight names the class {label!r} of type {type(label).__name__}, but in y the type of "
                f"{known!r} is {type(known).__name__}; name the classes as y does."
            )


def stratified_split(
    targets: NDArray[np.intp], classes: NDArray[Any], validation_fraction: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split samples for early stopping, stratified by class.

    Returns
    -------
    training, validation : ndarray of shape (n_training,), (n_validation,), intp
        Positions in `targets`.

    Raises
    ------
    ValueError
        If a class has a single sample, a part would be smaller than the number of classes, or the training part would
        lack a class.
    """
    counts = np.bincount(targets, minlength=len(classes))
    if counts.min() < 2:
        raise ValueError(
            f"early_stopping=True needs at least two samples of each class for a stratified split; class "
            f"{classes.tolist()[counts.argmin()]!r} has {counts.min()}. Add samples, or set early_stopping=False."
        )
    n_validation = math.ceil(validation_fraction * len(targets))
    n_training = len(targets) - n_validation
    if min(n_validation, n_training) < len(classes):
        raise ValueError(
            f"early_stopping=True with validation_fraction={validation_fraction} splits {len(targets)} samples into "
            f"{n_training} for training and {n_validation} for validation, but there are {len(classes)} classes; "
            "change validation_fraction so that each part can hold all classes, or set early_stopping=False."
        )
    indices = np.arange(len(targets))
    training, validation = train_test_split(indices, test_size=n_validation, stratify=targets, random_state=seed)
    if len(lost := np.setdiff1d(targets, targets[training])):
        raise ValueError(
            f"early_stopping=True with validation_fraction={validation_fraction} leaves the classes "
            f"{classes[lost].tolist()} no sample for training; lower validation_fraction, or set early_stopping=False."
        )
    return training, validation
