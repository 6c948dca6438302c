"""An exported classifier predicts in two runtimes of ONNX as it does itself, and says what its input must be."""

import json

import numpy as np
import onnx
import pytest
from numpy.testing import assert_array_equal
from onnx.reference import ReferenceEvaluator
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from exported import BATCHES, N_TRAIN, SMALL_BATCHES, assert_agrees, load_digits, run_onnxruntime, run_reference
from sklenet import LeNetClassifier, LeNetNoveltyDetector
from sklenet.export import to_onnx

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NAMES = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nün"])


def make(**params):
    return LeNetClassifier(**{"max_epochs": 2, "random_state": 0} | params)


def fit(X, y, **params):
    return make(**params).fit(X[:N_TRAIN], y[:N_TRAIN])


def rows(images, dtype=np.uint8):
    return images.reshape(len(images), -1).astype(dtype)


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def fitted(digits):
    return fit(*digits)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("architecture", ["modern", "1998"])
@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (16, 40), (64, 48)])
@pytest.mark.slow
def test_model_agrees_with_the_classifier(shape, architecture, dtype):
    X, y = load_digits(shape)
    classifier = fit(X, y, architecture=architecture)
    # 512 images in a batch take onnx.reference seconds, and no code that depends on the shape.
    reference_batches = BATCHES if shape == (28, 28) and dtype == "uint8" else SMALL_BATCHES
    model = to_onnx(classifier, dtype=dtype)
    assert_agrees(model, classifier, rows(X[N_TRAIN:], dtype), reference_batches=reference_batches)


@pytest.mark.parametrize("architecture", ["modern", "1998"])
@pytest.mark.slow
def test_views_of_test_time_augmentation_are_averaged(digits, architecture):
    X, y = digits
    classifier = fit(X, y, architecture=architecture, test_time_augment=True)
    assert_agrees(to_onnx(classifier), classifier, rows(X[N_TRAIN:]), reference_batches=(1, 3, 8))


@pytest.mark.parametrize("width", [0.5, 2])
@pytest.mark.slow
def test_networks_have_any_width(digits, width):
    X, y = digits
    classifier = fit(X, y, width=width)
    assert_agrees(to_onnx(classifier), classifier, rows(X[N_TRAIN:]))


@pytest.mark.filterwarnings("ignore:.* do not form a square image:UserWarning")
@pytest.mark.slow
def test_rows_that_lack_pixels_are_padded_with_the_background(digits):
    X, y = digits
    X = rows(255 - X)[:, :750]
    classifier = fit(X, y)
    assert classifier.image_shape_ == (28, 28)
    assert_agrees(to_onnx(classifier), classifier, X[N_TRAIN:])


@pytest.mark.slow
def test_pixels_of_any_scale_are_standardised(digits):
    X, y = digits
    X = (rows(X, np.float32) - 33) / 79
    classifier = fit(X, y)
    assert_agrees(to_onnx(classifier, dtype="float32"), classifier, X[N_TRAIN:])


@pytest.mark.parametrize(
    ("label_of", "dtype"),
    [
        (lambda y: NAMES[y], object),
        (lambda y: NAMES[y].astype(object), object),
        (lambda y: NAMES[y % 2], object),
        (lambda y: y.astype(np.uint8), np.int64),
        (lambda y: 2**40 - y, np.int64),
        (lambda y: y.astype(float), np.int64),
        (lambda y: y > 4, np.int64),
    ],
    ids=["text", "objects", "two classes", "uint8", "large", "float", "bool"],
)
@pytest.mark.slow
def test_labels_keep_their_kind(digits, label_of, dtype):
    X, y = digits
    classifier = fit(X, label_of(y))
    model = to_onnx(classifier)
    assert_agrees(model, classifier, rows(X[N_TRAIN:]), reference_batches=[3])
    for run in run_onnxruntime, run_reference:
        assert np.asarray(run(model, rows(X[:3]))[0]).dtype == dtype


def test_labels_beyond_int64_are_an_error(digits):
    X, y = digits
    classifier = fit(X, np.uint64(2**63) + y.astype(np.uint64))
    with pytest.raises(OverflowError):
        to_onnx(classifier)


def test_model_is_of_an_opset_and_an_ir_version_that_old_runtimes_have(fitted):
    model = to_onnx(fitted)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 17)]
    assert model.ir_version == 8
    assert {node.domain for node in model.graph.node} == {""}


def test_inputs_and_outputs_are_declared(fitted):
    graph = to_onnx(fitted).graph
    declared = {
        value.name: (
            value.type.tensor_type.elem_type,
            [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim],
        )
        for value in [*graph.input, *graph.output]
    }
    assert declared == {
        "X": (onnx.TensorProto.UINT8, ["n", 784]),
        "label": (onnx.TensorProto.INT64, ["n"]),
        "probabilities": (onnx.TensorProto.FLOAT, ["n", 10]),
    }


