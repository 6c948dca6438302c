"""A fitted estimator becomes a JSON document and tensors."""

import json
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklenet._saving._strict import RefusedError, require

# Names of the tensors beside the weights, whose names are those of the module's parameters.
STEPS = "optimizer.step"
MOMENTS = {"exp_avg": "optimizer.exp_avg.", "exp_avg_sq": "optimizer.exp_avg_sq."}
GENERATORS = ("generator", "device_generator")
STATISTICS = ("counts", "means", "scatter")

# Numbers of the optimiser that the document holds. Schedulers leave others in its groups, which no step uses.
OPTIMIZER_NUMBERS = ("lr", "betas", "eps", "weight_decay")


def encode(
    estimator: Any, state: dict[str, Any], *, include_optimizer: bool, include_statistics: bool
) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return the JSON document and the tensors of a fitted estimator.

    Parameters
    ----------
    estimator : ModelEstimator
    state : dict
        Of `Model.to_state`.
    include_optimizer : bool
        Whether to hold what only further training needs: the moments of the optimiser and the generators.
    include_statistics : bool
        Whether to hold the statistics of features.

    Raises
    ------
    RefusedError
        If a parameter, a label or a record of an epoch is no plain value. The message says what to set.
    """
    statistics = state["statistics"] if include_statistics else None
    # A model that was loaded without its optimiser has no moments before it is trained on.
    has_moments = include_optimizer and state["optimizer"]["state"]
    document = {
        "format": state["format"],
        "class": type(estimator).__name__,
        "versions": state["versions"],
        "parameters": _encode_parameters(estimator.get_params(deep=False)),
        "classes": _encode_classes(state["classes"]),
        "feature_names": _as_list(getattr(estimator, "feature_names_in_", None)),
        "canvas": state["canvas"],
        "settings": state["settings"],
        "optimizer": _encode_optimizer(state) if has_moments else None,
        "has_statistics": statistics is not None,
        "history": _encode_history(state["history"]),
        "loss_curve": [float(loss) for loss in state["loss_curve"]],
        "validation_scores": _as_list(state["validation_scores"]),
    }
    tensors = dict(state["weights"])
    if has_moments:
        tensors |= _moments(state) | {name: state[name] for name in GENERATORS}
    if statistics is not None:
        scatter = statistics["scatter"]  # symmetric
        tensors |= {f"statistics.{name}": statistics[name] for name in STATISTICS}
        tensors["statistics.scatter"] = scatter[np.tril_indices(len(scatter))]
    try:
        return json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":")), tensors
    except ValueError:
        raise RefusedError("a parameter, a loss or a score is not finite; fit anew with finite numbers") from None


def _as_list(values: Any) -> list[Any] | None:
    return None if values is None else np.asarray(values).tolist()


def _encode_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    encoders = {"class_weight": _encode_class_weight, "callbacks": _encode_callbacks, "image_shape": _encode_shape}
    return {name: encoders.get(name, _as_plain)(value, name) for name, value in parameters.items()}


def _as_plain(value: Any, name: str) -> str | float | bool | None:
    """Return NumPy's and other numbers as Python's."""
    if value is None or isinstance(value, bool | np.bool_):
        return value if value is None else bool(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Real):
        return int(value) if isinstance(value, Integral) else float(value)
    remedy = {"random_state": "set_params(random_state=0), or another int,", "augment": "set_params(augment=None)"}
    raise RefusedError(
        f"the parameter {name!r} is {_describe(value)}, which the file cannot hold without code; call "
        f"{remedy.get(name, f'set_params({name}=...) with text or a number')} before save"
    )


def _describe(value: Any) -> str:
    return f"a function, {value!r:.60}" if callable(value) else f"of type {type(value).__name__}"


def _encode_callbacks(callbacks: Any, _: str) -> None:
    require(
        not callbacks,
        "the parameter 'callbacks' holds code, which the file does not; call set_params(callbacks=None) before save",
    )


def _encode_shape(shape: Any, name: str) -> Any:
    return [_as_plain(side, name) for side in shape] if isinstance(shape, tuple) else _as_plain(shape, name)


def _encode_class_weight(weights: Any, name: str) -> Any:
    """Return pairs of labels and weights, because keys of JSON are text."""
    if not isinstance(weights, dict):
        return _as_plain(weights, name)
    for label in weights:
        require(
            isinstance(label, str | bool | np.bool_ | Integral | Real),
            f"the parameter 'class_weight' names the class {label!r:.60} of type {type(label).__name__}, and the file "
            "holds text and numbers; call set_params(class_weight=None) before save",
        )
    return [[_as_plain(label, name), _as_plain(weight, name)] for label, weight in weights.items()]


def _encode_classes(classes: NDArray[Any]) -> dict[str, Any]:
    labels = classes.tolist()
    is_text = classes.dtype == object and all(type(label) is str for label in labels)
    require(
        is_text or classes.dtype.kind in "biufU",
        f"classes_ is an array of {classes.dtype} whose labels are not text; fit with labels that are text, bools or "
        "numbers",
    )
    return {"dtype": classes.dtype.str, "values": labels}


def _encode_optimizer(state: dict[str, Any]) -> dict[str, Any]:
    group = state["optimizer"]["param_groups"][0]
    numbers = {name: group[name] for name in (*OPTIMIZER_NUMBERS, "initial_lr") if name in group}
    return {**numbers, "device_kind": state["device_kind"]}


def _moments(state: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the moments by the names of the parameters, and the number of steps of each parameter."""
    by_parameter = dict(zip(state["weights"], state["optimizer"]["state"].values(), strict=True))
    tensors: dict[str, NDArray[Any]] = {}
    for moment, prefix in MOMENTS.items():
        tensors |= {f"{prefix}{name}": each[moment] for name, each in by_parameter.items()}
    return tensors | {STEPS: np.array([each["step"] for each in by_parameter.values()], dtype=np.float32)}


def _encode_history(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return columns, None where a record lacks the key. The empty lists of batches are left out."""
    names = dict.fromkeys(name for record in records for name in record if name != "batches")
    for record in records:
        for name, value in record.items():
            require(
                name == "batches" or isinstance(value, bool | np.bool_ | Real),
                f"the history of epochs has {name!r} of type {type(value).__name__}, and the file holds numbers and "
                f"bools; call record.pop({name!r}, None) for each record of net_.history before save",
            )
    return {name: [_as_plain(record[name], name) if name in record else None for record in records] for name in names}
