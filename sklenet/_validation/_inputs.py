"""Validation of what an estimator is given, against itself and against the fitted model."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sklenet._checks import check_image_shape
from sklenet._engine import Model, Shape, TrainingData
from sklenet._validation._images import as_rows, refuse_single_image, resolve_image_shape, warn_of_mismatch
from sklenet._validation._targets import (
    as_labels,
    check_declared_classes,
    find_classes,
    stratified_split,
    training_weights,
    weigh_samples,
)

# uint8 and float32 stay as they are, without a copy; other dtypes become float32.
_PIXEL_DTYPES = (np.float32, np.uint8)


def validate_fit(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    seed: int,
    fitted: Model | None,
) -> TrainingData:
    """Validate the arguments of `fit`, and hold samples out if the estimator stops early.

    Parameters
    ----------
    estimator : LeNetClassifier
        Has the parameters. Unless `fitted` is given, the estimator learns the number and the names of the features.
    X, y, sample_weight : array-like
    seed : int
        Seed of the validation split.
    fitted : Model or None
        The model from which a warm start goes on.

    Returns
    -------
    data : TrainingData
    """
    samples = _validate_samples(estimator, X, y, sample_weight, fitted)
    classes = find_classes(samples.labels)
    if fitted is not None and not np.array_equal(classes, fitted.classes):
        raise ValueError(
            f"warm_start=True goes on with the classes {fitted.classes.tolist()}, but y has {classes.tolist()}; "
            "set warm_start=False to start anew."
        )
    data = _to_training_data(estimator, samples, classes, fitted)
    if not estimator.early_stopping:
        return data
    targets = data.targets[data.training]
    training, validation = stratified_split(targets, classes, estimator.validation_fraction, seed)
    return replace(data, training=data.training[training], validation=data.training[validation])


def validate_partial_fit(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    classes: ArrayLike | None,
    fitted: Model | None,
) -> TrainingData:
    """Validate the arguments of `partial_fit`, as `validate_fit` does.

    `classes` are those that the caller declares, or None.
    """
    if estimator.class_weight == "balanced":
        raise ValueError(
            "partial_fit does not support class_weight='balanced', because it sees the classes a part at a time; "
            "pass the weights as a dict."
        )
    samples = _validate_samples(estimator, X, y, sample_weight, fitted)
    declared = check_declared_classes(classes, None if fitted is None else fitted.classes, samples.labels)
    return _to_training_data(estimator, samples, declared, fitted)


def validate_predict(estimator: BaseEstimator, X: ArrayLike, fitted: Model) -> NDArray[Any]:
    """Validate the images of a prediction, and return them as rows (n, pixels) of uint8 or float32.

    Warns
    -----
    UserWarning
        If the images have another scale than the training images, or the opposite polarity.
    """
    rows, _, _ = _validate_images(estimator, X, None, fitted)
    warn_of_mismatch(rows, fitted)
    return rows


class _Samples(NamedTuple):
    """Validated samples, of which those of positive weight are selected."""

    rows: NDArray[Any]  # (n, pixels)
    shape: Shape | None  # of one image, if the layout of X determines the shape
    indices: NDArray[np.intp]  # (n_selected,)
    labels: NDArray[Any]  # (n_selected,)
    weights: NDArray[np.float64]  # (n_selected,)


def _validate_samples(
    estimator: BaseEstimator, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, fitted: Model | None
) -> _Samples:
    rows, shape, labels = _validate_images(estimator, X, (y,), fitted)
    indices, weights = weigh_samples(rows, sample_weight)
    return _Samples(rows, shape, indices, labels[indices], weights)


def _validate_images(
    estimator: BaseEstimator, X: ArrayLike, y: tuple[ArrayLike] | None, fitted: Model | None
) -> tuple[NDArray[Any], Shape | None, Any]:
    """Return rows, the shape that the layout of X determines, and labels, if y is given."""
    rows, shape = as_rows(X)
    if fitted is not None:
        full_shape = np.shape(rows) if shape is None else (len(rows), *shape)
        refuse_single_image(full_shape, fitted.canvas.shape, estimator.n_features_in_)
    given: dict[str, Any] = {} if y is None else {"y": as_labels(y[0])}
    # What overflows float32 becomes infinity, and is refused as such.
    with np.errstate(over="ignore", invalid="ignore"):
        validated = validate_data(estimator, rows, reset=fitted is None, dtype=_PIXEL_DTYPES, **given)
    if fitted is not None:
        _check_shape(shape, fitted)
    return (validated, shape, None) if y is None else (validated[0], shape, validated[1])


def _check_shape(shape: Shape | None, fitted: Model) -> None:
    if shape is not None and shape != fitted.canvas.shape:
        raise ValueError(
            f"X holds images of shape {shape}, but LeNetClassifier was fitted on images of shape "
            f"{fitted.canvas.shape}; resize them, or fit anew."
        )


def _to_training_data(
    estimator: BaseEstimator, samples: _Samples, classes: NDArray[Any], fitted: Model | None
) -> TrainingData:
    declared = None
    if estimator.image_shape is not None:
        declared = check_image_shape("LeNetClassifier", estimator.image_shape)
    if fitted is None:
        shape = resolve_image_shape(samples.rows.shape[1], declared=declared, seen=samples.shape)
    else:
        _check_shape(declared, fitted)
        shape = fitted.canvas.shape
    targets = np.zeros(len(samples.rows), dtype=np.intp)
    weights = np.zeros(len(samples.rows), dtype=np.float32)
    targets[samples.indices] = selected = np.searchsorted(classes, samples.labels)
    weights[samples.indices] = training_weights(selected, classes, samples.weights, estimator.class_weight)
    return TrainingData(samples.rows, shape, targets, weights, classes, samples.indices)
