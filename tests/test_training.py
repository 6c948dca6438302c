"""Training: schedule, weighted loss, early stopping, callbacks, continued training, and divergence."""

import pickle
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, EpochScoring, LRScheduler
from torch.optim.lr_scheduler import StepLR

from sklenet import LeNetClassifier
from sklenet._engine import start_model, train
from sklenet._engine._callbacks import AveragedEarlyStopping, one_cycle, warm_up
from sklenet._engine._settings import STREAM_WEIGHT_DECAY
from sklenet._validation._targets import stratified_split, training_weights
from training_images import make_data, make_images, make_settings

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:120].astype(np.float32), y[:120]


def make(**kwargs):
    return LeNetClassifier(**{"max_epochs": 2, "batch_size": 32, "width": 0.5, "random_state": 0} | kwargs)


def get_weights(classifier):
    return [weight.numpy() for weight in classifier.net_.module_.state_dict().values()]


def assert_same_weights(first, second):
    for a, b in zip(get_weights(first), get_weights(second), strict=True):
        assert_array_equal(a, b)


def weights_differ(first, second):
    return any((a != b).any() for a, b in zip(get_weights(first), get_weights(second), strict=True))


def make_model(X, y, **params):
    return start_model(make_data(X, y), make_settings(**params), [], "cpu")


# Schedule


