"""The domains of numbers and short text in a file, as scikit-learn's constraints."""

from numbers import Integral, Real
from typing import Any

from sklenet._checks import shorten
from sklenet._engine import ARCHITECTURES, DISTORTIONS
from sklenet._private import Interval, StrOptions, validate_parameter_constraints
from sklenet._saving._strict import RefusedError, require, take_object

_ANY = [Interval(Real, None, None, closed="neither")]
_POSITIVE = [Interval(Real, 0, None, closed="neither")]
_NOT_NEGATIVE = [Interval(Real, 0, None, closed="left")]
_SHARE = [Interval(Real, 0, 1, closed="both")]
_BELOW_ONE = [Interval(Real, 0, 1, closed="left")]
_COUNT = [Interval(Integral, 1, 2**31, closed="left")]

SETTINGS: dict[str, list[Any]] = {
    "architecture": [StrOptions(set(ARCHITECTURES))],
    "width": _POSITIVE,
    "dropout": _BELOW_ONE,
    "label_smoothing": _BELOW_ONE,
    "lr": _POSITIVE,
    "weight_decay": _NOT_NEGATIVE,
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "augment": [StrOptions(set(DISTORTIONS)), None],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "tol": _NOT_NEGATIVE,
    "schedule": [StrOptions({"one_cycle", "warm_up", "constant"})],
    "seed": [Interval(Integral, 0, 2**31, closed="left")],
}

CANVAS: dict[str, list[Any]] = {"height": _COUNT, "width": _COUNT, "n_pixels": _COUNT}

PIXELS: dict[str, list[Any]] = {
    "background": _ANY,
    "mean": _ANY,
    "scale": [Interval(Real, 1e-300, None, closed="left")],  # its reciprocal is finite
    "low": _ANY,
    "high": _ANY,
    "spread": _NOT_NEGATIVE,
    "ink": _NOT_NEGATIVE,
    "faintest": _NOT_NEGATIVE,
    "inverted": _SHARE,
}

# The rate is 0 at the end of an annealing.
OPTIMIZER: dict[str, list[Any]] = {
    "lr": _NOT_NEGATIVE,
    "initial_lr": _NOT_NEGATIVE,
    "eps": _NOT_NEGATIVE,
    "weight_decay": _NOT_NEGATIVE,
    "device_kind": [StrOptions({"cpu", "cuda", "mps"})],
}


def check_domains(values: dict[str, Any], domains: dict[str, list[Any]], what: str) -> None:
    """Refuse values that are not among scikit-learn's constraints, or are no number and no short text."""
    for name, value in values.items():
        is_short = len(value) <= 100 if isinstance(value, str) else value is None or isinstance(value, int | float)
        require(is_short, f"{name!r} of {what} is {shorten(value)}, which is neither a number nor a short text")
    try:
        validate_parameter_constraints(domains, values, what)
    except ValueError as error:
        raise RefusedError(str(error).rstrip(".")) from None


def take_numbers(value: Any, domains: dict[str, list[Any]], what: str) -> dict[str, Any]:
    """Return a JSON object of numbers and short text, of which none is a bool."""
    values = take_object(value, domains, what)
    require(bool not in map(type, values.values()), f"{what} has a bool in the place of a number")
    check_domains(values, domains, what)
    return values
