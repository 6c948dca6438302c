"""LeNetClassifier in scikit-learn's searches, in this process and on a Dask cluster."""

import subprocess
import sys
from contextlib import ExitStack

import numpy as np
import pytest
import sklearn
from scipy.stats import loguniform
from sklearn.datasets import load_digits
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 enables the import of the halving searches
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)

from servers import SCHEDULER, WORKER, dask
from sklenet import LeNetClassifier

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300], y[:300]


CLF = LeNetClassifier(max_epochs=4, random_state=0)
GRID = {"lr": [1e-6, 3e-3]}


def test_grid_search_with_several_scores_groups_and_weights(digits):
    X, y = digits
    search = GridSearchCV(
        CLF, GRID, cv=GroupKFold(2), scoring=["accuracy", "neg_log_loss"], refit="accuracy", error_score="raise"
    )
    search.fit(X, y, groups=np.arange(300) // 30, sample_weight=np.where(y == 0, 0.5, 1.0))
    assert search.best_params_ == {"lr": 3e-3}
    assert search.cv_results_["mean_test_neg_log_loss"].argmax() == search.best_index_


def test_sample_weight_is_routed_through_a_search(digits):
    X, y = digits
    with sklearn.config_context(enable_metadata_routing=True):
        clf = LeNetClassifier(max_epochs=1).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(clf, GRID, cv=2, error_score="raise").fit(X, y, sample_weight=np.where(y == 0, 0.0, 1.0))
    assert 0 not in search.best_estimator_.classes_


def test_randomized_search(digits):
    search = RandomizedSearchCV(
        CLF, {"lr": loguniform(1e-6, 1e-2)}, n_iter=3, cv=2, random_state=0, error_score="raise"
    ).fit(*digits)
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()


@pytest.mark.parametrize("make", [HalvingGridSearchCV, HalvingRandomSearchCV])
def test_halving_with_epochs_as_the_resource(digits, make):
    search = make(
        LeNetClassifier(random_state=0), {"lr": [1e-6, 1e-3, 3e-3]}, resource="max_epochs", min_resources=2,
        max_resources=6, factor=3, cv=2, random_state=0, error_score="raise",
    ).fit(*digits)  # fmt: skip
    assert search.n_resources_ == [2, 6]
    assert search.best_estimator_.n_epochs_ == 6


def test_early_stopping_inside_a_search(digits):
    clf = LeNetClassifier(max_epochs=30, early_stopping=True, n_iter_no_change=1, random_state=0)
    search = GridSearchCV(clf, GRID, cv=2, error_score="raise").fit(*digits)
    assert search.best_params_ == {"lr": 3e-3}
    assert search.best_estimator_.n_epochs_ <= 30


# One of the scores of a fold is the id of the process that computed it.
ON_A_CLUSTER = """
import os
import sys

import joblib
from distributed import Client
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from sklenet import LeNetClassifier


def score(estimator, X, y):
    return {"accuracy": estimator.score(X, y), "process": os.getpid()}


X, y = load_digits(return_X_y=True)
search = GridSearchCV(
    LeNetClassifier(max_epochs=2, random_state=0), {"lr": [1e-6, 3e-3], "width": [1, 2]}, cv=3, scoring=score,
    refit="accuracy", error_score="raise",
)
with Client(sys.argv[1]), joblib.parallel_config(backend="dask"):
    search.fit(X[:200], y[:200])
processes = {search.cv_results_[f"split{fold}_test_process"][i] for fold in range(3) for i in range(4)}
print(search.best_params_["lr"], len(processes - {os.getpid()}))
"""


def test_grid_search_on_a_dask_cluster(tmp_path):
    with ExitStack() as stack:
        address = stack.enter_context(dask(*SCHEDULER, until=r"Scheduler at:\s+(\S+)"))[1]
        for name in ("first", "second"):
            worker = ["dask_worker", address, *WORKER, str(tmp_path), "--name", name]
            stack.enter_context(dask(*worker, until=r"Registered to:"))
        run = subprocess.run(
            [sys.executable, "-c", ON_A_CLUSTER, address], check=False, capture_output=True, text=True, timeout=200
        )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["0.003", "2"]
