"""The images that a classifier gets wrong."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklenet._checks import Shape
from sklenet.inspection._inputs import (
    as_class_indices,
    as_classes,
    as_images,
    as_probabilities,
    check_classifier,
    check_count,
    check_lengths,
)
from sklenet.inspection._panels import import_pyplot, make_panels, show_image

_N_COLUMNS = 6
_PANEL_SIZE = (1.2, 1.6)  # inches
_LONGEST_LABEL, _LONGEST_LINE = 11, 12  # characters in a title


class MistakesDisplay:
    """The misclassified images, the largest loss first.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make a display. All parameters are stored as attributes.

    Parameters
    ----------
    images : sequence of length n_mistakes
        The misclassified images, in the order in which they are shown: (h, w) in gray, or (h, w, 3) in colour.
    y_true, y_pred : array-like of shape (n_mistakes,)
        True and predicted labels of these images.
    indices : array-like of shape (n_mistakes,)
        Indices of these images in X.
    y_proba : array-like of shape (n_mistakes, 2) or None, default=None
        Probabilities of the true and of the predicted class.
    n_samples : int or None, default=None
        Number of samples among which the mistakes were found, for the title.

    Attributes
    ----------
    indices_ : ndarray of shape (n_shown,)
        Indices in X of the images that are shown.
    im_ : ndarray of shape (n_shown,) of matplotlib AxesImage
        The images that are shown.
    axes_ : ndarray of matplotlib Axes
        A panel for each image; a single one if there are no mistakes.
    figure_ : matplotlib Figure
        The figure that contains the panels.

    See Also
    --------
    most_confused : The pairs of classes that are confused, as a table.
    sklearn.metrics.ConfusionMatrixDisplay : The number of mistakes for each pair of classes.

    Notes
    -----
    The loss of a sample is the log loss, -log p of the true class. A confident mistake has a large loss. Large losses
    are the first place to look for wrong labels.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.datasets import load_mnist_sample
    >>> from sklenet.inspection import MistakesDisplay
    >>> X, y = load_mnist_sample(return_X_y=True)
    >>> clf = LeNetClassifier(max_epochs=5, random_state=0).fit(X[:300], y[:300])
    >>> display = MistakesDisplay.from_estimator(clf, X[300:], y[300:], n_images=12)
    >>> display.indices_.shape
    (12,)
    >>> plt.close(display.figure_)
    """

    figure_: Any
    axes_: NDArray[Any]
    im_: NDArray[Any]
    indices_: NDArray[np.intp]

    def __init__(
        self,
        images: Sequence[Any] | NDArray[Any],
        *,
        y_true: Sequence[Any] | NDArray[Any],
        y_pred: Sequence[Any] | NDArray[Any],
        indices: ArrayLike,
        y_proba: Sequence[Any] | NDArray[Any] | None = None,
        n_samples: int | None = None,
    ) -> None:
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.indices = indices
        self.y_proba = y_proba
        self.n_samples = n_samples

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        *,
        n_images: int = 18,
        image_shape: Shape | None = None,
        ax: Any = None,
    ) -> Self:
        """Show the images that a classifier gets wrong.

        Parameters
        ----------
        estimator : estimator instance
            A fitted classifier with `predict_proba`, or a fitted pipeline that ends in one.
        X : array-like of shape (n_samples, n_pixels), (n_samples, h, w), (n_samples, 1, h, w) or (n_samples, h, w, 1)
            Images; or a list of gray or colour pictures, each of its own size, which a pipeline may accept.
        y : array-like of shape (n_samples,)
            True labels, all of them among the classes of the estimator.
        n_images : int, default=18
            Number of images that are shown at most.
        image_shape : tuple (height, width) or None, default=None
            Shape of one image, for flat rows that are no squares. A LeNetClassifier knows the shape of its images.
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Axes that are divided into panels, or an array of axes, one for each image. None makes a figure.

        Returns
        -------
        display : MistakesDisplay

        Raises
        ------
        TypeError
            If the estimator is no classifier, or has no `predict_proba`.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is empty or of another layout, or y has another length or an unknown label.
        """
        import_pyplot("MistakesDisplay")  # before any computation
        check_classifier("MistakesDisplay", estimator)
        images = _as_pictures(X, image_shape, estimator)
        # Labels come from `predict`, because some classifiers, such as TunedThresholdClassifierCV, do not predict the
        # most probable class.
        return cls.from_predictions(
            images,
            y,
            estimator.predict(X),
            y_proba=estimator.predict_proba(X),
            classes=estimator.classes_,
            n_images=n_images,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X: ArrayLike,
        y_true: ArrayLike,
        y_pred: ArrayLike | None = None,
        *,
        y_proba: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        n_images: int = 18,
        image_shape: Shape | None = None,
        ax: Any = None,
    ) -> Self:
        """Show the images whose predicted label differs from the true label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels), (n_samples, h, w), (n_samples, 1, h, w) or (n_samples, h, w, 1)
            Images; or a list of gray or colour pictures, each of its own size, which a pipeline may accept.
        y_true : array-like of shape (n_samples,)
            True labels.
        y_pred : array-like of shape (n_samples,) or None, default=None
            Predicted labels. None takes the most probable classes of `y_proba`.
        y_proba : array-like of shape (n_samples, n_classes) or None, default=None
            Probabilities of classes. Without probabilities, the mistakes are shown in the order of X.
        classes : array-like of shape (n_classes,) or None, default=None
            Labels of the columns of `y_proba`. None takes the sorted labels of `y_true` and `y_pred`.
        n_images : int, default=18
            Number of images that are shown at most.
        image_shape : tuple (height, width) or None, default=None
            Shape of one image, for flat rows that are no squares.
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Axes that are divided into panels, or an array of axes, one for each image. None makes a figure.

        Returns
        -------
        display : MistakesDisplay

        Raises
        ------
        ValueError
            If neither `y_pred` nor `y_proba` is given, X is empty or of another layout, the lengths differ, a label is
            not among the classes, or `y_proba` has another number of columns.
        """
        owner = "MistakesDisplay"
        images = _as_pictures(X, image_shape)
        check_lengths(images, y_true, y_pred, y_proba)
        labels = as_classes(owner, classes, *(each for each in (y_true, y_pred) if each is not None))
        true = as_class_indices(owner, "y_true", y_true, labels)
        probabilities = None if y_proba is None else as_probabilities(owner, y_proba, labels)
        if y_pred is not None:
            predicted = as_class_indices(owner, "y_pred", y_pred, labels)
        elif probabilities is not None:
            predicted = probabilities.argmax(axis=1)
        else:
            raise ValueError(f"{owner}.from_predictions needs y_pred, y_proba or both.")
        wrong, pairs = _find_mistakes(true, predicted, probabilities)
        display = cls(
            [images[index] for index in wrong],
            y_true=labels[true[wrong]],
            y_pred=labels[predicted[wrong]],
            indices=wrong,
            y_proba=pairs,
            n_samples=len(images),
        )
        return display.plot(n_images=n_images, ax=ax)

    def plot(self, ax: Any = None, *, n_images: int = 18) -> Self:
        """Plot the images, each with its true → predicted class and the probabilities of both classes.

        Parameters
        ----------
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Axes that are divided into panels, or an array of axes, one for each image. None makes a figure.
        n_images : int, default=18
            Number of images that are shown at most.

        Returns
        -------
        display : MistakesDisplay
        """
        n_images = check_count("MistakesDisplay", "n_images", n_images)
        self.indices_ = np.asarray(self.indices, dtype=np.intp)[:n_images]
        n_shown = len(self.indices_)
        self.figure_, self.axes_ = make_panels(
            "MistakesDisplay", ax, max(1, n_shown), n_columns=_N_COLUMNS, panel_size=_PANEL_SIZE
        )
        self.im_ = np.empty(n_shown, dtype=object)
        for index in range(n_shown):
            self.im_[index] = show_image(self.axes_[index], self.images[index])
            self.axes_[index].set_title(self._title(index), fontsize="small", pad=3)
        if ax is None and n_shown:
            self.figure_.suptitle(self._summary(n_shown), fontsize="medium")
        if not n_shown:
            self.axes_[0].set_axis_off()
            self.axes_[0].text(0.5, 0.5, self._summary(0), ha="center", va="center", wrap=True)
        return self

    def _title(self, index: int) -> str:
        true, predicted = (_shorten(str(labels[index])) for labels in (self.y_true, self.y_pred))
        pair = f"{true} → {predicted}"
        if len(pair) > _LONGEST_LINE:
            pair = f"{true}\n→ {predicted}"
        if self.y_proba is None:
            return pair
        return pair + "\n" + " → ".join(f"{probability:.2f}" for probability in self.y_proba[index])

    def _summary(self, n_shown: int) -> str:
        among = "" if self.n_samples is None else f" among {self.n_samples:,} images"
        n_mistakes = len(self.images)
        if not n_mistakes:
            return f"no mistakes{among}"
        mistakes = "1 mistake" if n_mistakes == 1 else f"{n_mistakes:,} mistakes"
        shown = "" if n_shown == n_mistakes else f"first {n_shown} of "
        probabilities = "" if self.y_proba is None else ", with their probabilities"
        return f"{shown}{mistakes}{among}\ntrue → predicted class{probabilities}"


def _as_pictures(X: Any, image_shape: Shape | None, estimator: Any = None) -> Any:
    """Return an array of images (n, h, w), or a list where pictures have colours or several sizes."""
    shapes = {np.shape(picture) for picture in X} if isinstance(X, list | tuple) else set()
    has_colours = any(len(shape) == 3 and shape[2] in (3, 4) for shape in shapes)
    if shapes and all(len(shape) in (2, 3) for shape in shapes) and (has_colours or len(shapes) > 1):
        return [np.asarray(picture) for picture in X]
    return as_images("MistakesDisplay", X, image_shape, estimator)


def _find_mistakes(
    true: NDArray[np.intp], predicted: NDArray[np.intp], probabilities: NDArray[Any] | None
) -> tuple[NDArray[np.intp], NDArray[Any] | None]:
    """Return the indices of the mistakes, and the probabilities of their true and predicted classes.

    The largest loss comes first; without probabilities, the mistakes are in the order of the samples.
    """
    wrong = np.flatnonzero(true != predicted)
    if probabilities is None:
        return wrong, None
    wrong = wrong[np.argsort(probabilities[wrong, true[wrong]], kind="stable")]
    return wrong, np.column_stack([probabilities[wrong, classes[wrong]] for classes in (true, predicted)])


def _shorten(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"
