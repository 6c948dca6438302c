"""`to_onnx`: a fitted model as an ONNX file."""

import json
import os
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_is_fitted

from sklenet import LeNetClassifier
from sklenet._checks import check_choice, shorten
from sklenet._engine import Canvas, Model, PixelStatistics
from sklenet._extras import import_extra
from sklenet._files import write_atomically
from sklenet._version import __version__
from sklenet.export._graph import Nodes, add_label, add_logits, label_values
from sklenet.export._skl2onnx import convert_by_skl2onnx

# Those of ONNX 1.12, June 2022, so that runtimes of the last years read the files.
_OPSETS = {"": 17, "ai.onnx.ml": 3}
_IR_VERSION = 8


def to_onnx(estimator: BaseEstimator, path: str | os.PathLike[str] | None = None, *, dtype: str = "auto") -> Any:
    """Convert a fitted classifier to ONNX, with all that it does to images before the network.

    The input of the model is "X", rows of pixels of shape (n, n_pixels) for any n. The outputs are "label", of shape
    (n,), and "probabilities", of shape (n, n_classes) and float32, in the order of `classes_`.

    Parameters
    ----------
    estimator : LeNetClassifier, or an estimator of scikit-learn's that contains one
        Fitted. Pipelines that end in a LeNetClassifier, and calibrated, voting and stacking classifiers, are converted
        by skl2onnx, with the converter of :func:`register_onnx_converter`.
    path : str, os.PathLike or None, default=None
        File to write, usually named ".onnx". The file is written as a whole or not at all. With None, no file is
        written.
    dtype : {"auto", "uint8", "float32"}, default="auto"
        Dtype of the input. "auto" is "uint8" for a LeNetClassifier, and "float32" for other estimators, whose only
        dtype it is.

    Returns
    -------
    model : onnx.ModelProto
        The model, of opset 17 and IR version 8. The property "input" of its metadata says in a sentence what images
        the model expects; "classes" and "versions" are JSON, and so is "image_shape" of a LeNetClassifier.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If `dtype` is "uint8" or "auto" and uint8 cannot hold the pixels that the classifier was fitted on, such as
        pixels between 0 and 1; or if skl2onnx converts a part of the estimator to another function than predictions
        are.
    TypeError
        If an estimator cannot be converted.
    ImportError
        If the package onnx is missing, or skl2onnx for other estimators than LeNetClassifier.

    See Also
    --------
    register_onnx_converter : Make skl2onnx itself convert LeNetClassifier.

    Notes
    -----
    Labels that are text remain text. Integers of any size, bools and floats, which are integral in labels, become
    int64, as in other converted classifiers of scikit-learn's. `test_time_augment` is converted as it is set when this
    function is called.

    The model does not warn of images on another scale or of the opposite polarity.

    Examples
    --------
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.datasets import load_mnist_sample
    >>> from sklenet.export import to_onnx
    >>> X, y = load_mnist_sample(subset="train", return_X_y=True)
    >>> model = to_onnx(LeNetClassifier(max_epochs=2, random_state=0).fit(X[:500], y[:500]))
    >>> [output.name for output in model.graph.output]
    ['label', 'probabilities']
    """
    check_choice("to_onnx", "dtype", dtype, ["auto", "uint8", "float32"])
    if not is_classifier(estimator):
        raise TypeError(f"to_onnx converts classifiers. Got {shorten(estimator)} instead.")
    check_is_fitted(estimator)
    if isinstance(estimator, LeNetClassifier):
        model = _convert_classifier(estimator, "uint8" if dtype == "auto" else dtype)
    else:
        model = _convert_other(estimator, dtype)
    if path is not None:
        write_atomically(path, model.SerializeToString())
    return model


def _convert_classifier(classifier: LeNetClassifier, dtype: str) -> Any:
    fitted: Model = classifier._model
    canvas = fitted.canvas
    if dtype == "uint8":
        _check_uint8(canvas.pixels)
    helper = import_extra("onnx.helper", "onnx")
    nodes = Nodes()
    logits = add_logits(nodes, fitted, "X", average_shifts=classifier.test_time_augment)
    add_label(nodes, classifier.classes_, logits, output="label")
    nodes.add("Softmax", logits, axis=1, output="probabilities")
    outputs = [
        _declare("label", label_values(classifier.classes_).dtype, "n"),
        _declare("probabilities", np.dtype("float32"), "n", len(classifier.classes_)),
    ]
    inputs = [_declare("X", np.dtype(dtype), "n", canvas.n_pixels)]
    graph = helper.make_graph(nodes.nodes, "LeNetClassifier", inputs, outputs, nodes.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSETS[""])], ir_version=_IR_VERSION)
    return _describe(model, classifier, _expected_images(canvas, dtype), image_shape=json.dumps(canvas.shape))


def _declare(name: str, dtype: np.dtype[Any], *shape: int | str) -> Any:
    """Declare an input or an output. A name in place of a number stands for any number."""
    helper = import_extra("onnx.helper", "onnx")
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)


def _convert_other(estimator: BaseEstimator, dtype: str) -> Any:
    if dtype == "uint8":
        raise ValueError(
            f"{type(estimator).__name__} is converted with dtype='float32' only; pass dtype='float32' or dtype='auto'."
        )
    model = convert_by_skl2onnx(estimator, _OPSETS)
    return _describe(
        model, estimator, f"X holds float32 on the scale of the data that {type(estimator).__name__} was fitted on."
    )


def _describe(model: Any, estimator: Any, expected_input: str, **properties: str) -> Any:
    """Add metadata: the name of the estimator, the expected input, classes and versions."""
    versions = {package: version(package) for package in ("onnx", "scikit-learn", "torch")}
    properties |= {
        "input": expected_input,
        "classes": json.dumps(label_values(estimator.classes_).tolist()),
        "versions": json.dumps({"sklenet": __version__} | versions),
    }
    import_extra("onnx.helper", "onnx").set_model_props(model, properties)
    model.producer_name, model.producer_version = "sklenet", __version__
    model.doc_string = f"{type(estimator).__name__}, converted by sklenet. {expected_input}"
    return model


def _expected_images(canvas: Canvas, dtype: str) -> str:
    """Return the sentences that say what images the model expects."""
    (height, width), pixels = canvas.shape, canvas.pixels
    contrast = "darker" if pixels.background - pixels.low <= pixels.high - pixels.background else "brighter"
    n_missing = height * width - canvas.n_pixels
    without = f" without the last {n_missing}" if n_missing else ""
    return (
        f"Each row of X holds the {canvas.n_pixels} pixels of an image of {height}×{width} pixels{without}, row by row "
        f"from the top left, as {dtype}. The scale and the polarity are those of the training images: pixels from "
        f"{pixels.low:g} to {pixels.high:g}, and a background of {pixels.background:g}, which is {contrast} than the "
        "strokes."
    )


def _check_uint8(pixels: PixelStatistics) -> None:
    """Refuse uint8 where the training pixels are on a scale that uint8 does not have."""
    if pixels.low < 0 or pixels.high > 255 or pixels.high <= 1:
        raise ValueError(
            f"The classifier was fitted on pixels from {pixels.low:g} to {pixels.high:g}, which are not on the "
            "scale of uint8, 0 to 255; pass dtype='float32' for a model whose input has the scale of training."
        )
