"""What is measured of one classifier on one data set.

The process that calls `measure` is the cell's own: its peak memory is part of the result.
"""

import pickle
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from comparison import data
from comparison.models import MODELS, N_CANDIDATES, Model
from measuring import process_peak_bytes, timed

# The budget of tuning, the same for every classifier: `N_CANDIDATES` × `N_FOLDS` fits on a draw of the training images.
# The best hyper-parameters hardly depend on more, and an SVM's time grows with the square.
N_FOLDS = 3
N_TUNE = 1000
FORMS = ("default", "tuned")

# What a record says of where and how it was taken. Errors may be compared across these, times may not.
CIRCUMSTANCES = ("cpu", "n_cpus", "platform", "git_revision", "threads", "n_jobs")

_PACKAGES = ("sklenet", "numpy", "scipy", "scikit-learn", "scikit-image", "torch", "skorch")

Record = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Cell:
    """One classifier on one data set with one seed; strings and numbers only, so that it travels as JSON.

    Attributes
    ----------
    dataset, model : str
        Keys of `data.DATASETS` and `models.MODELS`.
    form : {"default", "tuned"}
    train_size : int or None
        Number of training images; None takes all.
    seed : int
        Draws the training images, if `train_size` is given, and is the classifier's `random_state`.
    fold, n_folds : int
        Of a cross-validation, if `n_folds` is not 0.
    """

    dataset: str
    model: str
    form: str = "default"
    train_size: int | None = None
    seed: int = 0
    fold: int = 0
    n_folds: int = 0

    def __str__(self) -> str:
        size = "all" if self.train_size is None else self.train_size
        fold = f"-fold{self.fold}of{self.n_folds}" if self.n_folds else ""
        return f"{self.dataset}-{size}-{self.model}-{self.form}-seed{self.seed}{fold}"


def measure(cell: Cell, data_home: str | None, threads: int) -> tuple[Record, Arrays]:
    """Tune, fit and predict, each timed.

    Parameters
    ----------
    cell : Cell
    data_home : str or None
        Folder of the published files, or of the pictures.
    threads : int
        That the classifier may use; the environment says the same to OpenMP and BLAS, see `runner`.

    Returns
    -------
    record : dict
        What can be told in numbers and words. Seconds are of wall time; `error_rate` is a share of 1. `peak_memory_mib`
        is that of the whole process up to the last prediction, `start_memory_mib` what of it the data and the libraries
        took. `model_bytes` is the length of the fitted estimator's pickle.
    arrays : dict
        `labels` : ndarray of shape (n_test,), the predicted class of each test image, as its place among the `classes`
        of the record; and, where the classifier has `predict_proba`, `proba` : float32 of shape (n_test, n_classes).
    """
    whole = data.load(cell.dataset, data_home, fold=cell.fold, n_folds=cell.n_folds)
    data_sha256 = data.checksum(whole)
    split = data.subset(whole, cell.train_size, cell.seed)
    model = MODELS[cell.model]
    estimator = model.make(cell.seed, len(split.X_train))
    start_memory = process_peak_bytes()
    # Threads, not processes: they count in this process's memory, and a forest works in them anyway.
    with joblib.parallel_config("threading", n_jobs=threads):
        tune_seconds, scores = 0.0, dict[str, float]()
        if cell.form == "tuned":
            (chosen, scores), tune_seconds = timed(lambda: _tune(model, split, cell.seed))
            estimator.set_params(**chosen)
        _, fit_seconds = timed(lambda: estimator.fit(split.X_train, split.y_train))
        predicted, predict_seconds = timed(lambda: estimator.predict(split.X_test))
        peak_memory = process_peak_bytes()
        proba = estimator.predict_proba(split.X_test) if hasattr(estimator, "predict_proba") else None
    arrays = {"labels": np.searchsorted(estimator.classes_, predicted).astype(np.uint16)}
    if proba is not None:
        arrays["proba"] = proba.astype(np.float32)
    record = {
        "data_sha256": data_sha256,
        "n_train": len(split.X_train),
        "n_test": len(split.X_test),
        "error_rate": float((predicted != split.y_test).mean()),
        "tune_seconds": tune_seconds,
        "fit_seconds": fit_seconds,
        "predict_seconds": predict_seconds,
        "start_memory_mib": start_memory / 2**20,
        "peak_memory_mib": peak_memory / 2**20,
        "model_bytes": _pickled_bytes(estimator),
        "estimator": " ".join(repr(estimator).split()),
        "candidates": scores,
        "classes": estimator.classes_.tolist(),
    }
    return record, arrays


def settings() -> Record:
    """List what must be equal for records to be comparable, here and now."""
    return {
        "tuning": f"{N_CANDIDATES} candidates, {N_FOLDS} folds, at most {N_TUNE} training images",
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def _tune(model: Model, split: data.Split, seed: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Choose from the model's grid by cross-validation on at most `N_TUNE` training images.

    Returns the best hyper-parameters, and the mean accuracy of all candidates.
    """
    drawn = data.nested_order(split.y_train, seed)[:N_TUNE]
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    estimator = model.make(seed, len(drawn))
    search = GridSearchCV(estimator, dict(model.grid), cv=folds, refit=False, error_score="raise")
    search.fit(split.X_train[drawn], split.y_train[drawn])
    results = search.cv_results_
    scores = {
        str(params): float(score) for params, score in zip(results["params"], results["mean_test_score"], strict=True)
    }
    return search.best_params_, scores


class _Counter:
    """A file that only counts."""

    def __init__(self) -> None:
        self.n_bytes = 0

    def write(self, content: bytes) -> None:
        self.n_bytes += memoryview(content).nbytes


def _pickled_bytes(estimator: Any) -> int:
    counter = _Counter()
    pickle.dump(estimator, counter, protocol=5)
    return counter.n_bytes
