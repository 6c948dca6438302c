"""The measurement of a cell."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.dummy import DummyClassifier

from comparison import data, profiles, protocol
from comparison.models import MODELS, Model
from comparison.protocol import Cell, measure
from comparison.store import held_out_name
from measuring import process_peak_bytes


@pytest.mark.slow
def test_predictions_are_those_of_the_estimator():
    cell = Cell("digits", "forest", train_size=200, seed=1)
    record, arrays = measure(cell, None, threads=1)
    split = data.subset(data.load("digits"), 200, seed=1)
    forest = MODELS["forest"].make(1, 200).fit(split.X_train, split.y_train)

    assert_array_equal(arrays["labels"], forest.predict(split.X_test))
    assert arrays["proba"].dtype == np.float32
    assert_allclose(arrays["proba"], forest.predict_proba(split.X_test), rtol=1e-6)
    assert record["error_rate"] == (forest.predict(split.X_test) != split.y_test).mean()
    assert (record["n_train"], record["n_test"], record["tune_seconds"]) == (200, 450, 0)
    assert record["data_sha256"] == data.checksum(data.load("digits"))
    assert record["model_bytes"] == pytest.approx(len(pickle.dumps(forest, protocol=5)), rel=0.01)
    assert record["fit_seconds"] > 0
    assert record["predict_seconds"] > 0
    assert process_peak_bytes() / 2**20 >= record["peak_memory_mib"] >= record["start_memory_mib"] > 50


def test_text_labels_are_stored_as_indices(monkeypatch):
    words = data.Split(np.eye(4, dtype=np.uint8)[[0, 1] * 5], np.array(["b", "a"] * 5), np.eye(4, dtype=np.uint8)[:2],
                       np.array(["b", "a"]))  # fmt: skip
    monkeypatch.setitem(data.DATASETS, "words", data.DataSet("words", lambda home: words))
    record, arrays = measure(Cell("words", "knn"), None, threads=1)
    assert record["classes"] == ["a", "b"]
    assert arrays["labels"].tolist() == [1, 0]


class Recorder(DummyClassifier):
    """A classifier that records the number of images of each fit."""

    n_images: list[int] = []  # noqa: RUF012  (the clones share it)

    def fit(self, X, y):
        self.n_images.append(len(X))
        return super().fit(X, y)


def test_tuning_has_three_folds_of_at_most_n_tune_training_images(monkeypatch):
    grid = {"strategy": ["uniform", "most_frequent"]}
    monkeypatch.setitem(MODELS, "recorder", Model("Recorder", lambda seed, n: Recorder(random_state=seed), grid))
    monkeypatch.setattr(protocol, "N_TUNE", 90)
    Recorder.n_images.clear()
    record, _ = measure(Cell("digits", "recorder", "tuned", train_size=200), None, threads=1)
    assert Recorder.n_images == [60] * 6 + [200]
    assert len(record["candidates"]) == 2
    Recorder.n_images.clear()
    measure(Cell("digits", "recorder", "default", train_size=200), None, threads=1)
    assert Recorder.n_images == [200]


@pytest.mark.slow
def test_tuned_form_has_the_best_candidate():
    record, _ = measure(Cell("digits", "svm", "tuned", train_size=300), None, threads=1)
    best = max(record["candidates"], key=record["candidates"].get)
    assert len(record["candidates"]) == 6
    assert all(f"{name.split('__')[1]}={value}" in record["estimator"] for name, value in eval(best).items())  # noqa: S307
    assert record["tune_seconds"] > record["fit_seconds"] > 0


def test_cells_of_the_full_profile():
    cells = profiles.full()
    assert len(cells) == len(set(cells)) == len(set(map(str, cells)))
    assert {cell.model for cell in cells} == set(MODELS)
    assert all(cell.dataset in data.DATASETS for cell in cells)
    # Another seed does not change a deterministic classifier of all images.
    assert not [cell for cell in cells if cell.seed and not cell.train_size and not MODELS[cell.model].stochastic]


def test_names_of_cells_and_test_sets():
    assert str(Cell("digits", "svm", "tuned", 100, 2)) == "digits-100-svm-tuned-seed2"
    assert str(Cell("digits", "svm", fold=1, n_folds=5)) == "digits-all-svm-default-seed0-fold1of5"
    assert held_out_name(Cell("digits", "svm", fold=1, n_folds=5)) == "digits-fold1of5"
    assert held_out_name(Cell("digits", "svm", train_size=100)) == "digits"