def test_rows_of_another_length_are_an_error(fitted):
    half = np.zeros((2, 392), np.float32)
    # Two halves must not pass for one image.
    with pytest.raises(ValueError, match="reshape"):
        ReferenceEvaluator(to_onnx(fitted, dtype="float32")).run(None, {"X": half})


def test_metadata_say_what_the_input_must_be(digits):
    X, y = digits
    model = to_onnx(fit(255 - X, NAMES[y]), dtype="float32")
    properties = {each.key: each.value for each in model.metadata_props}
    assert properties["input"] == (
        "Each row of X holds the 784 pixels of an image of 28×28 pixels, row by row from the top left, as float32. The "
        "scale and the polarity are those of the training images: pixels from 0 to 255, and a background of 255, which "
        "is brighter than the strokes."
    )
    assert properties["input"] in model.doc_string
    assert json.loads(properties["classes"]) == sorted(NAMES)
    assert json.loads(properties["image_shape"]) == [28, 28]
    assert json.loads(properties["versions"]).keys() == {"sklenet", "onnx", "scikit-learn", "torch"}
    assert model.producer_name == "sklenet"


def test_file_has_the_model_that_is_returned(fitted, tmp_path):
    path = tmp_path / "digits.onnx"
    path.write_text("an earlier file")
    model = to_onnx(fitted, path)
    assert onnx.load(path) == model
    assert [each.name for each in tmp_path.iterdir()] == ["digits.onnx"]


@pytest.mark.slow
def test_state_of_test_time_augment_is_the_present_one(digits):
    X, y = digits
    classifier = fit(X, y)
    plain = to_onnx(classifier)
    classifier.set_params(test_time_augment=True)
    assert len(to_onnx(classifier).graph.node) > len(plain.graph.node)
    assert_agrees(to_onnx(classifier), classifier, rows(X[N_TRAIN:]), reference_batches=[])


@pytest.mark.slow
def test_fitted_classifier_is_unchanged(digits):
    X, y = digits
    classifier = fit(X, y, architecture="1998")
    before = {name: weight.clone() for name, weight in classifier.net_.module_.state_dict().items()}
    to_onnx(classifier)
    for name, weight in classifier.net_.module_.state_dict().items():
        assert_array_equal(weight, before[name])


@pytest.mark.parametrize(
    ("scale", "spans"),
    [
        (lambda X: X / 255, "from 0 to 1"),
        (lambda X: X / 127.5 - 1, "from -1 to 1"),
        (lambda X: X * 257.0, "from 0 to 65535"),
    ],
)
@pytest.mark.slow
def test_uint8_is_refused_where_the_training_pixels_had_another_scale(digits, scale, spans):
    X, y = digits
    classifier = fit(scale(X).astype(np.float32), y)
    for dtype in "auto", "uint8":
        with pytest.raises(ValueError, match=f"fitted on pixels {spans}, which .* pass dtype='float32'"):
            to_onnx(classifier, dtype=dtype)
    assert to_onnx(classifier, dtype="float32").graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_unknown_dtype_is_refused(fitted):
    with pytest.raises(ValueError, match=r"'dtype' parameter of to_onnx must be one of .*'float64'"):
        to_onnx(fitted, dtype="float64")


@pytest.mark.parametrize("estimator", [LeNetClassifier(), make_pipeline(MinMaxScaler(), LeNetClassifier())])
def test_unfitted_estimators_are_refused(estimator):
    with pytest.raises(NotFittedError):
        to_onnx(estimator)


@pytest.mark.parametrize("estimator", [LeNetNoveltyDetector(), MinMaxScaler()])
def test_what_is_no_classifier_is_refused(estimator):
    with pytest.raises(TypeError, match=f"to_onnx converts classifiers. Got {estimator}"):
        to_onnx(estimator)


def test_missing_packages_are_named(fitted, digits, uninstall):
    pipeline = make_pipeline(MinMaxScaler(), make(max_epochs=1)).fit(rows(digits[0][:50]), digits[1][:50])
    uninstall("skl2onnx")
    with pytest.raises(ImportError, match=r"needs the package skl2onnx, .* pip install 'sklenet\[skl2onnx\]'"):
        to_onnx(pipeline)
    to_onnx(fitted)
    uninstall("onnx")
    with pytest.raises(ImportError, match=r"needs the package onnx, .* pip install 'sklenet\[onnx\]'"):
        to_onnx(fitted)
