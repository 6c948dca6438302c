"""Whether the probability of the predicted class is the share that is right."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sklenet.inspection._inputs import (
    as_class_indices,
    as_classes,
    as_probabilities,
    check_classifier,
    check_count,
    check_lengths,
)
from sklenet.inspection._panels import import_pyplot, make_axes, make_panels


class ReliabilityDisplay:
    """Reliability diagram of the predicted classes, with the expected calibration error [1]_.

    scikit-learn's CalibrationDisplay is for two classes. With more, the confidence is the probability of the most
    probable class, and the accuracy is the share of the samples of which this class is the true one. Use
    :meth:`from_estimator` or :meth:`from_predictions` to make a display. All parameters are stored as attributes.

    Parameters
    ----------
    confidence : array-like of shape (n_bins,)
        Mean confidence of each bin that is not empty.
    accuracy : array-like of shape (n_bins,)
        Accuracy in each of these bins.
    share : array-like of shape (n_bins,)
        Share of the samples in each of these bins.
    name : str or None, default=None
        Name of the classifier in the legend.

    Attributes
    ----------
    expected_calibration_error : float
        Mean distance of accuracy and confidence, weighted by the bins' shares of the samples ([1]_, equation 3).
    line_ : matplotlib Line2D
        Accuracy by confidence.
    bars_ : matplotlib BarContainer or None
        Shares of the samples by confidence.
    ax_ : matplotlib Axes
        Axes of the diagram.
    share_ax_ : matplotlib Axes or None
        Axes of the shares below the diagram; None where the display is drawn on a single axes.
    figure_ : matplotlib Figure
        The figure that contains the axes.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : Calibration of the probability of one of two classes.
    sklearn.calibration.CalibratedClassifierCV : Calibrate a classifier.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017,
       section 2.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklenet.inspection import ReliabilityDisplay
    >>> y_proba = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]
    >>> display = ReliabilityDisplay.from_predictions([0, 0, 1, 0], y_proba)
    >>> round(display.expected_calibration_error, 3)
    0.1
    >>> plt.close(display.figure_)
    """

    figure_: Any
    ax_: Any
    share_ax_: Any
    line_: Any
    bars_: Any

    def __init__(
        self, *, confidence: ArrayLike, accuracy: ArrayLike, share: ArrayLike, name: str | None = None
    ) -> None:
        self.confidence = confidence
        self.accuracy = accuracy
        self.share = share
        self.name = name

    @property
    def expected_calibration_error(self) -> float:
        """Mean distance of accuracy and confidence, weighted by the bins' shares of the samples."""
        distance = np.abs(np.asarray(self.accuracy) - np.asarray(self.confidence))
        return float(np.sum(np.asarray(self.share) * distance))

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        n_bins: int = 15,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the reliability diagram of a classifier.

        Parameters
        ----------
        estimator : estimator instance
            A fitted classifier with `predict_proba`, or a fitted pipeline that ends in one.
        X : array-like of shape (n_samples, ...)
            Samples, as `predict_proba` takes them.
        y : array-like of shape (n_samples,)
            True labels, all of them among the classes of the estimator.
        n_bins : int, default=15
            Number of bins of equal width between 0 and 1.
        name : str or None, default=None
            Name in the legend. None takes the name of the estimator's class.
        ax : matplotlib Axes, array-like of two Axes or None, default=None
            Axes of the diagram alone, or of the diagram and of the shares. None makes a figure with both.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the line.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        TypeError
            If the estimator is no classifier, or has no `predict_proba`.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is empty, or y has another length or an unknown label.
        """
        import_pyplot("ReliabilityDisplay")  # before any computation
        check_classifier("ReliabilityDisplay", estimator)
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            classes=estimator.classes_,
            n_bins=n_bins,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        classes: ArrayLike | None = None,
        n_bins: int = 15,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the reliability diagram of predicted probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels.
        y_proba : array-like of shape (n_samples, n_classes)
            Probabilities of classes.
        classes : array-like of shape (n_classes,) or None, default=None
            Labels of the columns of `y_proba`. None takes the sorted labels of `y_true`.
        n_bins : int, default=15
            Number of bins of equal width between 0 and 1.
        name : str or None, default=None
            Name in the legend.
        ax : matplotlib Axes, array-like of two Axes or None, default=None
            Axes of the diagram alone, or of the diagram and of the shares. None makes a figure with both.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the line.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        ValueError
            If there are no samples, the lengths differ, y_true has a label that is not among the classes, or `y_proba`
            has another number of columns or values that are no probabilities.
        """
        owner = "ReliabilityDisplay"
        n_bins = check_count(owner, "n_bins", n_bins)
        check_lengths(y_true, y_proba)
        labels = as_classes(owner, classes, y_true)
        true = as_class_indices(owner, "y_true", y_true, labels)
        probabilities = as_probabilities(owner, y_proba, labels)
        confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == true
        # The bins are (0, 1/n_bins], (1/n_bins, 2/n_bins], ...
        bins = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
        counts = np.bincount(bins)
        filled = np.flatnonzero(counts)
        display = cls(
            confidence=np.bincount(bins, confidence)[filled] / counts[filled],
            accuracy=np.bincount(bins, right)[filled] / counts[filled],
            share=counts[filled] / len(true),
            name=name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Plot accuracy by confidence, and the shares of the samples below, unless `ax` is a single axes.

        Parameters
        ----------
        ax : matplotlib Axes, array-like of two Axes or None, default=None
            Axes of the diagram alone, or of the diagram and of the shares. None makes a figure with both.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the line.

        Returns
        -------
        display : ReliabilityDisplay
        """
        if ax is None or np.ndim(ax):
            self.figure_, (self.ax_, self.share_ax_) = make_panels(
                "ReliabilityDisplay", ax, 2, n_columns=1, panel_size=(4.6, 2.2), height_ratios=[3, 1]
            )
        else:
            self.ax_, self.share_ax_ = make_axes("ReliabilityDisplay", ax, (4.6, 3.6)), None
            self.figure_ = self.ax_.figure
        self._plot_line(kwargs)
        self.bars_ = None
        if self.share_ax_ is not None:
            self._plot_shares()
        return self

    def _plot_line(self, kwargs: dict[str, Any]) -> None:
        reference = "perfectly calibrated"
        if reference not in self.ax_.get_legend_handles_labels()[1]:
            self.ax_.plot([0, 1], [0, 1], color="gray", linestyle=":", label=reference)
        error = f"calibration error {self.expected_calibration_error:.3f}"
        label = error if self.name is None else f"{self.name} ({error})"
        (self.line_,) = self.ax_.plot(self.confidence, self.accuracy, **{"marker": "o", "label": label} | kwargs)
        self.ax_.set(xlabel="probability of the predicted class", ylabel="accuracy")
        self.ax_.legend(fontsize="small")

    def _plot_shares(self) -> None:
        self.ax_.tick_params(labelbottom=False)
        self.ax_.set_xlabel("")
        self.share_ax_.sharex(self.ax_)
        colour = self.line_.get_color()
        self.bars_ = self.share_ax_.bar(self.confidence, self.share, width=0.02, color=colour, alpha=0.6)
        self.share_ax_.set(xlabel="probability of the predicted class", ylabel="share", ylim=(0, 1))
