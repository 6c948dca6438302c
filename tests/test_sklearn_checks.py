"""scikit-learn's estimator checks, on the estimator as it is and on other configurations."""

import os
import subprocess
import sys
import warnings

import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimator,
    check_inplace_ensure_writeable,
    check_param_validation,
    parametrize_with_checks,
)

from sklenet import LeNetClassifier

# The checks' data have 1, 2, 3, 5 or 10 features; that most are padded to a square is no fault of theirs.
pytestmark = pytest.mark.filterwarnings("ignore:.*do not form a square image:UserWarning")

STOCHASTIC = {
    "check_sample_weight_equivalence_on_dense_data": (
        "repeated samples fall into other mini-batches than weighted ones; scikit-learn declares the same of its own "
        "stochastic estimators"
    )
}
WARM = {"check_supervised_y_2d": "compares two fits of one instance, of which the second is meant to go on"}

# Few epochs: none of the checks needs more to reach the accuracy it asks for.
VARIANTS = [
    LeNetClassifier(max_epochs=3, architecture="1998", warm_start=True, test_time_augment=True),
    LeNetClassifier(max_epochs=2, augment="elastic", width=0.5, batch_size=7, dropout=0.5, label_smoothing=0.1),
    LeNetClassifier(max_epochs=3, augment="affine", early_stopping=True, validation_fraction=0.4, n_iter_no_change=1),
]


def expected_failures(estimator: LeNetClassifier) -> dict[str, str]:
    return STOCHASTIC | (WARM if estimator.warm_start else {})


@parametrize_with_checks([LeNetClassifier()], expected_failed_checks=expected_failures)
def test_default_estimator(estimator, check):
    check(estimator)


@parametrize_with_checks(VARIANTS, expected_failed_checks=expected_failures)
def test_other_configurations(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency, check_inplace_ensure_writeable]
)
def test_checks_that_the_suite_leaves_out(check):
    check("LeNetClassifier", LeNetClassifier(max_epochs=1))


def test_only_sample_weight_equivalence_is_declared_to_fail():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)  # the Array API check is run by the test below
        results = check_estimator(LeNetClassifier(max_epochs=1), on_fail=None)
    not_passed = {result["check_name"]: result["status"] for result in results if result["status"] != "passed"}
    assert not_passed == {
        "check_sample_weight_equivalence_on_dense_data": "failed",
        "check_array_api_input": "skipped",
    }


def test_tags_silence_no_check():
    tags = LeNetClassifier().__sklearn_tags__()
    assert tags.input_tags.two_d_array
    assert tags.input_tags.three_d_array
    silencing = [tags.non_deterministic, tags.no_validation, tags.classifier_tags.poor_score]
    assert not any(silencing)


WITH_ARRAY_API = """
import warnings

from sklearn.utils.estimator_checks import check_estimator

from sklenet import LeNetClassifier

warnings.simplefilter("ignore")
results = check_estimator(LeNetClassifier(max_epochs=2), on_fail=None)
print(*(result["check_name"] for result in results if result["status"] != "passed"))
"""


def test_checks_pass_with_array_api_dispatch():
    # In a process of its own, because SciPy reads the variable when it is imported.
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    finished = subprocess.run(
        [sys.executable, "-c", WITH_ARRAY_API], check=True, env=environment, capture_output=True, text=True
    )
    assert finished.stdout.split() == list(STOCHASTIC)
