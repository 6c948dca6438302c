"""Measure the quality and the overhead of LeNetSearchCV, and the savings by pruning and by a second process.

    python benchmarks/tuning.py quality     # three searches with six seeds, an hour
    python benchmarks/tuning.py speed       # on an idle machine, an hour
    python benchmarks/tuning.py report      # print the tables of the results on disk

Searches see 2,000 training images of the sample that ships with the package. Only the selected models are scored on its
1,000 test images. Each row is written as soon as it is measured, so that a stopped run can be resumed.
"""

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optuna.pruners import NopPruner
from optuna.samplers import RandomSampler
from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.model_selection import RandomizedSearchCV, cross_validate, train_test_split

from formatting import as_markdown
from measuring import seconds
from rows import Row, Rows
from sklenet import LeNetClassifier
from sklenet._engine import resolve_settings
from sklenet.datasets import load_mnist_sample
from sklenet.tuning import LeNetSearchCV

_RESULTS = Path(__file__).parent / "results"
_QUALITY, _SPEED = _RESULTS / "tuning_quality.csv", _RESULTS / "tuning_speed.csv"
_OVERHEAD = _RESULTS / "tuning_overhead.csv"
_N_TRAIN = 2_000
_N_TRIALS = 20
_CV = 3
_N_SEEDS = 6
_N_ROUNDS = 3
_N_PAIRS = 24
_SHORT = LeNetClassifier(max_epochs=6, random_state=0)
# Estimators whose search is timed against the same fits alone. Scoring held-out images weighs more in short fits.
_FITS = {"six epochs": _SHORT, "default epochs": LeNetClassifier(random_state=0)}
# Numbers of processes, and of torch threads in each, that are timed alternately.
_WAYS = [(1, 1), (1, 2), (2, 1)]
# The search space of suggest_params, for RandomizedSearchCV.
_DISTRIBUTIONS = {
    "lr": loguniform(2e-3, 2e-2),
    "width": [0.5, 1.0, 1.5, 2.0],
    "dropout": uniform(0, 0.2),
    "label_smoothing": uniform(0, 0.2),
    "augment": [None, "affine", "elastic"],
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["quality", "speed", "report", "time"])
    parser.add_argument("--n-jobs", type=int, default=2, help="processes of the searches, default: 2")
    options = parser.parse_args()
    if options.command == "time":
        print(json.dumps(_time_search(options.n_jobs)))
        return
    if options.command == "quality":
        _measure_quality(options.n_jobs)
    elif options.command == "speed":
        _measure_speed()
        _measure_overhead()
    print(report())


def report() -> str:
    """Return the tables of the results on disk as Markdown."""
    tables = []
    if _QUALITY.exists():
        tables.append(_quality_table(pd.read_csv(_QUALITY)))
    if _SPEED.exists():
        tables.append(_speed_table(pd.read_csv(_SPEED)))
    if _OVERHEAD.exists():
        tables.append(_overhead_table(pd.read_csv(_OVERHEAD)))
    return "\n\n".join(as_markdown(table) for table in tables)


def _quality_table(rows: pd.DataFrame) -> pd.DataFrame:
    models = rows.groupby("search", sort=False)
    error = models["test_error"].mean()
    table = pd.DataFrame(
        {
            "test error": (100 * error).map("{:.2f} %".format),
            "single seeds": models["test_error"].agg(lambda rates: ", ".join(f"{100 * rate:.1f}" for rate in rates)),
            "error over folds": _percent(1 - models["best_score"].mean()),
            "its standard error": _percent(models["standard_error"].mean()),
            "epochs": models["n_epochs"].mean().map(lambda epochs: f"{epochs:,.0f}" if epochs else ""),
        }
    )
    return table.rename_axis(f"{_N_TRAIN:,} images, {_N_TRIALS} trials, {_CV} folds").reset_index()


def _percent(rates: pd.Series) -> pd.Series:
    return (100 * rates).map(lambda rate: "" if math.isnan(rate) else f"{rate:.2f} %")


def _measure_quality(n_jobs: int) -> None:
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    rows = Rows(_QUALITY)
    for (name, search), seed in itertools.product(_SEARCHES.items(), range(_N_SEEDS)):
        keys = {"search": name, "seed": seed}
        if not rows.is_missing(keys):
            continue
        X_train, _, y_train, _ = train_test_split(X, y, train_size=_N_TRAIN, stratify=y, random_state=seed)
        rows.add(keys | search(X_train, y_train, seed, n_jobs))


def _defaults(X: Any, y: Any, seed: int, n_jobs: int) -> Row:
    no_search = {"best_score": math.nan, "standard_error": math.nan, "n_epochs": 0}
    return {"test_error": _test_error(LeNetClassifier(random_state=seed).fit(X, y)), **no_search}


def _pruned(X: Any, y: Any, seed: int, n_jobs: int) -> Row:
    search = LeNetSearchCV(n_trials=_N_TRIALS, cv=_CV, n_jobs=n_jobs, error_score="raise", random_state=seed)
    return _summary(search.fit(X, y), sum(search.cv_results_["n_epochs"]))


def _not_pruned(X: Any, y: Any, seed: int, n_jobs: int) -> Row:
    search = LeNetSearchCV(
        n_trials=_N_TRIALS, cv=_CV, pruner=NopPruner(), n_jobs=n_jobs, error_score="raise", random_state=seed
    )
    return _summary(search.fit(X, y), sum(search.cv_results_["n_epochs"]))


