"""Arrays of any accepted layout become rows of pixels, (n_samples, n_features), and a shape of one image."""

import math
import os
import warnings
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from sklenet._checks import Shape

ACCEPTED_LAYOUTS = "(n, pixels), (n, height, width), (n, 1, height, width) or (n, height, width, 1)"


def as_rows(X: Any) -> tuple[Any, Shape | None]:
    """Flatten images to rows of pixels.

    Parameters
    ----------
    X : array-like
        Images in one of the layouts (n, pixels), (n, h, w), (n, 1, h, w) or (n, h, w, 1). Data frames, sparse arrays
        and array-likes of two dimensions are returned untouched, because scikit-learn's validation judges those.

    Returns
    -------
    rows : array-like of shape (n, pixels)
    shape : tuple (h, w) or None
        Shape of one image; None where the layout does not determine the shape.

    Raises
    ------
    ValueError
        If X has more than one channel, an ambiguous fourth dimension, more than four dimensions or a single one, holds
        images of several shapes, or is a tensor that requires grad or is not on the CPU.
    TypeError
        If X holds names of files, or is a column whose cells are images.
    """
    _refuse_tensor(X)
    if not isinstance(X, np.ndarray) and nw.dependencies.is_into_dataframe(X):
        _refuse_nested(nw.from_native(X))
        return X, None
    if hasattr(X, "toarray"):
        return X, None
    if not hasattr(X, "ndim") or hasattr(X, "requires_grad") or X.ndim == 1:
        X = _as_array(X)
    if X.ndim <= 2:
        return X, None
    X = np.asarray(X)
    shape = _shape_of_one_image(X.shape)
    return X.reshape(X.shape[0], shape[0] * shape[1]), shape


def _refuse_tensor(X: Any) -> None:
    tensors = X if isinstance(X, list | tuple) else [X]
    if any(getattr(tensor, "requires_grad", False) for tensor in tensors):
        raise ValueError("X is a tensor that requires grad; pass X.detach() instead.")
    if getattr(getattr(X, "device", None), "type", "cpu") != "cpu":
        raise ValueError(f"X is a tensor on device {str(X.device)!r}; pass X.cpu() instead.")


def _refuse_nested(frame: nw.DataFrame[Any]) -> None:
    """Refuse a data frame that has a column of images or of text instead of columns of pixels."""
    for name, cell in zip(frame.columns, frame.row(0) if len(frame) else (), strict=False):
        if np.ndim(cell) > 0:
            raise TypeError(f"The column {name!r} of X holds arrays; pass np.stack(X[{name!r}]).")
        _refuse_text(cell, f"The column {name!r} of X")


def _as_array(X: Any) -> Any:
    """Convert a list, a tensor, a picture or a column to an array, and refuse what is not an array of images."""
    try:
        array = np.asarray(X)
    except ValueError:
        _refuse_several_shapes(X)
        raise
    if array.ndim == 0 and array.dtype.kind in "OU":
        _refuse_text(array.item())
    if array.ndim == 1 and len(array):
        _refuse_column(array)
    return array


def _refuse_column(column: Any) -> None:
    """Raise the error that fits an array of one dimension."""
    _refuse_text(column[0])
    if column.dtype.kind == "O" and np.ndim(column[0]) > 0:
        _refuse_several_shapes(column)
        raise TypeError("X has one dimension and its elements are arrays; pass np.stack(X).")
    raise ValueError(
        f"Expected an array of images, got 1D array instead, of shape {column.shape}. Reshape your data: X[None] if X "
        "is one image as a row of pixels."
    )


def _refuse_several_shapes(images: Sequence[Any]) -> None:
    shapes = dict.fromkeys(np.shape(image) for image in images)
    if len(shapes) > 1:
        first, second, *_ = shapes
        raise ValueError(
            f"X holds images of several shapes, such as {first} and {second}; resize or frame the images to one shape, "
            "as sklenet.datasets.load_image_folder does."
        )


def _refuse_text(value: Any, holder: str = "X") -> None:
    if isinstance(value, str | bytes | os.PathLike) and not _is_number(value):
        raise TypeError(
            f"{holder} holds text instead of pixels, such as {str(value)!r}. Load pictures from their files by "
            "sklenet.datasets.load_image_folder; leave out columns that do not hold pixels."
        )


def _is_number(text: Any) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return True


def refuse_single_image(shape: tuple[int, ...], image_shape: Shape, n_features: int) -> None:
    """Refuse one image where an array of images is expected.

    Parameters
    ----------
    shape : tuple (n, pixels) or (n, h, w)
        Shape of X.
    image_shape : tuple (h, w)
        Shape of a training image.
    n_features : int
        Number of pixels of a training image.

    Raises
    ------
    ValueError
        If X has the shape of one image.
    """
    if shape == image_shape and shape[1] != n_features:
        raise ValueError(
            f"X has {shape[1]} features, but LeNetClassifier is expecting {n_features} features as input. X has the "
            f"shape of one image, {shape}; pass X[None], an array of one image."
        )
    if len(shape) == 3 and shape[:2] == image_shape != shape[1:] and shape[2] in (1, 3, 4):
        remedy = "pass X[None, ..., 0]" if shape[2] == 1 else "convert it to grayscale, and pass X[None]"
        raise ValueError(f"X has the shape of one image, {shape}; {remedy}, an array of one image.")


def _shape_of_one_image(shape: tuple[int, ...]) -> Shape:
    if len(shape) == 3:
        return shape[1], shape[2]
    if len(shape) == 4:
        _, first, middle, last = shape
        if first != 1 and last != 1:
            raise ValueError(
                f"X has shape {shape}, but LeNetClassifier expects one channel; convert to grayscale, "
                f"for one of the shapes {ACCEPTED_LAYOUTS}."
            )
        if first == 1 and middle != 1 and last != 1:
            return middle, last
        if last == 1 and first != 1 and middle != 1:
            return first, middle
    raise ValueError(f"X has shape {shape}, which cannot be read as grayscale images; accepted are {ACCEPTED_LAYOUTS}.")


def resolve_image_shape(n_features: int, *, declared: Shape | None, seen: Shape | None) -> Shape:
    """Return the shape of one image.

    Parameters
    ----------
    n_features : int
        Number of pixels in a row.
    declared : tuple (h, w) or None
        The parameter `image_shape`.
    seen : tuple (h, w) or None
        Shape that the layout of X determines.

    Returns
    -------
    shape : tuple (h, w)
        The declared shape, the seen shape, or the smallest square of at least `n_features` pixels.

    Raises
    ------
    ValueError
        If `declared` fits neither `seen` nor `n_features`.

    Warns
    -----
    UserWarning
        If `n_features` is not a square number, so that the images have to be padded.
    """
    if declared is not None:
        height, width = declared
        if height * width != n_features:
            raise ValueError(
                f"X has {n_features} features, but image_shape={declared} needs {height}×{width}="
                f"{height * width}; set image_shape to the height and width of the images in X."
            )
        if seen is not None and seen != (height, width):
            raise ValueError(
                f"X holds images of shape {seen}, but image_shape={declared}; "
                "pass images of that shape, or leave image_shape=None."
            )
        return height, width
    if seen is not None:
        return seen
    side = math.isqrt(n_features - 1) + 1
    if side * side != n_features:
        warnings.warn(
            f"The {n_features} features of X do not form a square image; padded to {side}×{side} with the background. "
            "Set image_shape=(height, width) if the images are not square; drop the column if one of them is the "
            "label.",
            UserWarning,
            stacklevel=8,  # the caller of fit or partial_fit, which have two decorators
        )
    return side, side
