"""The course of a training."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sklenet.inspection._inputs import check_lenet
from sklenet.inspection._panels import make_axes

_LOSS_COLOUR, _SCORE_COLOUR = "#0072b2", "#d55e00"  # distinct for colour-blind readers (Okabe and Ito 2008)


class TrainingCurveDisplay:
    """The training loss of each epoch, and the validation accuracy if the classifier stops early.

    Use :meth:`from_estimator` to make a display. All parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,)
        Mean training loss of each epoch.
    validation_scores : array-like of shape (n_epochs,) or None, default=None
        Validation accuracy after each epoch, NaN for an epoch without one.

    Attributes
    ----------
    line_ : matplotlib Line2D
        The training loss.
    score_line_ : matplotlib Line2D or None
        The validation accuracy.
    ax_ : matplotlib Axes
        Axes of the training loss.
    score_ax_ : matplotlib Axes or None
        Axes of the validation accuracy, on the right side of `ax_`.
    figure_ : matplotlib Figure
        The figure that contains the axes.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of training samples.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.datasets import load_mnist_sample
    >>> from sklenet.inspection import TrainingCurveDisplay
    >>> X, y = load_mnist_sample(return_X_y=True)
    >>> clf = LeNetClassifier(max_epochs=5, random_state=0).fit(X[:300], y[:300])
    >>> display = TrainingCurveDisplay.from_estimator(clf)
    >>> len(display.line_.get_ydata())
    5
    >>> plt.close(display.figure_)
    """

    figure_: Any
    ax_: Any
    line_: Any
    score_ax_: Any
    score_line_: Any

    def __init__(self, loss_curve: ArrayLike, *, validation_scores: ArrayLike | None = None) -> None:
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **kwargs: Any) -> Self:
        """Plot the training of a classifier.

        Parameters
        ----------
        estimator : LeNetClassifier
            Fitted; or a fitted pipeline or search that ends in a LeNetClassifier.
        ax : matplotlib Axes or None, default=None
            Axes to plot on. None makes a figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the training loss.

        Returns
        -------
        display : TrainingCurveDisplay

        Raises
        ------
        TypeError
            If the estimator does not end in a LeNetClassifier.
        NotFittedError
            If the estimator is not fitted.
        """
        lenet, _ = check_lenet("TrainingCurveDisplay", estimator)
        scores = None
        if lenet.validation_scores_ is not None:
            # A warm start has epochs before the scores, a later call of partial_fit has epochs after them.
            n_before = len(lenet.loss_curve_) - lenet.n_epochs_
            scores = np.full(len(lenet.loss_curve_), np.nan)
            scores[n_before : n_before + len(lenet.validation_scores_)] = lenet.validation_scores_
        return cls(lenet.loss_curve_, validation_scores=scores).plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Plot the curves by epoch.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to plot on. None makes a figure.
        **kwargs : dict
            Passed to `matplotlib.axes.Axes.plot` for the training loss.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        self.ax_ = make_axes("TrainingCurveDisplay", ax, (5.6, 3.6))
        self.figure_ = self.ax_.figure
        epochs = np.arange(1, len(np.asarray(self.loss_curve)) + 1)
        style = {"color": _LOSS_COLOUR, "marker": ".", "label": "training loss"} | kwargs
        (self.line_,) = self.ax_.plot(epochs, self.loss_curve, **style)
        self.ax_.set(xlabel="epoch", ylabel="training loss")
        self.ax_.set_ylim(bottom=0)
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.score_ax_ = self.score_line_ = None
        if self.validation_scores is not None:
            self._plot_scores(epochs)
        return self

    def _plot_scores(self, epochs: Any) -> None:
        self.score_ax_ = self.ax_.twinx()
        style = {"color": _SCORE_COLOUR, "marker": ".", "linestyle": "--", "label": "validation accuracy"}
        (self.score_line_,) = self.score_ax_.plot(epochs, self.validation_scores, **style)
        self.score_ax_.set_ylabel("validation accuracy")
        self.ax_.legend(handles=[self.line_, self.score_line_], loc="center right")
