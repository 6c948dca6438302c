"""The filters of the first layer."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklenet.inspection._inputs import check_lenet
from sklenet.inspection._panels import SIGNED, make_panels

_N_COLUMNS = 6
_PANEL_SIZE = (1.2, 1.3)  # inches


class FilterDisplay:
    """The weights of C1, the first convolution of the network.

    Use :meth:`from_estimator` to make a display. All parameters are stored as attributes.

    Parameters
    ----------
    filters : ndarray of shape (n_maps, height, width)
        The filter of each map.

    Attributes
    ----------
    im_ : ndarray of shape (n_maps,) of matplotlib AxesImage
        The filters, on a common scale that is symmetric about 0.
    axes_ : ndarray of shape (n_maps,) of matplotlib Axes
        A panel for each filter.
    colorbar_ : matplotlib Colorbar
        The scale of the weights.
    figure_ : matplotlib Figure
        The figure that contains the panels.

    See Also
    --------
    FeatureMapDisplay : What the layers make of an image.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.datasets import load_mnist_sample
    >>> from sklenet.inspection import FilterDisplay
    >>> X, y = load_mnist_sample(return_X_y=True)
    >>> clf = LeNetClassifier(max_epochs=5, random_state=0).fit(X[:300], y[:300])
    >>> display = FilterDisplay.from_estimator(clf)
    >>> display.filters.shape
    (6, 5, 5)
    >>> plt.close(display.figure_)
    """

    figure_: Any
    axes_: NDArray[Any]
    im_: NDArray[Any]
    colorbar_: Any

    def __init__(self, filters: NDArray[Any]) -> None:
        self.filters = filters

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Show the filters of a classifier.

        Parameters
        ----------
        estimator : LeNetClassifier
            Fitted; or a fitted pipeline or search that ends in a LeNetClassifier.
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Axes that are divided into panels, or an array of axes, one for each filter. None makes a figure.

        Returns
        -------
        display : FilterDisplay

        Raises
        ------
        TypeError
            If the estimator does not end in a LeNetClassifier.
        NotFittedError
            If the estimator is not fitted.
        """
        lenet, _ = check_lenet("FilterDisplay", estimator)
        weights = lenet.net_.module_.c1.weight  # (n_maps, 1, 5, 5)
        return cls(weights[:, 0].detach().cpu().numpy().copy()).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the filters.

        Parameters
        ----------
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Axes that are divided into panels, or an array of axes, one for each filter. None makes a figure.

        Returns
        -------
        display : FilterDisplay
        """
        self.figure_, self.axes_ = make_panels(
            "FilterDisplay", ax, len(self.filters), n_columns=_N_COLUMNS, panel_size=_PANEL_SIZE
        )
        limit = np.abs(self.filters).max()
        self.im_ = np.empty(len(self.filters), dtype=object)
        for index, (panel, weights) in enumerate(zip(self.axes_, self.filters, strict=True)):
            self.im_[index] = panel.imshow(weights, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
            panel.set_axis_off()
            panel.set_title(f"map {index + 1}", fontsize="small", pad=3)
        self.colorbar_ = self.figure_.colorbar(self.im_[0], ax=list(self.axes_), label="weight", fraction=0.05)
        return self
