"""The table of classifiers. A classifier that joins the comparison is one more entry in it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from sklenet import LeNetClassifier


@dataclass(frozen=True)
class Model:
    """How a classifier enters the comparison.

    Attributes
    ----------
    title : str
        Its name in tables.
    make : callable (seed) -> estimator
        Makes it, unfitted.
    count_parameters : callable (fitted estimator) -> int
        Counts the learned numbers that it predicts with.
    seconds_per_1000 : float
        What it takes on 1,000 training images, roughly: by this the progress bar guesses how long is left.
    grid : mapping of str to sequence
        Hyper-parameters and their values, to be chosen from by cross-validation within the training images.
    """

    title: str
    make: Callable[[int], Any]
    count_parameters: Callable[[Any], int]
    seconds_per_1000: float
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)


class PixelScaler(TransformerMixin, BaseEstimator):
    """Divide all pixels by one number, so that the variances of the pixels in an image sum to one.

    One number, because pixels share a unit: a scale for each would blow up those that are rarely touched. And this
    one, because gamma = 1 of an RBF kernel then is scikit-learn's "scale", whatever the image's size and range.
    """

    def fit(self, X: NDArray[Any], y: object = None) -> Self:
        """Learn the divisor."""
        self.divisor_ = X.std() * math.sqrt(X.shape[1])
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Divide by it."""
        return X / self.divisor_


def _make_lenet(seed: int) -> Any:
    return LeNetClassifier(random_state=seed)


def _make_svm(seed: int) -> Pipeline:
    # cache_size, in MB, changes the time only; the default of 200 is short from 5,000 training images on.
    return Pipeline([("scale", PixelScaler()), ("svc", SVC(kernel="rbf", cache_size=1000))])


def _make_forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(n_estimators=300, random_state=seed)


def _count_lenet(classifier: Any) -> int:
    return sum(parameter.numel() for parameter in classifier.net_.module_.parameters())


def _count_svm(pipeline: Pipeline) -> int:
    svc = pipeline["svc"]
    return int(svc.support_vectors_.size + svc.dual_coef_.size + svc.intercept_.size)


def _count_forest(forest: RandomForestClassifier) -> int:
    # A split is a feature and a threshold, a leaf the shares of the classes.
    trees = [tree.tree_ for tree in forest.estimators_]
    n_leaves = sum(tree.n_leaves for tree in trees)
    n_splits = sum(tree.node_count for tree in trees) - n_leaves
    return int(2 * n_splits + len(forest.classes_) * n_leaves)


MODELS = {
    "lenet": Model("LeNet", _make_lenet, _count_lenet, seconds_per_1000=3),
    "svm": Model(
        "SVM (RBF)",
        _make_svm,
        _count_svm,
        seconds_per_1000=4,
        # Powers of two round gamma="scale"; beyond C = 10 the training images are separated and nothing changes.
        grid={"svc__C": [1, 10], "svc__gamma": [0.5, 1, 2, 4]},
    ),
    "forest": Model("Random forest", _make_forest, _count_forest, seconds_per_1000=1),
}
