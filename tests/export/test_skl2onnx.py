"""Estimators of scikit-learn's that contain a classifier are converted by skl2onnx, or refused where it would fail."""

import json

import numpy as np
import onnx
import pytest
import skl2onnx
from numpy.testing import assert_allclose, assert_array_equal
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from exported import N_TRAIN, assert_agrees, load_digits, run_onnxruntime, run_reference
from releases import needs_temperature
from sklenet import LeNetClassifier
from sklenet.export import register_onnx_converter, to_onnx
from sklenet.export._skl2onnx import _refuse_parts

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LETTERS = np.array(list("abcdefghij"))


def lenet(**params):
    return LeNetClassifier(**{"max_epochs": 2, "random_state": 0} | params)


def linear():
    return LogisticRegression(C=1e-5)


def members():
    return [("lenet", lenet()), ("linear", linear())]


@pytest.fixture(scope="module")
def digits():
    images, y = load_digits()
    return images.reshape(len(images), -1).astype(np.float32), y


@pytest.fixture(scope="module")
def two_digits():
    images, y = load_digits(n_images=4000)
    is_used = y < 2
    return images[is_used].reshape(-1, 784).astype(np.float32), y[is_used]


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits
    return lenet().fit(X[:N_TRAIN], y[:N_TRAIN])


CONVERTED = {
    "scaler": lambda: make_pipeline(MinMaxScaler(), lenet()),
    "standard scaler": lambda: make_pipeline(StandardScaler(), lenet(architecture="1998")),
    "nine views": lambda: make_pipeline(MinMaxScaler(), lenet(test_time_augment=True)),
    "calibration": lambda: CalibratedClassifierCV(lenet(), cv=2),
    "one calibrated": lambda: CalibratedClassifierCV(lenet(), cv=2, ensemble=False),
    "scaler, calibration": lambda: make_pipeline(MinMaxScaler(), CalibratedClassifierCV(lenet(), cv=2)),
    "voting": lambda: VotingClassifier(members(), voting="soft", flatten_transform=False),
    "weighted voting": lambda: VotingClassifier(
        members(), voting="soft", weights=np.array([3, 1]), flatten_transform=False
    ),
    "stacking": lambda: StackingClassifier(members(), cv=2),
    "stacking of pipelines": lambda: StackingClassifier([("lenet", make_pipeline(MinMaxScaler(), lenet()))], cv=2),
    "search": lambda: GridSearchCV(lenet(), {"max_epochs": [1]}, cv=2),
    "bagging": lambda: BaggingClassifier(lenet(), n_estimators=2, random_state=0),
}


@pytest.mark.parametrize("data", ["digits", "two_digits"])
@pytest.mark.parametrize("make", CONVERTED.values(), ids=CONVERTED.keys())
@pytest.mark.slow
def test_estimators_that_contain_a_classifier_are_converted(make, data, request):
    X, y = request.getfixturevalue(data)
    estimator = make().fit(X[:N_TRAIN], y[:N_TRAIN])
    model = to_onnx(estimator)
    assert_agrees(model, estimator, X[N_TRAIN : N_TRAIN + 512], reference_batches=(1, 3))
    assert {each.domain: each.version for each in model.opset_import}[""] == 17
    assert model.ir_version == 8
    assert [output.name for output in model.graph.output] == ["label", "probabilities"]


@pytest.mark.slow
def test_stacked_logits_are_converted(digits):
    X, y = digits
    estimator = StackingClassifier(members(), cv=2, stack_method="decision_function").fit(X[:N_TRAIN], y[:N_TRAIN])
    assert_agrees(to_onnx(estimator), estimator, X[N_TRAIN:], reference_batches=(1, 3))


@pytest.mark.slow
def test_hard_votes_are_counted(digits):
    X, y = digits
    estimator = VotingClassifier([*members(), ("1998", lenet(architecture="1998"))], flatten_transform=False)
    estimator.fit(X[:N_TRAIN], y[:N_TRAIN])
    model = to_onnx(estimator)
    for run in run_onnxruntime, run_reference:
        assert_array_equal(run(model, X[N_TRAIN:][:100])[0], estimator.predict(X[N_TRAIN:][:100]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_pipeline(MinMaxScaler(), lenet()),
        lambda: CalibratedClassifierCV(lenet(), cv=2),
        lambda: VotingClassifier(members(), voting="soft", flatten_transform=False),
        lambda: StackingClassifier(members(), cv=2),
    ],
)
@pytest.mark.slow
def test_labels_of_text_are_converted(digits, make):
    X, y = digits
    estimator = make().fit(X[:N_TRAIN], LETTERS[y[:N_TRAIN]])
    assert_agrees(to_onnx(estimator), estimator, X[N_TRAIN:], reference_batches=(1, 3))


