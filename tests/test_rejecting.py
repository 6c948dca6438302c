"""The classifier that answers only where the wanted error can be kept."""

import pickle

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklenet import RejectingClassifier
from sklenet._rejecting import _choose_threshold
from small_models import make


@pytest.fixture(scope="module")
def samples():
    X, y = load_digits(return_X_y=True)
    return X[:600], y[:600], X[600:], y[600:]


# The threshold


@pytest.mark.parametrize(
    ("is_right", "max_error", "threshold", "coverage", "error"),
    [
        ([1, 1, 1, 0, 1], 0.0, 0.7, 0.6, 0.0),
        ([1, 1, 1, 0, 1], 0.2, 0.0, 1.0, 0.2),  # all samples may be answered
        ([1, 0, 1, 1, 0], 0.25, 0.6, 0.8, 0.25),  # the error falls again below the first mistake
        ([0, 1, 1, 0, 0], 0.4, 0.7, 0.6, 1 / 3),
    ],
)
def test_threshold_is_the_lowest_that_keeps_the_error(is_right, max_error, threshold, coverage, error):
    confidences = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    chosen = _choose_threshold(confidences, np.array(is_right, dtype=bool), max_error)
    assert chosen == pytest.approx((threshold, coverage, error))
    order = np.array([3, 0, 4, 2, 1])
    assert _choose_threshold(confidences[order], np.array(is_right, dtype=bool)[order], max_error) == chosen


def test_samples_of_equal_confidence_are_answered_together():
    confidences, is_right = np.array([0.9, 0.8, 0.8, 0.8]), np.array([True, True, False, False])
    assert _choose_threshold(confidences, is_right, 0.4) == (0.9, 0.25, 0.0)


def test_error_that_cannot_be_kept_raises(samples):
    X, y, _, _ = samples
    with pytest.raises(
        ValueError, match=r"max_error=0.01 cannot be kept: .* is 0\.8\d.*\. Raise max_error, or improve"
    ):
        RejectingClassifier(DummyClassifier()).fit(X, y)


# Fitting and predicting


@pytest.mark.parametrize("max_error", [0.05, 0.01])
def test_error_among_the_answered_is_near_the_wanted_error(samples, max_error):
    X, y, X_test, y_test = samples
    classifier = RejectingClassifier(LinearDiscriminantAnalysis(), max_error=max_error).fit(X, y)
    assert classifier.error_ <= max_error
    answers = classifier.predict(X_test)
    is_answered = answers != -1
    error = (answers != y_test)[is_answered].mean()
    assert error < 0.6 * (classifier.estimator_.predict(X_test) != y_test).mean()
    assert is_answered.mean() == pytest.approx(classifier.coverage_, abs=0.1)


def test_answers_are_those_of_the_estimator_where_it_is_confident(samples):
    X, y, X_test, _ = samples
    classifier = RejectingClassifier(LinearDiscriminantAnalysis()).fit(X, y)
    plain = LinearDiscriminantAnalysis().fit(X, y)
    is_confident = plain.predict_proba(X_test).max(axis=1) >= classifier.threshold_
    assert 0 < is_confident.sum() < len(X_test)
    assert_array_equal(classifier.predict(X_test), np.where(is_confident, plain.predict(X_test), -1))
    assert_array_equal(classifier.predict_proba(X_test), plain.predict_proba(X_test))


def test_coverage_and_error_are_those_of_held_out_samples(samples):
    X, y, _, _ = samples
    split = ShuffleSplit(1, test_size=0.5, random_state=0)
    classifier = RejectingClassifier(LinearDiscriminantAnalysis(), cv=split).fit(X, y)
    ((train, test),) = split.split(X)
    fold = LinearDiscriminantAnalysis().fit(X[train], y[train])
    is_answered = fold.predict_proba(X[test]).max(axis=1) >= classifier.threshold_
    assert classifier.coverage_ == pytest.approx(is_answered.mean())
    assert classifier.error_ == pytest.approx((fold.predict(X[test]) != y[test])[is_answered].mean())


def test_frozen_classifier_is_not_trained_again_and_may_know_more_classes(samples):
    X, y, X_test, y_test = samples
    names = np.array([f"digit {label}" for label in range(10)])
    fitted = LinearDiscriminantAnalysis().fit(X, names[y])
    known = y_test > 1
    classifier = RejectingClassifier(FrozenEstimator(fitted), max_error=0.05).fit(X_test[known], names[y_test[known]])
    assert classifier.estimator_.estimator is fitted
    assert_array_equal(classifier.classes_, names)
    assert 0 < classifier.coverage_ < 1


