"""Callbacks of skorch: hooks, checkpoints, schedulers, interruptions and exceptions."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, EpochScoring, LRScheduler
from torch.optim.lr_scheduler import StepLR

from small_models import RecordRates, make


def test_early_stopping_of_skorch_stops_and_keeps_the_model(digits):
    stopping = EarlyStopping(
        monitor="train_loss", patience=2, threshold=1e9, threshold_mode="abs", sink=lambda *_: None
    )
    classifier = make(max_epochs=20, callbacks=[stopping]).fit(*digits)
    assert classifier.n_epochs_ == len(classifier.loss_curve_) == 3
    assert classifier.predict(digits[0]).shape == (120,)


HOOKS = ["train_begin", "train_end", "epoch_begin", "epoch_end", "batch_begin", "batch_end", "grad_computed"]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.slow
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


class RecordTrainEnds(Callback):
    ends: list[int] = []  # noqa: RUF012 - shared by the clones, on purpose

    def on_train_end(self, net, **_):
        self.ends.append(len(net.history))


class Interrupt(Callback):
    def on_epoch_end(self, net, **_):
        if len(net.history) == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.slow
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
@pytest.mark.slow
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
