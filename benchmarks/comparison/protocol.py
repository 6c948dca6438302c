"""The measurement of one classifier on one data set.

Each cell calls `measure` in a separate process, because the peak memory of the process is part of the result.
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

# The tuning budget of every classifier: `N_CANDIDATES` × `N_FOLDS` fits on a draw of the training images. A larger draw
# hardly changes the best hyper-parameters, and the time of an SVM grows with its square.
N_FOLDS = 3
N_TUNE = 1000
FORMS = ("default", "tuned")

# The columns of a record that describe its run. Errors are comparable between different values, times are not.
CIRCUMSTANCES = ("cpu", "n_cpus", "platform", "git_revision", "threads", "n_jobs")

_PACKAGES = ("sklenet", "numpy", "scipy", "scikit-learn", "scikit-image", "torch", "skorch")

Record = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Cell:
    """One classifier on one data set with one seed. All fields can be serialised as JSON.

    Attributes
    ----------
    dataset, model : str
        Keys of `data.DATASETS` and of `models.MODELS`.
    form : {"default", "tuned"}
    train_size : int or None
        Number of training images. None uses all.
    seed : int
        Seed of the draw of training images, if `train_size` is given, and `random_state` of the classifier.
    fold, n_folds : int
        Index of the fold and number of folds of a cross-validation, if `n_folds` is not 0.
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
    """Tune, fit and predict, and time each step.

    Parameters
    ----------
    cell : Cell
    data_home : str or None
        Folder of the published files or of the pictures.
    threads : int
        Number of threads of the classifier. `runner` limits OpenMP and BLAS to the same number.

    Returns
    -------
    record : dict
        Results as numbers and text. Seconds are wall time, and `error_rate` is a share of 1. `peak_memory_mib` is the
        peak of the process up to the prediction, and `start_memory_mib` its peak before the fit, with the data and
        most libraries loaded. `model_bytes` is the size of the pickled estimator.
    arrays : dict
        `labels`, of shape (n_test,), are the predicted classes as indices of the record's `classes`. If the classifier
        has `predict_proba`, `proba` are its probabilities as float32, of shape (n_test, n_classes).
    """
    whole = data.load(cell.dataset, data_home, fold=cell.fold, n_folds=cell.n_folds)
    data_sha256 = data.checksum(whole)
    split = data.subset(whole, cell.train_size, cell.seed)
    model = MODELS[cell.model]
    estimator = model.make(cell.seed, len(split.X_train))
    start_bytes = process_peak_bytes()
    # Joblib uses threads, because the memory of other processes would not be counted.
    with joblib.parallel_config("threading", n_jobs=threads):
        tune_seconds, scores = 0.0, dict[str, float]()
        if cell.form == "tuned":
            (chosen, scores), tune_seconds = timed(lambda: _tune(model, split, cell.seed))
            estimator.set_params(**chosen)
        _, fit_seconds = timed(lambda: estimator.fit(split.X_train, split.y_train))
        predicted, predict_seconds = timed(lambda: estimator.predict(split.X_test))
        peak_bytes = process_peak_bytes()
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
        "start_memory_mib": start_bytes / 2**20,
        "peak_memory_mib": peak_bytes / 2**20,
        "model_bytes": _pickled_bytes(estimator),
        "estimator": " ".join(repr(estimator).split()),
        "candidates": scores,
        "classes": estimator.classes_.tolist(),
    }
    return record, arrays


def settings() -> Record:
    """Return the tuning budget and the versions, which must be equal in comparable records."""
    return {
        "tuning": f"{N_CANDIDATES} candidates, {N_FOLDS} folds, at most {N_TUNE} training images",
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def _tune(model: Model, split: data.Split, seed: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Cross-validate the model's grid on at most `N_TUNE` training images.

    Return the best hyper-parameters and the mean accuracy of all candidates.
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
    """A file that counts the bytes written to it and discards them."""

    def __init__(self) -> None:
        self.n_bytes = 0

    def write(self, content: bytes) -> None:
        self.n_bytes += memoryview(content).nbytes


def _pickled_bytes(estimator: Any) -> int:
    counter = _Counter()
    pickle.dump(estimator, counter, protocol=5)
    return counter.n_bytes
