"""Scores that trials report, and pruning."""

import numpy as np
import optuna
import pytest
from optuna.pruners import BasePruner, MedianPruner, NopPruner, PercentilePruner
from sklearn.datasets import load_digits
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline

from sklenet import LeNetClassifier
from sklenet.tuning import LeNetSearchCV
from stand_ins import HILL, Counting, Hill

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:200], y[:200]


class StepPruner(BasePruner):
    """Prune every trial but the first at a step."""

    def __init__(self, step):
        self.step = step

    def prune(self, study, trial):
        return trial.number > 0 and trial.last_step >= self.step


def search(**options):
    return LeNetSearchCV(
        LeNetClassifier(max_epochs=4), n_trials=3, cv=2, random_state=0, error_score="raise", refit=False, **options
    )


def test_steps_count_epochs_over_folds_and_values_are_means(digits):
    fitted = search(pruner=NopPruner()).fit(*digits)
    for index, trial in enumerate(fitted.study_.trials):
        assert sorted(trial.intermediate_values) == list(range(8))
        first, second = (fitted.cv_results_[f"split{fold}_test_score"][index] for fold in (0, 1))
        assert trial.intermediate_values[3] == first
        assert trial.intermediate_values[7] == trial.value == np.mean([first, second])
        # In the second fold the value is the mean of the first fold's score and the epoch's score, between 0 and 1.
        assert first / 2 <= trial.intermediate_values[4] <= (first + 1) / 2


def test_at_most_five_epochs_are_scored(digits):
    fitted = search(pruner=NopPruner()).set_params(estimator__max_epochs=12, n_trials=1).fit(*digits)
    assert sorted(fitted.study_.trials[0].intermediate_values) == [2, 5, 8, 11, 14, 17, 20, 23]


def test_trials_are_pruned_in_the_middle_of_a_fold(digits):
    fitted = search(pruner=StepPruner(5)).fit(*digits)
    assert [sorted(trial.intermediate_values) for trial in fitted.study_.trials[1:]] == [[0, 1, 2, 3, 4, 5]] * 2
    results = fitted.cv_results_
    assert results["trial_state"].tolist() == ["complete", "pruned", "pruned"]
    assert results["n_epochs"].tolist() == [8, 6, 6]
    assert np.isfinite(results["split0_test_score"]).all()  # the first fold was finished
    assert np.isnan(results["split1_test_score"][1:]).all()
    assert np.isnan(results["mean_test_score"][1:]).all()
    assert results["rank_test_score"].tolist() == [1, 2, 2]


def score_by_fold(scores):
    """Return a scorer that scores lr=2e-3 by the fold, which is the first pixel of each image, and other rates 0.5."""

    def score(model, X, y):
        return scores[int(X[0, 0])] if model.lr == 2e-3 else 0.5

    return score


def suggest_other_lr_in_third_trial(trial):
    return {"lr": 2e-3 if trial.number == 2 else 1e-3}


@pytest.mark.parametrize("pruner", [None, MedianPruner(n_startup_trials=1), PercentilePruner(50, n_startup_trials=1)])
@pytest.mark.parametrize(
    ("scores", "epochs"),
    [([0.2, 0.9, 0.9], 1), ([0.9, 0.0, 0.9], 4 + 1), ([0.9, 0.9, -0.9], 8 + 1), ([0.9, 0.2, 0.9], 12)],
    ids=["first fold", "second fold", "third fold", "no fold"],
)
def test_optunas_pruners_prune_in_the_middle_of_each_fold(digits, pruner, scores, epochs):
    X, y = digits
    fold = np.arange(200) % 3
    X = np.column_stack([fold, X[:, 1:]])
    fitted = (
        search(pruner=pruner, param_distributions=suggest_other_lr_in_third_trial, scoring=score_by_fold(scores))
        .set_params(cv=PredefinedSplit(fold), estimator__batch_size=64)
        .fit(X, y)
    )
    assert fitted.cv_results_["n_epochs"].tolist() == [12, 12, epochs]
    assert fitted.cv_results_["trial_state"][2] == ("complete" if epochs == 12 else "pruned")


