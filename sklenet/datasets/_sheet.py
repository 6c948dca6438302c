"""Save the cells of a filled-in form as pictures, in a folder for each class."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sklenet._checks import name_some, shorten
from sklenet._extras import import_extra
from sklenet.preprocessing._sheet import CharacterSheet, GridNotFoundError, cut_sheet

_FORBIDDEN = set('/\\:*?"<>|')


def read_labels(path: Path, n_rows: int, n_columns: int) -> list[str]:
    """Read the labels of the cells, a label a line, row by row, from a text file in UTF-8.

    Raises
    ------
    ValueError
        If the number of lines is not that of the cells, the file is not text, or a label cannot name a folder.
    OSError
        If the file cannot be opened.
    """
    try:
        labels = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file in UTF-8: {error.reason}.") from None
    if len(labels) != n_rows * n_columns:
        raise ValueError(
            f"{path} has {len(labels):,} lines, but {n_rows} rows of {n_columns} columns are {n_rows * n_columns:,} "
            "cells; write a label a line, row by row."
        )
    for number, label in enumerate(labels, start=1):
        if not label or label.startswith(".") or _FORBIDDEN & set(label) or not label.isprintable():
            raise ValueError(
                f"Line {number} of {path} is {shorten(label)}, which cannot name the folder of a class; write a name "
                "for the character, such as 'dot'."
            )
    return labels


def save_sheet(path: Path, n_rows: int, n_columns: int, labels: Sequence[str], output: Path) -> list[str]:
    """Cut a sheet, save the cells that are not empty, and return lines that say what was done.

    Raises
    ------
    ValueError
        If the grid is not found; the message names a picture that shows the grid that fits best. If the folders of two
        classes are one, because the file system does not distinguish upper and lower case.
    OSError
        If files cannot be read or written, or exist already.
    """
    try:
        sheet = cut_sheet(path, n_rows, n_columns)
    except GridNotFoundError as error:
        picture = _draw_grid(error.sheet, Path(f"{output}-grid.png"))
        raise ValueError(f"{error} The grid is drawn in {picture}.") from None
    folders = {label: _make_folder(output, label) for label in dict.fromkeys(labels)}
    pillow = import_extra("PIL.Image", "images")
    counts: Counter[str] = Counter()
    for index, image in enumerate(sheet.images):
        row, column = divmod(index, n_columns)
        if not sheet.is_empty[row, column]:
            with (folders[labels[index]] / f"{path.stem}-row{row + 1}-column{column + 1}.png").open("xb") as file:
                pillow.fromarray(image).save(file, "PNG")
            counts[labels[index]] += 1
    empty = [f"row {row + 1}, column {column + 1}" for row, column in np.argwhere(sheet.is_empty)]
    return [
        f"Cut {path} into {counts.total():,} pictures of {len(counts)} classes in {output}.",
        f"Empty cells: {name_some(empty) if empty else 'none'}.",
    ]


def _make_folder(output: Path, label: str) -> Path:
    folder = output / label
    folder.mkdir(parents=True, exist_ok=True)
    if label not in {entry.name for entry in output.iterdir()}:
        raise ValueError(
            f"The folder {label!r} of a class is also that of another class, because this file system does not "
            "distinguish upper and lower case; rename one of the labels."
        )
    return folder


def _draw_grid(sheet: CharacterSheet, path: Path) -> Path:
    figure = import_extra("matplotlib.figure").Figure(layout="constrained")
    height, width = sheet.picture.shape
    figure.set_size_inches(12, 12 * height / width)
    sheet.plot(figure.add_subplot())
    figure.savefig(path, dpi=150)
    return path
