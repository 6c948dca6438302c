"""The pieces of the comparison."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.dummy import DummyClassifier
from sklearn.svm import SVC

from comparison import data, protocol
from comparison.models import MODELS, Model, PixelScaler
from comparison.protocol import Cell, measure
from comparison.report import Results
from comparison.runner import CellError, run

HOME = os.environ.get("SKLENET_DATA")


def write_idx(path, array, open_file=gzip.open):
    path.parent.mkdir(exist_ok=True)
    with open_file(path, "wb") as file:
        file.write(struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


@pytest.mark.parametrize(("name", "n_train", "n_test"), [("digits", 1347, 450), ("mnist_sample", 5000, 1000)])
def test_data_that_come_along(name, n_train, n_test):
    split = data.load(name)
    assert (len(split.X_train), len(split.X_test)) == (n_train, n_test)
    assert split.X_train.dtype == split.X_test.dtype == np.uint8
    assert not {*map(bytes, split.X_train)} & {*map(bytes, split.X_test)}
    assert_array_equal(data.load(name).X_train, split.X_train)


@pytest.mark.parametrize(("ending", "open_file"), [(".gz", gzip.open), ("", open)])
def test_published_files(tmp_path, ending, open_file):
    images, labels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3), np.uint8([1, 0])
    for part in "train", "t10k":
        write_idx(tmp_path / "mnist" / f"{part}-images-idx3-ubyte{ending}", images, open_file)
        write_idx(tmp_path / "mnist" / f"{part}-labels-idx1-ubyte{ending}", labels, open_file)
    split = data.load("mnist", tmp_path)
    assert_array_equal(split.X_test, images.reshape(2, 9))
    assert_array_equal(split.y_train, labels)


@pytest.mark.skipif(not HOME or not Path(HOME, "kmnist").is_dir(), reason="SKLENET_DATA names no folder with kmnist/")
def test_kmnist_is_its_test_split_divided():
    split = data.load("kmnist", HOME)
    assert (len(split.X_train), len(split.X_test)) == (8000, 2000)
    assert_array_equal(np.bincount(split.y_test), 10 * [200])


def test_train_size_draws_by_seed_and_leaves_the_test_images():
    whole = data.load("digits")
    first, again, other = (data.load("digits", train_size=100, seed=seed) for seed in (1, 1, 2))
    assert_array_equal(first.X_train, again.X_train)
    assert not np.array_equal(first.X_train, other.X_train)
    assert_array_equal(first.X_test, whole.X_test)
    assert set(np.bincount(first.y_train)) <= {9, 10, 11}
    assert_array_equal(np.sort(data.load("digits", train_size=1347).y_train), np.sort(whole.y_train))


def test_gamma_one_on_scaled_pixels_is_scikit_learns_scale():
    X, y, X_test, _ = data.load("digits", train_size=200)
    scaler = PixelScaler().fit(X)
    ours = SVC(gamma=1).fit(scaler.transform(X), y)
    theirs = SVC(gamma="scale").fit(X, y)
    assert_allclose(ours.decision_function(scaler.transform(X_test)), theirs.decision_function(X_test), rtol=1e-6)


def test_svm_tunes_on_training_images_and_says_what_it_chose():
    row = measure(Cell("digits", "svm", seed=0, threads=1, train_size=300))
    assert row["tune_seconds"] > row["fit_seconds"] > 0
    assert row["error_rate"] < 0.1
    assert "SVC(C=" in row["estimator"]


class Witness(DummyClassifier):
    """Remembers how many images each fit saw."""

    seen: list[int] = []  # noqa: RUF012  (shared by the clones)

    def fit(self, X, y):
        self.seen.append(len(X))
        return super().fit(X, y)


def test_tuning_is_by_three_folds_of_at_most_n_tune_images(monkeypatch):
    grid = {"strategy": ["uniform", "most_frequent"]}
    model = Model("Witness", lambda seed: Witness(random_state=seed), lambda _: 0, 1, grid)
    monkeypatch.setitem(MODELS, "witness", model)
    monkeypatch.setattr(protocol, "N_TUNE", 90)
    Witness.seen.clear()
    row = measure(Cell("digits", "witness", seed=0, threads=1, train_size=200))
    assert Witness.seen == [60] * 6 + [200]
    assert (row["n_train"], row["n_test"], row["n_parameters"]) == (200, 450, 0)


def test_counts_of_parameters():
    X, y, *_ = data.load("digits", train_size=100)
    forest = MODELS["forest"].make(0).set_params(n_estimators=1, max_depth=1).fit(X, y)
    assert MODELS["forest"].count_parameters(forest) == 2 + 2 * 10
    svm = MODELS["svm"].make(0).fit(X, y)
    n_vectors = svm["svc"].n_support_.sum()
    assert MODELS["svm"].count_parameters(svm) == n_vectors * 64 + n_vectors * 9 + 45
    lenet = MODELS["lenet"].make(0).set_params(max_epochs=1).fit(X, y)
    assert MODELS["lenet"].count_parameters(lenet) == 61_706


def test_processes_side_by_side_give_what_one_alone_gives():
    cells = [Cell("digits", "forest", seed, threads=1, train_size=100) for seed in (0, 1)]
    at_work = set()
    rows = dict(run(cells, 2, lambda cells: at_work.add(len(cells))))
    assert max(at_work) == 2
    assert [rows[cell]["error_rate"] for cell in cells] == [measure(cell)["error_rate"] for cell in cells]


def test_failure_in_a_process_is_its_result():
    ((cell, error),) = run([Cell("no such data", "forest", seed=0, threads=1)], 1, lambda _: None)
    assert cell.dataset == "no such data"
    assert isinstance(error, CellError)
    assert "KeyError: 'no such data'" in str(error)


def test_results_are_on_disk_row_by_row_and_the_last_run_is_kept(tmp_path):
    row = {
        "dataset": "digits", "model": "forest", "seed": 0, "n_train": 100, "n_test": 50, "error_rate": 0.1,
        "tune_seconds": 0.0, "fit_seconds": 1.0, "predict_seconds": 0.5, "peak_memory_mib": 99.0, "threads": 1,
        "n_jobs": 2, "cpu": "abacus", "python": "3", "numpy": "2", "scikit-learn": "1", "torch": "2", "skorch": "1",
        "sklenet": "0",
    }  # fmt: skip
    results = Results(tmp_path)
    results.add(row)
    assert len(pd.read_csv(results.csv)) == 1
    results.add(row | {"seed": 1, "error_rate": 0.2})
    assert pd.read_csv(results.csv)["seed"].tolist() == [0, 1]
    assert "15.00 ± 7.07" in results.table()
    assert "abacus, threads per model: 1, 2 at a time (timings taken in parallel)" in results.table()
    assert results.markdown.read_text() == results.table()

    Results(tmp_path)
    assert not results.csv.exists()
    assert len(pd.read_csv(tmp_path / "results.previous.csv")) == 2
