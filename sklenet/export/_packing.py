"""A fitted model as one JSON text for the page of `to_html`: names, numbers, and arrays in base64."""

import base64
import json
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklenet._classifier import LeNetClassifier
from sklenet._engine import Canvas, FeatureStatistics, Model, PixelStatistics

# Share of the images of `X` that are below the threshold.
_UNKNOWN = 0.01


def pack(classifier: LeNetClassifier, *, dtype: str, box: int, X: ArrayLike | None) -> str:
    """Return a fitted classifier as JSON in ASCII, without "<", so that the text may stand in an element of HTML.

    Parameters
    ----------
    classifier : LeNetClassifier
        Fitted.
    dtype : {"float32", "float16"}
        Dtype of the weights.
    box : int
        Longer side of a character, in pixels.
    X : array-like or None
        Images from which the threshold of `score_samples` is computed.

    Raises
    ------
    ValueError
        If a weight is too large for the dtype, or images are given and the model has no statistics.
    """
    model: Model = classifier._model
    statistics = model.statistics
    packed = {
        "names": [_name(label) for label in model.classes.tolist()],
        "architecture": model.settings.architecture,
        "nine_views": bool(classifier.test_time_augment),
        "shape": model.canvas.shape,
        "n_pixels": model.canvas.n_pixels,
        "box": box,
        "pixels": _pack_pixels(model.canvas.pixels),
        "dtype": dtype,
        "weights": _pack_weights(model, dtype),
        "resizing": {name: _encode(matrix) for name, matrix in _placing_matrices(model.canvas).items()},
        "statistics": None if statistics is None else _pack_statistics(statistics),
        "threshold": _threshold(classifier, X),
    }
    return json.dumps(packed, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _name(label: Any) -> str:
    name = str(label)
    return name if name.strip() else repr(name)  # an empty name would look like no answer


def _pack_pixels(pixels: PixelStatistics) -> dict[str, float]:
    """Return the standardisation, and the pixels of paper and of full ink: the end of the range away from the paper."""
    is_light_ink = pixels.high - pixels.background >= pixels.background - pixels.low
    return {
        "background": pixels.background,
        "ink": pixels.high if is_light_ink else pixels.low,
        "mean": pixels.mean,
        "scale": pixels.scale,
    }


def _pack_weights(model: Model, dtype: str) -> dict[str, str]:
    # Subsampling of 1998 is the middle one of the three steps of S2 and of S4.
    weights = {name.replace(".1.", "."): weight for name, weight in model.weights().items()}
    largest = max(float(np.abs(weight).max()) for weight in weights.values())
    if largest > float(np.finfo(dtype).max):
        raise ValueError(f"A weight of {largest:g} is too large for dtype={dtype!r}; pass dtype='float32'.")
    return {name: _encode(weight, dtype) for name, weight in weights.items()}


def _placing_matrices(canvas: Canvas) -> dict[str, NDArray[np.float32]]:
    """Return the matrices (32, h) and (w, 32) between which an image (h, w) without background is on the canvas."""
    down, across = canvas.resizing_matrices()
    left, right, top, bottom = canvas.margins
    return {"down": np.pad(down, ((top, bottom), (0, 0))), "across": np.pad(across, ((0, 0), (left, right)))}


def _pack_statistics(statistics: FeatureStatistics) -> dict[str, str]:
    whitening = statistics.whitening()
    triangle = np.tril_indices(len(whitening["mean"]))
    return {
        name: _encode(array[triangle] if name in ("total", "within") else array) for name, array in whitening.items()
    }


def _threshold(classifier: LeNetClassifier, X: ArrayLike | None) -> float | None:
    """Return the score below which an image is not like a character of the training images, or None without one.

    A score is a squared distance under the distribution of all images, less the one under that of the nearest class. If
    features were normally distributed, the second would be the number of units on average. A score below minus that
    number therefore says that an image is farther from each class than usual, and farther than from the images at all.
    """
    if X is not None:
        return float(np.quantile(classifier.score_samples(X), _UNKNOWN))
    return None if classifier._model.statistics is None else -float(classifier._n_features_out)


def _encode(array: NDArray[Any], dtype: str = "float32") -> str:
    """Encode an array as little-endian numbers, row by row, in base64."""
    little = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<"))
    return base64.b64encode(little.tobytes()).decode("ascii")
