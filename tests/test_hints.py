"""Errors about unknown parameters suggest the intended parameter."""

import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklenet import LeNetClassifier
from sklenet._validation._hints import _SYNONYMS, nearest_parameter
from sklenet.tuning import LeNetSearchCV

SUGGESTIONS = {
    "learning_rate": "lr",
    "learning_rate_init": "lr",
    "epochs": "max_epochs",
    "n_iter": "max_epochs",
    "max_iter": "max_epochs",
    "alpha": "weight_decay",
    "seed": "random_state",
    "patience": "n_iter_no_change",
    "augmentation": "augment",
    "dropuot": "dropout",
    "Lr": "lr",
}


def test_synonyms_refer_to_parameters_and_are_not_parameters():
    known = LeNetClassifier().get_params()
    assert set(_SYNONYMS) <= set(known)
    synonyms = [synonym for group in _SYNONYMS.values() for synonym in group]
    assert not set(synonyms) & set(known)
    assert len(synonyms) == len(set(synonyms))


@pytest.mark.parametrize(("name", "intended"), SUGGESTIONS.items())
@pytest.mark.slow
def test_errors_suggest_the_intended_parameter(name, intended):
    X, y = load_digits(n_class=2, return_X_y=True)
    message = f"nearest is '{intended}'"
    with pytest.raises(ValueError, match=f"Invalid parameter '{name}' for estimator LeNetClassifier.*{message}"):
        LeNetClassifier().set_params(**{name: 1})
    with pytest.raises(ValueError, match=message):
        GridSearchCV(LeNetClassifier(), {name: [1]}, error_score="raise").fit(X, y)
    with pytest.raises(ValueError, match=message):
        LeNetSearchCV(param_distributions={name: [1]}).fit(X, y)


def test_suggestions_keep_the_step_of_a_pipeline():
    known = make_pipeline(MinMaxScaler(), LeNetClassifier()).get_params()
    assert nearest_parameter("lenetclassifier__learning_rate", known) == "lenetclassifier__lr"
    assert nearest_parameter("learning_rate", known) == "lenetclassifier__lr"
    assert nearest_parameter("lr", known) == "lenetclassifier__lr"
