"""Early stopping: the rule, the weights that are kept, and what callbacks see."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, Checkpoint

from sklenet._engine._callbacks import AveragedEarlyStopping, warm_up
from sklenet._validation._targets import stratified_split
from small_models import DegradeWeights, RecordRates, make, make_model


@pytest.mark.slow
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
@pytest.mark.slow
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


def test_weights_are_averaged_with_polynomial_decay(digits):
    net = make_model(*digits).net
    stopping = AveragedEarlyStopping(patience=1, tol=0)
    stopping.on_train_begin(net)
    average = 0.0
    for step in range(1, 21):
        net.module_.load_state_dict(
            {name: torch.full_like(each, step**2) for name, each in net.module_.state_dict().items()}
        )
        stopping.on_batch_end(net, batch=None, training=True)
        stopping.on_batch_end(net, batch=None, training=False)
        average += 9 / (step + 8) * (step**2 - average)
        for weight in stopping.average_.values():
            assert_allclose(weight.numpy(), average, rtol=1e-5)


def test_module_has_averaged_weights_in_validation_alone(digits):
    net = make_model(*digits).net
    stopping = AveragedEarlyStopping(patience=1, tol=0)
    stopping.on_train_begin(net)
    bias = net.module_.output.bias
    for epoch in range(2):
        stopping.average_["output.bias"].fill_(7)
        with torch.no_grad():
            bias.fill_(epoch)
        stopping.on_batch_begin(net, training=True)
        assert bias[0] == epoch
        stopping.on_batch_begin(net, training=False)
        stopping.on_batch_begin(net, training=False)
        assert bias[0] == 7
        stopping.on_epoch_begin(net)
        assert bias[0] == epoch


def test_tol_and_n_iter_no_change_are_ignored_without_early_stopping(digits):
    assert make(tol=2.0, n_iter_no_change=1, max_epochs=5).fit(*digits).n_epochs_ == 5


@pytest.mark.slow
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
    assert_allclose(rates, [0.01 * warm_up(step, n_steps=len(rates)) for step in range(len(rates))])


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


@pytest.mark.slow
def test_callbacks_see_the_weights_that_early_stopping_evaluates_and_keeps(digits):
    RecordValidationAccuracy.accuracies.clear()
    options = {"early_stopping": True, "validation_fraction": 0.4, "max_epochs": 8, "lr": 0.01}
    classifier = make(callbacks=[DegradeWeights(), RecordValidationAccuracy()], **options).fit(*digits)
    *epochs, end = RecordValidationAccuracy.accuracies
    assert epochs == classifier.validation_scores_
    assert end == max(epochs)
    assert epochs[-1] < max(epochs)  # otherwise the last weights are the best


@pytest.mark.slow
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
