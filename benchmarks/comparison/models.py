"""The table of classifiers. A classifier that joins the comparison is one more entry in it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

# Equal for all: so many candidates for each classifier.
N_CANDIDATES = 6


@dataclass(frozen=True)
class Model:
    """How a classifier enters the comparison.

    Attributes
    ----------
    title : str
        Its name in tables.
    make : callable (seed, n_train) -> estimator
        Makes it, unfitted, in its default form: as its library has it, on scaled pixels where it needs them.
    grid : mapping of str to sequence
        Hyper-parameters and their values, `N_CANDIDATES` combinations: its tuned form has the best of them, by
        cross-validation within the training images.
    stochastic : bool
        Whether its `random_state` matters.
    family : str
        "LeNet", or "" for what LeNet is compared with.
    """

    title: str
    make: Callable[[int, int], Any]
    grid: Mapping[str, Sequence[Any]]
    stochastic: bool = True
    family: str = ""


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


class PixelStandardizer(PixelScaler):
    """Subtract one number from all pixels and divide by one, so that their mean is zero and their variance one.

    For what descends a gradient from small random weights.
    """

    def fit(self, X: NDArray[Any], y: object = None) -> Self:
        """Learn mean and deviation."""
        self.mean_, self.deviation_ = X.mean(), X.std()
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Standardise."""
        return (X - self.mean_) / self.deviation_


def svc_on_unit_pixels() -> Pipeline:
    """Make the support vector machine that published comparisons have, SVC(C=10) on pixels within 0 to 1."""
    return on_unit_pixels(_load("sklearn.svm", "SVC")(C=10))


def on_unit_pixels(classifier: BaseEstimator) -> Pipeline:
    """Put the division of pixels, uint8, by 255 in front of a classifier."""
    return make_pipeline(FunctionTransformer(_divide_by_255), classifier)


def _divide_by_255(X: NDArray[Any]) -> NDArray[np.float64]:
    return X / 255


class HOG(TransformerMixin, BaseEstimator):
    """Histograms of oriented gradients (Dalal and Triggs, CVPR 2005), by scikit-image, of square images.

    Nine orientations in cells of a seventh of the side, so 4×4 pixels of a 28×28 image, in blocks of 2×2 cells.
    """

    def fit(self, X: NDArray[Any], y: object = None) -> Self:
        """Learn the side."""
        self.side_ = math.isqrt(X.shape[1])
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Compute the features of each image."""
        from skimage.feature import hog  # slow to import

        cell = max(2, self.side_ // 7)
        images = X.reshape(len(X), self.side_, self.side_)
        features = (
            hog(image, orientations=9, pixels_per_cell=(cell, cell), cells_per_block=(2, 2)) for image in images
        )
        return np.stack(list(features)).astype(np.float32)


def _lenet(**parameters: Any) -> Callable[[int, int], Any]:
    return lambda seed, n_train: _load("sklenet", "LeNetClassifier")(random_state=seed, **parameters)


def _lenet_affine(seed: int, n_train: int) -> Any:
    # Distortions want more passes than the 11 that "auto" gives 60,000 images; of fewer images it gives enough.
    epochs = 20 if n_train > 20_000 else "auto"
    return _load("sklenet", "LeNetClassifier")(augment="affine", max_epochs=epochs, random_state=seed)


def _plain(module: str, name: str, **parameters: Any) -> Callable[[int, int], Any]:
    return lambda seed, n_train: _load(module, name)(random_state=seed, **parameters)


def _svm(seed: int, n_train: int) -> Pipeline:
    # cache_size, in MB, changes the time only; the default of 200 is short from 5,000 training images on.
    return Pipeline([("scale", PixelScaler()), ("svc", _load("sklearn.svm", "SVC")(cache_size=1000))])


def _hog_svm(seed: int, n_train: int) -> Pipeline:
    return Pipeline([("hog", HOG()), *_svm(seed, n_train).steps])


def _linear_svm(seed: int, n_train: int) -> Pipeline:
    classifier = _load("sklearn.svm", "LinearSVC")(random_state=seed)
    return Pipeline([("scale", PixelScaler()), ("svc", classifier)])


def _knn(seed: int, n_train: int) -> Any:
    return Pipeline([("scale", PixelScaler()), ("knn", _load("sklearn.neighbors", "KNeighborsClassifier")())])


def _logistic(seed: int, n_train: int) -> Pipeline:
    classifier = _load("sklearn.linear_model", "LogisticRegression")(max_iter=1000)
    return Pipeline([("scale", PixelScaler()), ("logistic", classifier)])


def _mlp(seed: int, n_train: int) -> Pipeline:
    classifier = _load("sklearn.neural_network", "MLPClassifier")(random_state=seed)
    return Pipeline([("scale", PixelStandardizer()), ("mlp", classifier)])


def _load(module: str, name: str) -> Any:
    # When it is made, not when the table is read: a process then holds what its own classifier needs and no more.
    return getattr(import_module(module), name)


_LENET_GRID: dict[str, Sequence[Any]] = {"lr": [3e-3, 6e-3], "label_smoothing": [0.0, 0.05, 0.1]}
_FOREST_GRID: dict[str, Sequence[Any]] = {
    "n_estimators": [300],
    "max_features": ["sqrt", 0.1, 0.2],
    "min_samples_leaf": [1, 3],
}

MODELS = {
    "lenet": Model("LeNet", _lenet(), _LENET_GRID, family="LeNet"),
    "lenet_affine": Model("LeNet, affine", _lenet_affine, _LENET_GRID, family="LeNet"),
    "lenet_1998": Model("LeNet 1998", _lenet(architecture="1998"), _LENET_GRID, family="LeNet"),
    # Powers of two round gamma="scale".
    "svm": Model("SVM (RBF)", _svm, {"svc__C": [1, 10], "svc__gamma": [1, 2, 4]}, stochastic=False),
    "hog_svm": Model("HOG + SVM", _hog_svm, {"svc__C": [1, 10], "svc__gamma": [0.5, 1, 2]}, stochastic=False),
    "linear_svm": Model("linear SVM", _linear_svm, {"svc__C": [0.03, 0.1, 0.3, 1, 3, 10]}),
    "forest": Model("random forest", _plain("sklearn.ensemble", "RandomForestClassifier"), _FOREST_GRID),
    "extra_trees": Model("extra trees", _plain("sklearn.ensemble", "ExtraTreesClassifier"), _FOREST_GRID),
    "boosting": Model(
        "gradient boosting",
        _plain("sklearn.ensemble", "HistGradientBoostingClassifier"),
        {"learning_rate": [0.05, 0.1, 0.2], "max_leaf_nodes": [8, 31]},
    ),
    "knn": Model(
        "k nearest neighbours",
        _knn,
        {"knn__n_neighbors": [1, 3, 5], "knn__weights": ["uniform", "distance"]},
        stochastic=False,
    ),
    "mlp": Model(
        "MLP",
        _mlp,
        {"mlp__hidden_layer_sizes": [(100,), (300,), (300, 100)], "mlp__alpha": [1e-4, 1e-1]},
    ),
    "logistic": Model("logistic regression", _logistic, {"logistic__C": [0.3, 1, 3, 10, 30, 100]}, stochastic=False),
}
