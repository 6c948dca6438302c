"""One image on its way through the network."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklenet._classifier import LeNetClassifier
from sklenet._validation import validate_predict
from sklenet.inspection._inputs import check_lenet
from sklenet.inspection._panels import SIGNED, make_panels

_N_COLUMNS = 8  # maps side by side
_SIDE = 140  # pixels of a drawn map: a multiple of 28, 14, 10 and 5
_GAP = 14  # pixels between maps
_WIDTH = 6.0  # inches


class FeatureMapDisplay:
    """The maps of C1, S2, C3 and S4 for one image.

    Use :meth:`from_estimator` to make a display. All parameters are stored as attributes.

    Parameters
    ----------
    maps : dict of str to ndarray of shape (n_maps, height, width)
        The input on the canvas, and the maps of each layer, by name.

    Attributes
    ----------
    im_ : dict of str to matplotlib AxesImage
        The maps of each layer as one picture, with a scale of its own that is symmetric about 0.
    axes_ : dict of str to matplotlib Axes
        A panel for each layer.
    figure_ : matplotlib Figure
        The figure that contains the panels.

    See Also
    --------
    FilterDisplay : The weights of C1.
    OcclusionDisplay : The parts of an image that a prediction depends on.

    Notes
    -----
    The input is the standardised image on the network's canvas. C1 and C3 are the outputs of the convolutions. In the
    modern architecture, the outputs of S2 and S4 are not negative, because the maximum of a block is rectified.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.datasets import load_mnist_sample
    >>> from sklenet.inspection import FeatureMapDisplay
    >>> X, y = load_mnist_sample(return_X_y=True)
    >>> clf = LeNetClassifier(max_epochs=5, random_state=0).fit(X[:300], y[:300])
    >>> display = FeatureMapDisplay.from_estimator(clf, X[300:301])
    >>> {layer: maps.shape for layer, maps in display.maps.items()}
    {'input': (1, 32, 32), 'C1': (6, 28, 28), 'S2': (6, 14, 14), 'C3': (16, 10, 10), 'S4': (16, 5, 5)}
    >>> plt.close(display.figure_)
    """

    figure_: Any
    axes_: dict[str, Any]
    im_: dict[str, Any]

    def __init__(self, maps: dict[str, NDArray[Any]]) -> None:
        self.maps = maps

    @classmethod
    def from_estimator(cls, estimator: Any, X: ArrayLike, *, ax: Any = None) -> Self:
        """Show what the layers of a classifier make of an image.

        Parameters
        ----------
        estimator : LeNetClassifier
            Fitted; or a fitted pipeline or search that ends in a LeNetClassifier.
        X : array-like of shape (1, n_pixels), (1, h, w), (1, 1, h, w) or (1, h, w, 1)
            One image, in a layout that `predict` of the estimator accepts.
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Axes that are divided into panels, or an array of five axes. None makes a figure.

        Returns
        -------
        display : FeatureMapDisplay

        Raises
        ------
        TypeError
            If the estimator does not end in a LeNetClassifier.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X holds another number of images than one, or images that the classifier refuses.
        """
        lenet, steps = check_lenet("FeatureMapDisplay", estimator)
        for step in steps:
            X = step.transform(X)
        return cls(_maps_of_one_image(lenet, X)).plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the maps, a row for each layer.

        Parameters
        ----------
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Axes that are divided into panels, or an array of axes, one for each layer. None makes a figure.

        Returns
        -------
        display : FeatureMapDisplay
        """
        pictures = {layer: _tile(maps) for layer, maps in self.maps.items()}
        heights = [float(len(picture) + _SIDE / 3) for picture in pictures.values()]  # with the title
        inches = _WIDTH / (_N_COLUMNS * (_SIDE + _GAP))  # of a pixel
        size = _WIDTH, inches * sum(heights) / len(heights)
        self.figure_, panels = make_panels(
            "FeatureMapDisplay", ax, len(pictures), n_columns=1, panel_size=size, height_ratios=heights
        )
        self.axes_ = dict(zip(pictures, panels, strict=True))
        self.im_ = {}
        for layer, picture in pictures.items():
            n_maps, height, width = self.maps[layer].shape
            limit = np.abs(self.maps[layer]).max()
            style = {"cmap": SIGNED, "vmin": -limit, "vmax": limit, "interpolation": "nearest"}
            self.im_[layer] = self.axes_[layer].imshow(picture, **style)
            self.axes_[layer].set_axis_off()
            self.axes_[layer].set_anchor("W")
            of = f"{n_maps} maps of " if n_maps > 1 else ""
            self.axes_[layer].set_title(f"{layer}: {of}{height}×{width}", fontsize="small", pad=3, loc="left")
        return self


def _maps_of_one_image(lenet: LeNetClassifier, X: ArrayLike) -> dict[str, NDArray[Any]]:
    rows = validate_predict(lenet, X, lenet._model)
    if len(rows) != 1:
        raise ValueError(
            f"FeatureMapDisplay shows one image. Got {len(rows)} instead; pass X[:1], an array of one image."
        )
    return {layer: maps[0] for layer, maps in lenet._model.maps(rows).items()}


def _tile(maps: NDArray[Any]) -> NDArray[Any]:
    """Join maps (n, h, w) in one picture, whose gaps are NaN."""
    factor = max(1, _SIDE // maps.shape[1])
    enlarged = maps.repeat(factor, axis=1).repeat(factor, axis=2).astype(float)
    padded = np.pad(enlarged, ((0, 0), (0, _GAP), (0, _GAP)), constant_values=np.nan)
    n_columns = min(len(maps), _N_COLUMNS)
    n_missing = -len(maps) % n_columns
    padded = np.pad(padded, ((0, n_missing), (0, 0), (0, 0)), constant_values=np.nan)
    rows = [np.hstack(list(padded[start : start + n_columns])) for start in range(0, len(padded), n_columns)]
    return np.vstack(rows)[:-_GAP, :-_GAP]
