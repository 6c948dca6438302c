"""The pieces of the comparison."""

import os
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
from sklenet.datasets import list_datasets, make_characters

HOME = os.environ.get("SKLENET_DATA")


@pytest.mark.parametrize(("name", "n_train", "n_test"), [("digits", 1347, 450), ("mnist_sample", 5000, 1000)])
def test_data_that_come_along(name, n_train, n_test):
    split = data.load(name)
    assert (len(split.X_train), len(split.X_test)) == (n_train, n_test)
    assert split.X_train.dtype == split.X_test.dtype == np.uint8
    assert not {*map(bytes, split.X_train)} & {*map(bytes, split.X_test)}
    assert_array_equal(data.load(name).X_train, split.X_train)


def test_characters_are_tested_on_families_never_seen():
    letters = make_characters(6000, random_state=0)
    families = dict(zip(map(bytes, letters.data), letters.groups, strict=True))
    split = data.load("characters")
    train, test = ({families[bytes(image)] for image in images} for images in (split.X_train, split.X_test))
    assert (len(train), len(test)) == (5, 2)
    assert not train & test
    assert len(split.X_train) + len(split.X_test) == 6000
    assert set(split.y_train) == set(split.y_test) == set(range(26))


def test_every_published_data_set_is_known():
    assert set(data.DATASETS) == {"digits", "mnist_sample", "characters", *list_datasets().index}


def test_published_splits(tmp_path, publish):
    published = publish("mnist")
    published.write(tmp_path)
    split = data.load("mnist", tmp_path)
    for part, X, y in ("train", split.X_train, split.y_train), ("test", split.X_test, split.y_test):
        images, labels = published.splits[part]
        assert_array_equal(X, images.reshape(len(images), -1))
        assert_array_equal(y, labels)


@pytest.mark.parametrize(("name", "subset", "n_test"), [("kmnist", "test", 2000), ("omniglot", "train", 2500)])
def test_one_split_divided(monkeypatch, name, subset, n_test):
    """KMNIST's training split may not be there, and Omniglot's splits have no class in common."""

    def fetch(asked, **options):
        assert (asked, options["subset"]) == (name, subset)
        return np.arange(20_000).reshape(-1, 2), np.arange(10_000) % 10

    monkeypatch.setattr(data, "fetch_dataset", fetch)
    split = data.load(name)
    assert len(split.X_test) == n_test
    assert_array_equal(np.sort(np.concatenate([split.X_train, split.X_test]).ravel()), np.arange(20_000))


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
