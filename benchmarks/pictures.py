"""Measure what a model that is trained on MNIST reads in pictures as people make them, with and without framing.

    python benchmarks/pictures.py validate --data-home DIR --sheets DIR     # on training images, for choices
    python benchmarks/pictures.py test --data-home DIR --sheets DIR         # on the test images, ten minutes
    python benchmarks/pictures.py report                                    # print the tables of the results on disk

The photographs show digits of MNIST, redrawn with pens of other widths on white paper: photographs.py says how. The
sheets are scans of filled-in forms, such as those that volunteers wrote for Kannada-MNIST (Prabhu 2019, arXiv
1908.01242): 40 rows of 32 cells, and row r shows the digit r mod 10. `validate` trains on 50,000 of MNIST's training
images and draws the others. Only `test` reads the test images.
"""

import argparse
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, cross_val_predict

import photographs
from comparison.data import Split, load
from formatting import as_markdown
from measuring import timed
from rows import Row, Rows
from sklenet import LeNetClassifier
from sklenet.datasets import load_image_folder
from sklenet.preprocessing import CharacterFramer, CharacterPage, cut_sheet, find_characters

_RESULTS = Path(__file__).parent / "results" / "pictures.csv"
_N_SEEDS = 3
_N_TRAINING, _N_PHOTOGRAPHS, _N_LINES = 50_000, 2_000, 200
_N_ROWS, _N_COLUMNS, _N_DIGITS = 40, 32, 10
# A box is right if each of its edges is within this share of the character's height of the true edge.
_SAME_BOX = 0.1


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["validate", "test", "report"])
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    parser.add_argument("--sheets", type=Path, metavar="DIR", help="folder of scanned sheets (default: no sheets)")
    options = parser.parse_args()
    if options.command != "report":
        mnist = load("mnist", options.data_home)
        split = mnist if options.command == "test" else _hold_out(mnist)
        rows = Rows(_RESULTS)
        for seed in range(_N_SEEDS):
            if rows.is_missing({"split": options.command, "pictures": "MNIST", "seed": seed}):
                for row in _measure(split, seed):
                    rows.add({"split": options.command, **row})
        for path in sorted(options.sheets.iterdir()) if options.sheets else []:
            keys = {"split": options.command, "pictures": path.stem, "seed": 0}
            if path.suffix in {".png", ".tif"} and rows.is_missing(keys):
                rows.add(keys | _measure_sheet(path))
    print(report())


def _hold_out(split: Split) -> Split:
    X, y = split.X_train, split.y_train
    return Split(X[:_N_TRAINING], y[:_N_TRAINING], X[_N_TRAINING:], y[_N_TRAINING:])


def _measure(split: Split, seed: int) -> Iterator[Row]:
    model = LeNetClassifier(random_state=seed).fit(split.X_train, split.y_train)
    framed, seconds = timed(lambda: CharacterFramer().transform(split.X_test))
    yield {
        "pictures": "MNIST",
        "seed": seed,
        "n_pictures": len(framed),
        "found": float("nan"),  # the first row has all columns
        "error_whole": _error(model, split.X_test, split.y_test),
        "error_framed": _error(model, framed, split.y_test),
        "framing_seconds": round(seconds, 2),
    }
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(len(split.y_test))[:_N_PHOTOGRAPHS]
    digits = split.X_test[chosen].reshape(-1, 28, 28)
    whole, framed = _photograph(digits, generator)
    yield {
        "pictures": "photographs",
        "seed": seed,
        "n_pictures": len(chosen),
        "error_whole": _error(model, whole, split.y_test[chosen]),
        "error_framed": _error(model, framed, split.y_test[chosen]),
    }
    yield {"pictures": "lines", "seed": seed, "n_pictures": _N_LINES, **_measure_lines(model, split, generator)}


