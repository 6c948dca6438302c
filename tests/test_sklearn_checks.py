"""scikit-learn's estimator checks on the default estimator and on other configurations."""

import os
import subprocess
import sys
import warnings

import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimator,
    check_inplace_ensure_writeable,
    check_param_validation,
    parametrize_with_checks,
)

from releases import SKLEARN
from sklenet import LeNetClassifier, LeNetNoveltyDetector, RejectingClassifier

# Data of the checks have 1, 2, 3, 5 or 10 features, most of which are padded to a square with a warning.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*do not form a square image:UserWarning")]

STOCHASTIC = {
    "check_sample_weight_equivalence_on_dense_data": (
        "repeated samples fall into other mini-batches than weighted samples; scikit-learn expects the same failure of "
        "its stochastic estimators"
    )
}
WARM = dict.fromkeys(
    [
        "check_supervised_y_2d", "check_pipeline_consistency", "check_transformer_data_not_an_array",
        "check_transformer_general",
    ],
    "compares two fits of one instance, of which the second continues the first",
)  # fmt: skip

# Few epochs are enough for the accuracy that the checks require.
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


UNLABELLED = {
    "check_outliers_train": (
        "fits without labels, which the classifier of the detector needs; tests/test_novelty.py runs it with labels"
    )
}


@parametrize_with_checks(
    [LeNetNoveltyDetector(LeNetClassifier(max_epochs=2))], expected_failed_checks=lambda _: UNLABELLED
)
def test_detector(estimator, check):
    check(estimator)


UNREACHABLE = dict.fromkeys(
    [
        "check_n_features_in_after_fitting", "check_estimators_dtypes", "check_dtype_object",
        "check_estimators_nan_inf", "check_estimator_sparse_array", "check_estimator_sparse_matrix",
        "check_fit_idempotent",
    ],
    "has labels without a relation to X, of which the wanted error cannot be kept",
)  # fmt: skip
if SKLEARN < (1, 9):
    del UNREACHABLE["check_dtype_object"]  # has other labels
REJECTED = {"check_classifiers_train": "expects a class for every sample, but some are rejected"}


@parametrize_with_checks(
    [RejectingClassifier(LogisticRegression(), max_error=1.0), RejectingClassifier(LogisticRegression())],
    expected_failed_checks=lambda estimator: {} if estimator.max_error == 1 else UNREACHABLE | REJECTED,
)
@pytest.mark.filterwarnings("ignore:The least populated class in y:UserWarning")  # of checks in earlier releases
def test_rejecting_classifier(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency, check_inplace_ensure_writeable]
)
def test_checks_outside_of_check_estimator(check):
    check("LeNetClassifier", LeNetClassifier(max_epochs=1))


def test_only_sample_weight_equivalence_fails():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)  # the Array API check is run by the test below
        results = check_estimator(LeNetClassifier(max_epochs=1), on_fail=None)
    other_statuses = {result["check_name"]: result["status"] for result in results if result["status"] != "passed"}
    assert other_statuses.pop("check_array_api_input", "skipped") == "skipped"  # new in release 1.9
    assert other_statuses == {"check_sample_weight_equivalence_on_dense_data": "failed"}


def test_tags_skip_no_check():
    tags = LeNetClassifier().__sklearn_tags__()
    assert tags.input_tags.two_d_array
    assert tags.input_tags.three_d_array
    skipping = [tags.non_deterministic, tags.no_validation, tags.classifier_tags.poor_score]
    assert not any(skipping)


ARRAY_API_SCRIPT = """
import warnings

from sklearn.utils.estimator_checks import check_estimator

from sklenet import LeNetClassifier

warnings.simplefilter("ignore")
results = check_estimator(LeNetClassifier(max_epochs=2), on_fail=None)
print(*(result["check_name"] for result in results if result["status"] != "passed"))
"""


def test_checks_pass_with_array_api_dispatch():
    # In a new process, because SciPy reads the variable on import.
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    completed = subprocess.run(
        [sys.executable, "-c", ARRAY_API_SCRIPT], check=True, env=environment, capture_output=True, text=True
    )
    assert completed.stdout.split() == list(STOCHASTIC)
