"""Callbacks of scikit-learn, which release 1.9 was the first to have, follow a fit and a search."""

import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV

from sklenet import LeNetClassifier
from sklenet.tuning import LeNetSearchCV

sklearn_callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since release 1.9")
pytestmark = pytest.mark.slow


class StopAfter(BaseEstimator):
    """A callback of scikit-learn's protocol that does not request the fitted estimator."""

    def __init__(self, n_epochs=2):
        self.n_epochs = n_epochs
        self.n_tasks_begun = self.n_tasks_ended = 0

    def setup(self, estimator, context):
        assert context.max_subtasks == 6

    def teardown(self, estimator, context):
        self.is_torn_down = True

    def on_fit_task_begin(self, estimator, context):
        self.n_tasks_begun += 1

    def on_fit_task_end(self, estimator, context):
        self.n_tasks_ended += 1
        return context.task_name == "epoch" and context.task_id + 1 == self.n_epochs


def test_scikit_learn_callback_stops_training(digits):
    callback, clf = StopAfter(n_epochs=2), LeNetClassifier(max_epochs=6, random_state=0)
    clf.set_callbacks(callback).fit(*digits)
    assert clf.n_epochs_ == 2
    assert callback.n_tasks_begun == callback.n_tasks_ended == 3  # two epochs and the fit
    assert callback.is_torn_down


def test_scoring_monitor_logs_every_epoch(digits):
    monitor, clf = sklearn_callback.ScoringMonitor(scoring="accuracy"), LeNetClassifier(max_epochs=6, random_state=0)
    clf.set_callbacks(monitor).fit(*digits)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 6
    assert scores[-1] == clf.score(*digits)
    assert scores[-1] > scores[0]


def test_callbacks_work_in_a_grid_search_with_processes(digits, capsys):
    monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
    search = GridSearchCV(
        LeNetClassifier(max_epochs=2, random_state=0).set_callbacks(monitor),
        {"lr": [1e-3, 3e-3]},
        cv=2,
        n_jobs=2,
        error_score="raise",
    ).set_callbacks(sklearn_callback.ProgressBar(max_propagation_depth=None))
    search.fit(*digits)
    # Two candidates on two folds and the refit, two epochs each.
    assert sum(row["task_name"] == "epoch" for run in monitor.get_logs(select="all") for row in run.data) == 10
    assert "GridSearchCV" in capsys.readouterr().out


class RecordFitted:
    """A callback of scikit-learn's protocol that records attributes and losses of the fitted estimators it receives."""

    def __init__(self):
        self.attributes, self.losses = [], []

    def setup(self, estimator, context):
        """Do nothing."""

    def teardown(self, estimator, context):
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.attributes.append({name for name in vars(fitted_estimator) if name.endswith("_") and name[0] != "_"})
        self.losses.append(list(fitted_estimator.loss_curve_))


def test_estimators_passed_to_callbacks_have_all_fitted_attributes(digits):
    X, y = digits
    record = RecordFitted()
    model = LeNetClassifier(max_epochs=3, random_state=0, warm_start=True).set_callbacks(record)
    model.fit(X, y)
    fitted_attributes = {name for name in vars(model) if name.endswith("_") and name[0] != "_"}
    assert record.attributes == [fitted_attributes] * 4  # three epochs and the fit
    assert record.losses == [model.loss_curve_[:n] for n in (1, 2, 3, 3)]
    model.fit(X, y)
    assert record.losses[4:] == [model.loss_curve_[:n] for n in (4, 5, 6, 6)]


def test_callbacks_receive_trials_and_refit_of_a_search(digits, capsys):
    search = LeNetSearchCV(LeNetClassifier(max_epochs=4), n_trials=2, cv=2, random_state=0, error_score="raise")
    search.set_callbacks(sklearn_callback.ProgressBar(max_propagation_depth=None)).fit(*digits)
    shown = capsys.readouterr().out
    assert "LeNetSearchCV" in shown
    assert "refit-with-best-params" in shown
