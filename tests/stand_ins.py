"""Estimators that replace a LeNet in tests that do not test training. Worker processes can import this module."""

import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.datasets import load_digits

from sklenet.tuning import LeNetSearchCV

# Candidate parameters of Hill, with one maximum.
HILL = {"a": [round(0.1 * i, 1) for i in range(11)], "b": [round(0.1 * i, 1) for i in range(11)]}


class Hill(ClassifierMixin, BaseEstimator):
    """A classifier whose score depends on the parameters alone, with the maximum at a=0.3, b=0.6."""

    def __init__(self, a=0.0, b=0.0, pause=0.0, flaw=None):
        self.a = a
        self.b = b
        self.pause = pause
        self.flaw = flaw

    def fit(self, X, y):
        time.sleep(self.pause)
        if self.flaw is not None and self.a >= self.flaw:
            raise ValueError(f"a is {self.a}")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        return 1 - (self.a - 0.3) ** 2 - (self.b - 0.6) ** 2


class PixelClassifier(ClassifierMixin, BaseEstimator):
    """Has the value of a pixel between 0 and 1 as the probability of class "ink", and keeps what it was asked."""

    def __init__(self, pixel=(2, 5), shape=(8, 8)):
        self.pixel = pixel
        self.shape = shape

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.asked_ = []
        return self

    def predict_proba(self, X):
        self.asked_.append(X)
        ink = np.asarray(X, dtype=float).reshape(-1, *self.shape)[:, *self.pixel]
        return np.column_stack([1 - ink, ink])

    def decision_function(self, X):
        return self.predict_proba(X)[:, 1] - 0.5

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Counting(TransformerMixin, BaseEstimator):
    """A transformer that returns data unchanged and counts the calls of all clones together."""

    fits = transforms = 0

    def fit(self, X, y=None):
        Counting.fits += 1
        return self

    def transform(self, X):
        Counting.transforms += 1
        return X

    def __sklearn_is_fitted__(self):
        return True


def climb(url, n_trials):
    """Search the parameters of Hill as one worker of a shared study."""
    X, y = load_digits(return_X_y=True)
    search = LeNetSearchCV(
        Hill(pause=0.25), param_distributions=HILL, n_trials=n_trials, cv=2, storage=url, study_name="hill",
        heartbeat_interval=1, random_state=0, error_score="raise",
    ).fit(X[:100], y[:100])  # fmt: skip
    assert len(search.cv_results_["params"]) == n_trials
