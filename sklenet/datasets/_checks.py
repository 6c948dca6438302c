"""Checks of parameters that several loaders have, and names in the messages of errors."""

import reprlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sklenet.datasets._registry import SUBSETS

_MAX_NAMED = 10

_repr = reprlib.Repr()
_repr.maxstring = 60
_repr.maxother = 60


def check_choice(function: str, name: str, value: Any, choices: Iterable[Any]) -> None:
    """Refuse a value that is none of the choices."""
    allowed = list(choices)
    if value not in allowed:
        raise ValueError(
            f"The {name!r} parameter of {function} must be one of {allowed}. Got {_repr.repr(value)} instead."
        )


def check_subset(function: str, subset: str) -> None:
    """Refuse a subset that is none."""
    check_choice(function, "subset", subset, SUBSETS)


def check_image_shape(function: str, image_shape: Any) -> tuple[int, int]:
    """Refuse what is no shape of an image."""
    match image_shape:
        case (int() | np.integer() as height, int() | np.integer() as width) if height > 0 and width > 0:
            return int(height), int(width)
    raise ValueError(
        f"The 'image_shape' parameter of {function} must be a tuple of two positive integers (height, width). "
        f"Got {image_shape!r} instead."
    )


def name_some(names: Sequence[str]) -> str:
    """List names for a message: ten of them at most, and how many more there are."""
    more = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def shorten(value: Any) -> str:
    """Quote a value for a message, the middle of a long one left out."""
    return _repr.repr(value)