@pytest.mark.slow
def test_metadata_name_the_estimator(digits, tmp_path):
    X, y = digits
    pipeline = make_pipeline(MinMaxScaler(), lenet()).fit(X[:N_TRAIN], LETTERS[y[:N_TRAIN]])
    model = to_onnx(pipeline, tmp_path / "pipeline.onnx")
    assert onnx.load(tmp_path / "pipeline.onnx") == model
    properties = {each.key: each.value for each in model.metadata_props}
    assert properties["input"] == "X holds float32 on the scale of the data that Pipeline was fitted on."
    assert json.loads(properties["classes"]) == LETTERS.tolist()
    assert model.producer_name == "sklenet"


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int64])
@pytest.mark.slow
def test_skl2onnx_itself_converts_to_every_dtype_of_input(fitted, digits, dtype):
    X = digits[0][N_TRAIN:][:3].astype(dtype)
    register_onnx_converter()
    model = skl2onnx.to_onnx(fitted, X, options={"zipmap": False})
    onnx.checker.check_model(model, full_check=True)
    for run in run_onnxruntime, run_reference:
        label, probabilities = run(model, X)
        assert_array_equal(label, fitted.predict(X))
        assert_allclose(probabilities, fitted.predict_proba(X), rtol=0, atol=1e-5)
        assert probabilities.dtype == (np.float64 if dtype == np.float64 else np.float32)


