"""Predictions and fits are reproducible to the bit, and global state is unchanged."""

import copy
import os
import random
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from sklenet import LeNetClassifier

ARCHITECTURES = pytest.mark.parametrize("architecture", ["modern", "1998"])
METHODS = ("predict_proba", "predict_log_proba", "decision_function", "predict")


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


def make(**kwargs):
    return LeNetClassifier(**{"max_epochs": 2, "random_state": 0} | kwargs)


def weight_bytes(classifier):
    return b"".join(weight.numpy().tobytes() for weight in classifier.net_.module_.state_dict().values())


# Predictions


@pytest.fixture(scope="module", params=["modern", "1998"])
def fitted(request, digits):
    X, y = digits
    return make(architecture=request.param).fit(X[:150], y[:150])


@pytest.mark.slow
def test_predictions_do_not_depend_on_the_batch(fitted, digits):
    X = digits[0][:200]
    expected = fitted.predict_proba(X)
    for size in range(1, 201):
        start = (size * 7) % (201 - size)
        batch = slice(start, start + size)
        assert_array_equal(fitted.predict_proba(X[batch]), expected[batch], err_msg=f"batch of {size}")


@pytest.mark.slow
def test_predictions_do_not_depend_on_the_order(fitted, digits):
    X = digits[0][:200]
    expected = {method: getattr(fitted, method)(X) for method in METHODS}
    rng = np.random.default_rng(0)
    for _ in range(5):
        order = rng.permutation(200)
        for method in METHODS:
            assert_array_equal(getattr(fitted, method)(X[order]), expected[method][order])


@pytest.mark.parametrize("test_time_augment", [False, True])
@pytest.mark.slow
def test_predictions_of_single_rows_equal_those_of_a_batch(fitted, digits, test_time_augment):
    X = digits[0][:70]
    classifier = copy.deepcopy(fitted).set_params(test_time_augment=test_time_augment)
    expected = {method: getattr(classifier, method)(X) for method in METHODS}
    for method in METHODS:
        alone = np.concatenate([getattr(classifier, method)(X[[row]]) for row in range(70)])
        assert_array_equal(alone, expected[method])


@pytest.mark.parametrize("n_classes", [2, 3, 7, 10])
@pytest.mark.parametrize("width", [0.05, 0.2, 0.3, 0.5, 0.7, 1.0, 1.3, 2.0])
@pytest.mark.slow
def test_predictions_do_not_depend_on_the_position_in_the_batch_at_any_width(digits, width, n_classes):
    X, y = digits
    # One step of training is enough, because only the order of sums is tested.
    classifier = make(width=width, max_epochs=1, batch_size=100).fit(X[:100], y[:100] % n_classes)
    positions = np.arange(33)
    for row in (0, 5):
        logits = classifier._model.logits(np.repeat(X[[row]], 33, axis=0).astype(np.float32))
        assert_array_equal(logits[positions], logits[[0] * 33])


def test_predictions_do_not_depend_on_other_rows_of_the_batch(fitted, digits):
    X = digits[0][:40]
    alone = fitted.predict_proba(X[:1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about the scale of X
        together = fitted.predict_proba(np.concatenate([X[:1], 1e30 * X]))
    assert_array_equal(together[:1], alone)


@pytest.mark.slow
def test_time_augmentation_changes_predictions_but_not_weights(digits):
    X, y = digits[0][:150], digits[1][:150]
    augmented, plain = make(test_time_augment=True).fit(X, y), make().fit(X, y)
    assert weight_bytes(augmented) == weight_bytes(plain)
    single = plain.predict_proba(X)
    averaged = plain.set_params(test_time_augment=True).predict_proba(X)
    assert_array_equal(averaged, augmented.predict_proba(X))
    assert np.abs(averaged - single).max() > 0.01


def test_predictions_do_not_depend_on_dtype_layout_or_memory_order(fitted, digits):
    X = digits[0][:50]
    expected = fitted.predict_proba(X)
    for variant in (
        X.astype(np.uint8),
        X.astype(np.float32),
        X.astype(np.int64),
        np.asfortranarray(X),
        X.reshape(-1, 8, 8),
        X.reshape(-1, 1, 8, 8).astype(np.uint8),
        X.reshape(-1, 8, 8, 1),
        X.tolist(),
        torch.from_numpy(X),
    ):
        assert_array_equal(fitted.predict_proba(variant), expected)


# Fits

HASH_FIT_MODULE = """
import hashlib
from sklearn.datasets import load_digits
from sklenet import LeNetClassifier

def hash_fit(**options):
    X, y = load_digits(return_X_y=True)
    classifier = LeNetClassifier(max_epochs=2, random_state=0, dropout=0.3, augment="elastic", **options)
    classifier.fit(X[:100], y[:100])
    weights = classifier.net_.module_.state_dict().values()
    return hashlib.sha256(b"".join(weight.numpy().tobytes() for weight in weights)).hexdigest()
"""

SERIAL_SCRIPT = "import fits; print(fits.hash_fit())"
LOKY_SCRIPT = """
if __name__ == "__main__":
    import fits
    from joblib import Parallel, delayed
    for n_jobs in (1, 2):
        for digest in Parallel(n_jobs=n_jobs, backend="loky")([delayed(fits.hash_fit)()] * n_jobs):
            print(digest)
"""


@pytest.mark.slow
def test_fits_are_equal_to_the_bit_in_other_processes_and_workers(tmp_path):
    (tmp_path / "fits.py").write_text(HASH_FIT_MODULE)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(tmp_path)}
    hashes = []
    for script in (SERIAL_SCRIPT, LOKY_SCRIPT):
        path = tmp_path / "script.py"
        path.write_text(script)
        completed = subprocess.run(
            [sys.executable, path], env=environment, check=True, capture_output=True, text=True, timeout=200
        )
        hashes.extend(completed.stdout.split())
    assert len(hashes) == 4
    assert len(set(hashes)) == 1


@ARCHITECTURES
@pytest.mark.slow
def test_fits_are_equal_if_and_only_if_random_states_are_equal(digits, architecture):
    X, y = digits[0][:100], digits[1][:100]
    options = {"architecture": architecture, "dropout": 0.5, "augment": "affine", "max_epochs": 1}
    first, second, other = (make(random_state=state, **options).fit(X, y) for state in (0, 0, 1))
    assert weight_bytes(first) == weight_bytes(second)
    assert weight_bytes(first) != weight_bytes(other)


def test_fits_do_not_depend_on_global_random_states(digits):
    X, y = digits[0][:100], digits[1][:100]
    weights = []
    with torch.random.fork_rng():
        for seed in (1, 2):
            torch.manual_seed(seed)
            weights.append(weight_bytes(make(max_epochs=1, dropout=0.5, augment="elastic").fit(X, y)))
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    "mode",
    [
        torch.no_grad,
        torch.inference_mode,
        lambda: torch.autocast("cpu", torch.bfloat16),
        lambda: torch.device("meta"),
    ],
)
@pytest.mark.slow
def test_fit_and_predict_do_not_depend_on_the_torch_mode_of_the_caller(digits, mode):
    X, y = digits[0][:60], digits[1][:60]
    expected = make(max_epochs=1).fit(X, y)
    with mode():
        classifier = make(max_epochs=1).fit(X, y)
        alone = classifier.predict_proba(X[:1])  # first, because this call tests whether small chunks agree
        probabilities = classifier.predict_proba(X)
    assert weight_bytes(classifier) == weight_bytes(expected)
    assert_array_equal(probabilities, expected.predict_proba(X))
    assert_array_equal(alone, probabilities[:1])


