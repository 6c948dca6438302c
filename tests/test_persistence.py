"""A stored and loaded model predicts and trains as the original, to the bit."""

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

FITTED_ATTRIBUTES = (
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
        {"augment": "auto", "dropout": 0.0},
    ],
    ids=["modern", "1998", "early_stopping", "automatic"],
)
def fitted(request, digits):
    return make(**request.param).fit(*digits)


def by_pickle(classifier, tmp_path):
    return pickle.loads(pickle.dumps(classifier))


def by_joblib(classifier, tmp_path, mmap_mode=None):
    # Each call writes a new file, because a file that is still memory-mapped must not be overwritten.
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


EACH_FORMAT = pytest.mark.parametrize("reload", [by_pickle, by_joblib, by_memory_map, by_skops, by_deepcopy])


@EACH_FORMAT
@pytest.mark.slow
def test_predictions_and_fitted_attributes_are_restored_to_the_bit(fitted, digits, reload, tmp_path):
    X, _ = digits
    loaded = reload(fitted, tmp_path)
    assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.get_params() == fitted.get_params()
    for name in FITTED_ATTRIBUTES:
        assert_array_equal(getattr(loaded, name), getattr(fitted, name))
    assert loaded.net_.settings == fitted.net_.settings
    assert loaded.net_.history.to_list() == fitted.net_.history.to_list()
    assert vars(loaded).keys() == vars(fitted).keys()


@EACH_FORMAT
@pytest.mark.slow
def test_partial_fit_on_a_loaded_model_equals_the_original_to_the_bit(fitted, digits, reload, tmp_path):
    X, y = digits
    original = make(**fitted.get_params() | {"early_stopping": False}).fit(X, y).partial_fit(X, y)
    loaded = reload(original, tmp_path)
    for classifier in (original, loaded):
        classifier.partial_fit(X, y)
        classifier.partial_fit(X, y)
    assert_array_equal(loaded.predict_proba(X), original.predict_proba(X))
    assert loaded.loss_curve_ == original.loss_curve_


@EACH_FORMAT
@pytest.mark.slow
def test_warm_start_on_a_loaded_model_equals_the_original_to_the_bit(digits, reload, tmp_path):
    X, y = digits
    original = make(warm_start=True).fit(X, y)
    loaded = reload(original, tmp_path)
    assert_array_equal(loaded.fit(X, y).predict_proba(X), original.fit(X, y).predict_proba(X))


@EACH_FORMAT
def test_unfitted_estimator_is_restored_unfitted(reload, tmp_path):
    loaded = reload(make(width=0.5), tmp_path)
    assert loaded.get_params() == make(width=0.5).get_params()
    with pytest.raises(NotFittedError):
        loaded.predict(np.zeros((1, 64)))


@EACH_FORMAT
@pytest.mark.slow
def test_loaded_model_is_stored_and_loaded_a_second_time(fitted, digits, reload, tmp_path):
    reloaded = reload(reload(fitted, tmp_path), tmp_path)
    assert_array_equal(reloaded.predict_proba(digits[0]), fitted.predict_proba(digits[0]))


def test_estimator_is_the_only_untrusted_type_of_skops(fitted):
    assert skops.io.get_untrusted_types(data=skops.io.dumps(fitted)) == ["sklenet._classifier.LeNetClassifier"]


@pytest.mark.slow
def test_partial_fit_does_not_write_to_a_memory_mapped_file(fitted, digits, tmp_path):
    loaded = by_memory_map(fitted, tmp_path).set_params(early_stopping=False)
    before = (tmp_path / "0.joblib").read_bytes()
    loaded.partial_fit(*digits)
    assert (tmp_path / "0.joblib").read_bytes() == before


@pytest.mark.slow
def test_clone_is_unfitted_and_fits_the_same_model(fitted, digits):
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


@pytest.mark.slow
def test_stored_state_has_no_objects_of_torch_or_skorch(fitted, digits):
    for classifier in (fitted, make().fit(*digits).partial_fit(*digits)):
        for path, leaf in walk(classifier.__getstate__()):
            is_plain = leaf is None or isinstance(leaf, np.ndarray | np.generic | str | bool | numbers.Real)
            assert is_plain, f"{path} is a {type(leaf)}"
            assert not isinstance(leaf, np.ndarray) or leaf.dtype != object
    assert b"torch." not in pickle.dumps(fitted)
    assert b"skorch" not in pickle.dumps(fitted)


def test_stored_state_is_a_copy(fitted, digits):
    expected = fitted.predict_proba(digits[0])
    for _, leaf in walk(fitted.__getstate__()["_model"]["weights"]):
        if isinstance(leaf, np.ndarray):
            leaf.fill(math.nan)
    assert_array_equal(fitted.predict_proba(digits[0]), expected)


@pytest.mark.slow
def test_stored_size_is_that_of_weights_optimiser_state_and_statistics(digits):
    few = make().fit(*digits)
    many = make().fit(np.repeat(digits[0], 5, axis=0), np.repeat(digits[1], 5))
    assert len(pickle.dumps(few)) < 3 * 4 * 61_706 + 8 * 84 * 94 + 50_000
    assert len(pickle.dumps(many)) < len(pickle.dumps(few)) + 10_000  # training data are not stored


@pytest.mark.slow
def test_deep_copy_shares_no_weights(fitted, digits):
    expected = fitted.predict_proba(digits[0])
    copied = copy.deepcopy(fitted).set_params(early_stopping=False)
    copied.partial_fit(*digits)
    with torch.no_grad():
        for weight in copy.deepcopy(fitted).net_.module_.parameters():
            weight.zero_()
    assert_array_equal(fitted.predict_proba(digits[0]), expected)


