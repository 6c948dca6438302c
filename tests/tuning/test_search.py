"""LeNetSearchCV has the interface of scikit-learn's searches."""

import gc
import logging
import pickle
import warnings
import weakref

import numpy as np
import optuna
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_array_equal
from optuna.distributions import FloatDistribution
from optuna.samplers import RandomSampler
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RandomizedSearchCV,
    ShuffleSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklenet import LeNetClassifier
from sklenet.tuning import LeNetSearchCV
from stand_ins import HILL, Hill


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300], y[:300]


def search_lenet(**options):
    defaults = {"n_trials": 2, "cv": 2, "random_state": 0, "error_score": "raise"}
    return LeNetSearchCV(LeNetClassifier(max_epochs=4), **defaults | options)


def search_hill(**options):
    defaults = {"param_distributions": HILL, "n_trials": 6, "cv": 2, "random_state": 0, "error_score": "raise"}
    return LeNetSearchCV(Hill(), **defaults | options)


def get_trial_params(search):
    return [trial.params for trial in search.study_.trials]


@pytest.fixture(scope="module")
def fitted(digits):
    return search_lenet(return_train_score=True).fit(*digits)


@pytest.mark.slow
def test_columns_match_randomized_search(fitted, digits):
    randomized = RandomizedSearchCV(
        LeNetClassifier(max_epochs=1), {name: [fitted.best_params_[name]] for name in fitted.best_params_},
        n_iter=1, cv=2, return_train_score=True,
    ).fit(*digits)  # fmt: skip
    added = {"trial_number", "trial_state", "n_epochs"}
    assert set(fitted.cv_results_) == set(randomized.cv_results_) | added
    table = pd.DataFrame(fitted.cv_results_)
    assert table["trial_number"].tolist() == [0, 1]
    assert table["mean_test_score"].max() == fitted.best_score_
    assert set(vars(randomized)) - {"param_distributions", "n_iter", "pre_dispatch", "estimator"} <= set(
        vars(fitted)
    ) | {"_checked_cv_orig"}


def test_best_estimator_is_fitted_with_the_best_parameters(fitted, digits):
    params = fitted.best_estimator_.get_params()
    assert {name: params[name] for name in fitted.best_params_} == fitted.best_params_
    assert fitted.best_params_ == fitted.cv_results_["params"][fitted.best_index_]
    assert fitted.score(*digits) == fitted.best_estimator_.score(*digits) > 0.6
    np.testing.assert_array_equal(fitted.predict_proba(digits[0]), fitted.best_estimator_.predict_proba(digits[0]))
    assert fitted.classes_.tolist() == list(range(10))
    assert fitted.n_features_in_ == 64


@pytest.mark.slow
def test_default_estimator_is_a_lenet(digits):
    search = LeNetSearchCV(n_trials=1, cv=2, param_distributions={"max_epochs": [1]}, random_state=0)
    assert sklearn.base.is_classifier(search)
    assert "LeNetClassifier" in search._repr_html_()
    assert isinstance(search.fit(*digits).best_estimator_, LeNetClassifier)


@pytest.mark.slow
def test_same_random_state_gives_same_search(digits):
    first, second, other = (search_lenet(random_state=seed).fit(*digits) for seed in (1, 1, 2))
    assert get_trial_params(first) == get_trial_params(second) != get_trial_params(other)
    np.testing.assert_array_equal(first.predict_proba(digits[0]), second.predict_proba(digits[0]))


def test_folds_are_split_once(digits):
    n_samples = []

    class CountingSplit(ShuffleSplit):
        def split(self, X, y=None, groups=None):
            n_samples.append(len(X))
            return super().split(X, y, groups)

    search_hill(cv=CountingSplit(2)).fit(*digits)
    assert n_samples == [300]


def test_refit_is_false_or_a_function(digits):
    search = search_hill(refit=False).fit(*digits)
    assert search.best_score_ == np.nanmax(search.cv_results_["mean_test_score"])
    assert not hasattr(search, "best_estimator_")
    worst = search_hill(refit=lambda results: int(np.nanargmin(results["mean_test_score"]))).fit(*digits)
    assert worst.best_score_ == np.nanmin(worst.cv_results_["mean_test_score"])
    assert worst.best_estimator_.a == worst.best_params_["a"]


