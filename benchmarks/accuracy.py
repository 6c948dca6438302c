"""Measure the error rates and fit times that the documentation states, on the published data.

    python benchmarks/accuracy.py full --data-home DIR      # all of MNIST, about half an hour
    python benchmarks/accuracy.py characters                # fonts unseen in training, five minutes
    python benchmarks/accuracy.py report                    # print the tables of the results on disk

Only these figures read the test images; tune_defaults.py chooses parameters on training images. Each row is written as
soon as it is measured, so that a stopped run can be resumed.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier

from comparison.data import Split, load
from comparison.models import svc_on_unit_pixels
from formatting import as_markdown
from measuring import seconds, timed
from rows import Row, Rows
from sklenet import LeNetClassifier
from sklenet.datasets import make_characters

_RESULTS = Path(__file__).parent / "results"
_N_SEEDS = 3
_TIMED = ("LeNet", "SVC(C=10)")

# The keys of a row, its estimator, and a function that loads its images.
Cell = tuple[Row, BaseEstimator, Callable[[], Split]]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["full", "characters", "report"])
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    options = parser.parse_args()
    if options.command == "full":
        _measure(_full_cells(options.data_home), _RESULTS / "full.csv")
    elif options.command == "characters":
        _measure(_character_cells(), _RESULTS / "characters.csv")
    print(report())


def report() -> str:
    """Return the tables of the results on disk as Markdown."""
    tables = []
    if (path := _RESULTS / "full.csv").exists():
        tables.append(_full_table(pd.read_csv(path)))
    if (path := _RESULTS / "characters.csv").exists():
        tables.append(_character_table(pd.read_csv(path)))
    return "\n\n".join(as_markdown(table) for table in tables)


def _full_table(rows: pd.DataFrame) -> pd.DataFrame:
    models = rows.groupby("model", sort=False)
    error = 100 * models["error_rate"].mean()
    table = pd.DataFrame(
        {
            "test error": error.map("{:.2f} %".format),
            "single seeds": models["error_rate"].agg(lambda rates: ", ".join(f"{100 * rate:.2f}" for rate in rates)),
            "fit": models["fit_seconds"].mean().map("{:.0f} s".format),
            "predict": models["predict_seconds"].mean().map("{:.1f} s".format),
        }
    )
    # Only these models were timed alternately on an idle machine.
    table.loc[~table.index.isin(_TIMED), ["fit", "predict"]] = ""
    return table.rename_axis("MNIST, 60,000 training images").reset_index()


def _character_table(rows: pd.DataFrame) -> pd.DataFrame:
    rows["error"] = 100 * rows["error_rate"]
    errors = rows.pivot_table(values="error", index="data", columns="model")[list(_MODELS)]
    errors.loc["mean"] = errors.mean()
    table = errors.map("{:.2f} %".format)
    return table.rename_axis("A to Z, the font family not seen").reset_index()


def _full_cells(data_home: str | None) -> Iterator[Cell]:
    """Yield the cells of all of MNIST, with the support vector machine between two fits of LeNet."""
    mnist = partial(load, "mnist", data_home)
    for seed in range(_N_SEEDS):
        yield _row("mnist", 60_000, "LeNet", seed), LeNetClassifier(random_state=seed), mnist
        if seed == 0:
            yield _row("mnist", 60_000, "SVC(C=10)", seed), _svc(), mnist
    for seed in range(_N_SEEDS):
        plain = LeNetClassifier(augment=None, random_state=seed)
        yield _row("mnist", 60_000, "LeNet, no distortions", seed), plain, mnist
    for seed in range(_N_SEEDS):
        original = LeNetClassifier(architecture="1998", augment=None, random_state=seed)
        yield _row("mnist", 60_000, "LeNet 1998", seed), original, mnist


def _character_cells() -> Iterator[Cell]:
    """Yield cells of letters in seven font families, each excluded from the training once."""
    letters = make_characters(7_000, random_state=0)
    for family in np.unique(letters.groups):
        seen = letters.groups != family
        split = partial(Split, letters.data[seen], letters.target[seen], letters.data[~seen], letters.target[~seen])
        for name, make in _MODELS.items():
            yield _row(str(family), int(seen.sum()), name, 0), make(0), split


def _row(data: str, n_train: int, model: str, seed: int) -> Row:
    return {"data": data, "n_train": n_train, "model": model, "seed": seed}


def _svc(seed: int = 0) -> BaseEstimator:
    return svc_on_unit_pixels()


def _lenet(seed: int) -> BaseEstimator:
    return LeNetClassifier(random_state=seed)


def _forest(seed: int) -> BaseEstimator:
    return RandomForestClassifier(100, n_jobs=-1, random_state=seed)


_MODELS = {"LeNet": _lenet, "SVC(C=10)": _svc, "forest": _forest}


def _measure(cells: Iterator[Cell], path: Path) -> None:
    rows = Rows(path)
    for keys, estimator, load_split in cells:
        if rows.is_missing(keys):
            rows.add(keys | _score(estimator, load_split()))


def _score(estimator: BaseEstimator, split: Split) -> Row:
    fit_seconds = seconds(lambda: estimator.fit(split.X_train, split.y_train))
    labels, predict_seconds = timed(lambda: estimator.predict(split.X_test))
    return {
        "error_rate": round(float((labels != split.y_test).mean()), 6),
        "fit_seconds": round(fit_seconds, 2),
        "predict_seconds": round(predict_seconds, 2),
    }


if __name__ == "__main__":
    main()
