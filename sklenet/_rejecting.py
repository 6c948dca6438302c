"""RejectingClassifier: an answer only where the wanted error can be kept."""

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import cross_validate
from sklearn.utils import Tags, _safe_indexing, assert_all_finite, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, indexable

from sklenet._private import HasMethods, Interval, _fit_context, _raise_for_params


class RejectingClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Classifier that answers only where it is confident enough for a wanted error, and rejects the other samples.

    The confidence in an answer is the largest probability of a class [1]_. Confidences of samples that a model was not
    trained on come from a cross-validation. The threshold is the lowest one at which the error among the samples that
    are answered is at most `max_error`. Then the estimator is fitted on all samples.

    Parameters
    ----------
    estimator : estimator
        Classifier with `predict_proba`. The classifier is cloned; a fitted one in a
        :class:`sklearn.frozen.FrozenEstimator` is not trained again, and `fit` chooses the threshold alone, for which
        the samples must be others than those of its training.
    max_error : float, default=0.01
        Wanted error rate among the samples that are answered, in [0, 1].
    reject_label : label or None, default=None
        What `predict` returns for a sample that is not answered: a number if the classes are numbers, text if they are
        text, and none of the classes. None is -1 or "rejected"; where classes are negative, the number below the least.
    cv : int, cross-validation generator, iterable or None, default=None
        As in :func:`sklearn.model_selection.cross_validate`; None is five stratified folds. A splitter with a single
        split, such as ``StratifiedShuffleSplit(1)``, needs a single fit besides the last one.
    n_jobs : int or None, default=None
        Number of folds that are fitted in parallel.

    Attributes
    ----------
    estimator_ : estimator
        The classifier, fitted on all samples.
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes, without `reject_label_`.
    reject_label_ : label
        What `predict` returns for a sample that is not answered.
    threshold_ : float
        Least confidence of an answer; 0 if all samples may be answered.
    coverage_ : float
        Share of the samples that are answered, in the cross-validation.
    error_ : float
        Error rate among the samples that are answered, in the cross-validation.
    n_features_in_ : int
        Number of features, if the estimator has the attribute.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the estimator has the attribute.

    See Also
    --------
    sklearn.model_selection.TunedThresholdClassifierCV : Threshold between the two classes of a binary classifier.
    LeNetNoveltyDetector : Detector of images of another kind, for which a classifier may be confident.

    Notes
    -----
    `max_error` is met by the samples of `fit`, in the cross-validation. New samples of the same kind may have a larger
    error by chance, since few of the answers are wrong.

    `score` is the share of all samples that are answered rightly. So a search over parameters of the estimator prefers
    what answers more at the wanted error. Scorers that read probabilities ignore the threshold.

    References
    ----------
    .. [1] C. K. Chow, "On optimum recognition error and reject tradeoff", IEEE Transactions on Information Theory
       16(1), 41-46, 1970.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklenet import RejectingClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    >>> clf = RejectingClassifier(LogisticRegression(), max_error=0.01).fit(X_train, y_train)
    >>> answers = clf.predict(X_test)
    >>> is_answered = answers != clf.reject_label_
    >>> print(f"{is_answered.mean():.2f} {(answers != y_test)[is_answered].mean():.3f} {clf.coverage_:.2f}")
    0.93 0.014 0.93
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit", "predict_proba"])],
        "max_error": [Interval(Real, 0, 1, closed="both")],
        "reject_label": [Real, str, None],
        "cv": ["cv_object"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        max_error: float = 0.01,
        reject_label: Any = None,
        cv: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.max_error = max_error
        self.reject_label = reject_label
        self.cv = cv
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike, **params: Any) -> Self:
        """Choose the threshold by cross-validation, and fit the estimator on all samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples, as the estimator takes them.
        y : array-like of shape (n_samples,)
            Labels.
        **params : dict
            Parameters that scikit-learn's metadata routing passes to the estimator's `fit` and to the splitter.

        Returns
        -------
        self : RejectingClassifier

        Raises
        ------
        ValueError
            If no threshold keeps the wanted error, or `reject_label` is a class or of another kind than the classes.
        """
        _raise_for_params(params, self, "fit")
        X, y = indexable(X, y)
        labels = column_or_1d(y, warn=True)
        assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        reject_label = _resolve_reject_label(self.reject_label, np.unique(labels))
        confidences, is_right = self._predict_held_out(X, labels, params)
        threshold, coverage, error = _choose_threshold(confidences, is_right, self.max_error)
        routed = process_routing(self, "fit", **params)
        self.estimator_ = clone(self.estimator).fit(X, y, **routed.estimator.fit)
        self.classes_, self.reject_label_ = self.estimator_.classes_, reject_label
        self.threshold_, self.coverage_, self.error_ = threshold, coverage, error
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def _predict_held_out(
        self, X: Any, labels: NDArray[Any], params: dict[str, Any]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return the confidences of the answers on held-out samples, and whether the answers are right."""
        # Not cross_val_predict, which encodes labels: a frozen classifier knows others, and folds may lack classes.
        folds = cross_validate(
            self.estimator, X, labels, scoring=_no_score, cv=self.cv, n_jobs=self.n_jobs, params=params,
            return_estimator=True, return_indices=True, error_score="raise",
        )  # fmt: skip
        confidences, is_right = [], []
        for fitted, held_out in zip(folds["estimator"], folds["indices"]["test"], strict=True):
            probabilities = fitted.predict_proba(_safe_indexing(X, held_out))
            confidences.append(probabilities.max(axis=1))
            is_right.append(fitted.classes_[probabilities.argmax(axis=1)] == labels[held_out])
        return np.concatenate(confidences), np.concatenate(is_right)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict class labels where the confidence is at least `threshold_`, and `reject_label_` elsewhere.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples, as the estimator takes them.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        probabilities = self.predict_proba(X)
        labels = np.append(self.classes_, self.reject_label_)
        is_answered = probabilities.max(axis=1) >= self.threshold_
        return labels[np.where(is_answered, probabilities.argmax(axis=1), -1)]

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Predict class probabilities, also of samples that are not answered.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Samples, as the estimator takes them.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns are in the order of `classes_`.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the routing of the parameters of `fit` to the estimator and to the splitter."""
        router = MetadataRouter(owner=self)
        router.add(estimator=self.estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
        return router.add(splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))

    def __sklearn_tags__(self) -> Tags:
        """Return the tags: those of the input are the estimator's."""
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags


def _no_score(estimator: Any, X: Any, y: Any) -> float:
    """Spare `cross_validate` the predictions of a score."""
    return 0.0


def _resolve_reject_label(label: Any, classes: NDArray[Any]) -> Any:
    """Return the label of rejected samples, which must be of the kind of the classes, and none of them."""
    is_text = all(isinstance(known, str) for known in classes)
    if label is None:
        label = "rejected" if is_text else min(int(classes[0]), 0) - 1
    if isinstance(label, str) != is_text:
        raise ValueError(
            f"The labels of y are {'text' if is_text else 'numbers'}, and reject_label must be of the same kind. "
            f"Got {label!r} instead."
        )
    if label in classes:
        raise ValueError(f"reject_label={label!r} is a label of y; choose another one for samples that are rejected.")
    return label


def _choose_threshold(
    confidences: NDArray[Any], is_right: NDArray[np.bool_], max_error: float
) -> tuple[float, float, float]:
    """Return the lowest threshold whose error among the answered is at most `max_error`, its coverage and its error."""
    order = np.argsort(-confidences)
    n_answered = np.arange(1, len(order) + 1)
    errors = np.cumsum(~is_right[order]) / n_answered
    # Samples of equal confidence are answered together.
    is_last_of_equals = np.append(np.diff(confidences[order]) != 0, True)
    kept = np.flatnonzero(is_last_of_equals & (errors <= max_error))
    if not len(kept):
        raise ValueError(
            f"max_error={max_error} cannot be kept: the lowest error of answers in the cross-validation is "
            f"{errors[is_last_of_equals].min():.3g}. Raise max_error, or improve the estimator."
        )
    last = kept[-1]
    # Nothing is rejected where everything may be answered, however low the confidences of new samples are.
    threshold = 0.0 if last == len(order) - 1 else float(confidences[order[last]])
    return threshold, float(n_answered[last] / len(order)), float(errors[last])
