"""The converter of `LeNetClassifier` for skl2onnx, which converts estimators of scikit-learn's."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline

from sklenet import LeNetClassifier, _private
from sklenet._extras import import_extra
from sklenet.export._graph import Nodes, add_label, add_logits, label_values

_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}
_LEAST_OPSET = 13


def _loses_scores(estimator: Any) -> bool:
    """Tell whether skl2onnx gives the probabilities of an estimator where its scores are asked for."""
    return isinstance(estimator, GridSearchCV | Pipeline)


def _is_lenet_among(steps: Sequence[tuple[Any, ...]]) -> bool:
    return any(isinstance(step[1], LeNetClassifier) for step in steps)


_NO_FEATURES = "the features that a LeNetClassifier passes to other estimators, as a transformer, are not converted"

# What skl2onnx 1.20 fails at, or converts to another function, whatever classifier is inside: type, condition, reason.
_REFUSED: list[tuple[type | tuple[type, ...], Callable[[Any], bool], str]] = [
    (
        CalibratedClassifierCV,
        lambda part: part.method != "sigmoid",
        "skl2onnx cannot convert method='temperature', and converts 'isotonic' without the interpolation of "
        "scikit-learn; use method='sigmoid'",
    ),
    (
        CalibratedClassifierCV,
        lambda part: _loses_scores(part.estimator),
        "skl2onnx calibrates the probabilities of a Pipeline or GridSearchCV instead of its scores; calibrate the last "
        "step of the Pipeline, or the best estimator",
    ),
    (
        VotingClassifier,
        lambda part: part.flatten_transform,
        "skl2onnx needs flatten_transform=False; set it, also after fit, because predictions do not depend on it",
    ),
    (
        VotingClassifier,
        lambda part: isinstance(part.weights, list | tuple),
        "skl2onnx needs weights as a NumPy array; set weights, also after fit",
    ),
    (
        StackingClassifier,
        lambda part: (
            "decision_function" in getattr(part, "stack_method_", ())
            and (len(part.classes_) == 2 or any(_loses_scores(each) for _, each in part.estimators))
        ),
        "skl2onnx passes two scores of each classifier to the final estimator where scikit-learn passes one, for two "
        "classes, and probabilities in place of the scores of a Pipeline; set stack_method='predict_proba'",
    ),
    (
        (CalibratedClassifierCV, StackingClassifier, VotingClassifier),
        lambda part: hasattr(part, "classes_") and part.classes_.dtype.kind == "u",
        "skl2onnx converts labels of unsigned integers as text; fit on y.astype(int)",
    ),
    (Pipeline, lambda part: _is_lenet_among(part.steps[:-1]), _NO_FEATURES),
    (FeatureUnion, lambda part: _is_lenet_among(part.transformer_list), _NO_FEATURES),
    (ColumnTransformer, lambda part: _is_lenet_among(part.transformers), _NO_FEATURES),
]


def register_onnx_converter() -> None:
    """Register the converter of LeNetClassifier with skl2onnx.

    ``skl2onnx.to_onnx`` then converts LeNetClassifier, and estimators of scikit-learn's that contain one, to opset 13
    or later. Beside the types of input that skl2onnx has for other classifiers, a LeNetClassifier takes uint8.

    The options are those of other classifiers: "zipmap", "nocl", "output_class_labels", and "raw_scores", which gives
    logits in place of probabilities; for two classes d and -d, where d is what `decision_function` returns, with the
    second class last.

    Raises
    ------
    ImportError
        If skl2onnx is missing.

    See Also
    --------
    to_onnx : Convert, and write a file with metadata.

    Examples
    --------
    >>> import skl2onnx
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.datasets import load_mnist_sample
    >>> from sklenet.export import register_onnx_converter
    >>> X, y = load_mnist_sample(subset="train", return_X_y=True)
    >>> clf = LeNetClassifier(max_epochs=2, random_state=0).fit(X[:500], y[:500])
    >>> register_onnx_converter()
    >>> model = skl2onnx.to_onnx(clf, X[:1], options={"zipmap": False})
    """
    import_extra("skl2onnx", "skl2onnx").update_registered_converter(
        LeNetClassifier, "SklenetLeNetClassifier", _set_shapes, _convert, options=_OPTIONS
    )


def _set_shapes(operator: Any) -> None:
    """Check the input, and set types and shapes of the outputs."""
    types = import_extra("skl2onnx.common.data_types", "skl2onnx")
    utils = import_extra("skl2onnx.common.utils", "skl2onnx")
    utils.check_input_and_output_numbers(operator, input_count_range=1, output_count_range=2)
    accepted = ("Boolean", "UInt8", "Int64", "Float", "Double")
    utils.check_input_and_output_types(operator, [getattr(types, f"{name}TensorType") for name in accepted])
    (rows,), (label, scores) = operator.inputs, operator.outputs
    classes = _classes(operator.scope_inst, operator.raw_operator)
    n_rows = rows.get_first_dimension()
    is_text = label_values(classes).dtype == object
    label.set_type((types.StringTensorType if is_text else types.Int64TensorType)([n_rows]))
    # Estimators around this one compute in float64 where the input is float64.
    scores_type = types.DoubleTensorType if _is_double(rows.type) else types.FloatTensorType
    scores.set_type(scores_type([n_rows, len(classes)]))


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a classifier to the graph of skl2onnx."""
    if container.target_opset < _LEAST_OPSET:
        raise ValueError(
            f"LeNetClassifier is converted to opset {_LEAST_OPSET} or later. Got target_opset="
            f"{container.target_opset} instead."
        )
    classifier = operator.raw_operator
    label, scores = operator.outputs
    nodes = Nodes(scope.get_unique_variable_name("lenet") + ".")
    logits = add_logits(
        nodes, classifier._model, operator.inputs[0].full_name, average_shifts=classifier.test_time_augment
    )
    add_label(nodes, _classes(scope, classifier), logits, output=label.full_name)
    wants_logits = container.get_options(classifier, {"raw_scores": False})["raw_scores"]
    computed = _add_raw_scores(nodes, logits, classifier) if wants_logits else nodes.add("Softmax", logits, axis=1)
    nodes.cast(computed, "float64" if _is_double(scores.type) else "float32", output=scores.full_name)
    _move(nodes, container)


