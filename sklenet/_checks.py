"""Validation of parameters that several public functions have, and the wording of error messages."""

import reprlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Shape = tuple[int, int]

_MAX_NAMES = 10

_repr = reprlib.Repr()
_repr.maxstring = 60
_repr.maxother = 60


def check_image_shape(owner: str, shape: Any) -> Shape:
    """Validate an image shape and return it as Python ints.

    Parameters
    ----------
    owner : str
        Function or class whose parameter is validated, named in the message.
    shape : object
        The value that the user passed.

    Returns
    -------
    shape : tuple (h, w)

    Raises
    ------
    ValueError
        If `shape` is not a pair of positive ints.

    Examples
    --------
    >>> check_image_shape("load_image_folder", (28, 20))
    (28, 20)
    """
    sides = list(shape) if isinstance(shape, tuple | list) else []
    if len(sides) == 2 and all(isinstance(side, int | np.integer) and side is not True and side > 0 for side in sides):
        return int(sides[0]), int(sides[1])
    raise ValueError(
        f"The 'image_shape' parameter of {owner} must be a tuple of two positive ints (height, width) in pixels. "
        f"Got {shorten(shape)} instead."
    )


def check_choice(owner: str, name: str, value: Any, choices: Iterable[Any]) -> None:
    """Raise a ValueError if the value of a parameter is not among the choices.

    Examples
    --------
    >>> check_choice("fetch_dataset", "subset", "dev", ["train", "test"])
    Traceback (most recent call last):
        ...
    ValueError: The 'subset' parameter of fetch_dataset must be one of ['train', 'test']. Got 'dev' instead.
    """
    allowed = list(choices)
    if value not in allowed:
        raise ValueError(f"The {name!r} parameter of {owner} must be one of {allowed}. Got {shorten(value)} instead.")


def name_some(names: Sequence[str]) -> str:
    """List up to ten names for a message, and count the omitted names.

    Examples
    --------
    >>> name_some([*"abcdefghijkl"])
    'a, b, c, d, e, f, g, h, i, j and 2 more'
    """
    n_omitted = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {n_omitted} more" if n_omitted > 0 else "")


def shorten(value: Any) -> str:
    """Return the representation of a value for a message; the middle of a long representation is omitted."""
    return _repr.repr(value)
