"""Parameters of wrong types and values, distortions that return wrong batches, and parameters set after fit."""

import pickle
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from faults.helpers import (
    ABSENT_DEVICE,
    X_SMALL,
    Y_SMALL,
    assert_same_model,
    assert_unchanged,
    bright_or_dark,
    lenet,
)
from sklenet import LeNetClassifier


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("lr", 0, id="lr-zero"),
        pytest.param("lr", -1, id="lr-negative"),
        pytest.param("lr", np.nan, id="lr-nan"),
        pytest.param("lr", np.inf, id="lr-inf"),
        pytest.param("lr", "0.1", id="lr-text"),
        pytest.param("batch_size", 0, id="batch-size-zero"),
        pytest.param("batch_size", 1.5, id="batch-size-fraction"),
        pytest.param("max_epochs", 0, id="max-epochs-zero"),
        pytest.param("max_epochs", "all", id="max-epochs-text"),
        pytest.param("device", ABSENT_DEVICE, id="device-absent"),
        pytest.param("device", "cuda:99", id="device-number-absent"),
        pytest.param("device", "gpu", id="device-unknown"),
        pytest.param("image_shape", (28,), id="image-shape-one"),
        pytest.param("image_shape", (0, 28), id="image-shape-zero"),
        pytest.param("image_shape", [28, 28], id="image-shape-list"),
        pytest.param("image_shape", (28.0, 28), id="image-shape-float"),
        pytest.param("architecture", "vgg", id="architecture"),
        pytest.param("width", 0, id="width"),
        pytest.param("weight_decay", -1e-4, id="weight-decay"),
        pytest.param("dropout", 1.0, id="dropout"),
        pytest.param("label_smoothing", 1.0, id="label-smoothing"),
        pytest.param("augment", "mixup", id="augment"),
        pytest.param("test_time_augment", "affine", id="test-time-augment"),
        pytest.param("validation_fraction", 1.0, id="validation-fraction"),
        pytest.param("n_iter_no_change", 0, id="n-iter-no-change"),
        pytest.param("tol", -1.0, id="tol"),
        pytest.param("class_weight", "equal", id="class-weight"),
        pytest.param("random_state", "seed", id="random-state"),
        pytest.param("callbacks", "early_stopping", id="callbacks"),
        pytest.param("callbacks", [print], id="callbacks-of-another-kind"),
    ],
)
def test_invalid_parameter_is_refused_by_fit_alone(name, value):
    # scikit-learn's clone expects the constructor and set_params to accept any value.
    constructed, changed = LeNetClassifier(**{name: value}), clone(lenet().set_params(**{name: value}))
    refused = value[0] if name == "callbacks" and isinstance(value, list) else value
    message = rf"(?s)The '{name}' parameter of LeNetClassifier must be .* Got {re.escape(repr(refused))} instead\."
    for model in (constructed, changed):
        with assert_unchanged(model), pytest.raises(ValueError, match=message):
            model.fit(X_SMALL, Y_SMALL)


TINY = 5e-324

BOUNDS = {
    "width": ([TINY, 100], [0, -1, "auto", None, np.inf]),
    "max_epochs": ([1, 10**9, "auto"], [0, 1.0, None]),
    "batch_size": ([1, 10**9, "auto"], [0, 1.0, None]),
    "lr": ([TINY, 1e300, "auto"], [0, -TINY, np.inf, None]),
    "weight_decay": ([0, TINY, 1e300, "auto"], [-TINY, None]),
    "dropout": ([0, 0.999], [-TINY, 1, "auto"]),
    "label_smoothing": ([0, 0.999, "auto"], [-TINY, 1]),
    "augment": (["auto", "affine", "elastic", None, print], ["rotate", 1]),
    "test_time_augment": ([False, True, np.True_], [2, None]),
    "early_stopping": ([False, True], [2, None]),
    "validation_fraction": ([TINY, 0.999], [0, 1, "auto"]),
    "n_iter_no_change": ([1, 10**9, "auto"], [0, 1.0, None]),
    "tol": ([0, TINY, 1e300], [-TINY, "auto"]),
    "class_weight": ([{}, {1: 2}, "balanced", None], ["auto", [1]]),
    "warm_start": ([False, True], [2, None]),
    "verbose": ([0, 1, 2, True], [-1, "auto"]),
    "random_state": ([0, 2**32 - 1, None, np.random.RandomState(0)], [-1, 2**32, 0.5]),
    "callbacks": ([[], (), None], ["auto", 1]),
    "architecture": (["modern", "1998"], ["auto", 1998]),
    "image_shape": ([(8, 8), None], [[8, 8], 8]),
    "device": (["auto", "cpu"], [None, 0]),
}


