"""LeNetClassifier inside scikit-learn: pipelines, searches, meta-estimators and metadata routing."""

import numpy as np
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from releases import SKLEARN, needs_temperature
from sklenet import LeNetClassifier


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:400], y[:400]


@pytest.fixture
def clf():
    return LeNetClassifier(max_epochs=6, random_state=0)


@pytest.mark.slow
def test_pipeline_with_a_scaler(clf, digits):
    X, y = digits
    pipeline = make_pipeline(MinMaxScaler(), clf).fit(X[:300], y[:300])
    assert pipeline.score(X[300:], y[300:]) > 0.85


@pytest.mark.slow
def test_cross_val_score_in_processes_equals_serial_scores(digits):
    clf = LeNetClassifier(max_epochs=2, random_state=0)
    serial, parallel = (cross_val_score(clf, *digits, cv=2, n_jobs=n_jobs, error_score="raise") for n_jobs in (1, 2))
    np.testing.assert_allclose(serial, parallel, atol=0.02)  # the last bits depend on the number of torch threads


@pytest.mark.slow
def test_cross_val_predict_returns_probabilities_of_every_sample(clf, digits):
    X, y = digits
    probabilities = cross_val_predict(clf, X, y, cv=2, method="predict_proba")
    assert probabilities.shape == (400, 10)
    assert np.mean(probabilities.argmax(axis=1) == y) > 0.8


@pytest.mark.slow
def test_grid_search_over_lr_and_width(clf, digits):
    search = GridSearchCV(clf, {"lr": [1e-6, 3e-3], "width": [1, 2]}, cv=2, n_jobs=2, error_score="raise")
    search.fit(*digits)
    assert search.best_params_["lr"] == 3e-3
    assert search.best_score_ > 0.8


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", pytest.param("temperature", marks=needs_temperature)])
@pytest.mark.slow
def test_calibration(clf, digits, method):
    X, y = digits
    calibrated = CalibratedClassifierCV(clf, method=method, cv=2).fit(X[:300], y[:300])
    assert calibrated.score(X[300:], y[300:]) > 0.8


@pytest.mark.slow
def test_ensembles(clf, digits):
    X, y = digits
    members = [("lenet", clf), ("forest", RandomForestClassifier(20, random_state=0))]
    for ensemble in (
        VotingClassifier(members, voting="soft"),
        StackingClassifier(members, final_estimator=RandomForestClassifier(20, random_state=0), cv=2),
        BaggingClassifier(clf, n_estimators=2, random_state=0),
    ):
        assert ensemble.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.8


@pytest.mark.slow
def test_learning_curve_rises(clf, digits):
    _, _, scores = learning_curve(clf, *digits, train_sizes=[50, 200], cv=2, shuffle=True, random_state=0)
    assert scores[1].mean() > scores[0].mean()


@pytest.mark.slow
def test_permutation_importance_is_higher_for_inner_pixels(digits):
    X, y = digits
    clf = LeNetClassifier(max_epochs=10, random_state=0).fit(X, y)
    importances = permutation_importance(clf, X[:200], y[:200], n_repeats=1, random_state=0).importances_mean
    inner, edge = importances.reshape(8, 8)[:, 2:6], importances.reshape(8, 8)[:, [0, 7]]
    assert inner.mean() > edge.mean()


@pytest.mark.skipif(SKLEARN < (1, 9), reason="earlier releases of scikit-learn do not route metadata to Pipeline.score")
@pytest.mark.slow
def test_sample_weight_is_routed(digits):
    X, y = digits
    weight = np.where(y == 0, 0.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        clf = LeNetClassifier(max_epochs=1, random_state=0).set_fit_request(sample_weight=True)
        clf.set_score_request(sample_weight=True)
        pipelines = cross_validate(
            make_pipeline(clf), X, y, params={"sample_weight": weight}, cv=2, return_estimator=True, error_score="raise"
        )["estimator"]
    # Samples of weight 0 are ignored, and all samples of class 0 have weight 0.
    assert all(0 not in pipeline.classes_ for pipeline in pipelines)
