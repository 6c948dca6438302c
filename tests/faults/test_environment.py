"""Threads, absent devices, and global states of Python, NumPy and torch that the caller has changed."""

import functools
import os
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from faults.helpers import (
    ABSENT_DEVICE,
    STOCHASTIC_PARAMS,
    X_SMALL,
    X_TEST,
    X_TRAIN,
    Y_SMALL,
    Y_TRAIN,
    assert_same_model,
    lenet,
)


def test_model_of_an_absent_device_is_loaded_on_the_cpu():
    model = lenet().fit(X_SMALL, Y_SMALL)
    stored = pickle.dumps(model.set_params(device=ABSENT_DEVICE))  # as if it had been fitted on that device
    with pytest.warns(UserWarning, match=rf"device='{ABSENT_DEVICE}', which this machine does not have"):
        loaded = pickle.loads(stored)
    assert_same_model(loaded, model)
    assert {parameter.device.type for parameter in loaded.net_.module_.parameters()} == {"cpu"}
    with pytest.raises(ValueError, match=rf"'device' parameter .* Got '{ABSENT_DEVICE}' instead"):
        loaded.fit(X_SMALL, Y_SMALL)
    assert_same_model(loaded.set_params(device="cpu").fit(X_SMALL, Y_SMALL), model)


def test_model_of_a_second_gpu_is_loaded_on_a_machine_with_one(monkeypatch):
    model = lenet().fit(X_SMALL, Y_SMALL)
    stored = pickle.dumps(model.set_params(device="cuda:1"))
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "device_count", lambda: 1)
        with pytest.warns(UserWarning, match="device='cuda:1', which this machine does not have"):
            loaded = pickle.loads(stored)
    assert_same_model(loaded, model)


@pytest.mark.slow
def test_concurrent_predictions_equal_serial_ones(digits_model):
    expected = digits_model.predict_proba(X_TEST)
    with ThreadPoolExecutor(8) as pool:
        for probabilities in pool.map(digits_model.predict_proba, [X_TEST] * 40):
            assert_array_equal(probabilities, expected)


@pytest.mark.slow
def test_concurrent_fits_equal_serial_ones():
    params = [
        {"dropout": 0.2},
        {"augment": "elastic"},
        {"early_stopping": True, "validation_fraction": 0.3},
        {"lr": 0.01},
    ]
    models = [lenet(max_epochs=3, **more) for more in params]
    concurrent = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(clone(model).fit)(X_SMALL, Y_SMALL) for model in models
    )
    for model, other in zip(models, concurrent, strict=True):
        assert_same_model(model.fit(X_SMALL, Y_SMALL), other)


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize(
    "dtype", [pytest.param(torch.float64, id="float64"), pytest.param(torch.bfloat16, id="bfloat16")]
)
@pytest.mark.slow
def test_default_dtype_does_not_matter(dtype):
    for params in STOCHASTIC_PARAMS:
        expected = lenet(**params).fit(X_SMALL, Y_SMALL)
        with default_dtype(dtype):
            model = lenet(**params).fit(X_SMALL, Y_SMALL)
            probabilities = model.predict_proba(X_SMALL)
            loaded = pickle.loads(pickle.dumps(model))
            assert torch.get_default_dtype() == dtype
        assert {parameter.dtype for parameter in model.net_.module_.parameters()} == {torch.float32}
        assert_array_equal(probabilities, expected.predict_proba(X_SMALL), strict=True)
        assert_same_model(loaded, expected)


def global_state():
    return {
        "python": random.getstate(),
        "numpy": pickle.dumps(np.random.get_state()),  # noqa: NPY002 the test compares the global state
        "torch": torch.get_rng_state().numpy().tobytes(),
        "threads": torch.get_num_threads(),
        "interop threads": torch.get_num_interop_threads(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "grad": torch.is_grad_enabled(),
        "errors": np.geterr(),
        "environment": dict(os.environ),
    }


@pytest.mark.slow
def test_global_states_are_neither_used_nor_changed():
    for params in STOCHASTIC_PARAMS:
        expected = lenet(**params).fit(X_SMALL, Y_SMALL)
        torch.manual_seed(1)
        before = global_state()
        model = lenet(**params).fit(X_SMALL, Y_SMALL)
        assert_same_model(model, expected)
        if not model.early_stopping:
            model.partial_fit(X_SMALL, Y_SMALL)
        pickle.loads(pickle.dumps(model))
        assert global_state() == before


@pytest.mark.slow
def test_number_of_threads_is_kept_and_gives_a_similar_model(digits_model):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        model = lenet(max_epochs=5).fit(X_TRAIN, Y_TRAIN)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    # The last bits of gradients depend on the number of threads.
    assert np.mean(model.predict(X_TEST) == digits_model.predict(X_TEST)) > 0.9


@contextmanager
def default_device(device):
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


in_each_mode = pytest.mark.parametrize(
    "mode",
    [
        pytest.param(torch.no_grad, id="no-grad"),
        pytest.param(torch.inference_mode, id="inference-mode"),
        pytest.param(functools.partial(torch.autocast, "cpu", dtype=torch.bfloat16), id="autocast"),
        pytest.param(functools.partial(default_device, "meta"), id="default-device-meta"),
        pytest.param(functools.partial(torch.device, "meta"), id="device-context-meta"),
    ],
)


@in_each_mode
def test_predict_does_not_depend_on_the_callers_mode(digits_model, mode):
    expected = digits_model.predict_proba(X_SMALL)
    with mode():
        probabilities = digits_model.predict_proba(X_SMALL)
        labels = digits_model.predict(X_SMALL)
    assert_array_equal(probabilities, expected)
    assert_array_equal(labels, digits_model.predict(X_SMALL))


@in_each_mode
@pytest.mark.slow
def test_fit_does_not_depend_on_the_callers_mode(mode):
    for params in ({}, *STOCHASTIC_PARAMS):
        with mode():
            model = lenet(**params).fit(X_SMALL, Y_SMALL)
        assert_same_model(model, lenet(**params).fit(X_SMALL, Y_SMALL))


@in_each_mode
@pytest.mark.slow
def test_partial_fit_does_not_depend_on_the_callers_mode(mode):
    expected = lenet().fit(X_SMALL, Y_SMALL)
    with mode():
        model = pickle.loads(pickle.dumps(expected)).partial_fit(X_SMALL, Y_SMALL)
    assert_same_model(model, expected.partial_fit(X_SMALL, Y_SMALL))


@in_each_mode
@pytest.mark.slow
def test_loading_does_not_depend_on_the_callers_mode(mode):
    expected = lenet().fit(X_SMALL, Y_SMALL)
    stored = pickle.dumps(expected)
    with mode():
        model = pickle.loads(stored)
    assert_same_model(model, expected)
    assert_same_model(model.partial_fit(X_SMALL, Y_SMALL), expected.partial_fit(X_SMALL, Y_SMALL))