@pytest.mark.parametrize("name", LeNetClassifier().get_params())
def test_parameters_are_valid_up_to_their_bounds(name):
    valid, invalid = BOUNDS[name]
    for value in valid:
        LeNetClassifier(**{name: value})._validate_params()
    for value in invalid:
        with pytest.raises(ValueError, match=f"The '{name}' parameter of LeNetClassifier must be"):
            LeNetClassifier(**{name: value})._validate_params()


def test_width_of_the_architecture_of_1998_must_be_1():
    with pytest.raises(ValueError, match=r"architecture='1998'.*width must be 1.*Got 2.0 instead"):
        lenet(architecture="1998", width=2.0).fit(X_SMALL, Y_SMALL)


def test_numpy_scalars_equal_python_numbers():
    plain = {"max_epochs": 2, "batch_size": 16, "lr": 2**-8, "weight_decay": 0.5, "dropout": 0.125, "random_state": 3}
    scalars = {name: np.int64(value) if isinstance(value, int) else np.float32(value) for name, value in plain.items()}
    scalars |= {"image_shape": (np.int64(28), np.uint8(28)), "width": np.float64(1), "early_stopping": np.bool_(False)}
    model = lenet(**scalars).fit(X_SMALL.reshape(40, -1), Y_SMALL)
    assert_same_model(model, lenet(**plain).fit(X_SMALL, Y_SMALL))
    assert_same_model(pickle.loads(pickle.dumps(model)), model)


@pytest.mark.parametrize(
    ("n_samples", "batch_size"),
    [
        pytest.param(40, 1000, id="larger-than-n"),
        pytest.param(33, 16, id="last-of-one"),
        pytest.param(12, 1, id="of-one"),
    ],
)
@pytest.mark.slow
def test_any_batch_size_learns(n_samples, batch_size):
    images, y = bright_or_dark(8, 8, n_samples=n_samples)
    assert lenet(batch_size=batch_size, max_epochs=30).fit(images, y).score(images, y) == 1


@pytest.mark.parametrize(
    ("augment", "words"),
    [
        pytest.param(lambda batch, _: batch[:, :, 2:-2, 2:-2], r"\(16, 1, 32, 32\).*Got \(16, 1, 28, 28\)", id="shape"),
        pytest.param(lambda batch, _: batch[:-1], r"\(16, 1, 32, 32\).*Got \(15, 1, 32, 32\)", id="fewer-images"),
        pytest.param(lambda batch, _: batch.double(), r"torch\.float32.*Got .*torch\.float64", id="dtype"),
        pytest.param(lambda batch, _: batch / 0 * 0, "finite pixels.*NaN", id="nan"),
        pytest.param(lambda batch, _: batch.numpy(), "a tensor.*Got ndarray", id="array"),
        pytest.param(lambda _, __: None, "a tensor.*Got NoneType", id="none"),
    ],
)
def test_distortion_that_returns_another_kind_of_batch_is_refused(augment, words):
    model = lenet(augment=augment)
    with assert_unchanged(model), pytest.raises(ValueError, match=f"augment must return.*{words}"):
        model.fit(X_SMALL[:32], Y_SMALL[:32])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("architecture", "1998", id="architecture"),
        pytest.param("width", 2.0, id="width"),
        pytest.param("image_shape", (14, 56), id="image-shape"),
        pytest.param("batch_size", 3, id="batch-size"),
        pytest.param("dropout", 0.5, id="dropout"),
        pytest.param("augment", "elastic", id="augment"),
        pytest.param("early_stopping", True, id="early-stopping"),
        pytest.param("class_weight", {11: 3.0}, id="class-weight"),
        pytest.param("random_state", 7, id="random-state"),
        pytest.param("device", "gpu", id="device"),
        pytest.param("callbacks", [print], id="callbacks"),
        pytest.param("lr", -1, id="lr"),
    ],
)
@pytest.mark.slow
def test_set_params_after_fit_does_not_change_predictions(name, value):
    model = lenet().fit(X_SMALL, Y_SMALL)
    before = model.predict_proba(X_SMALL)
    model.set_params(**{name: value})
    assert_array_equal(model.predict_proba(X_SMALL), before)


def test_set_params_takes_effect_in_the_next_fit():
    model = lenet().fit(X_SMALL, Y_SMALL).set_params(width=2.0).fit(X_SMALL, Y_SMALL)
    assert_same_model(model, lenet(width=2.0).fit(X_SMALL, Y_SMALL))