@pytest.mark.slow
def test_callbacks_of_the_user_are_restored(digits):
    X, y = digits
    callbacks = [
        ("custom", EpochScoring("accuracy", lower_is_better=False, name="custom", on_train=True)),
        LRScheduler(StepLR, step_size=1),
    ]
    original = make(callbacks=callbacks).fit(X, y)
    loaded = by_pickle(original, None)
    assert [type(callback) for _, callback in loaded.net_.callbacks_] == [
        type(callback) for _, callback in original.net_.callbacks_
    ]
    assert_array_equal(loaded.partial_fit(X, y).predict_proba(X), original.partial_fit(X, y).predict_proba(X))
    assert len(loaded.net_.history[:, "custom"]) == 2


@pytest.mark.slow
def test_loading_a_model_of_other_versions_warns(fitted, digits, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sklenet._engine._model._versions", lambda: {"sklenet": "0.0.1", "torch": "1.0"})
        stored = pickle.dumps(fitted)
    with pytest.warns(UserWarning, match=r"stored by .*0\.0\.1.*1\.0.* loaded by"):
        loaded = pickle.loads(stored)
    assert_array_equal(loaded.predict_proba(digits[0]), fitted.predict_proba(digits[0]))


def test_loading_a_model_of_another_format_raises(fitted, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sklenet._engine._model._FORMAT", 99)
        stored = pickle.dumps(fitted)
    with pytest.raises(ValueError, match=r"stored in format 99 by .* reads format 1; load the model with the version"):
        pickle.loads(stored)


@pytest.mark.slow
def test_model_of_the_first_defaults_is_loaded_and_trained_on(digits):
    # Settings are stored resolved. The first defaults were these, and AdamW had torch's betas.
    first = {"lr": 3e-3, "dropout": 0.1, "label_smoothing": 0.0, "augment": None, "n_iter_no_change": 10}
    original = make(**first).fit(*digits)
    original.net_.optimizer_.param_groups[0]["betas"] = (0.9, 0.999)
    loaded = pickle.loads(pickle.dumps(original))
    assert loaded.get_params() == original.get_params()
    assert loaded.net_.settings == original.net_.settings
    assert tuple(loaded.net_.optimizer_.param_groups[0]["betas"]) == (0.9, 0.999)
    assert_array_equal(loaded.predict_proba(digits[0]), original.predict_proba(digits[0]))
    # Training goes on exactly: with the optimiser of the stored model.
    for classifier in (original, loaded):
        classifier.partial_fit(*digits)
    assert_array_equal(loaded.predict_proba(digits[0]), original.predict_proba(digits[0]))


def test_storing_a_loaded_model_records_the_present_versions(fitted, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sklenet._engine._model._versions", lambda: {"sklenet": "0.0.1", "torch": "1.0"})
        stored = pickle.dumps(fitted)
    with pytest.warns(UserWarning, match="stored by"):
        loaded = pickle.loads(stored)
    pickle.loads(pickle.dumps(loaded))  # without a warning


def test_loading_a_model_of_another_build_of_torch_does_not_warn(fitted, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", torch.__version__.partition("+")[0] + "+cu130")
        stored = pickle.dumps(fitted)
    pickle.loads(stored)  # a warning is an error here


@pytest.mark.slow
def test_models_are_stored_without_package_metadata(tmp_path, fitted):
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted))
    # A package that is not installed has no metadata.
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
@pytest.mark.slow
def test_loading_a_model_of_an_absent_device_warns_and_predicts_on_the_cpu(fitted, digits, monkeypatch, device):
    monkeypatch.setattr("sklenet._engine._devices.available_devices", lambda: ["cpu"])
    stored = pickle.dumps(copy.deepcopy(fitted).set_params(device=device))
    with pytest.warns(UserWarning, match=f"device='{device}', which this machine does not have"):
        loaded = pickle.loads(stored)
    assert loaded.device == device
    assert_array_equal(loaded.predict_proba(digits[0]), fitted.predict_proba(digits[0]))


def test_device_for_loading_is_the_cpu_for_an_absent_device_index(monkeypatch):
    monkeypatch.setattr("sklenet._engine._devices.available_devices", lambda: ["cpu", "cuda"])
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert device_for_loading("cuda:0") == "cuda:0"
    with pytest.warns(UserWarning, match="'cuda:3'"):
        assert device_for_loading("cuda:3") == "cpu"


OTHER_PARAMETERS = {
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


@pytest.mark.slow
def test_set_params_after_fit_does_not_change_predictions(digits):
    X, y = digits
    classifier = make().fit(X, y)
    expected = classifier.predict_proba(X)
    for name, value in OTHER_PARAMETERS.items():
        classifier.set_params(**{name: value})
        assert_array_equal(classifier.predict_proba(X), expected)
        loaded = pickle.loads(pickle.dumps(classifier))
        assert_array_equal(loaded.predict_proba(X), expected)
        assert loaded.get_params()[name] is not None or value is None


@pytest.mark.slow
def test_models_with_invalid_parameters_are_loaded(digits):
    X, y = digits
    classifier = make().fit(X, y)
    expected = classifier.predict_proba(X)
    for name, value in {"architecture": "alexnet", "dropout": 3, "lr": None, "augment": "blur"}.items():
        loaded = pickle.loads(pickle.dumps(classifier.set_params(**{name: value})))
        assert_array_equal(loaded.predict_proba(X), expected)