@pytest.mark.parametrize("n_steps", [1, 2, 3, 9, 10, 11, 25, 300])
def test_one_cycle_rises_to_the_peak_and_anneals(n_steps):
    fractions = np.array([one_cycle(step, n_steps=n_steps) for step in range(n_steps + 1)])
    used = fractions[:n_steps]
    peak = max(1, n_steps // 10) - 1
    assert np.isfinite(fractions).all()
    assert (used > 0).all()
    assert used.max() == used[peak] == 1
    assert (np.diff(used[: peak + 1]) > 0).all()
    assert (np.diff(used[peak + 1 :]) < 0).all()
    if n_steps >= 25:
        assert used[-1] < 0.02


@pytest.mark.parametrize("n_steps", [1, 2, 10, 100])
def test_warm_up_holds_the_peak(n_steps):
    n_rising = max(1, n_steps // 10)
    fractions = [warm_up(step, n_steps=n_steps) for step in range(n_steps + 5)]
    assert fractions[:n_rising] == [one_cycle(step, n_steps=n_steps) for step in range(n_rising)]
    assert fractions[n_rising - 1 :] == [1.0] * (n_steps + 6 - n_rising)


class RecordRates(Callback):
    """Record the learning rate of each step in the class, because callbacks are cloned."""

    rates: list[float] = []  # noqa: RUF012 - shared by the clones, on purpose

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            self.rates.append(net.optimizer_.param_groups[0]["lr"])


@pytest.fixture
def rates():
    RecordRates.rates.clear()
    return RecordRates.rates


def test_fit_follows_one_cycle_step_by_step(digits, rates):
    make(lr=0.01, max_epochs=3, callbacks=[RecordRates()]).fit(*digits)
    assert_allclose(rates, [0.01 * one_cycle(step, n_steps=12) for step in range(12)])


# Weighted loss


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


def test_class_weights_equal_sample_weights(digits):
    X, y = digits
    by_class = make(class_weight={3: 4.0}).fit(X, y)
    assert_same_weights(by_class, make().fit(X, y, np.where(y == 3, 4.0, 1.0)))
    assert weights_differ(by_class, make().fit(X, y))


# Early stopping


class DegradeWeights(Callback):
    """Negate the weights of the output layer, from the fifth epoch on."""

    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) > 4:
            with torch.no_grad():
                net.module_.output.weight.neg_()


def test_early_stopping_restores_the_best_weights(digits):
    X, y = digits
    options = {"early_stopping": True, "validation_fraction": 0.4, "max_epochs": 8, "lr": 0.01}
    classifier = make(callbacks=[DegradeWeights()], **options).fit(X, y)
    scores = classifier.validation_scores_
    assert scores[-1] < max(scores)  # otherwise the last weights are the best
    seed = int(np.random.RandomState(0).randint(np.iinfo(np.int32).max))
    _, validation = stratified_split(y, classifier.classes_, 0.4, seed)
    assert classifier.score(X[validation], y[validation]) == pytest.approx(max(scores))


@pytest.mark.parametrize("patience", [1, 3])
def test_early_stopping_stops_after_n_iter_no_change_epochs_without_improvement(digits, patience):
    classifier = make(early_stopping=True, validation_fraction=0.2, n_iter_no_change=patience, tol=2.0, max_epochs=30)
    classifier.fit(*digits)
    assert classifier.n_epochs_ == len(classifier.validation_scores_) == patience + 2


def run_early_stopping(scores, patience):
    """Run the callback on accuracies and losses; return the last epoch and the epoch whose weights are kept."""
    net = make_model(*load_digits(return_X_y=True)).net
    stopping = AveragedEarlyStopping(patience, tol=1e-4)
    stopping.on_train_begin(net)
    for epoch, (accuracy, loss) in enumerate(scores):
        stopping.average_["output.bias"].fill_(epoch)
        net.history.new_epoch()
        net.history.record("valid_acc", accuracy)
        net.history.record("valid_loss", loss)
        stopping.on_epoch_end(net)
        if stopping.should_stop_:
            break
    stopping.on_train_end(net)
    return epoch, int(net.module_.output.bias[0])


@pytest.mark.parametrize(
    ("scores", "last", "kept"),
    [
        pytest.param([(0.5, 1), (0.8, 2), (0.7, 2), (0.7, 2), (0.9, 2)], 3, 1, id="no-improvement"),
        pytest.param([(0.5, 1), (0.8, 2), (0.8, 2), (0.7, 2), (0.9, 2)], 3, 2, id="latest-of-equal-accuracies"),
        pytest.param([(0.8, 1), (0.7, 0.9), (0.7, 0.8), (0.7, 0.7), (0.9, 2)], 4, 4, id="lower-loss-improves"),
        pytest.param([(0.8, 1), (0.7, 1), (0.7, 0.99995), (0.9, 1)], 2, 0, id="improvement-below-tol"),
    ],
)
def test_early_stopping_rule(scores, last, kept):
    assert run_early_stopping(scores, patience=1) == (last, kept)


def test_tol_and_n_iter_no_change_are_ignored_without_early_stopping(digits):
    assert make(tol=2.0, n_iter_no_change=1, max_epochs=5).fit(*digits).n_epochs_ == 5


def test_early_stopping_works_inside_grid_search(digits):
    search = GridSearchCV(
        make(early_stopping=True, validation_fraction=0.2), {"n_iter_no_change": [1, 2]}, cv=2, error_score="raise"
    ).fit(*digits)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_early_stopping_works_with_two_samples_of_a_class(digits):
    X, y = digits
    two_classes = np.r_[np.flatnonzero(y == 0)[:2], np.flatnonzero(y == 1)]
    classifier = make(early_stopping=True, validation_fraction=0.3).fit(X[two_classes], y[two_classes])
    assert classifier.classes_.tolist() == [0, 1]


def test_early_stopping_trains_at_a_constant_learning_rate(digits, rates):
    make(early_stopping=True, validation_fraction=0.2, max_epochs=4, lr=0.01, callbacks=[RecordRates()]).fit(*digits)
    assert_allclose(rates, 0.01)


# Callbacks of skorch


def test_early_stopping_of_skorch_stops_and_keeps_the_model(digits):
    stopping = EarlyStopping(
        monitor="train_loss", patience=2, threshold=1e9, threshold_mode="abs", sink=lambda *_: None
    )
    classifier = make(max_epochs=20, callbacks=[stopping]).fit(*digits)
    assert classifier.n_epochs_ == len(classifier.loss_curve_) == 3
    assert classifier.predict(digits[0]).shape == (120,)


HOOKS = ["train_begin", "train_end", "epoch_begin", "epoch_end", "batch_begin", "batch_end", "grad_computed"]


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks_are_called_once_per_training_epoch_or_batch(digits, hook):
    class Count(Callback):
        calls = 0

    def count(self, net, **kwargs):
        Count.calls += 1

    setattr(Count, f"on_{hook}", count)
    make(callbacks=[Count()], max_epochs=3).fit(*digits)
    expected = {"train": 1, "epoch": 3, "batch": 12, "grad": 12}
    assert Count.calls == expected[hook.partition("_")[0]]


def test_lr_scheduler_of_the_user_replaces_one_cycle(digits, rates):
    scheduler = LRScheduler(StepLR, step_size=1, gamma=0.5)
    make(lr=0.01, max_epochs=3, callbacks=[scheduler, RecordRates()]).fit(*digits)
    assert_allclose(rates, np.repeat([0.01, 0.005, 0.0025], 4))


def test_checkpoint_writes_to_the_given_folder(digits, tmp_path):
    checkpoint = Checkpoint(monitor="train_loss_best", dirname=tmp_path, f_pickle=None)
    classifier = make(callbacks=[checkpoint]).fit(*digits)
    stored = torch.load(tmp_path / "params.pt", weights_only=True)
    for name, weight in classifier.net_.module_.state_dict().items():
        assert torch.equal(stored[name], weight)


def test_checkpoint_monitors_the_validation_score(digits, tmp_path):
    checkpoint = Checkpoint(monitor="valid_acc_best", dirname=tmp_path, f_pickle=None)
    make(early_stopping=True, validation_fraction=0.2, callbacks=[checkpoint]).fit(*digits)
    assert (tmp_path / "params.pt").exists()


class RecordValidationAccuracy(Callback):
    """Record the validation accuracy of the module at each call of the callback."""

    accuracies: list[float] = []  # noqa: RUF012 - shared by the clones, on purpose

    def on_epoch_end(self, net, dataset_valid, **_):
        self._record(net, dataset_valid)
        self.dataset = dataset_valid

    def on_train_end(self, net, **_):
        self._record(net, self.dataset)
        del self.dataset

    def _record(self, net, images):
        self.accuracies.append(float(np.mean(net.predict(images) == images.data.targets[images.indices])))


def test_callbacks_see_the_weights_that_early_stopping_evaluates_and_keeps(digits):
    RecordValidationAccuracy.accuracies.clear()
    options = {"early_stopping": True, "validation_fraction": 0.4, "max_epochs": 8, "lr": 0.01}
    classifier = make(callbacks=[DegradeWeights(), RecordValidationAccuracy()], **options).fit(*digits)
    *epochs, end = RecordValidationAccuracy.accuracies
    assert epochs == classifier.validation_scores_
    assert end == max(epochs)
    assert epochs[-1] < max(epochs)  # otherwise the last weights are the best


def test_checkpoint_holds_the_weights_that_were_evaluated(digits, tmp_path):
    checkpoint = Checkpoint(monitor="valid_acc_best", dirname=tmp_path, f_pickle=None)
    options = {"early_stopping": True, "validation_fraction": 0.4, "max_epochs": 8, "lr": 0.01, "tol": 0.0}
    classifier = make(callbacks=[DegradeWeights(), checkpoint], **options).fit(*digits)
    scores = classifier.validation_scores_
    # Of equal scores, early stopping would keep the latest epoch and the checkpoint the first.
    assert scores.count(max(scores)) == 1
    stored = torch.load(tmp_path / "params.pt", weights_only=True)
    for name, weight in classifier.net_.module_.state_dict().items():
        assert torch.equal(stored[name], weight)


def test_validation_scores_are_weighted(digits):
    X, y = digits
    weights = np.where(y < 5, 10.0, 0.1)
    options = {"early_stopping": True, "validation_fraction": 0.4, "max_epochs": 3}
    classifier = make(**options).fit(X, y, sample_weight=weights)
    seed = int(np.random.RandomState(0).randint(np.iinfo(np.int32).max))
    _, validation = stratified_split(y, classifier.classes_, 0.4, seed)
    expected = [accuracy_score(y[validation], classifier.predict(X[validation]), sample_weight=weights[validation])]
    assert expected[0] != pytest.approx(classifier.score(X[validation], y[validation]))
    assert max(classifier.validation_scores_) == pytest.approx(expected[0])


class RecordTrainEnds(Callback):
    ends: list[int] = []  # noqa: RUF012 - shared by the clones, on purpose

    def on_train_end(self, net, **_):
        self.ends.append(len(net.history))


class Interrupt(Callback):
    def on_epoch_end(self, net, **_):
        if len(net.history) == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("early_stopping", [False, True])
def test_on_train_end_is_called_if_training_fails(digits, early_stopping, capsys):
    options = {"early_stopping": early_stopping, "validation_fraction": 0.3, "verbose": 1, "max_epochs": 5}
    for error, callbacks, params in (
        (KeyboardInterrupt, [Interrupt()], {}),
        (ValueError, [], {"lr": 1e20}),
        (None, [], {}),
    ):
        RecordTrainEnds.ends.clear()
        classifier = make(callbacks=[*callbacks, RecordTrainEnds()], **options, **params)
        with pytest.raises(error) if error else nullcontext():
            classifier.fit(*digits)
        assert len(RecordTrainEnds.ends) == 1
        assert capsys.readouterr().err.endswith("\n")  # the progress bar is closed


class RaiseOnTrainBegin(Callback):
    def on_train_begin(self, net, **_):
        raise LookupError("no such run")


def test_no_progress_bar_is_opened_if_a_callback_raises_on_train_begin(digits, capsys):
    with pytest.raises(LookupError):
        make(callbacks=[RaiseOnTrainBegin()], verbose=1).fit(*digits)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("on_train", [True, False])
def test_epoch_scoring_is_recorded_in_the_history(digits, on_train):
    scoring = EpochScoring("accuracy", lower_is_better=False, name="custom", on_train=on_train)
    classifier = make(callbacks=[scoring], early_stopping=not on_train, validation_fraction=0.2).fit(*digits)
    scores = classifier.net_.history[:, "custom"]
    assert len(scores) == 2
    assert all(0 <= score <= 1 for score in scores)
    if not on_train:
        assert_allclose(scores, classifier.validation_scores_)


def test_named_callbacks_keep_their_names(digits):
    scoring = EpochScoring("accuracy", lower_is_better=False, name="custom", on_train=True)
    assert "scores" in dict(make(callbacks=[("scores", scoring)]).fit(*digits).net_.callbacks_)


def test_callbacks_of_the_user_are_cloned(digits):
    callbacks = [
        EpochScoring("accuracy", lower_is_better=False, name="custom", on_train=True),
        LRScheduler(StepLR, step_size=1),
        EarlyStopping(monitor="train_loss"),
    ]
    before = [dict(vars(callback)) for callback in callbacks]
    classifier = make(callbacks=callbacks).fit(*digits).partial_fit(*digits)
    assert [vars(callback) for callback in callbacks] == before
    assert all(callback not in callbacks for _, callback in classifier.net_.callbacks_)
    assert classifier.callbacks is callbacks


class RaiseError(Callback):
    """Raise an error at the end of an epoch."""

    def __init__(self, error, epoch=1):
        self.error = error
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            raise self.error


class CustomError(Exception):
    pass


@pytest.mark.parametrize("error", [CustomError("custom"), KeyboardInterrupt("custom"), SystemExit(3)])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_exceptions_propagate_and_leave_the_instance_unchanged(digits, error, method):
    classifier = make().fit(*digits)
    before, expected = dict(vars(classifier)), classifier.predict_proba(digits[0])
    classifier.set_params(callbacks=[RaiseError(error, epoch=3 if method == "partial_fit" else 2)])
    with pytest.raises(type(error), match=r"custom|3"):
        getattr(classifier, method)(*digits)
    classifier.set_params(callbacks=None)
    assert vars(classifier) == before
    assert_array_equal(classifier.predict_proba(digits[0]), expected)


def test_interrupted_first_fit_leaves_the_instance_unfitted(digits):
    classifier = make(callbacks=[RaiseError(KeyboardInterrupt())])
    before = dict(vars(classifier))
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(*digits)
    assert vars(classifier) == before


# Continued training


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
def test_partial_fit_uses_changed_parameters(digits, change):
    unchanged, changed = (make(random_state=0).fit(*digits) for _ in range(2))
    assert weights_differ(unchanged.partial_fit(*digits), changed.set_params(**change).partial_fit(*digits))


@pytest.mark.parametrize("n_first", [20, 120])
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


def test_partial_fit_learns(digits):
    X, y = digits
    classifier = make(lr=3e-3)
    for _ in range(12):
        classifier.partial_fit(X, y, classes=range(10))
    assert classifier.score(X, y) > 0.8


@pytest.mark.parametrize("architecture", ["modern", "1998"])
def test_copied_model_trains_as_the_original_to_the_bit(digits, architecture):
    data = make_data(*digits)
    settings = make_settings(dropout=0.3, architecture=architecture, width=1.0, is_stream=True)
    model = train(start_model(data, settings, [], "cpu"), data)
    copy = model.copy()
    train(model, data)
    train(copy, data)
    for name, weight in model.module.state_dict().items():
        assert torch.equal(weight, copy.module.state_dict()[name]), name


# Failed trainings


def test_nan_loss_raises_with_the_epoch(digits):
    class Poison(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 2:
                with torch.no_grad():
                    net.module_.output.bias.fill_(torch.nan)

    with pytest.raises(ValueError, match=r"diverged at epoch 2 \(loss is nan\); lower lr, now 0\.003"):
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
def test_too_high_learning_rate_never_gives_a_constant_model_silently(digits, lr, early_stopping):
    classifier = make(
        lr=lr, max_epochs=5, batch_size=8, width=1.0, early_stopping=early_stopping, validation_fraction=0.2
    )
    assert fit_diverges_or_warns_or_predicts_several_classes(classifier, *digits)


@pytest.mark.parametrize("lr", [1e6, 1e10])
def test_too_high_learning_rate_raises_with_1998(digits, lr):
    with pytest.raises(ValueError, match="diverged at epoch"):
        make(architecture="1998", width=1.0, lr=lr, max_epochs=5, batch_size=8).fit(*digits)
