"""Which scores a trial reports and a pruner sees, and the rows and errors that are made of trials."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from optuna.distributions import FloatDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner, PercentilePruner
from optuna.trial import TrialState, create_trial
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklenet.tuning import LeNetSearchCV
from sklenet.tuning._evaluation import EpochScores, last_line
from sklenet.tuning._pruning import FoldPruner, prune_within_folds
from sklenet.tuning._results import check_failures, make_columns, make_rows
from stand_ins import HILL, Hill


class Trial:
    """A trial that keeps what is reported, and is to be pruned at a step."""

    def __init__(self, pruned_at=None):
        self.pruned_at = pruned_at
        self.reported = {}

    def report(self, value, step):
        self.reported[step] = value

    def should_prune(self):
        return self.pruned_at in self.reported


def make_scores(trial, n_epochs, *, number=0, earlier=()):
    evaluation = SimpleNamespace(n_epochs=n_epochs, scorer=lambda model, X, y: model, select=float)
    scores = EpochScores(evaluation, trial, None, np.arange(3), number, list(earlier))
    scores._held_out = None, None, {}
    return scores


@pytest.mark.parametrize(
    ("n_epochs", "epochs"),
    [
        (None, []),
        (1, []),
        (2, [1]),
        (4, [1, 2, 3]),
        (5, [1, 2, 3, 4]),
        (6, [2, 4]),
        (9, [2, 4, 6, 8]),
        (10, [2, 4, 6, 8]),
        (11, [3, 6, 9]),
        (12, [3, 6, 9]),
        (100, [20, 40, 60, 80]),
    ],
)
@pytest.mark.parametrize("number", [0, 2])
def test_epochs_that_are_scored(n_epochs, epochs, number):
    trial, earlier, n_fitted = Trial(), [0.5, 0.75][:number], n_epochs or 1
    scores = make_scores(trial, n_epochs, number=number, earlier=earlier)
    for index in range(n_fitted):
        assert not scores(index, lambda index=index: index / 128)
    assert not scores.pruned
    first = number * n_fitted
    assert trial.reported == {first + epoch - 1: np.mean([*earlier, (epoch - 1) / 128]) for epoch in epochs}


def test_scored_epoch_ends_a_pruned_fit():
    scores = make_scores(Trial(pruned_at=3), 10)
    assert [scores(index, lambda: 0.5) for index in range(4)] == [False, False, False, True]
    assert scores.pruned


class Asked(BasePruner):
    """Keep the steps at which trials are to be judged in the class, because searches copy pruners."""

    asked: list[tuple[int, int]] = []  # noqa: RUF012 - shared by the copies, on purpose

    def __init__(self, pruned=None):
        self.pruned = pruned

    def prune(self, study, trial):
        Asked.asked.append((trial.number, trial.last_step))
        return Asked.asked[-1] == self.pruned


@pytest.mark.parametrize(
    ("pruned", "asked"),
    [
        (None, [(0, 0), (0, 1), (1, 0), (1, 1)]),
        ((1, 1), [(0, 0), (0, 1), (1, 0), (1, 1)]),
        ((0, 0), [(0, 0), (1, 0), (1, 1)]),
    ],
)
def test_pruner_is_asked_after_each_fold_but_the_last(pruned, asked):
    X, y = load_digits(return_X_y=True)
    Asked.asked.clear()
    search = LeNetSearchCV(Hill(), param_distributions=HILL, n_trials=2, cv=3, pruner=Asked(pruned), random_state=0)
    search.fit(X[:60], y[:60])
    assert Asked.asked == asked
    states = ["pruned" if pruned and pruned[0] == number else "complete" for number in range(2)]
    assert search.cv_results_["trial_state"].tolist() == states


def test_default_pruner_is_the_median_pruner_after_two_trials(monkeypatch):
    given = []
    monkeypatch.setattr(
        "sklenet.tuning._search.MedianPruner", lambda **options: given.append(options) or MedianPruner(**options)
    )
    X, y = load_digits(return_X_y=True)
    LeNetSearchCV(Hill(), param_distributions=HILL, n_trials=1, cv=2, random_state=0).fit(X[:40], y[:40])
    assert given == [{"n_startup_trials": 2}]


@pytest.mark.parametrize(
    ("steps", "current"),
    [([], None), ([0], [0]), ([1, 3], [1, 3]), ([1, 3, 4], [4]), ([1, 3, 5, 7], [5, 7]), ([3, 7, 8], [8])],
)
def test_pruner_sees_the_current_fold(steps, current):
    seen = []

    class Seen(MedianPruner):
        def prune(self, study, trial):
            seen.append(trial.intermediate_values)
            return True

    trial = create_trial(state=TrialState.RUNNING, intermediate_values={step: step / 10 for step in steps})
    assert prune_within_folds(Seen(), 4).prune(None, trial) == (current is not None)
    assert seen == ([] if current is None else [{step: step / 10 for step in current}])
    assert sorted(trial.intermediate_values) == steps


def test_pruners_that_compare_the_best_value_are_shown_single_folds():
    percentile, other = PercentilePruner(50), NopPruner()
    assert prune_within_folds(percentile, 7) == FoldPruner(percentile, 7)
    assert prune_within_folds(percentile, None) == FoldPruner(percentile, 1)
    assert prune_within_folds(other, 7) is other


def make_fold(score, *, finished=True, error=None, train=None, n_epochs=3):
    fold = {"fit_time": 2 * score if isinstance(score, float) else 1.0, "score_time": 0.5, "test_scores": score}
    fold |= {} if train is None else {"train_scores": train}
    return fold | {"fit_error": error, "n_epochs": n_epochs, "finished": finished}


def make_trial(number, state, folds, cause=None):
    trial = create_trial(
        state=state,
        value=0.5 if state == TrialState.COMPLETE else None,
        params={"a": 0.5},
        distributions={"a": FloatDistribution(0, 1)},
        user_attrs={"folds": folds} | ({} if cause is None else {"cause": cause}),
    )
    trial.number = number
    return trial


COMPLETE = make_trial(0, TrialState.COMPLETE, [make_fold(0.25), make_fold(0.75)])
PRUNED = make_trial(1, TrialState.PRUNED, [make_fold(0.5), make_fold(0.125, finished=False, n_epochs=1)])
FAILED = make_trial(2, TrialState.FAIL, [make_fold(0.5)], "ValueError: first")
ALSO_FAILED = make_trial(3, TrialState.FAIL, [], "ValueError: second")


def test_rows_of_folds_that_were_not_finished_are_nan():
    rows = make_rows([COMPLETE, PRUNED, FAILED], 2)
    nan = np.nan
    assert [list(row) for row in rows] == [["fit_time", "score_time", "test_scores"]] * 6
    assert_array_equal([row["test_scores"] for row in rows], [0.25, 0.75, 0.5, nan, nan, nan])
    assert_array_equal([row["fit_time"] for row in rows], [0.5, 1.5, 1, nan, nan, nan])
    columns = make_columns([COMPLETE, PRUNED, FAILED])
    assert columns == {
        "trial_number": [0, 1, 2],
        "trial_state": ["complete", "pruned", "failed"],
        "n_epochs": [6, 4, 3],
    }


def test_rows_of_a_single_fold_are_complete():
    rows = make_rows([make_trial(0, TrialState.COMPLETE, [make_fold(0.25)]), ALSO_FAILED], 1)
    assert_array_equal([row["test_scores"] for row in rows], [0.25, np.nan])


def test_rows_of_several_scores_have_all_names():
    several = make_trial(0, TrialState.COMPLETE, [make_fold({"a": 0.5, "b": 1.0}, train={"a": 0.75, "b": 0.25})] * 2)
    failed = make_trial(4, TrialState.COMPLETE, [make_fold(-1.0, error="x", train=-1.0)] * 2)
    for trials in ([several, failed, PRUNED], [failed, several, PRUNED]):
        rows = {trial.number: row for trial, row in zip(trials, make_rows(trials, 2)[::2], strict=True)}
        assert rows[0]["test_scores"] == {"a": 0.5, "b": 1.0}
        assert rows[0]["train_scores"] == {"a": 0.75, "b": 0.25}
        assert rows[4]["test_scores"] == rows[4]["train_scores"] == {"a": -1.0, "b": -1.0}
        assert_array_equal([list(row["test_scores"]) for row in make_rows(trials, 2)], [["a", "b"]] * 6)


def test_failures_are_counted_and_the_first_is_named():
    check_failures([COMPLETE, PRUNED])
    with pytest.warns(FitFailedWarning, match=r"^2 of 3 trials failed\. The first error: ValueError: first$"):
        check_failures([COMPLETE, FAILED, ALSO_FAILED])
    for failed, name in (([FAILED, ALSO_FAILED], "first"), ([ALSO_FAILED, FAILED], "second"), ([FAILED], "first")):
        trials = [PRUNED, *failed]
        message = rf"^{len(failed)} of {len(trials)} trials failed and none was completed\. .* ValueError: {name}$"
        with pytest.raises(ValueError, match=message):
            check_failures(trials)
    with pytest.raises(ValueError, match=r"^No trial was completed: 1 were pruned, or the timeout is too short"):
        check_failures([PRUNED])


def test_fits_that_failed_within_a_complete_trial_are_failures():
    error = "Traceback\n  line 1\nKeyError: 3\n"
    trial = make_trial(0, TrialState.COMPLETE, [make_fold(0.5), make_fold(0.0, error=error), make_fold(0.0, error="z")])
    assert last_line(error) == "KeyError: 3"
    with pytest.warns(FitFailedWarning, match=r"^1 of 2 trials failed\. The first error: KeyError: 3$"):
        check_failures([trial, COMPLETE])


@pytest.mark.parametrize("is_nested", [False, True])
def test_held_out_images_pass_all_steps_before_the_last(is_nested):
    X, y = load_digits(return_X_y=True)
    double, add_one = (FunctionTransformer(function) for function in (lambda X: 2 * X, lambda X: X + 1))
    routed = SimpleNamespace(scorer=SimpleNamespace(score={"sample_weight": y}))
    evaluation = SimpleNamespace(X=X, y=y, routed=routed)
    last_steps = [make_pipeline(add_one, Hill())] if is_nested else [add_one, Hill()]
    scores = EpochScores(evaluation, Trial(), make_pipeline(double, *last_steps), np.array([3, 5]), 0, [])
    images, labels, params = scores._get_held_out()
    assert_array_equal(images, 2 * X[[3, 5]] + 1)
    assert_array_equal(labels, y[[3, 5]])
    assert_array_equal(params["sample_weight"], y[[3, 5]])
