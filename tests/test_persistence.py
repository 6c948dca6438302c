"""A model that was stored and loaded predicts and trains on as the one that was not, to the bit."""

import copy
import math
import numbers
import pickle
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pytest
import skops.io
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from skorch.callbacks import EpochScoring, LRScheduler
from torch.optim.lr_scheduler import StepLR

from sklenet import LeNetClassifier
from sklenet._engine import device_for_loading

FITTED = (
    "classes_",
    "image_shape_",
    "n_features_in_",
    "n_epochs_",
    "batch_size_",
    "loss_curve_",
    "validation_scores_",
)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:100], y[:100]


def make(**kwargs):
    return LeNetClassifier(**{"max_epochs": 1, "dropout": 0.3, "augment": "affine", "random_state": 0} | kwargs)


@pytest.fixture(
    scope="module",
    params=[
        {},
        {"architecture": "1998"},
        {"early_stopping": True, "validation_fraction": 0.2, "width": 0.5, "augment": "elastic"},
    ],
    ids=["modern", "1998", "early_stopping"],
)
def fitted(request, digits):
    return make(**request.param).fit(*digits)


def by_pickle(classifier, tmp_path):
    return pickle.loads(pickle.dumps(classifier))


def by_joblib(classifier, tmp_path, mmap_mode=None):
    # To a file of its own each time: what is still mapped must not be written to.
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.joblib"
    joblib.dump(classifier, path)
    return joblib.load(path, mmap_mode=mmap_mode)


def by_memory_map(classifier, tmp_path):
    return by_joblib(classifier, tmp_path, mmap_mode="r")


def by_skops(classifier, tmp_path):
    stored = skops.io.dumps(classifier)
    return skops.io.loads(stored, trusted=skops.io.get_untrusted_types(data=stored))


def by_deepcopy(classifier, tmp_path):
    return copy.deepcopy(classifier)


WAYS = pytest.mark.parametrize("way", [by_pickle, by_joblib, by_memory_map, by_skops, by_deepcopy])


@WAYS
def test_predictions_and_what_is_fitted_come_back_to_the_bit(fitted, digits, way, tmp_path):
    X, _ = digits
    loaded = way(fitted, tmp_path)
    assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.get_params() == fitted.get_params()
    for name in FITTED:
        assert_array_equal(getattr(loaded, name), getattr(fitted, name))
    assert loaded.net_.history.to_list() == fitted.net_.history.to_list()
    assert vars(loaded).keys() == vars(fitted).keys()


@WAYS
def test_partial_fit_goes_on_to_the_bit(fitted, digits, way, tmp_path):
    X, y = digits
    straight = make(**fitted.get_params() | {"early_stopping": False}).fit(X, y).partial_fit(X, y)
    loaded = way(straight, tmp_path)
    for classifier in (straight, loaded):
        classifier.partial_fit(X, y)
        classifier.partial_fit(X, y)
    assert_array_equal(loaded.predict_proba(X), straight.predict_proba(X))
    assert loaded.loss_curve_ == straight.loss_curve_


@WAYS
def test_warm_start_goes_on_to_the_bit(digits, way, tmp_path):
    X, y = digits
    straight = make(warm_start=True).fit(X, y)
    loaded = way(straight, tmp_path)
    assert_array_equal(loaded.fit(X, y).predict_proba(X), straight.fit(X, y).predict_proba(X))


@WAYS
def test_an_unfitted_estimator_comes_back_unfitted(way, tmp_path):
    loaded = way(make(width=0.5), tmp_path)
    assert loaded.get_params() == make(width=0.5).get_params()
    with pytest.raises(NotFittedError):
        loaded.predict(np.zeros((1, 64)))


@WAYS
def test_a_stored_model_is_stored_again(fitted, digits, way, tmp_path):
    again = way(way(fitted, tmp_path), tmp_path)
    assert_array_equal(again.predict_proba(digits[0]), fitted.predict_proba(digits[0]))