# Labels


@pytest.mark.parametrize(
    ("labels", "rejected"),
    [
        (np.arange(10), -1), (np.arange(10) - 3, -4), (np.arange(10, dtype=np.uint8), -1), (np.arange(10.0), -1.0),
        (np.array(list("abcdefghij")), "rejected"), (np.array(list("abcdefghij"), dtype=object), "rejected"),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_rejected_samples_have_a_label_of_the_kind_of_the_classes(samples, labels, rejected):
    X, y, X_test, _ = samples
    classifier = RejectingClassifier(LinearDiscriminantAnalysis()).fit(X, labels[y])
    answers = classifier.predict(X_test)
    assert classifier.reject_label_ == rejected
    assert set(answers) == {*labels, rejected}
    assert_array_equal(classifier.classes_, labels)


def test_label_of_rejected_samples_can_be_chosen(samples):
    X, y, X_test, _ = samples
    assert 99 in RejectingClassifier(LinearDiscriminantAnalysis(), reject_label=99).fit(X, y).predict(X_test)


@pytest.mark.parametrize(
    ("label", "message"),
    [(3, "reject_label=3 is a label of y"), ("none", "The labels of y are numbers, and reject_label must be")],
)
def test_unsuitable_label_of_rejected_samples_raises(samples, label, message):
    X, y, _, _ = samples
    with pytest.raises(ValueError, match=message):
        RejectingClassifier(LinearDiscriminantAnalysis(), reject_label=label).fit(X, y)


def test_missing_label_raises(samples):
    X, y, _, _ = samples
    with pytest.raises(ValueError, match="Input y contains NaN"):
        RejectingClassifier(LinearDiscriminantAnalysis()).fit(X, np.where(y == 3, np.nan, y))


# In searches and pipelines


def test_score_is_the_share_of_samples_answered_rightly(samples):
    X, y, X_test, y_test = samples
    classifier = RejectingClassifier(LinearDiscriminantAnalysis()).fit(X, y)
    assert classifier.score(X_test, y_test) == (classifier.predict(X_test) == y_test).mean()


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("n_classes", [2, 10])
@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "roc_auc_ovr"])
@pytest.mark.slow
def test_scorers_take_rejections(samples, scoring, n_classes, text):
    X, y, _, _ = samples
    X, y = X[y < n_classes], y[y < n_classes]
    y = y.astype(str) if text else y
    classifier = RejectingClassifier(LinearDiscriminantAnalysis("lsqr", shrinkage=0.1), max_error=0.05, cv=3)
    scores = cross_val_score(classifier, X, y, scoring=scoring, cv=2, error_score="raise")
    assert np.isfinite(scores).all()


@pytest.mark.slow
def test_search_prefers_what_answers_more(samples):
    X, y, _, _ = samples
    pipeline = make_pipeline(
        MinMaxScaler(), RejectingClassifier(LinearDiscriminantAnalysis("lsqr"), max_error=0.02, cv=3)
    )
    grid = {"rejectingclassifier__estimator__shrinkage": [0.1, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_params_ == {"rejectingclassifier__estimator__shrinkage": 0.1}


@pytest.mark.slow
def test_lenet_rejects(digits):
    X, y = digits
    classifier = RejectingClassifier(make(max_epochs=20, width=1.0), max_error=0.1, cv=3).fit(X.reshape(-1, 8, 8), y)
    assert 0 < classifier.coverage_ <= 1
    loaded = pickle.loads(pickle.dumps(classifier))
    assert_array_equal(loaded.predict(X), classifier.predict(X))
    assert classifier.n_features_in_ == 64


def test_weights_and_groups_are_routed(samples):
    X, y, _, _ = samples
    weights, groups = np.linspace(0.1, 1, len(y)), np.arange(len(y)) % 7
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = LogisticRegression(max_iter=1000).set_fit_request(sample_weight=True)
        classifier = RejectingClassifier(estimator, cv=GroupKFold(3), max_error=0.02)
        classifier.fit(X, y, sample_weight=weights, groups=groups)
    expected = LogisticRegression(max_iter=1000).fit(X, y, sample_weight=weights)
    assert_array_equal(classifier.estimator_.coef_, expected.coef_)


def test_weights_without_routing_raise(samples):
    X, y, _, _ = samples
    with pytest.raises(ValueError, match="only supported if enable_metadata_routing=True"):
        RejectingClassifier(LinearDiscriminantAnalysis()).fit(X, y, sample_weight=np.ones(len(y)))