@pytest.mark.parametrize(
    "scoring", [["accuracy", "neg_log_loss"], lambda model, X, y: {"accuracy": model.score(X, y), "neg_log_loss": 0.0}]
)
@pytest.mark.slow
def test_several_scores(digits, scoring):
    search = search_lenet(scoring=scoring, refit="accuracy").fit(*digits)
    assert search.multimetric_
    assert search.best_score_ == search.cv_results_["mean_test_accuracy"].max() == search.study_.best_value
    assert "mean_test_neg_log_loss" in search.cv_results_
    with pytest.raises(ValueError, match="maximises one score: set refit to the name of one of"):
        search_lenet(scoring=scoring, refit=False).fit(*digits)


@pytest.mark.slow
def test_search_as_last_step_of_a_pipeline(digits):
    X, y = digits
    model = make_pipeline(MinMaxScaler(clip=True), search_lenet(n_trials=1)).fit(X, y)
    assert model.score(X, y) > 0.5


@pytest.mark.slow
def test_search_of_a_pipeline(digits):
    search = search_lenet().set_params(estimator=make_pipeline(MinMaxScaler(clip=True), LeNetClassifier(max_epochs=4)))
    assert all(name.startswith("lenetclassifier__") for name in search.fit(*digits).best_params_)


@pytest.mark.slow
def test_nested_validation_does_not_leak_labels():
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (240, 64), dtype=np.uint8), np.arange(240) % 4
    scores = cross_val_score(search_lenet(n_trials=4), X, y, cv=3, error_score="raise")
    # The chance level is 0.25. The accuracy of 240 random predictions has a standard deviation of 0.028.
    assert abs(scores.mean() - 0.25) < 3 * 0.028


@pytest.mark.slow
def test_each_outer_fold_has_its_own_study(digits, tmp_path):
    url = f"sqlite:///{tmp_path}/studies.db"
    cross_validate(search_hill(storage=url), *digits, cv=3, error_score="raise")
    storage = optuna.storages.RDBStorage(url)
    assert len(optuna.get_all_study_names(storage)) == 3
    storage.engine.dispose()  # Python 3.13 warns of connections that are not closed
    with pytest.raises(ValueError, match="'one' in this storage has another data"):
        cross_validate(search_hill(storage=url, study_name="one"), *digits, cv=3, error_score="raise")


@pytest.mark.slow
def test_groups_and_weights_are_passed_on(digits):
    X, y = digits
    groups = np.arange(300) // 30
    weight = np.where(y == 0, 0.0, 1.0)
    search = search_lenet(cv=GroupKFold(2)).fit(X, y, groups=groups, sample_weight=weight)
    assert 0 not in search.best_estimator_.classes_
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = (
            LeNetClassifier(max_epochs=1).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        )
        routed = LeNetSearchCV(estimator, n_trials=1, cv=GroupKFold(2), error_score="raise")
        routed.fit(X, y, groups=groups, sample_weight=weight)
    assert 0 not in routed.best_estimator_.classes_


