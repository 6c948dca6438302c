"""Validation of what an estimator is given, against itself and against the fitted model."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from sklenet._checks import Shape, check_image_shape
from sklenet._engine import Model, TrainingData
from sklenet._validation._images import as_rows, refuse_single_image, resolve_image_shape
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
    estimator: BaseEstimator, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, *, fitted: Model | None
) -> TrainingData:
    """Validate the arguments of `fit`, draw the seed, and hold samples out if the estimator stops early.

    Parameters
    ----------
    estimator : LeNetClassifier
        Has the parameters. Unless `fitted` is given, the estimator learns the number and the names of the features.
    X, y, sample_weight : array-like
    fitted : Model or None
        The model from which a warm start goes on.

    Returns
    -------
    data : TrainingData
    """
    data = _validate(estimator, X, y, sample_weight, fitted, partial(_classes_of_fit, fitted=fitted))
    data = replace(data, seed=_draw_seed(estimator))
    if not estimator.early_stopping:
        return data
    targets = data.targets[data.training]
    training, validation = stratified_split(targets, data.classes, estimator.validation_fraction, data.seed)
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
            "partial_fit does not support class_weight='balanced', because later calls may have other class "
            "frequencies; pass the weights as a dict."
        )
    known = None if fitted is None else fitted.classes
    data = _validate(estimator, X, y, sample_weight, fitted, partial(check_declared_classes, classes, known))
    return replace(data, seed=_draw_seed(estimator) if fitted is None else fitted.settings.seed)


def validate_predict(estimator: BaseEstimator, X: ArrayLike, fitted: Model) -> NDArray[Any]:
    """Validate the images of a prediction, and return them as rows (n, pixels) of uint8 or float32.

    Warns
    -----
    UserWarning
        If the images have another scale than the training images, or the opposite polarity.
    """
    rows, _, _ = _validate_images(estimator, X, None, fitted)
    if mismatch := fitted.canvas.pixels.find_mismatch(rows, fitted.canvas.shape):
        warnings.warn(mismatch, UserWarning, stacklevel=4)
    return rows


def _validate(  # noqa: PLR0917 - the arguments of fit, in order
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    fitted: Model | None,
    classes_of: Callable[[NDArray[Any]], NDArray[Any]],
) -> TrainingData:
    """Validate samples, and select those of positive weight. `classes_of` returns the classes of their labels."""
    rows, seen, labels = _validate_images(estimator, X, (y,), fitted)
    selected, sample_weights = weigh_samples(rows, sample_weight)
    classes = classes_of(labels[selected])
    shape = _image_shape(estimator, rows, seen, fitted)
    targets = np.zeros(len(rows), dtype=np.intp)
    weights = np.zeros(len(rows), dtype=np.float32)
    targets[selected] = indices = np.searchsorted(classes, labels[selected])
    weights[selected] = training_weights(indices, classes, sample_weights, estimator.class_weight)
    return TrainingData(rows, shape, targets, weights, classes, training=selected, seed=0)


def _classes_of_fit(labels: NDArray[Any], fitted: Model | None) -> NDArray[Any]:
    classes = find_classes(labels)
    if fitted is not None and not np.array_equal(classes, fitted.classes):
        raise ValueError(
            f"warm_start=True continues with the classes {fitted.classes.tolist()}, but y has {classes.tolist()}; "
            "set warm_start=False to start anew."
        )
    return classes


def _draw_seed(estimator: BaseEstimator) -> int:
    return int(check_random_state(estimator.random_state).randint(np.iinfo(np.int32).max))


def _image_shape(estimator: BaseEstimator, rows: NDArray[Any], seen: Shape | None, fitted: Model | None) -> Shape:
    declared = estimator.image_shape
    if declared is not None:
        declared = check_image_shape("LeNetClassifier", declared)
    if fitted is None:
        return resolve_image_shape(rows.shape[1], declared=declared, seen=seen)
    _check_shape(declared, fitted)
    return fitted.canvas.shape


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