def test_skops_asks_to_trust_the_estimator_alone(fitted):
    assert skops.io.get_untrusted_types(data=skops.io.dumps(fitted)) == ["sklenet._classifier.LeNetClassifier"]


def test_training_on_does_not_write_to_a_memory_mapped_file(fitted, digits, tmp_path):
    loaded = by_memory_map(fitted, tmp_path).set_params(early_stopping=False)
    before = (tmp_path / "0.joblib").read_bytes()
    loaded.partial_fit(*digits)
    assert (tmp_path / "0.joblib").read_bytes() == before


def test_clone_is_unfitted_and_fits_the_same(fitted, digits):
    cloned = clone(fitted)
    assert not hasattr(cloned, "classes_")
    assert_array_equal(cloned.fit(*digits).predict_proba(digits[0]), fitted.predict_proba(digits[0]))


def walk(tree, path="state"):
    """Yield every leaf of nested containers, with its path."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield f"a key of {path}", key
            yield from walk(value, f"{path}[{key!r}]")
    elif type(tree) in (list, tuple):
        for position, value in enumerate(tree):
            yield from walk(value, f"{path}[{position}]")
    else:
        yield path, tree


def test_nothing_of_torch_is_stored(fitted, digits):
    for classifier in (fitted, make().fit(*digits).partial_fit(*digits)):
        for path, leaf in walk(classifier.__getstate__()):
            plain = leaf is None or isinstance(leaf, np.ndarray | np.generic | str | bool | numbers.Real)
            assert plain, f"{path} is a {type(leaf)}"
            assert not isinstance(leaf, np.ndarray) or leaf.dtype != object
    assert b"torch." not in pickle.dumps(fitted)
    assert b"skorch" not in pickle.dumps(fitted)


def test_what_is_stored_is_a_copy(fitted, digits):
    expected = fitted.predict_proba(digits[0])
    for _, leaf in walk(fitted.__getstate__()["_model"]["weights"]):
        if isinstance(leaf, np.ndarray):
            leaf.fill(math.nan)
    assert_array_equal(fitted.predict_proba(digits[0]), expected)


def test_the_size_is_that_of_the_weights_and_the_optimisers_state(digits):
    few = make().fit(*digits)
    many = make().fit(np.repeat(digits[0], 5, axis=0), np.repeat(digits[1], 5))
    assert len(pickle.dumps(few)) < 3 * 4 * 61_706 + 50_000
    assert len(pickle.dumps(many)) < len(pickle.dumps(few)) + 10_000  # no data inside


def test_a_deep_copy_shares_nothing(fitted, digits):
    expected = fitted.predict_proba(digits[0])
    other = copy.deepcopy(fitted).set_params(early_stopping=False)
    other.partial_fit(*digits)
    with torch.no_grad():
        for weight in copy.deepcopy(fitted).net_.module_.parameters():
            weight.zero_()
    assert_array_equal(fitted.predict_proba(digits[0]), expected)


def test_user_callbacks_are_stored_as_given_and_cloned_anew(digits):
    X, y = digits
    callbacks = [
        ("mine", EpochScoring("accuracy", lower_is_better=False, name="mine", on_train=True)),
        LRScheduler(StepLR, step_size=1),
    ]
    straight = make(callbacks=callbacks).fit(X, y)
    loaded = by_pickle(straight, None)
    assert [type(callback) for _, callback in loaded.net_.callbacks_] == [
        type(callback) for _, callback in straight.net_.callbacks_
    ]
    assert_array_equal(loaded.partial_fit(X, y).predict_proba(X), straight.partial_fit(X, y).predict_proba(X))
    assert len(loaded.net_.history[:, "mine"]) == 2


def test_a_model_of_other_versions_warns(fitted, digits, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sklenet._engine._model._versions", lambda: {"sklenet": "0.0.1", "torch": "1.0"})
        stored = pickle.dumps(fitted)
    with pytest.warns(UserWarning, match=r"stored by .*0\.0\.1.*1\.0.* loaded by"):
        loaded = pickle.loads(stored)
    assert_array_equal(loaded.predict_proba(digits[0]), fitted.predict_proba(digits[0]))


def test_a_model_of_another_format_is_refused(fitted, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sklenet._engine._model._FORMAT", 99)
        stored = pickle.dumps(fitted)
    with pytest.raises(ValueError, match=r"stored in format 99 by .* reads format 1; load the model with the version"):
        pickle.loads(stored)


def test_loading_elsewhere_does_not_write_the_old_stamp_again(fitted, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sklenet._engine._model._versions", lambda: {"sklenet": "0.0.1", "torch": "1.0"})
        stored = pickle.dumps(fitted)
    with pytest.warns(UserWarning, match="stored by"):
        loaded = pickle.loads(stored)
    pickle.loads(pickle.dumps(loaded))  # without a warning


def test_builds_of_one_version_of_torch_do_not_warn(fitted, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", torch.__version__.partition("+")[0] + "+cu130")
        stored = pickle.dumps(fitted)
    pickle.loads(stored)  # a warning is an error here


def test_a_source_tree_that_is_not_installed_stores_models(tmp_path, fitted):
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted))
    # What is not installed has no metadata.
    code = """
    import importlib.metadata, pickle, sys
    find = importlib.metadata.Distribution.from_name
    def find_others(name):
        if name == "sklenet":
            raise importlib.metadata.PackageNotFoundError(name)
        return find(name)
    importlib.metadata.Distribution.from_name = find_others
    pickle.dumps(pickle.load(open("model.pickle", "rb")))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, cwd=tmp_path, timeout=120)


