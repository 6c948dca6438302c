"""What is searched."""

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample
from sklenet.tuning import LeNetSearchCV, suggest_params
from sklenet.tuning._space import as_space, probe


def test_objective_of_plain_optuna():
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial):
        clf = LeNetClassifier(**suggest_params(trial), max_epochs=1, random_state=0)
        return cross_val_score(clf, X[:100], y[:100], cv=2, error_score="raise").mean()

    study.optimize(objective, n_trials=2)
    assert study.best_trial.params.keys() == suggest_params(optuna.trial.FixedTrial(study.best_params)).keys()


def test_every_corner_is_accepted():
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    for lr, width, dropout, smoothing, augment in [(1e-3, 0.5, 0, 0, None), (1e-2, 2, 0.4, 0.1, "elastic")]:
        params = {"lr": lr, "width": width, "dropout": dropout, "label_smoothing": smoothing, "augment": augment}
        suggested = suggest_params(optuna.trial.FixedTrial(params))
        assert suggested == params
        LeNetClassifier(**suggested, max_epochs=1).fit(X[:50], y[:50])


def test_parameters_of_a_step_have_its_name():
    space = as_space(None, make_pipeline(MinMaxScaler(), LeNetClassifier()))
    names, _ = probe(space)
    assert names == {f"lenetclassifier__{name}" for name in probe(suggest_params)[0]}


def test_lists_and_distributions():
    given = {
        "augment": [None, "affine"], "lr": FloatDistribution(1e-3, 1e-2, log=True),
        "batch_size": IntDistribution(16, 64, step=16), "width": CategoricalDistribution([1, 2]),
    }  # fmt: skip
    params = as_space(given, LeNetClassifier())(
        optuna.trial.FixedTrial({"augment": "affine", "lr": 2e-3, "batch_size": 32, "width": 2})
    )
    assert params == {"augment": "affine", "lr": 2e-3, "batch_size": 32, "width": 2}


def conditional(trial):
    params = {"augment": trial.suggest_categorical("augment", [None, "affine"])}
    if params["augment"]:
        params["dropout"] = trial.suggest_float("dropout", 0, 0.2)
    return params


def test_probing_finds_branches_and_tells_spaces_apart():
    names, description = probe(conditional)
    assert names == {"augment", "dropout"}
    assert probe(conditional) == (names, description)
    assert probe(as_space({"augment": [None, "affine"]}, LeNetClassifier()))[1] != description


@pytest.mark.parametrize(
    ("estimator", "space", "words"),
    [
        (LeNetClassifier(), {"learning_rat": [1]}, "'learning_rat', which is no parameter of LeNetClassifier"),
        (LeNetClassifier(), {"dropuot": [1]}, "the nearest is 'dropout'"),
        (make_pipeline(LeNetClassifier()), {"lr": [1]}, "the nearest is 'lenetclassifier__lr'"),
        (GaussianNB(), None, "GaussianNB has no LeNetClassifier inside"),
        (
            LeNetClassifier(),
            {"lr": optuna.distributions.BaseDistribution},
            "must be a distribution of Optuna or a list",
        ),
    ],
)
def test_space_that_makes_no_sense(estimator, space, words):
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    with pytest.raises(ValueError, match=words):
        LeNetSearchCV(estimator, param_distributions=space, n_trials=1).fit(X[:50], y[:50])
