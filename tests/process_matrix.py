"""Fit, predict and load in processes of each start method. test_processes.py runs this script.

    python process_matrix.py {fit,load} FOLDER

With "fit", this process fits a model, predicts, and stores the model and the predictions in FOLDER. With "load", this
process only loads them. Then other processes fit, predict and load. Each cell prints a line "CELL: largest difference
from the predictions of this process". Forked children and workers of joblib compute with one thread; their fits are
compared with a fit of this process with one thread.
"""

import multiprocessing
import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from sklenet import LeNetClassifier

X, y = load_digits(n_class=3, return_X_y=True)
METHODS, BACKENDS = ("fork", "forkserver", "spawn"), ("loky", "threading", "multiprocessing")
STORED, EXPECTED, ONE_THREAD = "model.pickle", "expected.npy", "one_thread.npy"
# Their processes compute with one thread, whatever the number of threads of the parent.
OF_ONE_THREAD = ("fork", "loky", "multiprocessing")


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
        n_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        np.save(folder / ONE_THREAD, fit(None))
        torch.set_num_threads(n_threads)
        model = LeNetClassifier(max_epochs=2, random_state=0, device="cpu").fit(X, y)
        (folder / STORED).write_bytes(pickle.dumps(model))
        np.save(folder / EXPECTED, model.predict_proba(X))
    stored = (folder / STORED).read_bytes()
    model, expected, one_thread = pickle.loads(stored), np.load(folder / EXPECTED), np.load(folder / ONE_THREAD)

    def expect(method, name):
        return one_thread if name == "fit" and method in OF_ONE_THREAD else expected

    tasks = {"predict": (predict, model), "fit": (fit, None), "load": (load, stored)}
    for method in METHODS:
        with multiprocessing.get_context(method).Pool(2) as pool:
            for name, (task, argument) in tasks.items():
                report(f"{method} {name}", pool.map_async(task, [argument] * 2).get(timeout=60), expect(method, name))
    for backend in BACKENDS:
        with joblib.Parallel(2, backend=backend, timeout=60) as parallel:
            for name, (task, argument) in tasks.items():
                results = parallel(joblib.delayed(task)(argument) for _ in range(2))
                report(f"{backend} {name}", results, expect(backend, name))
    report("loky search", [search(2), search(2)], search(1))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
