"""Continued training: warm starts, partial fits and copies."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skorch.callbacks import Callback, LRScheduler
from torch.optim.lr_scheduler import StepLR

from sklenet._engine import start_model, train
from sklenet._engine._settings import STREAM_WEIGHT_DECAY
from small_models import RecordRates, assert_same_weights, make, weights_differ
from training_images import make_data, make_settings


@pytest.mark.slow
def test_warm_start_continues_from_the_present_weights(digits):
    cold = make().fit(*digits)
    warm = make(warm_start=True, max_epochs=4).fit(*digits).set_params(max_epochs=2).fit(*digits)
    assert warm.loss_curve_[4] < cold.loss_curve_[0]
    assert warm.loss_curve_[-1] < cold.loss_curve_[-1]
    assert len(warm.loss_curve_) == 6


def test_second_fit_without_warm_start_equals_a_first_fit(digits):
    assert_same_weights(make().fit(*digits).fit(*digits), make().fit(*digits))


def test_warm_start_raises_on_other_classes(digits):
    X, y = digits
    classifier = make(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="warm_start=True continues with the classes"):
        classifier.fit(X, y + 1)


def test_warm_start_raises_on_images_of_another_shape(digits):
    X, y = digits
    classifier = make(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="features"):
        classifier.fit(X[:, :49], y)
    with pytest.raises(ValueError, match=r"shape \(4, 16\)"):
        classifier.fit(X.reshape(-1, 4, 16), y)


@pytest.mark.parametrize("change", [{"width": 1.0}, {"architecture": "1998", "width": 1.0}])
def test_warm_start_raises_on_another_network(digits, change):
    classifier = make(warm_start=True).fit(*digits).set_params(**change)
    with pytest.raises(ValueError, match="warm_start"):
        classifier.fit(*digits)


def test_partial_fit_keeps_the_state_of_the_optimiser(digits):
    X, y = digits
    twice = make().partial_fit(X, y, classes=range(10)).partial_fit(X, y)
    assert weights_differ(twice, make().partial_fit(X, y, classes=range(10)))
    # A fresh optimiser leads from the same weights to other weights.
    fresh = make().partial_fit(X, y, classes=range(10))
    fresh.net_.optimizer_.state.clear()
    assert weights_differ(twice, fresh.partial_fit(X, y))
    assert twice.n_epochs_ == len(twice.loss_curve_) == 2


def test_partial_fit_trains_at_constant_lr(digits, rates):
    classifier = make(lr=0.01, callbacks=[RecordRates()]).partial_fit(*digits, classes=range(10))
    classifier.set_params(lr=0.002).partial_fit(*digits)
    assert_allclose(rates, [0.01] * 4 + [0.002] * 4)


def test_partial_fit_after_fit_starts_from_lr_and_not_from_the_annealed_rate(digits, rates):
    classifier = make(lr=0.01).fit(*digits).set_params(callbacks=[RecordRates()])
    classifier.partial_fit(*digits)
    assert_allclose(rates, 0.01)


@pytest.mark.parametrize("change", [{"width": 1.0}, {"architecture": "1998", "width": 1.0}])
def test_partial_fit_raises_on_another_network(digits, change):
    classifier = make().fit(*digits).set_params(**change)
    with pytest.raises(ValueError, match="The fitted network has"):
        classifier.partial_fit(*digits)


@pytest.mark.parametrize(
    "change", [{"dropout": 0.5}, {"label_smoothing": 0.3}, {"weight_decay": 30.0}, {"augment": "affine"}], ids=str
)
@pytest.mark.slow
def test_partial_fit_uses_changed_parameters(digits, change):
    unchanged, changed = (make(random_state=0).fit(*digits) for _ in range(2))
    assert weights_differ(unchanged.partial_fit(*digits), changed.set_params(**change).partial_fit(*digits))


@pytest.mark.parametrize("n_first", [20, 120])
@pytest.mark.slow
def test_automatic_weight_decay_of_a_stream_does_not_depend_on_the_first_chunk(digits, n_first):
    X, y = digits
    classifier = make().partial_fit(X[:n_first], y[:n_first], classes=range(10)).partial_fit(X, y)
    assert classifier.weight_decay_ == STREAM_WEIGHT_DECAY
    assert classifier.net_.optimizer_.param_groups[0]["weight_decay"] == STREAM_WEIGHT_DECAY
    assert make(weight_decay=0.05).partial_fit(X, y, classes=range(10)).weight_decay_ == 0.05


def test_partial_fit_is_unavailable_with_early_stopping():
    assert not hasattr(make(early_stopping=True), "partial_fit")
    assert hasattr(make(), "partial_fit")
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as caught:
        make(early_stopping=True).partial_fit([[0]], [0])
    assert "set early_stopping=False" in str(caught.value.__cause__)
    make().set_partial_fit_request  # noqa: B018 - metadata can still be requested


@pytest.mark.slow
def test_cost_of_partial_fit_does_not_grow_with_the_number_of_calls(digits):
    X, y = digits
    classifier = make(width=1.0).partial_fit(X[:32], y[:32], classes=range(10))
    sizes = [len(pickle.dumps(classifier))]
    for _ in range(20):
        classifier.partial_fit(X[:32], y[:32])
        sizes.append(len(pickle.dumps(classifier)))
    assert np.diff(sizes).max() < 300  # only the record of the epoch is added
    before = classifier.net_.history[0]
    classifier.partial_fit(X[:32], y[:32])
    assert classifier.net_.history[0] is before  # earlier records are not copied


@pytest.mark.slow
def test_records_of_batches_are_discarded(digits):
    X, y = digits
    few, many = (make(batch_size=size, max_epochs=3).fit(X, y) for size in (60, 4))
    assert all(epoch["batches"] == [] for epoch in many.net_.history)
    assert abs(len(pickle.dumps(few)) - len(pickle.dumps(many))) < 100


def test_callbacks_see_the_batches_of_the_present_epoch(digits):
    n_batches = []

    class Count(Callback):
        def on_epoch_end(self, net, **_):
            n_batches.append([len(epoch["batches"]) for epoch in net.history])

    make(callbacks=[Count()], batch_size=30).fit(*digits)
    assert n_batches == [[4], [0, 4]]


def test_partial_fit_uses_a_changed_device(digits, monkeypatch):
    classifier = make(device="cpu").partial_fit(*digits, classes=range(10))
    resolved = []
    monkeypatch.setattr("sklenet._classifier.resolve_device", lambda device: resolved.append(device) or "cpu")
    classifier.set_params(device="mps").partial_fit(*digits)
    assert resolved == ["mps"]
    monkeypatch.undo()
    with pytest.raises(ValueError, match="'device' parameter"):
        classifier.set_params(device="cuda:99").partial_fit(*digits)


def test_partial_fit_passes_the_present_lr_to_a_scheduler_of_the_user(digits, rates):
    callbacks = [LRScheduler(StepLR, step_size=100), RecordRates()]
    classifier = make(lr=1e-2, callbacks=callbacks).partial_fit(*digits, classes=range(10))
    rates.clear()
    classifier.set_params(lr=1e-3).partial_fit(*digits)
    assert_allclose(rates, 1e-3)


@pytest.mark.slow
def test_partial_fit_learns(digits):
    X, y = digits
    classifier = make(lr=3e-3)
    for _ in range(12):
        classifier.partial_fit(X, y, classes=range(10))
    assert classifier.score(X, y) > 0.8


@pytest.mark.parametrize("architecture", ["modern", "1998"])
@pytest.mark.slow
def test_copied_model_trains_as_the_original_to_the_bit(digits, architecture):
    data = make_data(*digits)
    settings = make_settings(dropout=0.3, architecture=architecture, width=1.0, is_stream=True)
    model = train(start_model(data, settings, [], "cpu"), data)
    copy = model.copy()
    train(model, data)
    train(copy, data)
    for name, weight in model.module.state_dict().items():
        assert torch.equal(weight, copy.module.state_dict()[name]), name
