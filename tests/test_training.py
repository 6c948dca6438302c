"""Training: schedules, the weighted loss, and divergence."""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score
from skorch.callbacks import Callback

from sklenet._engine._callbacks import one_cycle, warm_up
from sklenet._engine._training import _refuse_failed, _spread
from sklenet._validation._targets import training_weights
from small_models import RecordRates, assert_same_weights, make, make_model, weights_differ
from training_images import make_images

CPU = torch.device("cpu")


@pytest.mark.parametrize("n_steps", [1, 2, 3, 9, 10, 11, 25, 300])
def test_one_cycle_rises_to_the_peak_and_anneals(n_steps):
    fractions = np.array([one_cycle(step, n_steps=n_steps) for step in range(n_steps + 1)])
    used = fractions[:n_steps]
    peak = {1: 1, 2: 1, 3: 1, 9: 3, 10: 3, 11: 3, 25: 8, 300: 30}[n_steps] - 1
    assert np.isfinite(fractions).all()
    assert (used > 0).all()
    assert used.max() == used[peak] == 1
    assert (np.diff(used[: peak + 1]) > 0).all()
    assert (np.diff(used[peak + 1 :]) < 0).all()
    if n_steps >= 25:
        assert used[-1] < 0.02


@pytest.mark.parametrize(("n_steps", "n_rising"), [(1, 1), (2, 1), (10, 3), (100, 30), (1000, 100)])
def test_warm_up_holds_the_peak(n_steps, n_rising):
    fractions = [warm_up(step, n_steps=n_steps) for step in range(n_steps + 5)]
    assert fractions[:n_rising] == [one_cycle(step, n_steps=n_steps) for step in range(n_rising)]
    assert fractions[n_rising - 1 :] == [1.0] * (n_steps + 6 - n_rising)


def test_fit_follows_one_cycle_step_by_step(digits, rates):
    make(lr=0.01, max_epochs=3, callbacks=[RecordRates()]).fit(*digits)
    assert_allclose(rates, [0.01 * one_cycle(step, n_steps=12) for step in range(12)])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_equals_the_weighted_cross_entropy_in_numpy(digits, smoothing):
    weights = np.random.default_rng(0).uniform(0.1, 3, 120)
    images = make_images(*digits, weights)
    net = make_model(*digits, label_smoothing=smoothing).net
    inputs, targets = images.batch(np.arange(120), CPU)
    logits = net.infer(inputs)
    loss = net.get_loss(logits, targets, X=inputs)

    z = logits.detach().numpy().astype(np.float64)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    smoothed = (1 - smoothing) * np.eye(10)[digits[1]] + smoothing / 10
    assert_allclose(loss.item(), (weights * -(smoothed * log_p).sum(axis=1)).sum() / weights.sum(), rtol=1e-5)


def compute_gradient(images):
    net = make_model(images.data.rows, images.data.targets).net
    inputs, targets = images.batch(np.arange(len(images)), CPU)
    net.get_loss(net.infer(inputs), targets, X=inputs).backward()
    return [parameter.grad.numpy() for parameter in net.module_.parameters()]


def test_sample_of_weight_2_has_the_gradient_of_two_copies(digits):
    X, y = (part[:30] for part in digits)
    weighted = make_images(X, y, np.where(np.arange(30) < 10, 2, 1))
    copies = np.concatenate([X, X[:10]]), np.concatenate([y, y[:10]])
    duplicated = make_images(*copies, canvas=weighted.canvas)
    for a, b in zip(compute_gradient(weighted), compute_gradient(duplicated), strict=True):
        assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    unweighted = make_images(X, y)
    assert not np.allclose(compute_gradient(unweighted)[-1], compute_gradient(weighted)[-1], rtol=1e-3)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.slow
def test_samples_of_weight_0_are_ignored_to_the_bit(digits, early_stopping):
    X, y = digits
    kept = np.arange(120) % 6 > 0
    X = np.where(kept[:, None], X, 99)  # ignored samples have other pixels
    options = {"early_stopping": early_stopping, "validation_fraction": 0.3, "dropout": 0.3}
    assert_same_weights(make(**options).fit(X, y, kept.astype(float)), make(**options).fit(X[kept], y[kept]))


def test_only_ratios_of_sample_weights_matter(digits):
    weights = np.random.default_rng(0).integers(1, 5, 120)
    assert_same_weights(make().fit(*digits, weights), make().fit(*digits, 8 * weights))


def test_balanced_class_weights_depend_on_sums_of_weights_and_not_on_counts(digits):
    X, y = digits
    weights = np.where(y == 3, 2, 1)
    duplicated = np.concatenate([X, X[y == 3]]), np.concatenate([y, y[y == 3]])
    classes = np.arange(10)
    weighted = training_weights(y, classes, weights.astype(float), "balanced")
    copied = training_weights(duplicated[1], classes, np.ones(len(duplicated[1])), "balanced")
    totals = [np.bincount(labels, result) / result.sum() for labels, result in ((y, weighted), (duplicated[1], copied))]
    assert_allclose(*totals, rtol=1e-6)
    assert_allclose(totals[0], 0.1, rtol=1e-6)


