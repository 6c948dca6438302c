"""What is measured of one classifier on one data set.

The process that calls `measure` is the cell's own: its peak memory is part of the result.
"""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from comparison import data
from comparison.models import MODELS, Model

N_FOLDS = 3
# Tuning sees a draw of the training images: the best C and gamma hardly depend on more, and an SVM's time grows with
# the square.
N_TUNE = 2000

Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One classifier on one data set with one seed; strings and numbers only, so that it travels as JSON.

    Attributes
    ----------
    dataset, model : str
        Keys of `data.DATASETS` and `models.MODELS`.
    seed : int
        Draws the training images, if `train_size` is given, and is the classifier's `random_state`.
    threads : int
        That the classifier may use; the environment says the same to OpenMP and BLAS, see `runner`.
    train_size : int or None
        Number of training images; None takes all.
    data_home : str or None
        Folder of the published files.
    """

    dataset: str
    model: str
    seed: int
    threads: int
    train_size: int | None = None
    data_home: str | None = None

    def __str__(self) -> str:
        return f"{self.model} on {self.dataset}, seed {self.seed}"


def measure(cell: Cell) -> Row:
    """Tune, fit and predict, each timed.

    Parameters
    ----------
    cell : Cell

    Returns
    -------
    row : dict
        The columns of the results that belong to this cell. Seconds are of wall time; `error_rate` is a share of 1;
        `estimator` has the chosen hyper-parameters. `peak_memory_mib` is that of the whole process,
        `start_memory_mib` what of it the data and the libraries took, the same libraries for every classifier.
    """
    X_train, y_train, X_test, y_test = data.load(
        cell.dataset, cell.data_home, train_size=cell.train_size, seed=cell.seed
    )
    model = MODELS[cell.model]
    estimator = model.make(cell.seed)
    start_memory = _peak_memory()
    # Threads, not processes: they count in this process's memory, and a forest works in them anyway.
    with joblib.parallel_config("threading", n_jobs=cell.threads):
        chosen, tune_seconds = _timed(lambda: _tune(model, X_train, y_train, cell.seed))
        estimator.set_params(**chosen)
        _, fit_seconds = _timed(lambda: estimator.fit(X_train, y_train))
        predicted, predict_seconds = _timed(lambda: estimator.predict(X_test))
    return {
        "dataset": cell.dataset,
        "model": cell.model,
        "seed": cell.seed,
        "n_train": len(X_train),
        "n_test": len(X_test),
        "error_rate": float((predicted != y_test).mean()),
        "tune_seconds": tune_seconds,
        "fit_seconds": fit_seconds,
        "predict_seconds": predict_seconds,
        "start_memory_mib": start_memory,
        "peak_memory_mib": _peak_memory(),
        "n_parameters": model.count_parameters(estimator),
        "estimator": " ".join(repr(estimator).split()),
        "threads": cell.threads,
    }


def _timed(step: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = step()
    return result, time.perf_counter() - start


def _tune(model: Model, X: Any, y: Any, seed: int) -> dict[str, Any]:
    """Choose from the model's grid by cross-validation on at most `N_TUNE` training images."""
    if not model.grid:
        return {}
    drawn = data.draw(y, min(N_TUNE, len(y)), seed)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    search = GridSearchCV(model.make(seed), dict(model.grid), cv=folds, refit=False, error_score="raise")
    return search.fit(X[drawn], y[drawn]).best_params_


def _peak_memory() -> float:
    """Largest resident memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux: a process inherits ru_maxrss from the one that started it, VmHWM is its own.
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
