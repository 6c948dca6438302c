"""The order that numbered columns of pixels give."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklenet._checks import name_some, shorten

_MAX_PIXEL = 255
_REMEDY = "rename the columns, or delete the header and pass header=None to keep the order of the file"


def find_order(names: Sequence[str]) -> tuple[list[int], tuple[int, int] | None]:
    """Find the order of columns of pixels from the numbers in their names.

    Parameters
    ----------
    names : sequence of str
        One number in each name counts the pixels, ``pixel0``; two are row and column, ``pixel_0_0`` or ``1x1``.

    Returns
    -------
    order : list of int
        Positions of the columns, row by row of the image; as they come where no name has a number.
    shape : tuple (h, w) or None
        Of the image, where the names have rows and columns.

    Raises
    ------
    ValueError
        If the numbers do not count pixels. The message begins with a verb.
    """
    numbers = [tuple(map(int, re.findall(r"[0-9]+", name))) for name in names]
    if not any(numbers):
        return list(range(len(names))), None
    _refuse_strangers(names)
    if twice := [shorten(names[numbers.index(key)]) for key, count in Counter(numbers).items() if count > 1]:
        raise ValueError(f"has more than one column {name_some(twice)}; {_REMEDY}.")
    order = sorted(range(len(names)), key=numbers.__getitem__)
    table = np.array([numbers[position] for position in order])
    if table.shape[1] > 2:
        raise ValueError(
            f"has columns with {table.shape[1]} numbers in their names, such as {shorten(names[0])}, where one number "
            f"counts the pixels or two are row and column; {_REMEDY}."
        )
    shape = _shape_of(table)
    return order, shape if table.shape[1] == 2 else None


def _shape_of(table: NDArray[Any]) -> tuple[int, int]:
    """Shape of the grid that numbers (n, 1) or (n, 2) fill, from 0 or 1, without gaps."""
    low, high = table.min(axis=0), table.max(axis=0)
    sides = [int(side) for side in high - low + 1]
    if (low > 1).any() or np.prod(sides, dtype=float) != len(table):
        spans = " and ".join(f"{first} to {last}" for first, last in zip(low, high, strict=True))
        raise ValueError(
            f"has {len(table)} numbered columns of pixels, but their numbers, {spans}, begin beyond 1 or have gaps; "
            f"add the missing columns, {_REMEDY}."
        )
    return sides[0], sides[-1]


def refuse_data(names: Sequence[str]) -> None:
    """Refuse names of columns of pixels that may be a row of data: numbers alone, none too large for a pixel.

    Raises
    ------
    ValueError
        The message begins with a verb.
    """
    if all(is_number(name) and float(name) <= _MAX_PIXEL for name in names):
        raise ValueError(
            "has a first line of numbers, which looks like a row of data; pass header=None if the file has no header, "
            "with the position of the labels as label=, or name the columns, as pixel0 and so on."
        )


def is_number(text: str) -> bool:
    """Tell whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_strangers(names: Sequence[str]) -> None:
    """Refuse columns that are not named like most."""
    patterns = [tuple(re.split(r"[0-9]+", name)) for name in names]
    ((usual, _),) = Counter(patterns).most_common(1)
    if strangers := [shorten(name) for name, pattern in zip(names, patterns, strict=True) if pattern != usual]:
        raise ValueError(
            f"has columns that are not numbered like {shorten(names[patterns.index(usual)])}: {name_some(strangers)}; "
            f"name the column of the labels by label=, delete columns that hold no pixels, {_REMEDY}."
        )
