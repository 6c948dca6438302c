"""List the published data sets, fetch data sets by name, or cut a filled-in form into pictures.

python -m sklenet.datasets
python -m sklenet.datasets mnist kmnist --data-home DIR
python -m sklenet.datasets sheet scan.png --rows 40 --columns 32 --labels labels.txt --output my_letters/
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd

from sklenet.datasets._cache import find_files, get_data_home
from sklenet.datasets._fetch import list_datasets
from sklenet.datasets._published import SUBSETS
from sklenet.datasets._registry import get_dataset
from sklenet.datasets._sheet import read_labels, save_sheet


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] == ["sheet"]:
        return _cut(arguments[1:])
    parser = argparse.ArgumentParser(
        prog="python -m sklenet.datasets",
        description="List the published data sets, or fetch data sets by name. The command 'sheet' cuts a filled-in "
        "form into pictures; see python -m sklenet.datasets sheet --help.",
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="data sets to fetch (default: list all data sets)")
    add("--subset", choices=SUBSETS, default="all", help="fetch the files of one split only (default: all)")
    add("--data-home", metavar="DIR", help="folder of the files (default: $SKLENET_DATA, or the user's cache)")
    options = parser.parse_args(arguments)
    try:
        lines = _fetch(options) if options.names else _list(options)
    except (ImportError, OSError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _list(options: argparse.Namespace) -> list[str]:
    table = list_datasets(options.data_home)
    columns = ["cached", "n_train", "n_test", "n_classes", "title"]
    return [
        f"Published data sets, and their splits that are cached in {get_data_home(options.data_home)}:",
        "",
        *_format_table(table[columns]),
    ]


def _format_table(table: pd.DataFrame) -> Iterator[str]:
    """Yield the lines of a table with aligned columns; numbers are aligned right."""
    cells = table.reset_index().map(str)
    cells.loc[-1] = cells.columns
    for _, row in cells.sort_index().iterrows():
        yield "  ".join(
            text.rjust(width) if column.startswith("n_") else text.ljust(width)
            for (column, text), width in zip(row.items(), cells.map(len).max(), strict=True)
        ).rstrip()


def _fetch(options: argparse.Namespace) -> list[str]:
    for name in options.names:
        get_dataset(name)  # an unknown name is an error before any download begins
    lines = []
    for name in options.names:
        paths = find_files(name, options.subset, options.data_home)
        lines += [f"{name}: {path}" for path in dict.fromkeys(chain.from_iterable(paths.values()))]
    return lines


def _cut(arguments: Sequence[str]) -> int:
    """Run the command "sheet" and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m sklenet.datasets sheet",
        description="Cut a photograph or a scan of a filled-in form into one picture for each cell, in a folder for "
        "each class, which load_image_folder(..., frame=True) reads.",
    )
    add = parser.add_argument
    add("picture", type=Path, metavar="PICTURE", help="the sheet, cropped to the form")
    add("--rows", type=int, required=True, metavar="N", help="number of rows of cells")
    add("--columns", type=int, required=True, metavar="N", help="number of columns of cells")
    add("--labels", type=Path, required=True, metavar="FILE", help="text file of a label a line, row by row")
    add("--output", type=Path, required=True, metavar="DIR", help="folder of the folders of the classes")
    options = parser.parse_args(arguments)
    try:
        labels = read_labels(options.labels, options.rows, options.columns)
        lines = save_sheet(options.picture, options.rows, options.columns, labels, options.output)
    except (ImportError, OSError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
