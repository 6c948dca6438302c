"""Compare the default parameters of LeNetClassifier with neighbouring values, on training images only.

    python benchmarks/tune_defaults.py --data-home DIR      # an hour; a stopped run is resumed
    python benchmarks/tune_defaults.py --report             # print the table of the results on disk

Each candidate changes one parameter. Models are trained on stratified draws of MNIST's training images and of the 8,000
training characters of KMNIST, and scored on 2,000 other training images.
"""

import argparse
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.utils import resample

from comparison.data import load
from formatting import as_markdown
from rows import Rows
from sklenet import LeNetClassifier
from sklenet._engine import resolve_settings

_RESULTS = Path(__file__).parent / "results" / "tune_defaults.csv"
_SIZES = (100, 1_000, 6_000)
_N_DRAWS = 3
_N_VALIDATION = 2_000

# The first value of each parameter is its default. The value of "epochs" is a factor of the resolved "auto".
GRID: dict[str, list[Any]] = {
    "lr": [3e-3, 1.5e-3, 6e-3],
    "weight_decay": ["auto", 0.01, 0.1, 1.0],
    "dropout": [0.1, 0.0, 0.2, 0.4],
    "label_smoothing": [0.0, 0.05],
    "epochs": [1.0, 0.5, 2.0],
    "early_stopping": [False, True],
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    parser.add_argument("--report", action="store_true", help="only print the table of the results on disk")
    options = parser.parse_args()
    if not options.report:
        _measure(options.data_home)
    print(report())


def report() -> str:
    """Return the table of validation errors in percent as Markdown."""
    rows = pd.read_csv(_RESULTS, dtype={"value": str}, keep_default_na=False)
    rows["error_rate"] *= 100
    errors = rows.pivot_table(
        values="error_rate", index=["parameter", "value"], columns=["data", "n_train"], sort=False
    )
    table = errors.map("{:.2f}".format)
    table.columns = [f"{data} {n_train:,}" for data, n_train in table.columns]
    return as_markdown(table.reset_index().astype(str))


def _settings() -> Iterator[tuple[str, Any]]:
    yield "defaults", ""
    for parameter, (_, *others) in GRID.items():
        for value in others:
            yield parameter, value


def _measure(data_home: str | None) -> None:
    rows = Rows(_RESULTS)
    for n_train, data in itertools.product(_SIZES, ("mnist", "kmnist")):
        split = load(data, data_home)
        X, y = split.X_train, split.y_train
        training, validation = train_test_split(np.arange(len(y)), test_size=_N_VALIDATION, stratify=y, random_state=0)
        for (parameter, value), seed in itertools.product(_settings(), range(_N_DRAWS)):
            keys = {"data": data, "n_train": n_train, "parameter": parameter, "value": value, "seed": seed}
            if not rows.is_missing(keys):
                continue
            drawn = resample(training, replace=False, n_samples=n_train, stratify=y[training], random_state=seed)
            model = _model(parameter, value, n_train, seed).fit(X[drawn], y[drawn])
            rows.add(keys | {"error_rate": round(1 - model.score(X[validation], y[validation]), 6)})


def _model(parameter: str, value: Any, n_train: int, seed: int) -> LeNetClassifier:
    model = LeNetClassifier(random_state=seed)
    if parameter == "epochs":
        return model.set_params(max_epochs=round(value * resolve_settings(model, n_train, seed).max_epochs))
    return model if parameter == "defaults" else model.set_params(**{parameter: value})


if __name__ == "__main__":
    main()
