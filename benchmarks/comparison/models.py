"""The table of classifiers."""

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

from comparison.distortions import DistortedCopies

# The number of tuning candidates, the same for every classifier.
N_CANDIDATES = 6
# The largest number of images of which copies are made: of more, one copy of each takes minutes to train on.
_MOST_COPIED = 10_000


@dataclass(frozen=True)
class Model:
    """An entry of the table of classifiers.

    Attributes
    ----------
    title : str
        Name of the classifier in tables.
    make : callable (seed, n_train) -> estimator
        Returns the unfitted default form, with the defaults of its library, except C=10 of support vector machines with
        RBF kernels, and with scaled pixels if it needs them.
    grid : mapping of str to sequence
        Values of hyper-parameters, with `N_CANDIDATES` combinations. The tuned form has the best combination by
        cross-validation on the training images.
    stochastic : bool
        Whether the classifier has a `random_state`.
    family : str
        "LeNet", or "" for the other classifiers.
    distorted : bool
        Whether the classifier is trained on distorted images.
    max_train : float
        Largest number of training images.
    """

    title: str
    make: Callable[[int, int], Any]
    grid: Mapping[str, Sequence[Any]]
    stochastic: bool = True
    family: str = ""
    distorted: bool = False
    max_train: float = math.inf


class PixelScaler(TransformerMixin, BaseEstimator):
    """Divide all pixels by one number, so that the variances of the pixels in an image sum to one.

    A separate scale for each pixel would amplify the pixels that are rarely inked. With this divisor, gamma=1 of an RBF
    kernel equals scikit-learn's "scale" for images of any size and range.
    """

    def fit(self, X: NDArray[Any], y: object = None) -> Self:
        """Learn the divisor."""
        self.divisor_ = X.std() * math.sqrt(X.shape[1])
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Divide the pixels by the divisor."""
        return X / self.divisor_


class PixelStandardizer(PixelScaler):
    """Standardise all pixels with one mean and one standard deviation.

    Classifiers that are trained by gradient descent from small random weights need this scale.
    """

    def fit(self, X: NDArray[Any], y: object = None) -> Self:
        """Learn the mean and the standard deviation."""
        self.mean_, self.deviation_ = X.mean(), X.std()
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Standardise the pixels."""
        return (X - self.mean_) / self.deviation_


def svc_on_unit_pixels() -> Pipeline:
    """Return the support vector machine of published comparisons, SVC(C=10) on pixels from 0 to 1."""
    return on_unit_pixels(_load("sklearn.svm", "SVC")(C=10))


def on_unit_pixels(classifier: BaseEstimator) -> Pipeline:
    """Return a pipeline that divides uint8 pixels by 255 before the classifier."""
    return make_pipeline(FunctionTransformer(_divide_by_255), classifier)


def _divide_by_255(X: NDArray[Any]) -> NDArray[np.float64]:
    return X / 255


class HOG(TransformerMixin, BaseEstimator):
    """Compute histograms of oriented gradients (Dalal and Triggs, CVPR 2005) of square images by scikit-image.

    The histograms have nine orientations in cells of a seventh of the side, which is 4×4 pixels of a 28×28 image, and
    blocks of 2×2 cells.
    """

    def fit(self, X: NDArray[Any], y: object = None) -> Self:
        """Learn the side of the images."""
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


def _plain(module: str, name: str, **parameters: Any) -> Callable[[int, int], Any]:
    return lambda seed, n_train: _load(module, name)(random_state=seed, **parameters)


def _svm(seed: int, n_train: int) -> Pipeline:
    # C=10 is usual for images of characters, whose classes hardly overlap; see `svc_on_unit_pixels`. cache_size, in MB,
    # changes the time only. The default of 200 is too small from 5,000 training images on.
    return Pipeline([("scale", PixelScaler()), ("svc", _load("sklearn.svm", "SVC")(C=10, cache_size=1000))])


def _hog_svm(seed: int, n_train: int) -> Pipeline:
    return Pipeline([("hog", HOG()), *_svm(seed, n_train).steps])


def _with_copies(model: Model, most: int) -> Model:
    """Return the model with distorted copies of its training images, `most` copies in total or one of each image."""

    def make(seed: int, n_train: int) -> DistortedCopies:
        return DistortedCopies(model.make(seed, n_train), n_copies(n_train, most), random_state=seed)

    grid = {f"estimator__{name}": values for name, values in model.grid.items()}
    return Model(f"{model.title}, distorted copies", make, grid, distorted=True, max_train=_MOST_COPIED)


def n_copies(n_train: int, most: int) -> int:
    """Return the number of distorted copies of each image: five, or so many that there are `most` copies, at least one.

    Examples
    --------
    >>> n_copies(100, most=3000), n_copies(1000, most=3000), n_copies(10_000, most=3000)
    (5, 3, 1)
    """
    return max(1, min(5, most // n_train))


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
    # Import a library only for its own classifier, so that it does not add to the memory of the others.
    return getattr(import_module(module), name)


_LENET_GRID: dict[str, Sequence[Any]] = {"lr": [6e-3, 0.012], "label_smoothing": [0.0, 0.05, 0.1]}
_FOREST_GRID: dict[str, Sequence[Any]] = {
    "n_estimators": [300],
    "max_features": ["sqrt", 0.1, 0.2],
    "min_samples_leaf": [1, 3],
}

# The values of gamma are powers of two around gamma="scale", which is 1.
_SVM = Model("SVM (RBF)", _svm, {"svc__C": [1, 10], "svc__gamma": [1, 2, 4]}, stochastic=False)
_HOG_SVM = Model("HOG + SVM", _hog_svm, {"svc__C": [1, 10], "svc__gamma": [0.5, 1, 2]}, stochastic=False)

MODELS = {
    "lenet": Model("LeNet", _lenet(), _LENET_GRID, family="LeNet", distorted=True),
    "lenet_plain": Model("LeNet, no distortions", _lenet(augment=None), _LENET_GRID, family="LeNet"),
    "lenet_1998": Model("LeNet 1998", _lenet(architecture="1998", augment=None), _LENET_GRID, family="LeNet"),
    "svm": _SVM,
    "hog_svm": _HOG_SVM,
    # With these numbers of copies a fit takes as long as LeNet's: docs/design.md has the times. One copy of each image
    # is worth so much that it may take longer.
    "svm_distorted": _with_copies(_SVM, most=3000),
    "hog_svm_distorted": _with_copies(_HOG_SVM, most=1400),
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
