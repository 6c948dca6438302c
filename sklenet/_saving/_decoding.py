"""A JSON document and tensors become the parameters and the state of an estimator. Nothing is believed."""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklenet._checks import shorten
from sklenet._engine import Settings, refuse_other_format
from sklenet._saving._container import Specs
from sklenet._saving._domains import CANVAS, OPTIMIZER, PIXELS, SETTINGS, take_numbers
from sklenet._saving._parameters import compare_networks, take_parameters
from sklenet._saving._strict import (
    RefusedError,
    compare_names,
    parse_json,
    require,
    require_printable,
    take_list,
    take_object,
)
from sklenet._saving._tensors import MOST_STATE_SIZE, STATE_SIZES, decode_tensors, expected_specs

_KEYS = (
    "format", "class", "versions", "parameters", "classes", "feature_names", "canvas", "settings", "optimizer",
    "has_statistics", "history", "loss_curve", "validation_scores",
)  # fmt: skip

_VERSION = re.compile(r"[\w.+!-]{1,40}", re.ASCII)

# bool, ints, floats and text of which NumPy has arrays, in both byte orders; and text as objects.
_LABELS = re.compile(r"\|(?P<bit>b)1|\|[iu]1|[<>](?P<kind>[iu][248]|f[248])|[<>]U[1-9]\d{0,4}|\|O", re.ASCII)
_LABEL_KINDS = {"b": bool, "i": int, "u": int, "f": float, "U": str, "O": str}
_MOST_LABEL_BYTES = 2**24

# What skorch and the training write for each epoch.
_ALWAYS_RECORDED = ("epoch", "train_batch_count", "dur", "train_loss", "train_loss_best")


@dataclass(frozen=True)
class Saved:
    """What a file holds.

    Attributes
    ----------
    parameters : dict
        Parameters of the estimator.
    state : dict
        State of the model, as `Model.to_state` returns it.
    feature_names : ndarray of shape (n_pixels,) or None
    """

    parameters: dict[str, Any]
    state: dict[str, Any]
    feature_names: NDArray[Any] | None


def decode(kind: type, text: str, specs: Specs, n_bytes: int, read: Callable[[str], NDArray[Any]]) -> Saved:
    """Validate a document and its tensors, and return what they hold.

    Tensors are read after their shapes are known to be those of the network, and a network is made after the file is
    known to be as large as its weights.

    Parameters
    ----------
    kind : type
        Class of the estimator.
    text : str
        The JSON document.
    specs : dict of str to (dtype, shape)
        Of the tensors.
    n_bytes : int
        Size of the file, an upper bound of what the tensors take.
    read : callable
        Returns a tensor by its name.

    Raises
    ------
    RefusedError
        If anything is not as `encode` writes it.
    """
    document = parse_json(text, "the document")
    require(isinstance(document, dict), "the document is not a JSON object")
    _check_origin(document, kind)
    take_object(document, _KEYS, "the document")
    settings = _take_settings(document["settings"])
    canvas = _take_canvas(document["canvas"])
    classes = _take_classes(document["classes"])
    optimizer = _take_optimizer(document["optimizer"])
    parameters = take_parameters(document["parameters"], kind)
    compare_networks(parameters, settings, canvas)
    has_statistics = document["has_statistics"]
    require(type(has_statistics) is bool, "'has_statistics' is neither true nor false")
    sizes = () if optimizer is None else _generator_sizes(optimizer["device_kind"], specs)
    expected = expected_specs(settings, len(classes), n_bytes, generator_sizes=sizes, has_statistics=has_statistics)
    compare_names(specs, expected, "the file", "tensor")
    for name, spec in specs.items():
        require(
            spec == expected[name],
            f"the tensor {name!r} is {_name(spec)}, but the network needs {_name(expected[name])}",
        )
    model = decode_tensors(read, expected, optimizer)
    history = _take_history(document["history"])
    state = {
        "format": document["format"],
        "versions": document["versions"],
        "settings": settings,
        "canvas": canvas,
        "classes": classes,
        "history": history,
        "loss_curve": _take_curve(document["loss_curve"], len(history)),
        "validation_scores": _take_scores(document["validation_scores"]),
        **model,
    }
    return Saved(parameters, state, _take_names(document["feature_names"], canvas["n_pixels"]))


def _generator_sizes(device_kind: str, specs: Specs) -> tuple[int, int]:
    """Return the sizes of the states of the generators on the CPU and on a kind of device."""
    found = specs.get("device_generator", (None, ()))[1]
    free = found[0] if len(found) == 1 and found[0] <= MOST_STATE_SIZE else 0
    return STATE_SIZES["cpu"], STATE_SIZES.get(device_kind, free)


def _name(spec: tuple[np.dtype[Any], tuple[int, ...]]) -> str:
    return f"{spec[0].name} of shape {spec[1]}"


def _check_origin(document: dict[str, Any], kind: type) -> None:
    """Refuse another format before another version's document is called damaged, and another class."""
    for name in ("format", "versions", "class"):
        require(name in document, f"the document lacks the key {name!r}")
    require(type(document["format"]) is int, "the format is not an int")
    versions = document["versions"]
    is_plain = isinstance(versions, dict) and set(versions) == {"sklenet", "torch"}
    is_plain = is_plain and all(isinstance(each, str) and _VERSION.fullmatch(each) for each in versions.values())
    require(is_plain, "the versions are not those of sklenet and torch")
    try:
        refuse_other_format(document)
    except ValueError as error:
        raise RefusedError(str(error).rstrip(".")) from None
    name = document["class"]
    require(isinstance(name, str), "the class is not named by text")
    require(name == kind.__name__, f"it holds a {name[:60]}, and not a {kind.__name__}")


