"""Folds that lack a class, and searches whose fits fail."""

import numpy as np
import pytest
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_validate

from faults.helpers import X_SMALL, X_TRAIN, Y_SMALL, Y_TRAIN, lenet


def test_fold_that_lacks_a_class_gives_a_model_of_the_other_classes():
    images, y = X_TRAIN[Y_TRAIN < 3], Y_TRAIN[Y_TRAIN < 3]
    folds = cross_validate(lenet(), images, y, cv=PredefinedSplit(y), return_estimator=True, error_score="raise")
    for missing, model in enumerate(folds["estimator"]):
        assert model.classes_.tolist() == [digit for digit in range(3) if digit != missing]
        assert model.predict_proba(X_SMALL).shape == (40, 2)
    # A scorer of probabilities needs the labels, because a fold may lack one.
    without_2 = folds["estimator"][2].predict_proba(images[y < 2])
    assert 0 < log_loss(y[y < 2], without_2, labels=[0, 1]) < np.inf


def test_grid_search_raises_or_warns_where_a_fit_fails():
    search = GridSearchCV(lenet(), {"lr": [-1, 1e-3]}, cv=2, error_score="raise")
    message = "The 'lr' parameter of LeNetClassifier"
    with pytest.raises(ValueError, match=message):
        search.fit(X_SMALL, Y_SMALL % 2)
    with pytest.warns(FitFailedWarning, match=message), pytest.warns(UserWarning, match="non-finite"):
        search.set_params(error_score=np.nan).fit(X_SMALL, Y_SMALL % 2)
    assert search.best_params_ == {"lr": 1e-3}
