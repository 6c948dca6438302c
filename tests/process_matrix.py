"""Fit, predict and load in processes of each start method. test_processes.py runs this script.

    python process_matrix.py {fit,load} FOLDER

With "fit", this process fits a model, predicts, and stores the model and the predictions in FOLDER. With "load", this
process only loads them. Then other processes fit, predict and load. Each cell prints a line "CELL: largest difference
from the predictions of this process".
"""

import multiprocessing
import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from sklenet import LeNetClassifier

X, y = load_digits(n_class=3, return_X_y=True)
METHODS, BACKENDS = ("fork", "forkserver", "spawn"), ("loky", "threading", "multiprocessing")
STORED, EXPECTED = "model.pickle", "expected.npy"


def fit(_):
    return LeNetClassifier(max_epochs=2, random_state=0, device="cpu").fit(X, y).predict_proba(X)


def predict(model):
    return model.predict_proba(X)


def load(stored):
    return pickle.loads(stored).predict_proba(X)


def search(n_jobs):
    model = LeNetClassifier(max_epochs=10, random_state=0, device="cpu")
    options = {"cv": 2, "scoring": "neg_log_loss", "error_score": "raise", "n_jobs": n_jobs}
    return GridSearchCV(model, {"augment": [None, "elastic"]}, **options).fit(X, y).cv_results_["mean_test_score"]


def report(cell, probabilities, expected):
    differences = [np.abs(actual - expected).max() for actual in probabilities]
    assert len(differences) == 2
    sys.stdout.write(f"{cell}: {max(differences)}\n")


def main(mode, folder):
    if mode == "fit":
        model = LeNetClassifier(max_epochs=2, random_state=0, device="cpu").fit(X, y)
        (folder / STORED).write_bytes(pickle.dumps(model))
        np.save(folder / EXPECTED, model.predict_proba(X))
    stored = (folder / STORED).read_bytes()
    model, expected = pickle.loads(stored), np.load(folder / EXPECTED)
    tasks = {"predict": (predict, model), "fit": (fit, None), "load": (load, stored)}
    for method in METHODS:
        with multiprocessing.get_context(method).Pool(2) as pool:
            for name, (task, argument) in tasks.items():
                report(f"{method} {name}", pool.map_async(task, [argument] * 2).get(timeout=60), expected)
    for backend in BACKENDS:
        with joblib.Parallel(2, backend=backend, timeout=60) as parallel:
            for name, (task, argument) in tasks.items():
                report(f"{backend} {name}", parallel(joblib.delayed(task)(argument) for _ in range(2)), expected)
    report("loky search", [search(2), search(2)], search(1))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