@pytest.mark.slow
def test_class_weight_may_name_a_class_that_a_fold_lacks(digits):
    X, y = digits
    weights = {3: 4.0, 11: 9.0}
    for model in (
        make(class_weight=weights),
        LogisticRegression(class_weight={**dict.fromkeys(range(10), 1.0), 11: 9.0}),
    ):
        model.fit(X / 16, y)
    assert_same_weights(make(class_weight=weights).fit(X, y), make(class_weight={3: 4.0}).fit(X, y))
    rare = np.where(np.arange(120) == 7, 11, y % 2)
    scores = cross_val_score(make(class_weight=weights), X, rare, cv=KFold(3), error_score="raise")
    assert len(scores) == 3


@pytest.mark.slow
def test_class_weights_equal_sample_weights(digits):
    X, y = digits
    by_class = make(class_weight={3: 4.0}).fit(X, y)
    assert_same_weights(by_class, make().fit(X, y, np.where(y == 3, 4.0, 1.0)))
    assert weights_differ(by_class, make().fit(X, y))


def test_nan_loss_raises_with_the_epoch(digits):
    class Poison(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 2:
                with torch.no_grad():
                    net.module_.output.bias.fill_(torch.nan)

    with pytest.raises(ValueError, match=r"diverged at epoch 2 \(loss is nan\); lower lr, now 0\.012"):
        make(max_epochs=3, callbacks=[Poison()]).fit(*digits)


def test_infinite_weights_raise_even_if_the_loss_is_finite(digits):
    class Poison(Callback):
        def on_batch_end(self, net, **kwargs):
            if len(net.history[-1, "batches"]) == 4:
                with torch.no_grad():
                    net.module_.f6.bias[0] = torch.inf

    with pytest.raises(ValueError, match="diverged at epoch 1"):
        make(callbacks=[Poison()]).fit(*digits)


def fit_diverges_or_warns_or_predicts_several_classes(classifier, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            classifier.fit(X, y)
        except ValueError as error:
            return "diverged" in str(error)
    return bool(caught) or len(np.unique(classifier.predict(X))) > 1


# With lr=1, units die and the loss stays finite. From lr=10 on, the loss is not finite.
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("lr", [1.0, 10.0, 1e4, 1e6, 1e10, 1e30, 1e300])
@pytest.mark.slow
def test_too_high_learning_rate_never_gives_a_constant_model_silently(digits, lr, early_stopping):
    classifier = make(
        lr=lr, max_epochs=5, batch_size=8, width=1.0, early_stopping=early_stopping, validation_fraction=0.2
    )
    assert fit_diverges_or_warns_or_predicts_several_classes(classifier, *digits)


@pytest.mark.parametrize("lr", [1e6, 1e10])
def test_too_high_learning_rate_raises_with_1998(digits, lr):
    with pytest.raises(ValueError, match="diverged at epoch"):
        make(architecture="1998", width=1.0, lr=lr, max_epochs=5, batch_size=8).fit(*digits)


@pytest.mark.parametrize("losses", [[0.5, 0.25, np.nan], [np.inf, np.nan, 0.25], [np.nan]])
def test_message_of_a_diverged_training_has_the_loss_of_the_last_batch(digits, losses):
    net = make_model(*digits).net
    net.history.new_epoch()
    for loss in losses:
        net.history.new_batch()
        net.history.record_batch("train_loss", loss)
    with pytest.raises(ValueError, match=rf"diverged at epoch 1 \(loss is {losses[-1]}\); lower lr, now 0\.001"):
        net.on_epoch_end(net)


def refuse_failed(digits, *, loss, change=lambda module: None, X=None, accept_dead_units=False):
    X, y = digits[0] if X is None else X, digits[1]
    net = make_model(X, y).net
    with torch.no_grad():
        change(net.module_)
    net.history.new_epoch()
    net.history.record("train_loss", loss)
    _refuse_failed(net, make_images(X, y), accept_dead_units)


def kill_units(module):
    module.f6.weight.zero_()
    module.f6.bias.fill_(-1)


def test_losses_are_refused_beyond_a_hundred_times_the_loss_at_chance_level(digits):
    refuse_failed(digits, loss=99.99 * np.log(10))
    with pytest.raises(ValueError, match=r"diverged at epoch 1 \(loss is 230\.282, or the weights have grown"):
        refuse_failed(digits, loss=100.01 * np.log(10))
    with pytest.raises(ValueError, match=r"or the weights have grown beyond float32\); lower lr, now 0\.001"):
        refuse_failed(digits, loss=1.0, change=lambda module: module.output.bias[3].fill_(torch.inf))


def test_dead_units_are_refused_unless_all_images_are_equal_or_dead_units_are_accepted(digits):
    with pytest.raises(ValueError, match=r"units have died; lower lr, now 0\.001, or weight_decay, now 0\.01"):
        refuse_failed(digits, loss=1.0, change=kill_units)
    refuse_failed(digits, loss=1.0, change=kill_units, accept_dead_units=True)
    refuse_failed(digits, loss=1.0, change=kill_units, X=np.ones_like(digits[0]))


@pytest.mark.parametrize(
    ("n_samples", "n_most", "positions"),
    [(1, 64, [0]), (3, 3, [0, 1, 2]), (9, 3, [0, 4, 8]), (10, 3, [0, 4, 9]), (100, 2, [0, 99])],
)
def test_positions_are_spread_over_the_samples(n_samples, n_most, positions):
    assert _spread(n_samples, n_most).tolist() == positions
