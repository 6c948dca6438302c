"""scikit-learn's estimator checks of LeNetSearchCV."""

import pytest
from sklearn.utils.estimator_checks import check_param_validation, parametrize_with_checks

from sklenet import LeNetClassifier
from sklenet.tuning import LeNetSearchCV

pytestmark = [
    pytest.mark.slow,
    # The checks use data with any number of features.
    pytest.mark.filterwarnings("ignore:.*do not form a square image:UserWarning"),
]

SEARCH = LeNetSearchCV(LeNetClassifier(max_epochs=3), n_trials=2, cv=2, error_score="raise")


# Searches of scikit-learn delegate `transform` and are no transformers, either.
NO_FIT_TRANSFORM = dict.fromkeys(
    ["check_transformer_data_not_an_array", "check_transformer_general", "check_transformer_preserve_dtypes"],
    "a search has the transform of its estimator, and no fit_transform",
)


@parametrize_with_checks([SEARCH], expected_failed_checks=lambda search: NO_FIT_TRANSFORM)
def test_estimator_checks(estimator, check):
    check(estimator)


def test_parameters_are_validated():
    check_param_validation("LeNetSearchCV", LeNetSearchCV(LeNetClassifier(max_epochs=1), n_trials=1, cv=2))
