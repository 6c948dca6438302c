"""Measure what the documentation promises of accuracy and fit time, on the published data.

    python benchmarks/accuracy.py full --data-home DIR      # all of MNIST, about half an hour
    python benchmarks/accuracy.py curves --data-home DIR    # by number of training images, half an hour
    python benchmarks/accuracy.py report                    # the tables again, from what is on disk

This is the one program that reads test images; parameters are chosen on training images, by tune_defaults.py. Rows are
written as they come: a run that was stopped goes on where it was.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from comparison.data import Split, load
from comparison.report import as_markdown
from sklenet import LeNetClassifier

_RESULTS = Path(__file__).parent / "results"
_N_SEEDS = 3
_N_DRAWS = 5
_SIZES = (100, 300, 1_000, 3_000, 10_000)
_TIMED = ("LeNet", "SVC(C=10)")
_KEYS = ["data", "n_train", "model", "seed"]

Row = dict[str, Any]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["full", "curves", "report"])
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    options = parser.parse_args()
    if options.what == "full":
        _measure(_full_cells(), _RESULTS / "full.csv", options.data_home)
    elif options.what == "curves":
        _measure(_curve_cells(), _RESULTS / "curves.csv", options.data_home)
    print(report())


def report() -> str:
    """Make the tables of the results on disk, as Markdown."""
    tables = []
    if (path := _RESULTS / "full.csv").exists():
        tables.append(_full_table(pd.read_csv(path)))
    if (path := _RESULTS / "curves.csv").exists():
        tables.append(_curve_table(pd.read_csv(path)))
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
    # Only these are timed in turn, with nothing else running.
    table.loc[~table.index.isin(_TIMED), ["fit", "predict"]] = ""
    return table.rename_axis("MNIST, 60,000 training images").reset_index()


def _curve_table(rows: pd.DataFrame) -> pd.DataFrame:
    rows["accuracy"] = 100 * (1 - rows["error_rate"])
    means = rows.pivot_table(values="accuracy", index=["data", "n_train"], columns="model")
    table = means[["LeNet", "SVC(C=10)", "forest"]].map("{:.2f} %".format).reset_index()
    return table.astype(str).rename(columns={"n_train": "training images"})


def _full_cells() -> Iterator[tuple[Row, BaseEstimator]]:
    """All of MNIST; the support vector machine in the middle, so that its time stands among LeNet's."""
    for seed in range(_N_SEEDS):
        yield _cell("mnist", 60_000, "LeNet", seed, LeNetClassifier(random_state=seed))
        if seed == 0:
            yield _cell("mnist", 60_000, "SVC(C=10)", seed, _svc())
    for seed in range(_N_SEEDS):
        affine = LeNetClassifier(augment="affine", max_epochs=20, random_state=seed)
        yield _cell("mnist", 60_000, "LeNet, affine, 20 epochs", seed, affine)
    for seed in range(_N_SEEDS):
        original = LeNetClassifier(architecture="1998", random_state=seed)
        yield _cell("mnist", 60_000, "LeNet 1998", seed, original)


def _curve_cells() -> Iterator[tuple[Row, BaseEstimator]]:
    """Defaults by number of training images; the seed is the draw's and the model's."""
    for data, most in (("kmnist", 8_000), ("mnist", 10_000)):
        for n_train in sorted({min(size, most) for size in _SIZES}):
            for seed in range(_N_DRAWS):
                yield _cell(data, n_train, "LeNet", seed, LeNetClassifier(random_state=seed))
                yield _cell(data, n_train, "SVC(C=10)", seed, _svc())
                forest = RandomForestClassifier(100, n_jobs=-1, random_state=seed)
                yield _cell(data, n_train, "forest", seed, forest)


def _cell(data: str, n_train: int, model: str, seed: int, estimator: BaseEstimator) -> tuple[Row, BaseEstimator]:
    return {"data": data, "n_train": n_train, "model": model, "seed": seed}, estimator


def _svc() -> BaseEstimator:
    return make_pipeline(FunctionTransformer(_scale), SVC(C=10))


def _scale(X: Any) -> Any:
    return X / 255


def _measure(cells: Iterator[tuple[Row, BaseEstimator]], path: Path, data_home: str | None) -> None:
    done = set(pd.read_csv(path)[_KEYS].itertuples(index=False, name=None)) if path.exists() else set()
    for row, estimator in cells:
        if tuple(row.values()) in done:
            continue
        split = load(row["data"], data_home)
        if row["n_train"] < len(split.y_train):
            split = load(row["data"], data_home, train_size=row["n_train"], seed=row["seed"])
        scored = row | _score(estimator, split)
        pd.DataFrame([scored]).to_csv(path, mode="a", header=not path.exists(), index=False)
        print(*scored.values(), flush=True)


def _score(estimator: BaseEstimator, split: Split) -> Row:
    start = time.perf_counter()
    estimator.fit(split.X_train, split.y_train)
    fitted = time.perf_counter()
    labels = estimator.predict(split.X_test)
    done = time.perf_counter()
    return {
        "error_rate": round(float((labels != split.y_test).mean()), 6),
        "fit_seconds": round(fitted - start, 2),
        "predict_seconds": round(done - fitted, 2),
    }


if __name__ == "__main__":
    main()