def test_fit_and_predict_do_not_depend_on_the_default_dtype(digits):
    X, y = digits[0][:60], digits[1][:60]
    options = {"max_epochs": 1, "augment": "elastic", "dropout": 0.5}
    expected = make(**options).fit(X, y)
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        classifier = make(**options).fit(X, y)
        alone = classifier.predict_proba(X[:1])
        probabilities = classifier.predict_proba(X)
    finally:
        torch.set_default_dtype(before)
    assert weight_bytes(classifier) == weight_bytes(expected)
    assert_array_equal(probabilities, expected.predict_proba(X))
    assert_array_equal(alone, probabilities[:1])


# Global state


def global_state():
    return {
        "random": random.getstate(),
        "numpy": [str(part) for part in np.random.get_state(legacy=True)],  # noqa: NPY002 - only read
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "interop threads": torch.get_num_interop_threads(),
        "dtype": torch.get_default_dtype(),
        "device": torch.empty(0).device,
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "environment": dict(os.environ),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic, torch.backends.cudnn.enabled),
        "precision": torch.get_float32_matmul_precision(),
        "numpy errors": np.geterr(),
        "filters": list(warnings.filters),
        "directory": sorted(os.listdir()),  # noqa: PTH208 - names only
    }


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.5, "augment": "elastic", "test_time_augment": True},
        {"architecture": "1998", "augment": "affine", "early_stopping": True, "validation_fraction": 0.2},
        {"verbose": 1, "class_weight": "balanced", "warm_start": True},
    ],
)
@pytest.mark.slow
def test_global_state_is_unchanged(digits, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = digits[0][:100], digits[1][:100]
    before = global_state()
    classifier = make(**options).fit(X, y)
    assert global_state() == before
    classifier.fit(X, y)
    for method in METHODS:
        getattr(classifier, method)(X)
    if not options.keys() & {"early_stopping", "class_weight"}:
        classifier.partial_fit(X, y)
    assert global_state() == before


def test_global_state_is_unchanged_by_a_failed_fit(digits):
    X, y = digits[0][:100], digits[1][:100]
    before = global_state()
    with pytest.raises(ValueError, match="diverged"):
        make(lr=1e30).fit(X, y)
    assert global_state() == before


@pytest.mark.parametrize("options", [{}, {"early_stopping": True, "validation_fraction": 0.2}])
@pytest.mark.slow
def test_random_state_none_draws_one_number_from_numpys_global_generator(digits, options):
    X, y = digits[0][:100], digits[1][:100]
    saved = np.random.get_state()  # noqa: NPY002 - restored below
    try:
        np.random.seed(3)  # noqa: NPY002 - what a user of scikit-learn does
        np.random.randint(2**31 - 1)  # noqa: NPY002
        expected = np.random.get_state()  # noqa: NPY002
        np.random.seed(3)  # noqa: NPY002
        first = make(random_state=None, **options).fit(X, y)
        actual = np.random.get_state()  # noqa: NPY002
        first.predict_proba(X)
        second = make(random_state=None, **options).fit(X, y)
        np.random.seed(3)  # noqa: NPY002
        repeated = make(random_state=None, **options).fit(X, y)
    finally:
        np.random.set_state(saved)  # noqa: NPY002
    assert [str(part) for part in actual] == [str(part) for part in expected]
    assert weight_bytes(first) == weight_bytes(repeated)
    assert weight_bytes(first) != weight_bytes(second)


def test_random_state_instance_advances_between_fits(digits):
    X, y = digits[0][:60], digits[1][:60]
    state = np.random.RandomState(0)
    first, second = (weight_bytes(make(random_state=state, max_epochs=1).fit(X, y)) for _ in range(2))
    assert first != second
    assert weight_bytes(make(random_state=np.random.RandomState(0), max_epochs=1).fit(X, y)) == first
