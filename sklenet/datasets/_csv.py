"""Images of one's own: a table with a row for each image and a column for each pixel."""

import lzma
import math
import os
import zipfile
import zlib
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklenet._checks import check_image_shape, name_some, shorten
from sklenet.datasets._bunch import as_bunch
from sklenet.datasets._columns import find_order, is_number, refuse_data

# Up to here a float is one whole number.
_EXACT = 2**53
_SEPARATORS = (",", ";", "\t")


def load_pixel_csv(
    path: str | os.PathLike[str],
    *,
    label: str | int | None = "label",
    header: int | None = 0,
    image_shape: tuple[int, int] | None = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    r"""Load images from a CSV file, a row for each image and a column for each pixel.

    This is the layout of Kaggle's "Digit Recognizer" and of many that follow it: one column has the labels, all others
    the pixels. Where the names of the columns have numbers, the numbers give the order of the pixels, row by row of the
    image: one number counts the pixels, as in ``pixel0``, two are row and column, as in ``pixel_0_0`` or ``1x1``. Other
    columns are read in the order of the file. Fields are separated by commas, semicolons or tabs.

    Parameters
    ----------
    path : path-like
        The file; one whose name ends in .gz, .bz2, .zip, .xz or .zst is unpacked.
    label : str, int or None, default="label"
        The column of the labels, by its name or its position, -1 being the last; None if there is none, as in a file of
        images to be predicted.
    header : {0, None}, default=0
        0 if the first line has the names of the columns, None if there is no such line; `label` is a position then.
    image_shape : tuple (height, width) or None, default=None
        Of one image, in pixels; None takes the rows and columns that the names of the columns have, or a square.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Give the data as a pandas DataFrame and the target as a Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the attributes:

        data : {ndarray, DataFrame} of shape (n_samples, height · width)
            Pixels row by row, uint8.
        images : ndarray of shape (n_samples, height, width)
            The same pixels; unless `as_frame=True`, in the same memory.
        target : {ndarray, Series} of shape (n_samples,) or None
            The labels: int64 where all are whole numbers, else str. None with `label=None`.
        target_names : ndarray of shape (n_classes,) or None
            The different labels, sorted.
        feature_names : list of str
            ``pixel_row_column``, whatever the file calls its columns.
        frame : DataFrame of shape (n_samples, height · width + 1) or None
            `data` and `target` side by side, with `as_frame=True` only.

    (data, target) : tuple if ``return_X_y=True``
        As above.

    Raises
    ------
    ValueError
        If the label's column is missing, the first line looks like data where names are expected, the numbers in the
        names are repeated or have gaps, a row has too many or too few fields, a pixel is no whole number from 0 to
        255, or the number of pixels is not that of `image_shape` or of a square. Names the row, by its line in the
        file where each row is one line, and the column.
    TypeError
        If `label` is neither a name nor a position nor None.
    FileNotFoundError
        If there is no such file.

    See Also
    --------
    load_image_folder : Images from pictures.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "train.csv")
    ...     _ = path.write_text("label,pixel0,pixel1,pixel2,pixel3\n7,0,255,255,0\n1,0,255,0,255\n")
    ...     X, y = load_pixel_csv(path, return_X_y=True)
    >>> X
    array([[  0, 255, 255,   0],
           [  0, 255,   0, 255]], dtype=uint8)
    >>> y
    array([7, 1])
    """
    if header is not None and (isinstance(header, bool) or header != 0):
        raise ValueError(f"The 'header' parameter of load_pixel_csv must be 0 or None. Got {header!r} instead.")
    table = _read_table(path, header)
    position = _find_label(path, table, label, header)
    names = [str(name) for place, name in enumerate(table.columns) if place != position]
    pixels = table.iloc[:, [place for place in range(table.shape[1]) if place != position]]
    if header is not None:
        # A label that is found by its name shows that the first line is a header.
        order, shape_of_names = _find_order(path, names, is_certain=isinstance(label, str))
        pixels, image_shape = pixels.iloc[:, order], image_shape or shape_of_names
    shape = _find_shape(path, pixels.shape[1], image_shape)
    target = None if position is None else _as_labels(path, table.iloc[:, position])
    return as_bunch(
        _as_pixels(path, pixels).reshape(-1, *shape),
        target,
        return_X_y=return_X_y,
        as_frame=as_frame,
        target_names=None if target is None else np.unique(target),
    )


def _read_table(path: str | os.PathLike[str], header: int | None) -> pd.DataFrame:
    """Read a table whose index has the number of each row's line in the file."""
    try:
        names, separator = _read_first_line(path)
        # "NA" may be the name of a class; only what is empty is missing.
        table = pd.read_csv(path, sep=separator, header=header, keep_default_na=False, na_values=[""], low_memory=False)
    except (EOFError, OSError, ValueError, lzma.LZMAError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the file system's, as of a missing file; what is wrong with the content has no number
        raise ValueError(f"{path} cannot be read as a table: {str(error).strip()}") from error
    if table.empty:
        raise ValueError(f"{path} has no rows below its header.")
    if type(table.index) is not pd.RangeIndex:
        # What pandas makes of a first row that is longer than the header.
        raise ValueError(f"{path}, line 2: the row has more fields than the header has columns, {table.shape[1]}.")
    # pandas changes names that come twice.
    table.columns = pd.Index(range(len(names)) if header is None else names, dtype=object)
    table.index += 1 if header is None else 2
    return table


def _read_first_line(path: str | os.PathLike[str]) -> tuple[list[str], str]:
    """Return the fields of the first line and what separates them."""
    lines = {
        separator: pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str, keep_default_na=False)
        for separator in _SEPARATORS
    }
    separator = max(_SEPARATORS, key=lambda candidate: lines[candidate].shape[1])
    return lines[separator].iloc[0].tolist(), separator


def _find_label(path: Any, table: pd.DataFrame, label: str | int | None, header: int | None) -> int | None:
    """Return the position of the labels' column."""
    if isinstance(label, bool) or not isinstance(label, str | Integral | None):
        raise TypeError(
            f"The 'label' parameter of load_pixel_csv must be a name, a position or None. Got {label!r} instead."
        )
    n_columns = table.shape[1]
    if isinstance(label, Integral):
        if not -n_columns <= label < n_columns:
            raise ValueError(f"{path} has {n_columns} columns, and label={label} is no position among them.")
        return int(label) % n_columns
    if label is None:
        return None
    if header is None:
        raise ValueError(
            f"With header=None the columns have no names: label must be a position, such as 0 or -1, or None. "
            f"Got {label!r} instead."
        )
    if label in table.columns:
        return table.columns.tolist().index(label)
    numbers = all(map(is_number, table.columns))
    remedy = "Pass header=None and label=0 if the file has no header. " if numbers else ""
    raise ValueError(
        f"{path} has no column {label!r}, which should hold the labels; it has {_name(table.columns)}. {remedy}"
        f"Name the right one by label=, or pass label=None if there is none."
    )


def _find_order(path: Any, names: list[str], *, is_certain: bool) -> tuple[list[int], tuple[int, int] | None]:
    if "" in names or "Unnamed: 0" in names:
        raise ValueError(
            f"{path} has a column without a name, as pandas writes the index; write the file with index=False, or "
            "delete the column."
        )
    try:
        if not is_certain:
            refuse_data(names)
        return find_order(names)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None


def _name(columns: pd.Index) -> str:
    return name_some([shorten(str(column)) for column in columns])


def _find_shape(path: Any, n_pixels: int, image_shape: tuple[int, int] | None) -> tuple[int, int]:
    side = math.isqrt(n_pixels)
    shape = (side, side) if image_shape is None else check_image_shape("load_pixel_csv", image_shape)
    if n_pixels == 0 or math.prod(shape) != n_pixels:
        expected = "no square" if image_shape is None else f"not {shape[0]} × {shape[1]} = {math.prod(shape)}"
        raise ValueError(
            f"{path} has {n_pixels} columns of pixels, which is {expected}; "
            f"give the right image_shape=(height, width), or take out the columns that are no pixels."
        )
    return shape


def _as_pixels(path: Any, table: pd.DataFrame) -> NDArray[np.uint8]:
    numbers = table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    # Comparisons with NaN are False.
    good = (numbers >= 0) & (numbers <= 255) & (numbers == np.floor(numbers))
    if not good.all():
        row, column = np.argwhere(~good)[0]
        raise _bad_cell(path, table.iloc[:, column], int(row), "a whole number from 0 to 255")
    return numbers.astype(np.uint8)


def _as_labels(path: Any, column: pd.Series) -> NDArray[Any]:
    if column.isna().any():
        raise _bad_cell(path, column, int(column.isna().to_numpy().argmax()), "a label")
    if pd.api.types.is_signed_integer_dtype(column):
        return column.to_numpy(np.int64)
    if pd.api.types.is_float_dtype(column) and ((column == column.round()) & (column.abs() <= _EXACT)).all():
        return column.to_numpy(np.int64)
    return column.astype(str).to_numpy(str)


def _bad_cell(path: Any, column: pd.Series, row: int, expected: str) -> ValueError:
    value = column.iloc[row]
    found = "is empty, or its row is too short" if pd.isna(value) else f"is {str(value)!r}"
    return ValueError(f"{path}, line {column.index[row]}, column {column.name!r}: should be {expected}, but {found}.")
