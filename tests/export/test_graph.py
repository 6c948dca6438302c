"""The graph of ONNX computes what the model computes, for each kind of canvas and network."""

import numpy as np
import onnx
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from onnx.reference import ReferenceEvaluator

from sklenet import LeNetClassifier
from sklenet._engine import Canvas, PixelStatistics
from sklenet.export._graph import Nodes, add_label, add_logits, label_values
from sklenet.export._html import _resolve_box
from sklenet.export._onnx import _check_uint8, _expected_images
from sklenet.export._packing import _name, _pack_pixels, _placing_matrices
from sklenet.export._skl2onnx import _add_raw_scores

pytestmark = pytest.mark.filterwarnings("ignore:.* do not form a square image:UserWarning")


def run(nodes, outputs, **inputs):
    """Compute outputs of nodes whose inputs have rows."""
    helper = onnx.helper
    declared = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), ["n", value.shape[1]])
        for name, value in inputs.items()
    ]
    results = [onnx.ValueInfoProto(name=output) for output in outputs]
    graph = helper.make_graph(nodes.nodes, "graph", declared, results, nodes.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return ReferenceEvaluator(model).run(None, inputs)


def fit(shape, n_pixels, **params):
    """Fit a small classifier to noise, with the image of each class brighter than that of the class before it."""
    rng = np.random.default_rng(0)
    y = np.arange(12) % 3
    X = (30 + 200 * rng.random((12, n_pixels)) * (1 + y[:, None]) / 3).astype(np.float32)
    image_shape = shape if n_pixels == shape[0] * shape[1] else None
    defaults = {"max_epochs": 1, "batch_size": 4, "width": 0.2, "random_state": 0, "device": "cpu"}
    return LeNetClassifier(**defaults | params, image_shape=image_shape).fit(X, y), X[:2]


SHAPES = {
    "kept": ((28, 28), 784),
    "enlarged": ((8, 8), 64),
    "reduced": ((40, 33), 1320),
    "wide": ((20, 31), 620),
    "narrow": ((30, 7), 210),
    "lacks pixels": ((24, 24), 560),
    "enlarged, lacks pixels": ((6, 6), 31),
}
NETWORKS = {"modern": {}, "1998": {"architecture": "1998", "width": 1.0}, "wide": {"width": 0.6}}


CASES = [*((shape, "modern") for shape in SHAPES), ("kept", "1998"), ("narrow", "1998"), ("kept", "wide")]


@pytest.mark.parametrize("average_shifts", [False, True])
@pytest.mark.parametrize(("shape", "network"), CASES)
def test_logits_are_those_of_the_classifier(shape, network, average_shifts):
    classifier, X = fit(*SHAPES[shape], **NETWORKS[network])
    assert classifier.image_shape_ == SHAPES[shape][0]
    nodes = Nodes()
    logits = add_logits(nodes, classifier._model, "X", average_shifts=average_shifts)
    assert all(name == node.name for node in nodes.nodes for name in node.output)
    (computed,) = run(nodes, [logits], X=X)
    expected = classifier.set_params(test_time_augment=average_shifts).decision_function(X)
    assert np.abs(np.diff(expected, axis=0)).max() > 1e-3
    assert computed.dtype == np.float32
    assert_allclose(computed, expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (np.array([False, True, True]), np.array([0, 1, 1])),
        (np.array([3.0, 5.0, 7.0]), np.array([3, 5, 7])),
        (np.array([-(2**63), 0, 2**63 - 1]), np.array([-(2**63), 0, 2**63 - 1])),
        (np.array([1, 2, 200], np.uint8), np.array([1, 2, 200])),
        (np.array(["b", "a", "ü"]), np.array(["b", "a", "ü"], dtype=object)),
        (np.array(["b", "", "ü"], dtype=object), np.array(["b", "", "ü"], dtype=object)),
    ],
)
def test_labels_are_the_classes_of_the_largest_logits(classes, expected):
    assert_array_equal(label_values(classes), expected, strict=True)
    nodes = Nodes("prefix.")
    assert add_label(nodes, classes, "logits", output="label") == "label"
    logits = np.array([[1, 3, 2], [0, -1, -2], [-3, -2, -1]], np.float32)
    (labels,) = run(nodes, ["label"], logits=logits)
    assert labels.tolist() == expected[[1, 0, 2]].tolist()
    assert {node.name.partition(".")[0] for node in nodes.nodes} == {"prefix"}
    assert {constant.name.partition(".")[0] for constant in nodes.constants} == {"prefix"}


