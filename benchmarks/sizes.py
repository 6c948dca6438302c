"""Compare LeNetClassifier with its defaults and other classifiers by the number of training images.

    python benchmarks/sizes.py errors --data-home DIR --n-jobs 2     # test errors over five draws; an hour on two cores
    python benchmarks/sizes.py times --data-home DIR                 # fit and prediction, one classifier at a time
    python benchmarks/sizes.py report                                # print the tables of the results on disk

Parameters are chosen by tune_defaults.py, on training images; only this program and its like read the test images. Each
row is written as soon as it is measured, so that a stopped run can be resumed.
"""

import argparse
import os
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from comparison.data import load, subset
from comparison.models import MODELS
from formatting import as_markdown
from measuring import seconds, timed
from rows import Row, Rows

_RESULTS = Path(__file__).parent / "results"
_ERRORS, _TIMES = _RESULTS / "sizes_errors.csv", _RESULTS / "sizes_times.csv"

# The numbers of training images of each data set; None is all of them.
SIZES: dict[str, tuple[int | None, ...]] = {
    "mnist": (100, 300, 1_000, 3_000, 5_000, 10_000, None),
    "kmnist": (100, 300, 1_000, 3_000, None),
    "characters": (100, 300, 1_000, 3_000, None),
    "digits": (100, 300, 1_000, None),
    "fashion_mnist": (1_000, 10_000),
}
_MODELS = ("lenet", "hog_svm", "hog_svm_distorted", "svm", "svm_distorted", "forest")
_N_DRAWS = 5
_TIMED_SIZES = (1_000, 5_000, 10_000)
_N_TIMED = 3
_N_PREDICTED = 1_000


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["errors", "times", "report"])
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    parser.add_argument("--data", choices=SIZES, action="append", help="only these data sets, default: all")
    parser.add_argument("--models", choices=_MODELS, action="append", help="only these classifiers, default: all")
    parser.add_argument("--n-jobs", type=int, default=1, help="number of parallel fits of `errors`, default: 1")
    options = parser.parse_args()
    if options.command == "errors":
        errors = _error_cells(options.data or SIZES, options.models or _MODELS)
        _measure(errors, _score, _ERRORS, options.data_home, options.n_jobs)
    elif options.command == "times":
        _measure(_time_cells(options.models or _MODELS), _time, _TIMES, options.data_home, n_jobs=1)
    print(report())


def _error_cells(datasets: Iterable[str], models: Iterable[str]) -> Iterator[Row]:
    for data, model in product(datasets, models):
        for size, draw in product(SIZES[data], range(_N_DRAWS)):
            # A support vector machine on all of MNIST takes minutes to hours: README has its error.
            if not (data == "mnist" and size is None and "svm" in model):
                yield _keys(data, size, model, draw)


def _time_cells(models: Iterable[str]) -> Iterator[Row]:
    for repetition, size, model in product(range(_N_TIMED), _TIMED_SIZES, models):
        yield _keys("mnist", size, model, repetition)


def _keys(data: str, size: int | None, model: str, draw: int) -> Row:
    return {"data": data, "n_train": size or "all", "model": model, "draw": draw}


def _measure(cells: Iterable[Row], measure: Any, path: Path, data_home: str | None, n_jobs: int) -> None:
    """Measure each cell that has no row in the file at `path`, and append its row."""
    rows = Rows(path)
    missing = [keys for keys in cells if rows.is_missing(keys)]
    for row in Parallel(n_jobs, return_as="generator_unordered")(delayed(measure)(keys, data_home) for keys in missing):
        rows.add(row)


def _score(keys: Row, data_home: str | None) -> Row:
    """Fit on a draw of the training images, which is all of them where the size is "all", and score the test images."""
    split, estimator = _prepare(keys, data_home)
    estimator.fit(split.X_train, split.y_train)
    return keys | {"error_rate": round(float((estimator.predict(split.X_test) != split.y_test).mean()), 6)}


def _time(keys: Row, data_home: str | None) -> Row:
    split, estimator = _prepare(keys, data_home)
    fit_seconds = seconds(lambda: estimator.fit(split.X_train, split.y_train))
    _, predict_seconds = timed(lambda: estimator.predict(split.X_test[:_N_PREDICTED]))
    return keys | {"fit_seconds": round(fit_seconds, 3), "predict_seconds": round(predict_seconds, 3)}


def _prepare(keys: Row, data_home: str | None) -> tuple[Any, Any]:
    size = None if keys["n_train"] == "all" else keys["n_train"]
    split = subset(load(keys["data"], data_home), size, keys["draw"])
    return split, MODELS[keys["model"]].make(keys["draw"], len(split.y_train))


def report() -> str:
    """Return the tables of the results on disk as Markdown."""
    tables = []
    if _ERRORS.exists():
        tables.append(_error_table(pd.read_csv(_ERRORS, dtype={"n_train": str})))
    if _TIMES.exists():
        tables.append(_time_table(pd.read_csv(_TIMES)))
    return "\n\n".join(as_markdown(table) for table in tables)


def _error_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the mean errors in percent. The fewest errors of a row are bold."""
    rows["error"] = 100 * rows["error_rate"]
    order = [(data, str(size or "all")) for data, sizes in SIZES.items() for size in sizes]
    errors = rows.pivot_table(values="error", index=["data", "n_train"], columns="model")
    errors = errors.reindex(index=[key for key in order if key in errors.index], columns=list(_MODELS))
    table = errors.apply(_mark_least, axis=1, result_type="broadcast")
    return table.rename(columns={name: MODELS[name].title for name in _MODELS}).reset_index()


def _mark_least(errors: pd.Series) -> list[str]:
    texts = errors.map("{:.2f}".format)
    return [
        "" if np.isnan(error) else f"**{text}**" if error == errors.min() else text
        for error, text in zip(errors, texts, strict=True)
    ]


def _time_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the medians of the seconds of a fit and a prediction of 1,000 images."""
    rows["time"] = rows["fit_seconds"] + rows["predict_seconds"]
    medians = rows.pivot_table(values="time", index="n_train", columns="model", aggfunc="median")[list(_MODELS)]
    table = medians.map("{:.2f}".format).rename(columns={name: MODELS[name].title for name in _MODELS})
    return table.rename_axis("MNIST, fit and prediction of 1,000, seconds").reset_index()


if __name__ == "__main__":
    main()
