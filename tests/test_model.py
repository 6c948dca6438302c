"""The fitted model as a value, and the settings that its training resolves."""

import pickle
import threading

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback, EarlyStopping

from sklenet import LeNetClassifier
from sklenet._engine import Model
from small_models import make, make_model


@pytest.mark.parametrize("n_rows", [1, 3, 9, 100])
@pytest.mark.slow
def test_features_do_not_depend_on_the_batch(digits, n_rows):
    X, y = digits
    model = make(width=1.0).fit(X, y)._model
    features = model.features(X)
    assert features.shape == (120, 84)
    assert_array_equal(model.features(X[:n_rows]), features[:n_rows])


def test_logits_are_linear_in_the_features(digits):
    X, y = digits
    model = make().fit(X, y)._model
    weight, bias = (parameter.detach().numpy() for parameter in (model.module.output.weight, model.module.output.bias))
    np.testing.assert_allclose(model.features(X) @ weight.T + bias, model.logits(X), rtol=1e-3, atol=1e-4)


class Quick(LeNetClassifier):
    """A subclass with a constructor of its own."""

    def __init__(self, lr=1e-3):
        super().__init__(lr=lr, max_epochs=2, batch_size=32, width=0.5, random_state=0)


@pytest.mark.slow
def test_subclass_with_fewer_parameters_is_trained_as_the_classifier(digits):
    X, y = digits
    assert_array_equal(Quick().fit(X, y).predict_proba(X), make(lr=1e-3).fit(X, y).predict_proba(X))
    assert Quick().partial_fit(X, y, classes=range(10)).n_epochs_ == 1


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64])
@pytest.mark.slow
def test_small_numpy_integers_resolve_as_python_integers(digits, kind):
    X, y = digits
    expected = make(max_epochs=3, batch_size=1).fit(X, y).weight_decay_
    assert make(max_epochs=kind(3), batch_size=kind(1)).fit(X, y).weight_decay_ == expected


class Distortion:
    """A distortion that cannot be copied, because it holds a lock."""

    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, images, generator):
        with self.lock:
            return images + 0.1 * torch.randn(images.shape, generator=generator)


def test_distortion_is_not_copied_with_the_model(digits):
    X, y = digits
    classifier = make(augment=Distortion()).fit(X, y).partial_fit(X, y)
    assert classifier.net_.settings.augment is classifier.augment


def test_failed_validation_draws_no_seed(digits):
    X, y = digits
    generator = np.random.RandomState(0)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make(random_state=generator).fit(X, y[1:])
    assert generator.randint(1000) == np.random.RandomState(0).randint(1000)


def test_new_names_of_classes_are_stored(digits):
    X, y = digits
    classifier = make().fit(X, y)
    classifier.classes_ = np.array([f"digit {label}" for label in classifier.classes_])
    assert_array_equal(pickle.loads(pickle.dumps(classifier)).predict(X), classifier.predict(X))


# The net


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(120, 64), (120, 8, 8)])
@pytest.mark.slow
def test_net_predicts_arrays_as_the_classifier_does(digits, dtype, shape):
    X, y = digits[0].astype(dtype).reshape(shape), np.array(list("abcdefghij"))[digits[1]]
    classifier = make(dropout=0.5).fit(X, y)
    assert_array_equal(classifier.classes_[classifier.net_.predict(X)], classifier.predict(X))
    np.testing.assert_allclose(classifier.net_.predict_proba(X), classifier.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 9, 9), (5, 4, 16), (5, 49), (8, 8), (64,), (5, 8, 8, 3)])
@pytest.mark.slow
def test_net_refuses_arrays_of_another_shape(digits, shape):
    net = make().fit(*digits).net_
    with pytest.raises(ValueError, match=r"the net expects rows of 64 pixels or images of shape \(8, 8\)"):
        net.predict(np.zeros(shape, dtype=np.float32))


def test_net_is_trained_on_by_skorch(digits):
    X, y = digits
    net = make(early_stopping=True, validation_fraction=0.3).fit(X, y).net_
    net.partial_fit(X, y, epochs=1)
    assert len(net.history) == 3
    assert not any(name.startswith("sklenet") for name, _ in net.callbacks_)


class CountEpochs(Callback):
    n_epochs = 0

    def on_epoch_end(self, net, **_):
        CountEpochs.n_epochs += 1


@pytest.mark.parametrize("name", ["LRScheduler", "AveragedEarlyStopping", "valid"])
@pytest.mark.slow
def test_names_of_user_callbacks_do_not_collide_with_ours(digits, name):
    CountEpochs.n_epochs = 0
    make(callbacks=[(name, CountEpochs())], early_stopping=True, validation_fraction=0.3).fit(*digits)
    assert CountEpochs.n_epochs == 2


# Ctrl-C and early stopping


class InterruptOnEpoch(Callback):
    """Interrupts as Ctrl-C does, at the end of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, net, **_):
        if len(net.history) == self.epoch:
            raise KeyboardInterrupt


class InterruptFirstBatch(Callback):
    def on_batch_begin(self, net, **_):
        raise KeyboardInterrupt


def test_interrupt_in_the_epoch_that_stops_early_is_raised(digits):
    options = {"early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 1, "tol": 2.0, "max_epochs": 30}
    last = make(**options).fit(*digits).n_epochs_
    classifier = make(**options, callbacks=[InterruptOnEpoch(last)])
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(*digits)
    assert not hasattr(classifier, "classes_")


def test_interrupt_before_skorch_stops_early_is_raised(digits):
    stopping = EarlyStopping(monitor="train_loss", patience=0)
    with pytest.raises(KeyboardInterrupt):
        make(callbacks=[stopping, InterruptFirstBatch()]).fit(*digits)


# Lines to which warnings point


@pytest.mark.parametrize(("method", "params"), [("fit", {}), ("partial_fit", {"classes": range(10)})])
@pytest.mark.slow
def test_warning_of_shape_points_to_the_caller(digits, method, params):
    X, y = digits
    train = getattr(make(max_epochs=10), method)
    with pytest.warns(UserWarning, match="do not form a square image") as caught:
        train(X[:, :60], y, **params)
    assert [warning.filename for warning in caught] == [__file__]


def test_warning_of_versions_points_to_the_caller(digits, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sklenet._engine._model._versions", lambda: {"sklenet": "0.0.1", "torch": "1.0"})
        stored = pickle.dumps(make().fit(*digits))
    with pytest.warns(UserWarning, match="stored by") as caught:
        pickle.loads(stored)
    assert [warning.filename for warning in caught] == [__file__]


def test_generator_of_another_kind_of_device_starts_from_the_seed(digits):
    model = make_model(*digits)
    seeded = model.net.device_generator_.get_state()
    model.net.device_generator_.manual_seed(1)
    state = model.to_state()
    for kind in ("accelerator", "cuda", "mps"):
        other = state | {"device_kind": kind, "device_generator": np.zeros(16, np.uint8)}
        assert torch.equal(Model.from_state(other, [], "cpu").net.device_generator_.get_state(), seeded)
    restored = Model.from_state(state, [], "cpu").net.device_generator_.get_state()
    assert torch.equal(restored, model.net.device_generator_.get_state())
    assert not torch.equal(restored, seeded)
