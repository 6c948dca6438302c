"""Search spaces."""

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklenet import LeNetClassifier
from sklenet._engine import resolve_settings
from sklenet.datasets import load_mnist_sample
from sklenet.tuning import LeNetSearchCV, suggest_params
from sklenet.tuning._identity import sample_space
from sklenet.tuning._space import make_space


@pytest.mark.slow
def test_suggest_params_in_an_objective_of_optuna():
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial):
        clf = LeNetClassifier(**suggest_params(trial), max_epochs=1, random_state=0)
        return cross_val_score(clf, X[:100], y[:100], cv=2, error_score="raise").mean()

    study.optimize(objective, n_trials=2)
    assert study.best_trial.params.keys() == suggest_params(optuna.trial.FixedTrial(study.best_params)).keys()


def test_corners_of_the_default_space_are_valid():
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    for lr, width, dropout, smoothing, augment in [(2e-3, 0.5, 0, 0, None), (2e-2, 2, 0.2, 0.2, "elastic")]:
        params = {"lr": lr, "width": width, "dropout": dropout, "label_smoothing": smoothing, "augment": augment}
        suggested = suggest_params(optuna.trial.FixedTrial(params))
        assert suggested == params
        LeNetClassifier(**suggested, max_epochs=1).fit(X[:50], y[:50])


@pytest.mark.parametrize("width", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("n_samples", [20, 1_000, 60_000])
def test_default_space_contains_the_automatic_values(n_samples, width):
    settings = resolve_settings(LeNetClassifier(width=width), n_samples, seed=0)
    trial = optuna.trial.FixedTrial({name: getattr(settings, name) for name in sample_space(suggest_params)[0]})
    assert suggest_params(trial) == trial.params  # a value outside of the space would warn


def test_default_space_has_the_documented_bounds():
    trial = optuna.create_study().ask()
    suggest_params(trial, prefix="p__")
    assert trial.distributions == {
        "p__lr": FloatDistribution(2e-3, 2e-2, log=True),
        "p__width": FloatDistribution(0.5, 2.0, step=0.5),
        "p__dropout": FloatDistribution(0.0, 0.2),
        "p__label_smoothing": FloatDistribution(0.0, 0.2),
        "p__augment": CategoricalDistribution([None, "affine", "elastic"]),
    }


def test_distributions_are_those_that_are_given():
    given = {
        "lr": FloatDistribution(1e-3, 1e-2, log=True), "tol": FloatDistribution(0, 1, step=0.25),
        "batch_size": IntDistribution(16, 64, step=16), "max_epochs": IntDistribution(1, 8, log=True),
        "width": CategoricalDistribution([1, 2]),
    }  # fmt: skip
    trial = optuna.create_study().ask()
    make_space(given | {"augment": (None, "affine")}, LeNetClassifier())(trial)
    assert trial.distributions == given | {"augment": CategoricalDistribution([None, "affine"])}


def test_parameters_of_a_step_have_its_prefix():
    space = make_space(None, make_pipeline(MinMaxScaler(), LeNetClassifier()))
    names, _ = sample_space(space)
    assert names == {f"lenetclassifier__{name}" for name in sample_space(suggest_params)[0]}


def test_space_of_lists_and_distributions():
    distributions = {
        "augment": [None, "affine"], "lr": FloatDistribution(1e-3, 1e-2, log=True),
        "batch_size": IntDistribution(16, 64, step=16), "width": CategoricalDistribution([1, 2]),
    }  # fmt: skip
    params = make_space(distributions, LeNetClassifier())(
        optuna.trial.FixedTrial({"augment": "affine", "lr": 2e-3, "batch_size": 32, "width": 2})
    )
    assert params == {"augment": "affine", "lr": 2e-3, "batch_size": 32, "width": 2}


def conditional(trial):
    params = {"augment": trial.suggest_categorical("augment", [None, "affine"])}
    if params["augment"]:
        params["dropout"] = trial.suggest_float("dropout", 0, 0.2)
    return params


def test_samples_cover_branches_and_distinguish_spaces():
    names, description = sample_space(conditional)
    assert names == {"augment", "dropout"}
    assert sample_space(conditional) == (names, description)
    assert sample_space(make_space({"augment": [None, "affine"]}, LeNetClassifier()))[1] != description


@pytest.mark.parametrize(
    ("estimator", "space", "words"),
    [
        (LeNetClassifier(), {"learning_rat": [1]}, "'learning_rat', which is not a parameter of LeNetClassifier"),
        (LeNetClassifier(), {"dropuot": [1]}, "the nearest is 'dropout'"),
        (make_pipeline(LeNetClassifier()), {"lr": [1]}, "the nearest is 'lenetclassifier__lr'"),
        (GaussianNB(), None, "GaussianNB contains no LeNetClassifier"),
        (
            LeNetClassifier(),
            {"lr": optuna.distributions.BaseDistribution},
            "must be a distribution of Optuna or a list",
        ),
    ],
)
def test_invalid_space(estimator, space, words):
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    with pytest.raises(ValueError, match=words):
        LeNetSearchCV(estimator, param_distributions=space, n_trials=1).fit(X[:50], y[:50])
