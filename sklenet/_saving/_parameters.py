"""The parameters of an estimator in a file."""

import re
from typing import Any

from sklenet._checks import check_image_shape, shorten
from sklenet._saving._domains import check_domains
from sklenet._saving._strict import RefusedError, compare_names, require, require_printable, take_list

_DEVICE = re.compile(r"auto|(cpu|cuda|mps)(:\d{1,4})?", re.ASCII)


def take_parameters(value: Any, kind: Any) -> dict[str, Any]:
    """Return parameters by their names. A parameter that is newer than the file has its default."""
    require(isinstance(value, dict), "the entry 'parameters' is not a JSON object")
    parameters = kind().get_params(deep=False) | value
    compare_names(parameters, kind().get_params(deep=False), kind.__name__, "parameter")
    plain = {name: each for name, each in parameters.items() if not isinstance(each, list)}
    check_domains(plain, kind._parameter_constraints, kind.__name__)
    for name in set(parameters) - set(plain):
        require(name in ("image_shape", "class_weight"), f"the parameter {name!r} is a list")
    require(parameters["callbacks"] is None, "callbacks are code, which no file holds")
    require(_DEVICE.fullmatch(parameters["device"]), f"there is no device {shorten(parameters['device'])}")
    if isinstance(shape := parameters["image_shape"], list):
        try:
            parameters["image_shape"] = check_image_shape(kind.__name__, tuple(shape))
        except ValueError as error:
            raise RefusedError(str(error).rstrip(".")) from None
    if isinstance(parameters["class_weight"], list):
        parameters["class_weight"] = _take_class_weight(parameters["class_weight"])
    return parameters


def _take_class_weight(pairs: list[Any]) -> dict[Any, float]:
    for pair in take_list(pairs, list, "the parameter 'class_weight'"):
        is_pair = len(pair) == 2 and type(pair[0]) in (str, bool, int, float) and type(pair[1]) in (int, float)
        require(is_pair and pair[1] >= 0, "the parameter 'class_weight' is not of labels and weights of at least 0")
    weights = dict(pairs)
    require(len(weights) == len(pairs), "the parameter 'class_weight' names a class twice")
    require_printable((label for label in weights if isinstance(label, str)), "a class of 'class_weight'")
    return weights


def compare_networks(parameters: dict[str, Any], settings: dict[str, Any], canvas: dict[str, Any]) -> None:
    """Refuse parameters of another network than the fitted one."""
    shape = parameters["image_shape"] or canvas["shape"]
    for name, given, fitted in (
        ("architecture", parameters["architecture"], settings["architecture"]),
        ("width", parameters["width"], settings["width"]),
        ("image_shape", shape, canvas["shape"]),
    ):
        require(
            given == fitted,
            f"the parameter {name!r} is {given!r}, but the fitted network has {fitted!r}; call set_params({name}="
            f"{fitted!r}), or fit again",
        )