@pytest.mark.slow
def test_interrupted_search_returns_the_best_so_far(digits, tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    calls = []

    def space(trial):
        calls.append(trial)
        if len(calls) == 32 + 3:  # after the 32 calls of sample_space
            raise KeyboardInterrupt
        return {name: trial.suggest_categorical(name, values) for name, values in HILL.items()}

    search = search_hill(storage=url, param_distributions=space)
    with pytest.warns(UserWarning, match="the best of 2 trials"):
        search.fit(*digits)
    assert len(search.cv_results_["params"]) == 2
    assert search.fit(*digits).cv_results_["trial_number"].tolist() == [0, 1, 3, 4, 5, 6]


def test_interrupted_before_the_first_trial(digits):
    search = search_hill(scoring=make_scorer(interrupt))
    with pytest.raises(KeyboardInterrupt):
        search.fit(*digits)
    assert not hasattr(search, "study_")


def interrupt(y, predicted):
    raise KeyboardInterrupt


def test_no_trial_begins_after_the_timeout(digits):
    search = search_hill(n_trials=1000, timeout=1.5).set_params(estimator__pause=0.1).fit(*digits)
    assert 1 <= len(search.cv_results_["params"]) < 10
    with pytest.raises(ValueError, match="No trial was completed"):
        search_hill(timeout=1e-9).fit(*digits)


@pytest.mark.slow
def test_resumed_search_equals_an_uninterrupted_one(digits, tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    uninterrupted = search_hill(n_trials=14, sampler=None).fit(*digits)
    search_hill(n_trials=5, storage=url).fit(*digits)
    resumed = search_hill(n_trials=14, storage=url).fit(*digits)
    assert get_trial_params(resumed) == get_trial_params(uninterrupted)
    repeated = search_hill(n_trials=14, storage=url).fit(*digits)
    assert len(repeated.study_.trials) == 14
    assert repeated.best_params_ == uninterrupted.best_params_


@pytest.mark.slow
def test_each_trial_has_its_own_sampler(digits, tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    resumed = [search_hill(n_trials=n, storage=url, sampler=RandomSampler).fit(*digits) for n in (3, 6)][1]
    drawn = [tuple(params.values()) for params in get_trial_params(resumed)]
    assert len(set(drawn)) > 4  # the resumed search has the same random_state but draws new parameters


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"X": 1}, "data"),
        ({"cv": 3}, "division into folds"),
        ({"param_distributions": {"a": [0.1]}}, "search space"),
        ({"estimator__pause": 1e-6}, "estimator"),
        ({"scoring": "accuracy"}, "scoring"),
    ],
)
@pytest.mark.slow
def test_study_of_another_search_raises(digits, tmp_path, change, what):
    X, y = digits
    options = {"storage": f"sqlite:///{tmp_path}/study.db", "study_name": "letters"}
    search_hill(n_trials=1, **options).fit(X, y)
    with pytest.raises(ValueError, match=f"'letters' in this storage has another {what} than this search"):
        search_hill(n_trials=2, **options).set_params(**{k: v for k, v in change.items() if k != "X"}).fit(
            X + change.get("X", 0), y
        )


@pytest.mark.slow
def test_study_created_by_optuna_raises(digits, tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    storage = optuna.storages.RDBStorage(url)
    optuna.create_study(storage=storage, study_name="other").optimize(lambda trial: 0, n_trials=1)
    storage.engine.dispose()
    with pytest.raises(ValueError, match="was not made by LeNetSearchCV"):
        search_hill(storage=url, study_name="other").fit(*digits)


def test_unusable_storage(digits):
    with pytest.raises(ValueError, match="must be the URL of a database"):
        search_hill(storage="study.db").fit(*digits)
    with pytest.raises(
        ConnectionError, match=r"storage sqlite:////no/such/folder/x\.db cannot be used: unable to open"
    ):
        search_hill(storage="sqlite:////no/such/folder/x.db").fit(*digits)


@pytest.mark.parametrize(
    "invalid", [{"n_trials": 0}, {"timeout": 0}, {"sampler": RandomSampler()}, {"pruner": "median"}, {"storage": 1}]
)
def test_invalid_parameters(digits, invalid):
    with pytest.raises(ValueError, match=f"The '{next(iter(invalid))}' parameter of LeNetSearchCV must be"):
        search_hill(**invalid).fit(*digits)


def test_some_trials_failed(digits):
    search = search_hill(n_trials=8, error_score=np.nan).set_params(estimator__flaw=0.5)
    with pytest.warns(
        FitFailedWarning, match=r"\d of 8 trials failed. The first error: ValueError: a is 0.\d"
    ) as caught:
        search.fit(*digits)
    assert caught[0].filename == __file__
    failed = search.cv_results_["trial_state"] == "failed"
    assert failed.any()
    assert np.isnan(search.cv_results_["mean_test_score"][failed]).all()
    assert (search.cv_results_["rank_test_score"][failed] == (~failed).sum() + 1).all()
    assert search.best_params_["a"] < 0.5


def test_all_trials_failed(digits):
    with pytest.raises(
        ValueError, match=r"6 of 6 trials failed and none was completed\. The first error: ValueError: a is "
    ):
        search_hill(error_score=np.nan).set_params(estimator__flaw=0.0).fit(*digits)
    with pytest.raises(ValueError, match="a is 0"):
        search_hill(error_score="raise").set_params(estimator__flaw=0.0).fit(*digits)


@pytest.mark.filterwarnings("ignore:.*trials failed:sklearn.exceptions.FitFailedWarning")
def test_error_score_is_the_score_of_a_failed_fit(digits):
    search = search_hill(n_trials=8, error_score=-7.0).set_params(estimator__flaw=0.5).fit(*digits)
    assert np.nanmin(search.cv_results_["mean_test_score"]) == -7.0


def test_fold_that_lacks_a_class_warns(digits):
    X, y = digits
    half = np.arange(300) // 150
    with pytest.warns(UserWarning, match="Fold 0 has no training images of the class 'z': models of this fold never"):
        search_hill(cv=GroupKFold(2)).fit(X, np.where(half & (y == 0), "z", "a"), groups=half)


def test_progress_bar_shows_the_best_score(digits, capsys):
    search = search_hill(verbose=1).fit(*digits)
    shown = capsys.readouterr().err
    assert "6/6" in shown
    assert f"best={search.best_score_:.4f}" in shown


def test_global_state_is_unchanged(digits, capsys):
    def get_state():
        filters = [list(handler.filters) for handler in logging.getLogger("optuna").handlers]
        return optuna.logging.get_verbosity(), list(warnings.filters), filters

    before = get_state()
    search_hill().fit(*digits)
    assert capsys.readouterr().err == ""
    assert get_state() == before


def test_failed_fit_leaves_the_earlier_results(digits):
    search = search_hill().fit(*digits)
    before = dict(vars(search))
    with pytest.raises(ValueError, match="continuous"):
        search.fit(digits[0], np.linspace(0, 1, 300))
    assert vars(search) == before


def test_pickled_search_predicts_and_keeps_its_study(fitted, digits):
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict(digits[0]), fitted.predict(digits[0]))
    assert loaded.study_.best_value == fitted.best_score_


