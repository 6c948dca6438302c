"""Trainings that diverge, are interrupted or fail: the exception is raised, and the instance is unchanged."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from faults.helpers import HOOKS, X_SMALL, Y_SMALL, RaisesAt, assert_unchanged, lenet


@pytest.mark.parametrize("lr", [1e10, 1e20, 1e38, 1e39], ids="{:g}".format)
def test_divergence_raises(lr):
    for params in ({"max_epochs": 5}, {"max_epochs": 5, "early_stopping": True, "validation_fraction": 0.3}):
        model = lenet(lr=lr, **params)
        with assert_unchanged(model), pytest.raises(ValueError, match=r"diverged at epoch \d \(loss is .*\); lower lr"):
            model.fit(X_SMALL, Y_SMALL)


def test_divergence_in_a_single_step_raises_or_the_model_is_finite():
    # The loss of the only batch is computed before the step, so that it is finite where the weights are not.
    model = lenet(lr=1e30, batch_size=40, max_epochs=1)
    try:
        model.fit(X_SMALL, Y_SMALL)
    except ValueError as error:
        assert "diverged at epoch 1" in str(error)  # noqa: PT017 either outcome is correct
    else:
        assert np.isfinite(model.predict_proba(X_SMALL)).all()


def test_divergence_in_partial_fit_raises():
    model = lenet().partial_fit(X_SMALL, Y_SMALL, range(10)).set_params(lr=1e20)
    with assert_unchanged(model), pytest.raises(ValueError, match="diverged"):
        model.partial_fit(X_SMALL, Y_SMALL)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.slow
def test_keyboard_interrupt_is_raised(hook):
    callbacks = [RaisesAt(hook, KeyboardInterrupt())]
    unfitted = lenet(callbacks=callbacks)
    fitted = lenet().fit(X_SMALL, Y_SMALL)
    warm = clone(fitted).set_params(warm_start=True).fit(X_SMALL, Y_SMALL)
    for model in (unfitted, fitted.set_params(callbacks=callbacks), warm.set_params(callbacks=callbacks)):
        with assert_unchanged(model), pytest.raises(KeyboardInterrupt):
            model.fit(X_SMALL, Y_SMALL)
        with assert_unchanged(model), pytest.raises(KeyboardInterrupt):
            model.partial_fit(X_SMALL, Y_SMALL, range(10))


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.slow
def test_exception_of_a_callback_is_raised_as_it_is(hook):
    model = lenet().fit(X_SMALL, Y_SMALL)
    model.set_params(callbacks=[("logger", RaisesAt(hook, LookupError("no such run")))])
    with assert_unchanged(model), pytest.raises(LookupError, match=r"^no such run$") as caught:
        model.fit(X_SMALL, Y_SMALL)
    assert type(caught.value) is LookupError
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"callbacks": [RaisesAt("on_epoch_end", OSError("disk full"), n_calls=2)]}, id="second-epoch"),
        pytest.param({"lr": 1e20}, id="lr"),
    ],
)
@pytest.mark.slow
def test_failed_refit_keeps_the_earlier_model(params):
    model = lenet().fit(X_SMALL, Y_SMALL)
    model.set_params(max_epochs=3, **params)
    frame = pd.DataFrame(np.asarray(load_digits().data[:40])).add_prefix("pixel")
    with assert_unchanged(model), pytest.raises((OSError, ValueError), match=r"disk full|diverged"):
        model.fit(frame, load_digits().target[:40] % 3)
    assert (model.n_features_in_, model.image_shape_, len(model.classes_)) == (784, (28, 28), 10)
    assert not hasattr(model, "feature_names_in_")


@pytest.mark.parametrize(
    "method", [pytest.param("fit", id="warm-start"), pytest.param("partial_fit", id="partial-fit")]
)
def test_failed_continuation_keeps_the_earlier_model(method):
    model = lenet(warm_start=True).fit(X_SMALL, Y_SMALL)
    model.set_params(callbacks=[RaisesAt("on_batch_end", OSError("disk full"), n_calls=2)])
    with assert_unchanged(model), pytest.raises(OSError, match="disk full"):
        getattr(model, method)(X_SMALL, Y_SMALL)
