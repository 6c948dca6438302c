"""Derive the order of the pixels from the numbers in the names of columns."""

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
    """Derive the order of pixel columns from the numbers in their names.

    Parameters
    ----------
    names : sequence of str
        One number in each name is the index of the pixel, as in ``pixel0``; two numbers are its row and column, as in
        ``pixel_0_0`` or ``1x1``.

    Returns
    -------
    order : list of int
        Positions of the columns, row by row of the image; the given order if no name contains a number.
    shape : tuple (h, w) or None
        Shape of the image, if the names contain rows and columns.

    Raises
    ------
    ValueError
        If the numbers do not index the pixels of an image. The message begins with a verb; the caller adds the subject.
    """
    numbers = [tuple(map(int, re.findall(r"[0-9]+", name))) for name in names]
    if not any(numbers):
        return list(range(len(names))), None
    _refuse_other_patterns(names)
    if repeated := [shorten(names[numbers.index(key)]) for key, count in Counter(numbers).items() if count > 1]:
        raise ValueError(f"has more than one column {name_some(repeated)}; {_REMEDY}.")
    order = sorted(range(len(names)), key=numbers.__getitem__)
    table = np.array([numbers[position] for position in order])
    if table.shape[1] > 2:
        raise ValueError(
            f"has columns with {table.shape[1]} numbers in their names, such as {shorten(names[0])}, but names must "
            f"contain one number, the index of the pixel, or two, its row and column; {_REMEDY}."
        )
    shape = _infer_shape(table)
    return order, shape if table.shape[1] == 2 else None


def _infer_shape(table: NDArray[Any]) -> tuple[int, int]:
    """Return the shape of the grid that numbers (n, 1) or (n, 2), from 0 or 1, fill without gaps."""
    low, high = table.min(axis=0), table.max(axis=0)
    sides = [int(side) for side in high - low + 1]
    if (low > 1).any() or np.prod(sides, dtype=float) != len(table):
        spans = " and ".join(f"{first} to {last}" for first, last in zip(low, high, strict=True))
        raise ValueError(
            f"has {len(table)} numbered columns of pixels, but their numbers, {spans}, do not begin at 0 or 1, "
            f"or have gaps; add the missing columns, {_REMEDY}."
        )
    return sides[0], sides[-1]


def refuse_data_as_header(names: Sequence[str]) -> None:
    """Raise an error if the names of the pixel columns may be a row of data, since all are numbers from 0 to 255.

    Raises
    ------
    ValueError
        The message begins with a verb; the caller adds the subject.
    """
    if all(is_number(name) and float(name) <= _MAX_PIXEL for name in names):
        raise ValueError(
            "has a first line of numbers, which looks like a row of data; if the file has no header, pass header=None "
            "and the position of the labels as label=, else name the columns pixel0, pixel1 and so on."
        )


def is_number(text: str) -> bool:
    """Return whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_other_patterns(names: Sequence[str]) -> None:
    """Raise an error if names of columns differ from the most common name in more than their numbers."""
    patterns = [tuple(re.split(r"[0-9]+", name)) for name in names]
    ((usual, _),) = Counter(patterns).most_common(1)
    if others := [shorten(name) for name, pattern in zip(names, patterns, strict=True) if pattern != usual]:
        raise ValueError(
            f"has columns that are not numbered like {shorten(names[patterns.index(usual)])}: {name_some(others)}; "
            f"name the column of the labels by label=, delete columns that do not contain pixels, {_REMEDY}."
        )