@pytest.mark.parametrize(
    ("logits", "scores"),
    [([[1, 3], [2, -2]], [[-2, 2], [4, -4]]), ([[1, 3, 5]], [[1, 3, 5]]), ([[7, 3, 5, 0]], [[7, 3, 5, 0]])],
)
def test_raw_scores_are_logits_or_their_difference_for_two_classes(logits, scores):
    classifier = LeNetClassifier()
    classifier.classes_ = np.arange(len(logits[0]))
    nodes = Nodes()
    nodes.cast("logits", "float32", output="cast")
    (computed,) = run(nodes, [_add_raw_scores(nodes, "cast", classifier)], logits=np.array(logits, np.float32))
    assert_array_equal(computed, scores)


def make_pixels(background, low, high):
    return PixelStatistics(background, 40.0, 80.0, low, high, 1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("background", "low", "high", "is_dark"),
    [
        (0, 0, 255, True),
        (255, 0, 255, False),
        (100, 0, 200, True),  # as far from either end
        (101, 0, 200, False),
        (99, 0, 200, True),
        (150, 100, 200, True),
        (151, 100, 200, False),
        (-1, -1, 1, True),
        (0.5, -1, 1, False),
        (7, 7, 7, True),
    ],
)
def test_ink_is_the_end_of_the_range_that_is_farther_from_the_background(background, low, high, is_dark):
    pixels = make_pixels(background, low, high)
    contrast = "darker" if is_dark else "brighter"
    assert f"a background of {background:g}, which is {contrast} than the strokes." in _expected_images(
        Canvas((8, 8), 64, pixels), "float32"
    )
    ink = high if is_dark else low
    assert _pack_pixels(pixels) == {"background": background, "ink": ink, "mean": 40.0, "scale": 80.0}


@pytest.mark.parametrize(("n_pixels", "without"), [(64, ""), (63, " without the last 1"), (50, " without the last 14")])
def test_missing_pixels_are_described(n_pixels, without):
    sentences = _expected_images(Canvas((8, 8), n_pixels, make_pixels(0, 0, 255)), "uint8")
    assert f"the {n_pixels} pixels of an image of 8×8 pixels{without}, row by row from the top left, as uint8" in (
        sentences
    )
    assert "pixels from 0 to 255" in sentences


@pytest.mark.parametrize(
    ("low", "high", "is_refused"),
    [(0, 255, False), (0, 2, False), (100, 200, False), (-1, 255, True), (0, 256, True), (0, 1, True), (-1, 1, True)],
)
def test_uint8_holds_pixels_from_0_to_255(low, high, is_refused):
    if is_refused:
        with pytest.raises(ValueError, match=f"fitted on pixels from {low} to {high}, which are not on the scale"):
            _check_uint8(make_pixels(low, low, high))
    else:
        _check_uint8(make_pixels(low, low, high))


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (40, 33), (20, 31), (30, 7), (7, 64)])
def test_page_places_images_as_the_canvas_does(shape):
    n_pixels = shape[0] * shape[1]
    canvas = Canvas(shape, n_pixels, PixelStatistics(0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0))
    rows = np.random.default_rng(0).random((1, n_pixels)).astype(np.float32)
    matrices = _placing_matrices(canvas)
    placed = matrices["down"] @ rows.reshape(shape) @ matrices["across"]
    assert_allclose(placed, canvas.to_images(torch.from_numpy(rows.copy()))[0, 0].numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("box", "shape", "expected"),
    [
        (None, (28, 28), 20),
        (None, (56, 84), 40),
        (None, (8, 9), 6),
        (None, (1, 9), 1),
        (1, (8, 9), 1),
        (8, (9, 8), 8),
    ],
)
def test_box_is_within_the_shorter_side(box, shape, expected):
    assert _resolve_box(box, shape) == expected


@pytest.mark.parametrize(("box", "shape"), [(0, (8, 9)), (9, (8, 9)), (-1, (8, 9)), (True, (8, 9)), (2.0, (8, 9))])
def test_boxes_beyond_the_shorter_side_are_refused(box, shape):
    with pytest.raises(ValueError, match=rf"int from 1 to 8, the shorter side of the images, .* Got {box} instead"):
        _resolve_box(box, shape)


@pytest.mark.parametrize(
    ("label", "name"), [(3, "3"), ("a", "a"), ("", "''"), (" ", "' '"), (" b", " b"), (True, "True")]
)
def test_names_of_classes_on_the_page_are_visible(label, name):
    assert _name(label) == name
