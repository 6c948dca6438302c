"""The computation of a fitted model as nodes of ONNX, from rows of pixels to logits, labels and probabilities.

The nodes are of operators that all opsets from 13 on define in the same way.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklenet._engine import SHIFTS, SIDE, Canvas, Model
from sklenet._extras import import_extra

_Weights = Mapping[str, NDArray[np.float32]]


class Nodes:
    """Nodes and constants of a graph, in the order of the computation.

    Parameters
    ----------
    prefix : str, default=""
        What the names of nodes, constants and results begin with.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
    constants : list of onnx.TensorProto
    """

    def __init__(self, prefix: str = "") -> None:
        self._onnx = import_extra("onnx", "onnx")
        self._prefix = prefix
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(
        self, operator: str, *inputs: str | NDArray[Any], output: str | None = None, **attributes: int | str | list[int]
    ) -> str:
        """Add a node.

        Parameters
        ----------
        operator : str
            Name of the operator, such as "Conv".
        *inputs : str or ndarray
            Names of the input of the graph or of other results, and constants.
        output : str or None, default=None
            Name of the result; with None, a name that is derived from the operator.
        **attributes : int, str or list of int
            Attributes of the operator.

        Returns
        -------
        output : str
            Name of the result.
        """
        name = f"{self._prefix}{operator}_{len(self.nodes)}"
        names = [
            each if isinstance(each, str) else self._add_constant(f"{name}_{i}", each) for i, each in enumerate(inputs)
        ]
        output = output or name
        self.nodes.append(self._onnx.helper.make_node(operator, names, [output], name=name, **attributes))
        return output

    def cast(self, values: str, dtype: str, *, output: str | None = None) -> str:
        """Add the conversion to a dtype of NumPy's, such as "float32"."""
        to = int(self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
        return self.add("Cast", values, to=to, output=output)

    def _add_constant(self, name: str, values: NDArray[Any]) -> str:
        self.constants.append(self._onnx.numpy_helper.from_array(values, name))
        return name


def add_logits(nodes: Nodes, model: Model, X: str, *, average_shifts: bool) -> str:
    """Add the computation of logits (n, n_classes) of rows (n, pixels), as `Model.logits` does."""
    images = _add_images(nodes, model.canvas, X)
    if not average_shifts:
        return _add_network(nodes, model, images)
    # All views go through the network as one batch, so that the graph has one network.
    logits = _add_network(nodes, model, _add_views(nodes, images))
    each_view = nodes.add("Reshape", logits, _ints(len(SHIFTS), -1, len(model.classes)))
    total = nodes.add("ReduceSum", each_view, _ints(0), keepdims=0)
    return nodes.add("Div", total, _float(len(SHIFTS)))


def add_label(nodes: Nodes, classes: NDArray[Any], logits: str, *, output: str) -> str:
    """Add the computation of labels (n,), the classes of the largest logits."""
    return nodes.add("Gather", label_values(classes), nodes.add("ArgMax", logits, axis=1, keepdims=0), output=output)


def label_values(classes: NDArray[Any]) -> NDArray[Any]:
    """Return the labels as ONNX has them: text (of dtype object), or int64 for integers, bools and integral floats.

    Examples
    --------
    >>> label_values(np.array([False, True])), label_values(np.array(["a", "b"]))
    (array([0, 1]), array(['a', 'b'], dtype=object))
    """
    labels = classes.tolist()
    if all(isinstance(label, str) for label in labels):
        return np.array(labels, dtype=object)
    return np.array([int(label) for label in labels], dtype=np.int64)


def _add_images(nodes: Nodes, canvas: Canvas, X: str) -> str:
    """Add what `Canvas.to_images` computes: standardised images (n, 1, 32, 32) from rows (n, pixels)."""
    height, width = canvas.shape
    images = nodes.cast(X, "float32")
    if n_missing := height * width - canvas.n_pixels:
        images = nodes.add("Pad", images, _ints(0, 0, 0, n_missing), _float(canvas.pixels.background))
    images = nodes.add("Sub", images, _float(canvas.pixels.mean))
    images = nodes.add("Mul", images, _float(1 / canvas.pixels.scale))
    # 0 keeps the number of rows, where -1 would read rows of another length as another number of images.
    images = nodes.add("Reshape", images, _ints(0, 1, height, width))
    if canvas.resizes:
        # Two products of matrices, because runtimes differ in what their own operator of resizing computes.
        rows, columns = canvas.resizing_matrices()
        images = nodes.add("MatMul", nodes.add("MatMul", rows, images), columns)
    left, right, top, bottom = canvas.margins
    return nodes.add("Pad", images, _ints(0, 0, top, left, 0, 0, bottom, right), _float(canvas.padding))


def _add_views(nodes: Nodes, images: str) -> str:
    """Add the shifted views (9·n, 1, 32, 32) of images (n, 1, 32, 32), view by view."""
    padded = nodes.add("Pad", images, _ints(0, 0, 1, 1, 0, 0, 1, 1), mode="edge")
    views = [
        nodes.add("Slice", padded, _ints(1 - down, 1 - right), _ints(1 - down + SIDE, 1 - right + SIDE), _ints(2, 3))
        for down, right in SHIFTS
    ]
    return nodes.add("Concat", *views, axis=0)


def _add_network(nodes: Nodes, model: Model, images: str) -> str:
    """Add what `LeNet5.forward` computes: logits (b, n_classes) from standardised images (b, 1, 32, 32)."""
    weights, is_original = model.weights(), model.settings.architecture == "1998"
    subsample, squash = (_add_subsampling_1998, _add_scaled_tanh) if is_original else (_add_subsampling, _add_relu)
    x = images
    for convolution, subsampling in (("c1", "s2"), ("c3", "s4")):  # (b, 16, 5, 5)
        x = nodes.add("Conv", x, weights[f"{convolution}.weight"], weights[f"{convolution}.bias"])
        x = subsample(nodes, weights, subsampling, x)
    x = nodes.add("Flatten", x)
    for layer in ("c5", "f6"):  # (b, 120), (b, 84)
        x = squash(nodes, nodes.add("Gemm", x, weights[f"{layer}.weight"], weights[f"{layer}.bias"], transB=1))
    return nodes.add("Gemm", x, weights["output.weight"], weights["output.bias"], transB=1)


def _add_subsampling(nodes: Nodes, _: _Weights, __: str, x: str) -> str:
    return _add_relu(nodes, nodes.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]))


def _add_subsampling_1998(nodes: Nodes, weights: _Weights, layer: str, x: str) -> str:
    # A convolution in which each map has connections to itself alone. As a convolution in groups it takes four times as
    # long in onnxruntime.
    kernel = np.tile(np.diag(weights[f"{layer}.1.coefficient"].ravel())[..., None, None], (2, 2))
    bias = weights[f"{layer}.1.bias"].ravel()
    return _add_scaled_tanh(nodes, nodes.add("Conv", _add_scaled_tanh(nodes, x), kernel, bias, strides=[2, 2]))


def _add_relu(nodes: Nodes, x: str) -> str:
    return nodes.add("Relu", x)


def _add_scaled_tanh(nodes: Nodes, x: str) -> str:
    return nodes.add("Mul", nodes.add("Tanh", nodes.add("Mul", x, _float(2 / 3))), _float(1.7159))


def _float(value: float) -> NDArray[np.float32]:
    return np.array(value, dtype=np.float32)


def _ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)
