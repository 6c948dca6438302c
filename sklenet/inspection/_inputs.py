"""What displays are given: estimators, images, labels and probabilities."""

import math
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from sklenet._checks import Shape, check_image_shape, name_some, shorten
from sklenet._classifier import LeNetClassifier
from sklenet._private import BaseSearchCV
from sklenet._validation import as_labels, as_rows


def check_classifier(owner: str, estimator: Any, method: str = "predict_proba") -> None:
    """Validate a classifier.

    Parameters
    ----------
    owner : str
        The display, named in messages.
    estimator : object
    method : str, default="predict_proba"
        The method that the display needs.

    Raises
    ------
    TypeError
        If the estimator is no classifier, or lacks the method.
    NotFittedError
        If the classifier is not fitted.
    """
    if not hasattr(estimator, "__sklearn_tags__") or isinstance(estimator, type) or not is_classifier(estimator):
        raise TypeError(f"{owner} needs a fitted classifier. Got {shorten(estimator)} instead.")
    check_is_fitted(estimator)
    if not hasattr(estimator, method):
        remedy = "; wrap it in CalibratedClassifierCV" if method == "predict_proba" else ""
        raise TypeError(f"{owner} needs a classifier with {method}, which {shorten(estimator)} lacks{remedy}.")


def find_lenet(estimator: Any) -> tuple[LeNetClassifier | None, list[Any]]:
    """Return the LeNetClassifier that ends a pipeline or that a search has fitted, and the steps before it.

    Parameters
    ----------
    estimator : object

    Returns
    -------
    lenet : LeNetClassifier or None
        None if the estimator ends in another one.
    steps : list of transformers
    """
    steps: list[Any] = []
    while isinstance(estimator, Pipeline | BaseSearchCV):
        if isinstance(estimator, Pipeline):
            steps += [step for _, step in estimator.steps[:-1] if step not in (None, "passthrough")]
            estimator = estimator.steps[-1][1]
        else:
            estimator = getattr(estimator, "best_estimator_", estimator.estimator)
    return (estimator if isinstance(estimator, LeNetClassifier) else None), steps


def check_lenet(owner: str, estimator: Any) -> tuple[LeNetClassifier, list[Any]]:
    """Return the fitted LeNetClassifier that an estimator is or contains, and the steps before it.

    Raises
    ------
    TypeError
        If the estimator does not end in a LeNetClassifier.
    NotFittedError
        If the LeNetClassifier is not fitted.
    """
    lenet, steps = find_lenet(estimator)
    if lenet is None:
        raise TypeError(
            f"{owner} needs a fitted LeNetClassifier, or a pipeline or a search that ends in one. "
            f"Got {shorten(estimator)} instead."
        )
    check_is_fitted(lenet)
    return lenet, steps


def as_images(owner: str, X: Any, image_shape: Shape | None = None, estimator: Any = None) -> NDArray[Any]:
    """Convert images of any layout that LeNetClassifier accepts to an array (n, h, w).

    Parameters
    ----------
    owner : str
        The display, named in messages.
    X : array-like
    image_shape : tuple (h, w) or None, default=None
        Shape of one image. None takes the shape from the layout of X, from a LeNetClassifier in the estimator, or, for
        a square number of pixels, the square.
    estimator : object, default=None

    Raises
    ------
    ValueError
        If X is empty, holds no numbers, or its images have another shape or an unknown one.
    """
    rows, seen = as_rows(X)
    pixels = _to_array(rows)
    if pixels.ndim != 2 or pixels.dtype.kind not in "biuf":
        raise ValueError(f"{owner} needs an array of images of numbers. Got {shorten(X)} instead.")
    if pixels.size == 0:
        raise ValueError(f"Found array with 0 sample(s) (shape={pixels.shape}) while {owner} needs images.")
    n_pixels = pixels.shape[1]
    declared = None if image_shape is None else check_image_shape(owner, image_shape)
    if declared is not None and (math.prod(declared) != n_pixels or (seen or declared) != declared):
        raise ValueError(
            f"X holds images of {n_pixels} pixels, in the layout {np.shape(X)}, but image_shape={declared}; set "
            "image_shape to the height and width of the images in X."
        )
    shape = declared or seen or _shape_of_rows(owner, n_pixels, estimator)
    n_missing = math.prod(shape) - n_pixels  # LeNetClassifier pads rows that are no squares
    return np.pad(pixels, ((0, 0), (0, n_missing)), mode="edge").reshape(-1, *shape)