def test_space_that_prunes_the_trial(digits):
    def space(trial):
        lr = trial.suggest_categorical("lr", [1e-3, 2e-3])
        if trial.number == 1:
            raise optuna.TrialPruned
        return {"lr": lr}

    fitted = search(param_distributions=space).fit(*digits)
    assert fitted.cv_results_["trial_state"].tolist() == ["complete", "pruned", "complete"]
    assert fitted.cv_results_["params"][1] == fitted.study_.trials[1].params
    assert np.isnan(fitted.cv_results_["mean_test_score"][1])


def test_estimators_without_epochs_are_pruned_between_folds(digits):
    fitted = LeNetSearchCV(Hill(), param_distributions=HILL, n_trials=3, cv=4, pruner=StepPruner(1)).fit(*digits)
    assert sorted(fitted.study_.trials[0].intermediate_values) == [0, 1, 2, 3]
    assert sorted(fitted.study_.trials[1].intermediate_values) == [0, 1]
    assert fitted.cv_results_["n_epochs"].tolist() == [0, 0, 0]


def test_trials_with_searched_epochs_report_between_folds(digits):
    fitted = search(pruner=NopPruner(), param_distributions={"max_epochs": [1, 3]}).fit(*digits)
    assert all(sorted(trial.intermediate_values) == [0, 1] for trial in fitted.study_.trials)


def test_automatic_epochs_are_equal_in_all_folds_and_trials(digits):
    space = {"batch_size": [16, 64]}
    estimator = LeNetClassifier(max_epochs="auto", batch_size=100)
    X, y = digits
    fitted = LeNetSearchCV(
        estimator, param_distributions=space, n_trials=2, cv=2, pruner=NopPruner(), refit=False, error_score="raise"
    ).fit(X[:40], y[:40])
    assert len(set(fitted.cv_results_["n_epochs"])) == 1


def test_earlier_steps_are_fitted_once_per_fold(digits):
    pipeline = make_pipeline(Counting(), LeNetClassifier(max_epochs=4))
    Counting.fits = Counting.transforms = 0
    fitted = LeNetSearchCV(pipeline, n_trials=1, cv=2, pruner=NopPruner(), refit=False, error_score="raise").fit(
        *digits
    )
    assert sorted(fitted.study_.trials[0].intermediate_values) == list(range(8))
    assert Counting.fits == 2
    assert Counting.transforms == 6  # of each fold: training images, held-out images for epochs and for the final score


def test_epoch_scores_of_a_pipeline_equal_those_of_its_lenet(digits):
    pipeline = make_pipeline(Counting(), make_pipeline(Counting(), LeNetClassifier(max_epochs=4, random_state=0)))
    space = {"pipeline__lenetclassifier__lr": [3e-3]}
    nested = LeNetSearchCV(pipeline, param_distributions=space, n_trials=1, cv=2, refit=False, error_score="raise")
    bare = LeNetSearchCV(
        LeNetClassifier(max_epochs=4, random_state=0), param_distributions={"lr": [3e-3]}, n_trials=1, cv=2
    )
    values = [search.fit(*digits).study_.trials[0].intermediate_values for search in (nested, bare)]
    assert values[0] == values[1]


def test_median_pruner_saves_epochs_and_finds_the_same_best_score(digits):
    space = {"lr": [1e-5, 2e-5, 1e-4, 3e-3, 4e-3]}
    unpruned, pruned = (
        search(pruner=pruner, param_distributions=space, sampler=optuna.samplers.RandomSampler)
        .set_params(n_trials=12)
        .fit(*digits)
        for pruner in (NopPruner(), MedianPruner(n_startup_trials=3))
    )
    assert pruned.best_score_ == unpruned.best_score_
    assert sum(pruned.cv_results_["n_epochs"]) < 0.8 * sum(unpruned.cv_results_["n_epochs"])