def _take_settings(value: Any) -> dict[str, Any]:
    settings = take_numbers(value, SETTINGS, "the entry 'settings'")
    kinds = {field.name: field.type for field in dataclasses.fields(Settings)}
    return {name: float(each) if kinds[name] is float else each for name, each in settings.items()}


def _take_canvas(value: Any) -> dict[str, Any]:
    canvas = take_object(value, ["shape", "n_pixels", "pixels"], "the entry 'canvas'")
    shape = take_list(canvas["shape"], int, "'shape' of the entry 'canvas'")
    require(len(shape) == 2, "'shape' of the entry 'canvas' is not a height and a width")
    numbers = {"height": shape[0], "width": shape[1], "n_pixels": canvas["n_pixels"]}
    height, width, n_pixels = take_numbers(numbers, CANVAS, "the entry 'canvas'").values()
    # Only squares are padded, and only by less than a row and a column.
    is_exact, is_padded = height * width == n_pixels, height == width and (height - 1) ** 2 < n_pixels < height**2
    require(is_exact or is_padded, f"images of {height}×{width} pixels do not have {n_pixels} pixels")
    pixels = take_numbers(canvas["pixels"], PIXELS, "the entry 'pixels'")
    require(pixels["low"] <= pixels["high"], "the range of pixels is negative")
    return {"shape": (height, width), "n_pixels": n_pixels, "pixels": {name: float(pixels[name]) for name in pixels}}


def _take_classes(value: Any) -> NDArray[Any]:
    classes = take_object(value, ["dtype", "values"], "the entry 'classes'")
    dtype = classes["dtype"]
    require(isinstance(dtype, str) and _LABELS.fullmatch(dtype), f"files cannot hold labels of dtype {shorten(dtype)}")
    kind = _LABEL_KINDS[dtype[1]]
    labels = take_list(classes["values"], kind, "the entry 'classes'")
    n_bytes = len(labels) * np.dtype(dtype).itemsize
    require(n_bytes <= _MOST_LABEL_BYTES, f"{len(labels):,} labels of dtype {dtype} take {n_bytes:,} bytes")
    if kind is str:
        require_printable(labels, "a label")
    is_sorted = all(one < other for one, other in pairwise(labels))
    require(len(labels) >= 2 and is_sorted, "the labels are fewer than two, not sorted or not unique")
    try:
        array = np.array(labels, dtype)
    except OverflowError:
        raise RefusedError(f"a label is out of the range of {dtype}") from None
    require(array.tolist() == labels, f"a label cannot be represented by {dtype}")
    return array


def _take_optimizer(value: Any) -> dict[str, Any] | None:
    """Return the numbers of the optimiser, and the kind of device of the second generator."""
    if value is None:
        return None
    require(isinstance(value, dict), "the entry 'optimizer' is not a JSON object")
    given = dict(value)
    betas = given.pop("betas", None)
    take_list(betas, (int, float), "'betas' of the entry 'optimizer'")
    require(len(betas) == 2 and all(0 <= beta < 1 for beta in betas), "'betas' are not two numbers below one")
    # A schedule leaves the rate from which it started.
    given.setdefault("initial_lr", given.get("lr"))
    numbers = take_numbers(given, OPTIMIZER, "the entry 'optimizer'")
    if "initial_lr" not in value:
        del numbers["initial_lr"]
    return {**numbers, "betas": tuple(betas)}


def _take_history(value: Any) -> list[dict[str, Any]]:
    """Return records of epochs from columns of numbers or bools."""
    require(isinstance(value, dict), "the entry 'history' is not a JSON object")
    for name in _ALWAYS_RECORDED:
        require(name in value, f"the history lacks {name!r}")
    n_epochs = len(take_list(value["epoch"], int, "'epoch' of the history"))
    require(n_epochs >= 1, "the history has no epoch")
    for name, column in value.items():
        what = f"{name[:60]!r} of the history"
        kinds = (bool,) if name.endswith("_best") else (int, float, bool)
        kinds = kinds if name in _ALWAYS_RECORDED else (*kinds, type(None))
        require(len(take_list(column, kinds, what)) == n_epochs, f"{what} is not of {n_epochs} epochs")
        require(len({*map(type, column)} & {int, float}) == 0 or bool not in map(type, column), f"{what} mixes kinds")
        require(name != "batches", "the history has batches")
    require_printable(value, "a name in the history")
    records = ({name: column[epoch] for name, column in value.items()} for epoch in range(n_epochs))
    return [{"batches": [], **{name: each for name, each in row.items() if each is not None}} for row in records]


def _take_curve(value: Any, n_epochs: int) -> list[float]:
    curve = take_list(value, (int, float), "the entry 'loss_curve'")
    require(len(curve) >= n_epochs, "the loss curve has fewer epochs than the history")
    return [float(loss) for loss in curve]


def _take_scores(value: Any) -> list[float] | None:
    if value is None:
        return None
    scores = take_list(value, (int, float), "the entry 'validation_scores'")
    require(all(0 <= score <= 1 for score in scores), "a validation score is not between 0 and 1")
    return [float(score) for score in scores]


def _take_names(value: Any, n_pixels: int) -> NDArray[Any] | None:
    if value is None:
        return None
    names = take_list(value, str, "the entry 'feature_names'")
    require(len(names) == n_pixels, f"{len(names)} names of columns are not those of {n_pixels} pixels")
    require_printable(names, "a name of a column")
    return np.array(names, dtype=object)
