"""LeNetNoveltyDetector: what is no character, as scikit-learn's detectors say it."""

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, OutlierMixin, clone
from sklearn.utils import Tags, get_tags
from sklearn.utils.validation import check_is_fitted

from sklenet._classifier import LeNetClassifier
from sklenet._private import HasMethods, Interval, StrOptions, _fit_context

# Share of the training images that "auto" takes for outliers.
_CONTAMINATION = 0.01


class LeNetNoveltyDetector(OutlierMixin, MetaEstimatorMixin, BaseEstimator):
    """Detector of images that are not like the training images, by the features that a LeNet-5 has learnt.

    A classifier is trained on labelled images, all of them genuine. New images are scored by
    :meth:`LeNetClassifier.score_samples`; what scores less than nearly all training images is an outlier.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Estimator with `score_samples`: a :class:`LeNetClassifier`, or a pipeline that ends in one. None is
        ``LeNetClassifier()``. The estimator is cloned; a fitted one in a :class:`sklearn.frozen.FrozenEstimator` is not
        trained again, and `fit` determines `offset_` alone.
    contamination : float or "auto", default="auto"
        Share of the images given to `fit` that count as outliers, in (0, 0.5]. "auto" is 0.01. More of the new images
        of the same kind are rejected, the more the fewer images were given, since the classifier was trained on them;
        see Notes.
    random_state : int, RandomState instance or None, default=None
        Passed to the estimator. None leaves the estimator's own `random_state`.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator, which also classifies: ``detector.estimator_.predict(X)``.
    offset_ : float
        Score below which an image is an outlier: ``decision_function(X) == score_samples(X) - offset_``.
    n_features_in_ : int
        Number of pixels of an image.
    feature_names_in_ : ndarray of shape (n_pixels,)
        Names of the columns, if X is a data frame whose column names are all strings.

    See Also
    --------
    sklearn.neighbors.LocalOutlierFactor : Detector that needs no labels, on pixels.
    RejectingClassifier : Classifier that gives no answer where it is likely to be wrong.

    Notes
    -----
    The detector is for novelty: the training images are taken for genuine, and `predict` is for other images. Therefore
    there is no `fit_predict`.

    The fewer images are given to `fit`, the more new genuine images are rejected beyond `contamination`: with 0.05,
    about 6 % after a fit of 10,000 images of MNIST, a tenth after a fit of 1,000, and half after a fit of 100. The
    share is met by images that the classifier was not trained on::

        detector = LeNetNoveltyDetector(FrozenEstimator(classifier)).fit(X_held_out, y_held_out)

    Examples
    --------
    >>> import numpy as np
    >>> from sklenet import LeNetNoveltyDetector
    >>> from sklenet.datasets import load_mnist_sample
    >>> X, y = load_mnist_sample(return_X_y=True)
    >>> detector = LeNetNoveltyDetector(random_state=0).fit(X[:1000], y[:1000])
    >>> bool((detector.predict(X[1000:]) == 1).mean() > 0.8)
    True
    >>> shuffled = np.random.default_rng(0).permutation(X[1000:], axis=1)
    >>> bool((detector.predict(shuffled) == -1).mean() > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit", "score_samples"]), None],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        contamination: float | str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.contamination = contamination
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the classifier, and determine the offset from the scores of the training images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels), (n_samples, h, w), (n_samples, 1, h, w) or (n_samples, h, w, 1)
            Images, as in :meth:`LeNetClassifier.fit`.
        y : array-like of shape (n_samples,)
            Labels, of at least two classes: the features that tell genuine images from others are those that tell the
            classes apart.

        Returns
        -------
        self : LeNetNoveltyDetector
        """
        estimator = self._prototype()
        if self.random_state is not None:
            estimator.set_params(random_state=self.random_state)
        self.estimator_ = estimator.fit(X, y)
        contamination = _CONTAMINATION if isinstance(self.contamination, str) else self.contamination
        self.offset_ = float(np.percentile(self.estimator_.score_samples(X), 100 * contamination))
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    @property
    def fit_predict(self) -> Any:
        """Not available: the detector is for images that it was not trained on."""
        raise AttributeError(
            "fit_predict is not available, because the detector takes all training images for inliers; call fit, and "
            "predict with other images."
        )

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Score how much images look like the training images; the higher, the more.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            Those of :meth:`LeNetClassifier.score_samples`.
        """
        check_is_fitted(self)
        return self.estimator_.score_samples(X)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the scores less `offset_`: negative for outliers.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.

        Returns
        -------
        decisions : ndarray of shape (n_samples,), float64
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Tell images that are like the training images from outliers.

        Parameters
        ----------
        X : array-like
            Images, as in `fit`.

        Returns
        -------
        is_inlier : ndarray of shape (n_samples,), int64
            1 for images like the training images, -1 for outliers.
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def _prototype(self) -> Any:
        return LeNetClassifier() if self.estimator is None else clone(self.estimator)

    def __sklearn_tags__(self) -> Tags:
        """Return the tags: the input is the estimator's, and labels are required."""
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self._prototype()).input_tags
        tags.target_tags.required = True
        return tags
