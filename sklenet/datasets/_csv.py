"""Load images from a table with a row for each image and a column for each pixel."""

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
from sklenet.datasets._columns import find_order, is_number, refuse_data_as_header

# Floats represent all integers up to this one exactly.
_MAX_EXACT = 2**53
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
    r"""Load images from a CSV file that has a row for each image and a column for each pixel.

    Kaggle's "Digit Recognizer" and many other data sets have this layout: one column contains the labels, all other
    columns contain the pixels. Numbers in the names of the columns determine the order of the pixels: one number is the
    index of the pixel, row by row of the image, as in ``pixel0``; two numbers are its row and column, as in
    ``pixel_0_0`` or ``1x1``. Columns without numbers keep the order of the file. Fields are separated by commas,
    semicolons or tabs.

    Parameters
    ----------
    path : path-like
        The file. It is decompressed if its name ends in .gz, .bz2, .zip, .xz or .zst.
    label : str, int or None, default="label"
        Name or position of the column of labels; -1 is the last column. Pass None for a file without labels, such as a
        file of images to predict.
    header : {0, None}, default=0
        0 if the first line contains the names of the columns, None if the file has no such line. With None, `label`
        must be a position.
    image_shape : tuple (height, width) or None, default=None
        Shape of one image, in pixels. None infers the shape from the rows and columns in the names of the columns, or
        else assumes a square.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return the data as a pandas DataFrame and the target as a Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the attributes:

        data : {ndarray, DataFrame} of shape (n_samples, height · width)
            Pixels row by row, uint8.
        images : ndarray of shape (n_samples, height, width)
            The same pixels. Shares its memory with `data` unless `as_frame=True`.
        target : {ndarray, Series} of shape (n_samples,) or None
            The labels, int64 if all labels are integers, else str. None if `label=None`.
        target_names : ndarray of shape (n_classes,) or None
            The distinct labels, sorted.
        feature_names : list of str
            ``pixel_row_column``, independent of the names in the file.
        frame : DataFrame of shape (n_samples, height · width + 1) or None
            `data` and `target` in one table; None unless `as_frame=True`.

    (data, target) : tuple if ``return_X_y=True``
        The attributes `data` and `target`.

    Raises
    ------
    ValueError
        If the column of labels is missing, if the header looks like a row of data, if the numbers in the names repeat
        or have gaps, if a row has too many or too few fields, if a pixel is not an integer from 0 to 255, or if the
        number of pixels differs from `image_shape` or is not a square. The message names the column and the line,
        counted on the assumption that each row is one line.
    TypeError
        If `label` is not a str, an int or None.
    FileNotFoundError
        If the file does not exist.

    See Also
    --------
    load_image_folder : Load images from picture files.

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
    pixels = table.iloc[:, [column for column in range(table.shape[1]) if column != position]]
    if header is not None:
        # A column of labels that is found by its name proves that the first line is a header.
        order, named_shape = _find_order(path, list(map(str, pixels.columns)), is_header=isinstance(label, str))
        pixels, image_shape = pixels.iloc[:, order], image_shape or named_shape
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
    """Read a table; its index is the line number of each row in the file."""
    try:
        names, separator = _read_first_line(path)
        # "NA" may be the name of a class; only empty fields are missing.
        table = pd.read_csv(path, sep=separator, header=header, keep_default_na=False, na_values=[""], low_memory=False)
    except (EOFError, OSError, ValueError, lzma.LZMAError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # errors of the file system, such as a missing file, have an errno; errors of the content do not
        raise ValueError(f"{path} cannot be read as a table: {str(error).strip()}") from error
    if table.empty:
        raise ValueError(f"{path} has no rows below its header.")
    if type(table.index) is not pd.RangeIndex:
        # pandas makes the surplus fields of a first row the index.
        raise ValueError(f"{path}, line 2: the row has more fields than the {table.shape[1]} columns of the header.")
    # pandas renames repeated columns.
    table.columns = pd.Index(range(len(names)) if header is None else names, dtype=object)
    table.index += 1 if header is None else 2
    return table


def _read_first_line(path: str | os.PathLike[str]) -> tuple[list[str], str]:
    """Return the fields of the first line and their separator."""
    lines = {
        separator: pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str, keep_default_na=False)
        for separator in _SEPARATORS
    }
    separator = max(_SEPARATORS, key=lambda candidate: lines[candidate].shape[1])
    return lines[separator].iloc[0].tolist(), separator


def _find_label(path: Any, table: pd.DataFrame, label: str | int | None, header: int | None) -> int | None:
    """Return the position of the column of labels."""
    if isinstance(label, bool) or not isinstance(label, str | Integral | None):
        raise TypeError(
            f"The 'label' parameter of load_pixel_csv must be a name, a position or None. Got {label!r} instead."
        )
    n_columns = table.shape[1]
    if isinstance(label, Integral):
        if not -n_columns <= label < n_columns:
            raise ValueError(f"{path} has {n_columns} columns, so label={label} is out of range.")
        return int(label) % n_columns
    if label is None:
        return None
    if header is None:
        raise ValueError(
            f"With header=None the columns have no names, so label must be a position, such as 0 or -1, or None. "
            f"Got {label!r} instead."
        )
    if label in table.columns:
        return table.columns.tolist().index(label)
    is_data = all(map(is_number, table.columns))
    remedy = "Pass header=None and label=0 if the file has no header. " if is_data else ""
    raise ValueError(
        f"{path} has no column {label!r} for the labels; its columns are {_list_columns(table.columns)}. {remedy}"
        f"Pass the column of the labels as label=, or label=None if the file has no labels."
    )


def _find_order(path: Any, names: list[str], *, is_header: bool) -> tuple[list[int], tuple[int, int] | None]:
    if "" in names or "Unnamed: 0" in names:
        raise ValueError(
            f"{path} has a column without a name, as pandas writes the index; write the file with index=False, or "
            "delete the column."
        )
    try:
        if not is_header:
            refuse_data_as_header(names)
        return find_order(names)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None


def _list_columns(columns: pd.Index) -> str:
    return name_some([shorten(str(column)) for column in columns])


def _find_shape(path: Any, n_pixels: int, image_shape: tuple[int, int] | None) -> tuple[int, int]:
    side = math.isqrt(n_pixels)
    shape = (side, side) if image_shape is None else check_image_shape("load_pixel_csv", image_shape)
    if n_pixels == 0 or math.prod(shape) != n_pixels:
        expected = "a square" if image_shape is None else f"{shape[0]} × {shape[1]} = {math.prod(shape)}"
        raise ValueError(
            f"{path} has {n_pixels} columns of pixels, which is not {expected}; "
            f"pass image_shape=(height, width), or delete the columns that do not contain pixels."
        )
    return shape


def _as_pixels(path: Any, table: pd.DataFrame) -> NDArray[np.uint8]:
    numbers = table.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    # Comparisons with NaN are False.
    is_valid = (numbers >= 0) & (numbers <= 255) & (numbers == np.floor(numbers))
    if not is_valid.all():
        row, column = np.argwhere(~is_valid)[0]
        raise _invalid_cell(path, table.iloc[:, column], int(row), "an integer from 0 to 255")
    return numbers.astype(np.uint8)


def _as_labels(path: Any, column: pd.Series) -> NDArray[Any]:
    if column.isna().any():
        raise _invalid_cell(path, column, int(column.isna().to_numpy().argmax()), "a label")
    if pd.api.types.is_signed_integer_dtype(column):
        return column.to_numpy(np.int64)
    if pd.api.types.is_float_dtype(column) and ((column == column.round()) & (column.abs() <= _MAX_EXACT)).all():
        return column.to_numpy(np.int64)
    return column.astype(str).to_numpy(str)


def _invalid_cell(path: Any, column: pd.Series, row: int, expected: str) -> ValueError:
    value = column.iloc[row]
    found = "is empty, or its row is too short" if pd.isna(value) else f"is {str(value)!r}"
    return ValueError(
        f"{path}, line {column.index[row]}, column {column.name!r}: the value must be {expected}, but {found}."
    )
