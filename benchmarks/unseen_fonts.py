"""Measure errors on letters of font families that are not among the training images.

    python benchmarks/unseen_fonts.py measure    # five minutes; a stopped run is resumed
    python benchmarks/unseen_fonts.py report     # print the table of the results on disk

The letters are drawn, so no data set is needed. Each of the seven families is left out of the training once.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils import Bunch

from comparison.models import svc_on_unit_pixels
from formatting import as_markdown
from rows import Row, Rows
from sklenet import LeNetClassifier
from sklenet.datasets import make_characters

_RESULTS = Path(__file__).parent / "results" / "unseen_fonts.csv"
_MODELS: dict[str, Callable[[], BaseEstimator]] = {
    "LeNet": lambda: LeNetClassifier(random_state=0),
    "SVC(C=10)": svc_on_unit_pixels,
    "forest": lambda: RandomForestClassifier(100, n_jobs=-1, random_state=0),
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["measure", "report"])
    if parser.parse_args().command == "measure":
        rows = Rows(_RESULTS)
        letters = make_characters(7_000, random_state=0)
        for keys in _list_cells(letters):
            if rows.is_missing(keys):
                rows.add(keys | _score(letters, **keys))
    print(report())


def _list_cells(letters: Bunch) -> Iterator[Row]:
    for family in np.unique(letters.groups):
        for model in _MODELS:
            yield {"family": str(family), "model": model}


def _score(letters: Bunch, family: str, model: str) -> dict[str, Any]:
    is_seen = letters.groups != family
    estimator = _MODELS[model]().fit(letters.data[is_seen], letters.target[is_seen])
    errors = estimator.predict(letters.data[~is_seen]) != letters.target[~is_seen]
    return {"n_train": int(is_seen.sum()), "error_rate": round(float(errors.mean()), 6)}


def report() -> str:
    """Return the table of the results on disk as Markdown."""
    rows = pd.read_csv(_RESULTS)
    errors = 100 * rows.pivot_table(values="error_rate", index="family", columns="model")[list(_MODELS)]
    errors.loc["mean"] = errors.mean()
    return as_markdown(errors.map("{:.2f} %".format).rename_axis("A to Z, the font family not seen").reset_index())


if __name__ == "__main__":
    main()