def _add_raw_scores(nodes: Nodes, logits: str, classifier: LeNetClassifier) -> str:
    """Add scores (n, n_classes): logits, or -d and d for two classes, as the callers of this option expect."""
    if len(classifier.classes_) > 2:
        return logits
    return nodes.add("MatMul", logits, np.array([[1, -1], [-1, 1]], dtype=np.float32))


def _move(nodes: Nodes, container: Any) -> None:
    """Add nodes and constants to a container of skl2onnx, which chooses the versions of operators."""
    onnx = import_extra("onnx", "onnx")
    for tensor in nodes.constants:
        values = onnx.numpy_helper.to_array(tensor)
        container.add_initializer(tensor.name, tensor.data_type, values.shape, values.ravel().tolist())
    for node in nodes.nodes:
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        container.add_node(node.op_type, list(node.input), list(node.output), name=node.name, **attributes)


def _classes(scope: Any, classifier: LeNetClassifier) -> Any:
    """Return the classes, or their indices under the option "nocl"."""
    return import_extra("skl2onnx.common.utils_classifier", "skl2onnx").get_label_classes(scope, classifier)


def _is_double(kind: Any) -> bool:
    return isinstance(kind, import_extra("skl2onnx.common.data_types", "skl2onnx").DoubleTensorType)


def convert_by_skl2onnx(estimator: Any, opsets: dict[str, int]) -> Any:
    """Convert an estimator of scikit-learn's, with float32 as input and no dictionaries as output.

    Raises
    ------
    TypeError
        If skl2onnx has no converter of a part of the estimator.
    ValueError
        If skl2onnx is known to fail at a part, or to convert it to another function than predictions are.
    """
    register_onnx_converter()
    _refuse_parts([estimator, *(each for each in estimator.get_params().values() if isinstance(each, BaseEstimator))])
    skl2onnx = import_extra("skl2onnx", "skl2onnx")
    types = import_extra("skl2onnx.common.data_types", "skl2onnx")
    X = types.FloatTensorType([None, getattr(estimator, "n_features_in_", None)])
    options = {id(estimator): {"zipmap": False}} if is_classifier(estimator) else None
    return skl2onnx.to_onnx(estimator, initial_types=[("X", X)], target_opset=opsets, options=options)


def _refuse_parts(parts: list[BaseEstimator]) -> None:
    """Refuse an estimator and those that are its parameters."""
    known = _private.sklearn_operator_name_map
    for part in parts:
        name = type(part).__name__
        if type(part) not in known:
            raise TypeError(
                f"skl2onnx has no converter of {name}. Convert a fitted part that contains none, such as the last step "
                "of a Pipeline, estimator_ or best_estimator_."
            )
        for kind, is_refused, reason in _REFUSED:
            if isinstance(part, kind) and is_refused(part):
                raise ValueError(f"{name} cannot be converted as it is: {reason}.")