@pytest.mark.slow
def test_study_outlives_its_storage(digits, tmp_path):
    search = search_hill(storage=f"sqlite:///{tmp_path}/study.db").fit(*digits)
    (tmp_path / "study.db").unlink()
    assert len(search.study_.trials) == 6
    assert len(search.study_.trials_dataframe()) == 6


@pytest.mark.slow
def test_data_are_released(digits):
    X = digits[0].copy()
    reference = weakref.ref(X)
    search = search_lenet().fit(X, digits[1])
    del X
    gc.collect()
    assert reference() is None
    assert search.best_score_ > 0.5


@pytest.mark.slow
def test_other_estimators(digits):
    space = {"C": FloatDistribution(1e-3, 1e1, log=True)}
    search = LeNetSearchCV(
        LogisticRegression(max_iter=2000), param_distributions=space, n_trials=4, cv=2, random_state=0,
        scoring=make_scorer(accuracy_score), error_score="raise",
    )  # fmt: skip
    assert search.fit(*digits).best_score_ > 0.85


def compute_two_scores(model, X, y):
    return {"accuracy": model.score(X, y), "one": 1.0}


@pytest.mark.parametrize("return_train_score", [False, True])
@pytest.mark.slow
def test_error_score_replaces_each_score_of_a_callable(return_train_score):
    X, y = load_digits(return_X_y=True)
    params = {"scoring": compute_two_scores, "refit": "accuracy", "error_score": 0.0, "cv": 2}
    params["return_train_score"] = return_train_score
    rates = [1e-3, -1]
    model = LeNetClassifier(max_epochs=1, random_state=0)
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        grid = GridSearchCV(model, {"lr": rates}, **params).fit(X[:100], y[:100])
    ours = LeNetSearchCV(model, param_distributions=lambda trial: {"lr": rates[trial.number % 2]}, n_trials=2, **params)
    with pytest.warns(FitFailedWarning, match="1 of 2 trials failed. The first error: .*'lr' parameter"):
        ours.fit(X[:100], y[:100])
    for column in ("mean_test_accuracy", "mean_test_one"):
        assert_array_equal(ours.cv_results_[column], grid.cv_results_[column])