@pytest.mark.parametrize("device", ["cuda", "cuda:3", "mps", "cpu:1"])
def test_a_model_of_an_absent_device_warns_and_predicts_on_the_cpu(fitted, digits, monkeypatch, device):
    monkeypatch.setattr("sklenet._engine._devices.available_devices", lambda: ["cpu"])
    stored = pickle.dumps(copy.deepcopy(fitted).set_params(device=device))
    with pytest.warns(UserWarning, match=f"device='{device}', which this machine does not have"):
        loaded = pickle.loads(stored)
    assert loaded.device == device
    assert_array_equal(loaded.predict_proba(digits[0]), fitted.predict_proba(digits[0]))


def test_fewer_accelerators_than_where_it_was_made_are_no_obstacle(monkeypatch):
    monkeypatch.setattr("sklenet._engine._devices.available_devices", lambda: ["cpu", "cuda"])
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert device_for_loading("cuda:0") == "cuda:0"
    with pytest.warns(UserWarning, match="'cuda:3'"):
        assert device_for_loading("cuda:3") == "cpu"


OTHERS = {
    "architecture": "1998",
    "width": 2.0,
    "image_shape": (4, 16),
    "max_epochs": 7,
    "batch_size": 3,
    "lr": 1.0,
    "weight_decay": 1.0,
    "dropout": 0.9,
    "label_smoothing": 0.5,
    "augment": None,
    "early_stopping": True,
    "class_weight": {3: 4.0},
    "warm_start": True,
    "random_state": 9,
    "device": "cpu",
    "callbacks": [LRScheduler(StepLR, step_size=1)],
}


def test_set_params_after_fit_changes_no_predictions(digits):
    X, y = digits
    classifier = make().fit(X, y)
    expected = classifier.predict_proba(X)
    for name, value in OTHERS.items():
        classifier.set_params(**{name: value})
        assert_array_equal(classifier.predict_proba(X), expected)
        loaded = pickle.loads(pickle.dumps(classifier))
        assert_array_equal(loaded.predict_proba(X), expected)
        assert loaded.get_params()[name] is not None or value is None


def test_a_parameter_that_no_fit_would_take_is_no_obstacle_to_loading(digits):
    X, y = digits
    classifier = make().fit(X, y)
    expected = classifier.predict_proba(X)
    for name, value in {"architecture": "alexnet", "dropout": 3, "lr": None, "augment": "blur"}.items():
        loaded = pickle.loads(pickle.dumps(classifier.set_params(**{name: value})))
        assert_array_equal(loaded.predict_proba(X), expected)