def _to_array(rows: Any) -> NDArray[Any]:
    if hasattr(rows, "toarray"):
        return rows.toarray()
    frame = nw.from_native(rows, pass_through=True)
    return frame.to_numpy() if isinstance(frame, nw.DataFrame) else np.asarray(rows)


def _shape_of_rows(owner: str, n_pixels: int, estimator: Any) -> Shape:
    lenet, _ = find_lenet(estimator)
    if lenet is not None and lenet.n_features_in_ == n_pixels:
        return lenet.image_shape_
    side = math.isqrt(n_pixels)
    if side * side != n_pixels:
        raise ValueError(
            f"The {n_pixels} features of X do not form a square image; pass image_shape=(height, width) to {owner}."
        )
    return side, side


def like(X: Any, images: NDArray[Any]) -> Any:
    """Return images (n, h, w) in the layout of X: as rows, with a channel, or as a data frame of the same library."""
    if not isinstance(X, np.ndarray) and nw.dependencies.is_into_dataframe(X):
        frame = nw.from_native(X)
        rows = images.reshape(len(images), -1)[:, : len(frame.columns)]
        return nw.from_numpy(rows, schema=frame.columns, backend=frame.implementation).to_native()
    shape = X.shape[1:] if hasattr(X, "shape") else np.shape(X)[1:]
    return images.reshape(len(images), -1)[:, : math.prod(shape)].reshape(-1, *shape)


def as_class_indices(owner: str, name: str, y: ArrayLike, classes: NDArray[Any]) -> NDArray[np.intp]:
    """Convert labels to indices of classes.

    Raises
    ------
    ValueError
        If a label is missing, or is not among the classes.
    """
    labels = column_or_1d(as_labels(y))
    indices = pd.Index(classes).get_indexer(labels)
    if len(unknown := pd.unique(labels[indices < 0])):
        raise ValueError(
            f"{name} of {owner} has the labels {name_some([*map(repr, unknown.tolist())])}, which are not among the "
            f"classes {name_some([*map(repr, classes.tolist())])}."
        )
    return indices


def as_classes(owner: str, classes: ArrayLike | None, *labels: ArrayLike) -> NDArray[Any]:
    """Return the declared classes, or the sorted labels."""
    if classes is None:
        return np.asarray(unique_labels(*(column_or_1d(as_labels(each)) for each in labels)))
    declared = column_or_1d(as_labels(classes))
    if len(pd.unique(declared)) < len(declared):
        raise ValueError(f"The 'classes' parameter of {owner} has a label twice: {shorten(declared.tolist())}.")
    return declared


def as_probabilities(owner: str, y_proba: ArrayLike, classes: NDArray[Any]) -> NDArray[Any]:
    """Validate probabilities (n, n_classes).

    Raises
    ------
    ValueError
        If the array has another shape, or a value is not between 0 and 1.
    """
    probabilities = np.asarray(y_proba)
    if probabilities.ndim != 2 or probabilities.shape[1] != len(classes):
        raise ValueError(
            f"y_proba of {owner} must have the shape (n_samples, {len(classes)}), a column for each class. Got "
            f"{probabilities.shape} instead; pass classes, the labels of the columns, if y_true lacks a class."
        )
    if not np.all((probabilities >= 0) & (probabilities <= 1 + 1e-6)):
        raise ValueError(
            f"y_proba of {owner} must hold probabilities between 0 and 1; pass the values of predict_proba."
        )
    return probabilities


def check_lengths(*arrays: Any) -> None:
    """Raise a ValueError if arrays have different numbers of samples, or none."""
    check_consistent_length(*arrays)
    lengths = [len(array) for array in arrays if array is not None]
    if lengths[0] == 0:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")


def check_count(owner: str, name: str, value: Any) -> int:
    """Raise a ValueError if the value of a parameter is not a positive int."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"The {name!r} parameter of {owner} must be a positive int. Got {shorten(value)} instead.")
    return int(value)