def _randomized(X: Any, y: Any, seed: int, n_jobs: int) -> Row:
    search = RandomizedSearchCV(
        LeNetClassifier(random_state=seed), _DISTRIBUTIONS, n_iter=_N_TRIALS, cv=_CV, n_jobs=n_jobs, random_state=seed,
        error_score="raise",
    )  # fmt: skip
    n_epochs = resolve_settings(LeNetClassifier(), _N_TRAIN * (_CV - 1) // _CV, seed).max_epochs
    return _summary(search.fit(X, y), _N_TRIALS * _CV * n_epochs)


def _summary(search: Any, n_epochs: int) -> Row:
    folds = [search.cv_results_[f"split{fold}_test_score"][search.best_index_] for fold in range(_CV)]
    return {
        "test_error": _test_error(search),
        "best_score": round(float(search.best_score_), 6),
        "standard_error": round(float(np.std(folds, ddof=1)) / math.sqrt(_CV), 6),
        "n_epochs": int(n_epochs),
    }


def _test_error(model: Any) -> float:
    X, y = load_mnist_sample(subset="test", return_X_y=True)
    return round(1 - model.score(X, y), 6)


_SEARCHES: dict[str, Callable[[Any, Any, int, int], Row]] = {
    "none: default parameters": _defaults,
    "LeNetSearchCV": _pruned,
    "RandomizedSearchCV": _randomized,
    "LeNetSearchCV, NopPruner": _not_pruned,
}


def _speed_table(rows: pd.DataFrame) -> pd.DataFrame:
    rows["trials per minute"] = 60 * _N_TRIALS / rows["search_seconds"]
    rates = rows.pivot_table(index="round", columns=["n_jobs", "threads"], values="trials per minute")
    ratios = {
        "two processes / one process on one thread": rates[2, 1] / rates[1, 1],
        "two processes / one process on two threads": rates[2, 1] / rates[1, 2],
    }
    figures = [[name, *_median_and_range(ratio)] for name, ratio in ratios.items()]
    return pd.DataFrame(figures, columns=["trials per minute", "median", f"{_N_ROUNDS} rounds of {_N_TRIALS} trials"])


def _overhead_table(rows: pd.DataFrame) -> pd.DataFrame:
    ratios = (rows["search_seconds"] / rows["plain_seconds"]).groupby(rows["fits"], sort=False)
    figures = [[fits, *_median_and_range(ratio)] for fits, ratio in ratios]
    return pd.DataFrame(
        figures, columns=["a trial, not pruned / its fits by cross_validate", "median", f"{_N_PAIRS} trials"]
    )


def _median_and_range(ratio: "pd.Series[float]") -> tuple[str, str]:
    return f"{ratio.median():.2f}", f"{ratio.min():.2f} to {ratio.max():.2f}"


def _measure_speed() -> None:
    rows = Rows(_SPEED)
    for number, (n_jobs, threads) in itertools.product(range(_N_ROUNDS), _WAYS):
        keys = {"round": number, "n_jobs": n_jobs, "threads": threads}
        if not rows.is_missing(keys):
            continue
        command = [sys.executable, __file__, "time", "--n-jobs", str(n_jobs)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        # The command runs this program.
        run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
        rows.add(keys | json.loads(run.stdout))


def _time_search(n_jobs: int) -> Row:
    X, y = _training_images()
    search = _timed_search(n_jobs=n_jobs)
    _warm_up(search, X, y)
    return {"search_seconds": round(seconds(lambda: search.fit(X, y)), 2)}


def _measure_overhead() -> None:
    """Time trials alternately with the same fits alone, because machines change their speed within minutes."""
    rows = Rows(_OVERHEAD)
    X, y = _training_images()
    for number, fits in itertools.product(range(_N_PAIRS), _FITS):
        keys = {"pair": number, "fits": fits}
        if not rows.is_missing(keys):
            continue
        search = _timed_search(estimator=_FITS[fits], n_trials=1, random_state=number)
        params = _warm_up(search, X, y)
        tasks = {
            "search_seconds": partial(search.fit, X, y),
            "plain_seconds": partial(_cross_validate, search, params, X, y),
        }
        order = list(tasks) if number % 2 == 0 else list(tasks)[::-1]
        rows.add(keys | {name: round(seconds(tasks[name]), 2) for name in order})


def _training_images() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    return X[:_N_TRAIN], y[:_N_TRAIN]


def _timed_search(**params: Any) -> LeNetSearchCV:
    # Random trials do not depend on the results of earlier trials.
    search = LeNetSearchCV(_SHORT, n_trials=_N_TRIALS, sampler=RandomSampler, pruner=NopPruner(), random_state=0)
    return search.set_params(refit=False, error_score="raise", **params)


def _warm_up(search: LeNetSearchCV, X: NDArray[np.uint8], y: NDArray[np.int64]) -> Row:
    """Run a small search that pays the one-time costs, and return the parameters of its first trial."""
    small = clone(search).set_params(cv=2, estimator__max_epochs=1).fit(X[:200], y[:200])
    return dict(small.cv_results_["params"][0])


def _cross_validate(search: LeNetSearchCV, params: Row, X: NDArray[np.uint8], y: NDArray[np.int64]) -> None:
    cross_validate(clone(search.estimator).set_params(**params), X, y, error_score="raise")


if __name__ == "__main__":
    main()