@pytest.mark.slow
def test_votes_are_converted_to_float64(digits):
    X, y = digits
    estimator = VotingClassifier(members(), voting="soft", flatten_transform=False).fit(X[:N_TRAIN], y[:N_TRAIN])
    register_onnx_converter()
    kind = DoubleTensorType([None, 784])
    model = skl2onnx.to_onnx(estimator, initial_types=[("X", kind)], options={id(estimator): {"zipmap": False}})
    X_test = X[N_TRAIN:][:5].astype(np.float64)
    assert_allclose(run_onnxruntime(model, X_test)[1], estimator.predict_proba(X_test), rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.* do not form a square image:UserWarning")
@pytest.mark.parametrize("opset", [13, 17, 18, skl2onnx.__max_supported_opset__])
@pytest.mark.slow
def test_nodes_are_of_any_opset_from_13_on(digits, opset):
    X, y = digits
    classifier = lenet(test_time_augment=True).fit(X[:N_TRAIN, :700], y[:N_TRAIN])
    register_onnx_converter()
    X_test = X[N_TRAIN:][:3, :700]
    model = skl2onnx.to_onnx(classifier, X_test, target_opset=opset, options={"zipmap": False})
    onnx.checker.check_model(model, full_check=True)
    assert_allclose(run_onnxruntime(model, X_test)[1], classifier.predict_proba(X_test), rtol=0, atol=1e-5)


def test_opset_12_is_refused(fitted, digits):
    register_onnx_converter()
    with pytest.raises(ValueError, match=r"to opset 13 or later\. Got target_opset=12 instead"):
        skl2onnx.to_onnx(fitted, digits[0][:1], target_opset=12)


def test_option_zipmap_makes_dictionaries(fitted, digits):
    X = digits[0][N_TRAIN:][:2]
    register_onnx_converter()
    _, dictionaries = run_onnxruntime(skl2onnx.to_onnx(fitted, X), X)
    assert list(dictionaries[0]) == list(range(10))
    assert_allclose(list(dictionaries[1].values()), fitted.predict_proba(X)[1], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_option_nocl_gives_indices_of_classes(digits):
    X, y = digits
    classifier = lenet().fit(X[:N_TRAIN], LETTERS[y[:N_TRAIN]])
    register_onnx_converter()
    model = skl2onnx.to_onnx(classifier, X[:1], options={"zipmap": False, "nocl": True})
    assert_array_equal(LETTERS[run_onnxruntime(model, X[N_TRAIN:])[0]], classifier.predict(X[N_TRAIN:]))


@pytest.mark.parametrize("data", ["digits", "two_digits"])
@pytest.mark.slow
def test_option_raw_scores_gives_logits(data, request):
    X, y = request.getfixturevalue(data)
    classifier = lenet().fit(X[:N_TRAIN], y[:N_TRAIN])
    register_onnx_converter()
    model = skl2onnx.to_onnx(classifier, X[:1], options={"zipmap": False, "raw_scores": True})
    scores, expected = run_onnxruntime(model, X[N_TRAIN:])[1], classifier.decision_function(X[N_TRAIN:])
    if data == "two_digits":
        expected = np.stack([-expected, expected], axis=1)
    assert_allclose(scores, expected, rtol=0, atol=1e-4)


def test_several_inputs_are_refused(fitted):
    register_onnx_converter()
    halves = [(name, FloatTensorType([None, 392])) for name in ("top", "bottom")]
    with pytest.raises(RuntimeError, match="at most 1 input"):
        skl2onnx.to_onnx(fitted, initial_types=halves)


REFUSED = {
    "converts 'isotonic' without the interpolation": lambda: CalibratedClassifierCV(lenet(), method="isotonic", cv=2),
    "cannot convert method='temperature'": lambda: CalibratedClassifierCV(lenet(), method="temperature", cv=2),
    "calibrate the last step": lambda: CalibratedClassifierCV(make_pipeline(MinMaxScaler(), lenet()), cv=2),
    "or the best estimator": lambda: CalibratedClassifierCV(GridSearchCV(lenet(), {}, cv=2), cv=2),
    "in place of the scores of a Pipeline": lambda: StackingClassifier(
        [("lenet", make_pipeline(MinMaxScaler(), lenet()))], cv=2, stack_method="decision_function"
    ),
    "needs flatten_transform=False": lambda: VotingClassifier(members()),
    "weights as a NumPy array": lambda: VotingClassifier(members(), weights=[1, 2], flatten_transform=False),
    "to other estimators, as a transformer": lambda: make_pipeline(lenet(), KNeighborsClassifier()),
    "features .* are not converted": lambda: make_pipeline(make_union(MinMaxScaler(), lenet()), KNeighborsClassifier()),
    "not converted": lambda: make_pipeline(make_column_transformer((lenet(), slice(0, 784))), KNeighborsClassifier()),
}


def with_fitted(estimator, **attributes):
    """Set fitted attributes without a fit."""
    vars(estimator).update(attributes)
    return estimator


def stacking(*members, method="decision_function", n_classes=3):
    estimator = StackingClassifier([(f"member{index}", member) for index, member in enumerate(members)])
    return with_fitted(estimator, stack_method_=["predict_proba", method], classes_=np.arange(n_classes))


SIGMOID, ISOTONIC = ({"method": method, "cv": 2} for method in ("sigmoid", "isotonic"))
FLAT = {"flatten_transform": False}
PARTS = {
    "sigmoid": (CalibratedClassifierCV(lenet(), **SIGMOID), None),
    "isotonic": (CalibratedClassifierCV(lenet(), **ISOTONIC), "without the interpolation"),
    "calibrated pipeline": (CalibratedClassifierCV(make_pipeline(lenet()), **SIGMOID), "calibrate the last step"),
    "calibrated search": (CalibratedClassifierCV(GridSearchCV(lenet(), {}), **SIGMOID), "calibrate the last step"),
    "unsigned": (with_fitted(CalibratedClassifierCV(lenet()), classes_=np.arange(2, dtype="u1")), "unsigned integers"),
    "signed": (with_fitted(CalibratedClassifierCV(lenet()), classes_=np.arange(2, dtype="i1")), None),
    "voting": (VotingClassifier(members(), **FLAT), None),
    "voting, weights": (VotingClassifier(members(), weights=np.array([1, 2]), **FLAT), None),
    "voting, list": (VotingClassifier(members(), weights=[1, 2], **FLAT), "weights as a NumPy array"),
    "voting, tuple": (VotingClassifier(members(), weights=(1, 2), **FLAT), "weights as a NumPy array"),
    "voting, flat": (VotingClassifier(members()), "needs flatten_transform=False"),
    "stacking": (StackingClassifier(members()), None),
    "stacked scores": (stacking(lenet(), linear()), None),
    "stacked scores, two classes": (stacking(lenet(), linear(), n_classes=2), "two scores of each classifier"),
    "stacked probabilities, two classes": (stacking(lenet(), method="predict_proba", n_classes=2), None),
    "stacked scores of a pipeline": (stacking(lenet(), make_pipeline(linear())), "stack_method='predict_proba'"),
    "stacked probabilities of a pipeline": (stacking(make_pipeline(lenet()), method="predict_proba"), None),
    "last step": (make_pipeline(MinMaxScaler(), lenet()), None),
    "first step": (make_pipeline(lenet(), linear()), "as a transformer, are not converted"),
    "union": (make_union(MinMaxScaler(), lenet()), "as a transformer, are not converted"),
    "union without a classifier": (make_union(MinMaxScaler(), StandardScaler()), None),
    "columns": (make_column_transformer((lenet(), [0])), "as a transformer, are not converted"),
    "columns without a classifier": (make_column_transformer((MinMaxScaler(), [0])), None),
}


@pytest.mark.parametrize(("part", "reason"), PARTS.values(), ids=PARTS)
def test_parts_are_refused_before_the_conversion(part, reason):
    register_onnx_converter()
    if reason is None:
        _refuse_parts([part])
    else:
        with pytest.raises(ValueError, match=f"{type(part).__name__} cannot be converted as it is: .*{reason}"):
            _refuse_parts([lenet(), part])


@pytest.mark.parametrize(
    ("reason", "make"),
    [
        pytest.param(reason, make, marks=[needs_temperature] if "temperature" in reason else [], id=reason)
        for reason, make in REFUSED.items()
    ],
)
@pytest.mark.slow
def test_what_skl2onnx_fails_at_is_refused(digits, reason, make):
    X, y = digits
    estimator = make().fit(X[:N_TRAIN], y[:N_TRAIN])
    with pytest.raises(ValueError, match=f"cannot be converted as it is: .*{reason}"):
        to_onnx(estimator)


@pytest.mark.slow
def test_parts_of_estimators_are_refused_too(digits):
    X, y = digits
    voting = VotingClassifier(members(), voting="soft")
    pipeline = make_pipeline(MinMaxScaler(), CalibratedClassifierCV(voting, cv=2)).fit(X[:N_TRAIN], y[:N_TRAIN])
    with pytest.raises(ValueError, match="VotingClassifier cannot be converted"):
        to_onnx(pipeline)


@pytest.mark.slow
def test_two_classes_stacked_by_logits_are_refused(two_digits):
    X, y = two_digits
    estimator = StackingClassifier(members(), cv=2, stack_method="decision_function").fit(X[:N_TRAIN], y[:N_TRAIN])
    with pytest.raises(ValueError, match="set stack_method='predict_proba'"):
        to_onnx(estimator)


@pytest.mark.slow
def test_unsigned_labels_of_votes_are_refused(digits):
    X, y = digits
    estimator = VotingClassifier(members(), flatten_transform=False).fit(X[:N_TRAIN], y[:N_TRAIN].astype(np.uint8))
    with pytest.raises(ValueError, match=r"labels of unsigned integers as text; fit on y.astype\(int\)"):
        to_onnx(estimator)


def test_estimators_without_a_converter_are_refused(digits, fitted):
    X, y = digits
    estimator = CalibratedClassifierCV(FrozenEstimator(fitted)).fit(X[N_TRAIN:], y[N_TRAIN:])
    with pytest.raises(TypeError, match="skl2onnx has no converter of FrozenEstimator"):
        to_onnx(estimator)


def test_uint8_is_refused(digits):
    X, y = digits
    pipeline = make_pipeline(MinMaxScaler(), lenet()).fit(X[:N_TRAIN], y[:N_TRAIN])
    with pytest.raises(ValueError, match="Pipeline is converted with dtype='float32' only"):
        to_onnx(pipeline, dtype="uint8")


@pytest.mark.parametrize("make", [linear, lenet], ids=["linear", "lenet"])
@pytest.mark.slow
def test_refused_calibration_is_wrong_whatever_the_classifier(digits, make):
    """When this fails, skl2onnx has learnt to interpolate: convert isotonic calibration."""
    X, y = digits
    estimator = CalibratedClassifierCV(make(), method="isotonic", cv=2).fit(X[:N_TRAIN], y[:N_TRAIN])
    register_onnx_converter()
    model = skl2onnx.to_onnx(estimator, X[:1], options={id(estimator): {"zipmap": False}})
    X_test = X[N_TRAIN:]
    assert np.abs(run_onnxruntime(model, X_test)[1] - estimator.predict_proba(X_test)).max() > 0.01