def _error(model: LeNetClassifier, X: NDArray[np.uint8], y: NDArray[Any]) -> float:
    with warnings.catch_warnings():
        # Whole pictures may look inverted or faint beside MNIST, which is why they are read wrongly.
        warnings.simplefilter("ignore", UserWarning)
        return round(float((model.predict(X) != y).mean()), 5)


def _photograph(
    digits: NDArray[np.uint8], generator: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Photograph digits, and load the files as whole pictures and framed."""
    with TemporaryDirectory() as folder:
        for index, digit in enumerate(digits):
            conditions = photographs.draw_conditions(generator)
            Path(folder, f"{index:05}.jpg").write_bytes(photographs.photograph(digit, conditions, generator))
        whole = load_image_folder(folder, label=None, polarity="auto").data
        return whole, load_image_folder(folder, label=None, frame=True).data


def _measure_lines(model: LeNetClassifier, split: Split, generator: np.random.Generator) -> Row:
    """Find and read the characters in photographs of lines of 5 to 15 digits."""
    n_right = n_digits = n_wrong = 0
    with TemporaryDirectory() as folder:
        for index in range(_N_LINES):
            chosen = generator.permutation(len(split.y_test))[: generator.integers(5, 16)]
            jpeg, boxes = photographs.photograph_line(list(split.X_test[chosen].reshape(-1, 28, 28)), generator)
            path = Path(folder, f"{index}.jpg")
            path.write_bytes(jpeg)
            page = find_characters(path)
            if _is_right(page, boxes):
                n_right += 1
                n_digits += len(chosen)
                read = model.predict(CharacterFramer().transform(page.images))
                n_wrong += int((read != split.y_test[chosen]).sum())
    return {"found": n_right / _N_LINES, "error_framed": round(n_wrong / max(1, n_digits), 5)}


def _is_right(page: CharacterPage, boxes: NDArray[np.float64]) -> bool:
    return len(page.lines) == 1 and len(page.boxes) == len(boxes) and bool((_agree(page.boxes, boxes)).all())


def _agree(found: NDArray[Any], boxes: NDArray[Any]) -> NDArray[np.bool_]:
    heights = boxes[:, 3] - boxes[:, 1]
    return np.abs(found - boxes).max(axis=1) <= _SAME_BOX * heights


def _measure_sheet(path: Path) -> Row:
    """Cut a sheet, and read each quarter of it by a model of the other three.

    A character in a wrong cell has a wrong label. So the share of characters that are read right is a lower bound of
    the share of characters in the right cells.
    """
    sheet = cut_sheet(path, _N_ROWS, _N_COLUMNS)
    X = CharacterFramer().transform(sheet.images)
    rows = np.repeat(np.arange(_N_ROWS), _N_COLUMNS)
    y, quarter = rows % _N_DIGITS, rows // _N_DIGITS
    read = cross_val_predict(LeNetClassifier(random_state=0), X, y, groups=quarter, cv=GroupKFold(4))
    return {
        "n_pictures": len(X),
        "found": round(float((~sheet.is_empty).mean()), 5),
        "error_framed": round(float((read != y).mean()), 5),
    }


def report() -> str:
    """Return the tables of the results on disk as Markdown."""
    if not _RESULTS.exists():
        return ""
    return "\n\n".join(as_markdown(_table(rows)) for _, rows in pd.read_csv(_RESULTS).groupby("split"))


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    means = rows.groupby("pictures", sort=False)[["n_pictures", "found", "error_whole", "error_framed"]].mean()
    table = pd.DataFrame({"number": means["n_pictures"].map("{:,.0f}".format)})
    for column, title in (("found", "found"), ("error_whole", "error, whole"), ("error_framed", "error, framed")):
        table[title] = means[column].map(lambda share: "" if np.isnan(share) else f"{100 * share:.2f} %")
    return table.rename_axis(f"{rows['split'].iloc[0]}, {rows['seed'].nunique()} seeds").reset_index()


if __name__ == "__main__":
    main()
