"""The parts of an image that a prediction depends on."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklenet._checks import Shape, check_choice
from sklenet.inspection._inputs import as_class_indices, as_images, check_classifier, check_count, like
from sklenet.inspection._panels import import_pyplot, make_panels, show_image

_RESPONSES = {"predict_proba": "probability", "decision_function": "decision value"}
_MAX_IMAGES = 12
_PANEL_SIZE = (1.5, 1.7)  # inches
_PIXELS_AT_ONCE = 2**23  # of occluded copies in memory
_COLOURS = "viridis"


class OcclusionDisplay:
    """The probability of a class while a patch of background covers one part of the image after the other [1]_.

    Where the probability falls, the prediction depends on what the patch covers. Use :meth:`from_estimator` to make a
    display. All parameters are stored as attributes.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width)
        The images without a patch.
    maps : ndarray of shape (n_images, n_rows, n_columns)
        Probabilities of the class by the place of the patch, whose centre moves by `stride` pixels.
    scores : array-like of shape (n_images,)
        Probabilities of the class without a patch.
    y_pred : array-like of shape (n_images,)
        Predicted labels without a patch.
    classes : array-like of shape (n_images,)
        The class of each image whose probability is shown.
    stride : int, default=1
        Pixels between two places of the patch.
    response : str, default="probability"
        Name of the values.

    Attributes
    ----------
    im_ : ndarray of shape (n_images,) of matplotlib AxesImage
        The maps.
    axes_ : ndarray of shape (2, n_images) of matplotlib Axes
        The panels: images in the first row, maps in the second.
    colorbar_ : matplotlib Colorbar
        The scale of the maps.
    figure_ : matplotlib Figure
        The figure that contains the panels.

    See Also
    --------
    FeatureMapDisplay : What the layers of a LeNetClassifier make of an image.
    sklearn.inspection.permutation_importance : The features that a model depends on, over a whole data set.

    Notes
    -----
    An occluded image is unlike the training images, so that a map shows the behaviour of the classifier, and does not
    explain the class.

    References
    ----------
    .. [1] M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.2.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.datasets import load_mnist_sample
    >>> from sklenet.inspection import OcclusionDisplay
    >>> X, y = load_mnist_sample(return_X_y=True)
    >>> clf = LeNetClassifier(max_epochs=5, random_state=0).fit(X[:300], y[:300])
    >>> display = OcclusionDisplay.from_estimator(clf, X[300:304])
    >>> display.maps.shape
    (4, 28, 28)
    >>> plt.close(display.figure_)
    """

    figure_: Any
    axes_: NDArray[Any]
    im_: NDArray[Any]
    colorbar_: Any

    def __init__(
        self,
        images: NDArray[Any],
        maps: NDArray[Any],
        *,
        scores: Sequence[float] | NDArray[Any],
        y_pred: Sequence[Any] | NDArray[Any],
        classes: Sequence[Any] | NDArray[Any],
        stride: int = 1,
        response: str = "probability",
    ) -> None:
        self.images = images
        self.maps = maps
        self.scores = scores
        self.y_pred = y_pred
        self.classes = classes
        self.stride = stride
        self.response = response

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        class_of_interest: Any = None,
        patch_size: int | None = None,
        stride: int | None = None,
        fill: float | None = None,
        response_method: str = "predict_proba",
        image_shape: Shape | None = None,
        ax: Any = None,
    ) -> Self:
        """Occlude images, and show what a classifier makes of them.

        A map of 28×28 pixels takes 784 predictions, in one call of `predict_proba`; larger images take several calls.

        Parameters
        ----------
        estimator : estimator instance
            A fitted classifier with `predict_proba`, or a fitted pipeline that ends in one.
        X : array-like of shape (n_images, n_pixels), (n_images, h, w), (n_images, 1, h, w) or (n_images, h, w, 1)
            One to twelve images.
        class_of_interest : int, str, ... or None, default=None
            The class whose probability is shown, one of the classes of the estimator. None shows the predicted class of
            each image.
        patch_size : int or None, default=None
            Side of the patch in pixels. None is a sixth of the longer side of the images, rounded up: 5 for 28 pixels.
        stride : int or None, default=None
            Pixels between two places of the patch. None is a fifth of `patch_size`, at least 1.
        fill : float or None, default=None
            Value of the pixels of the patch. None is the background of each image, the median of its border pixels.
        response_method : {"predict_proba", "decision_function"}, default="predict_proba"
            The values that are shown: probabilities, or decision values such as the logits of a LeNetClassifier, which
            still change where a probability is close to 0 or 1.
        image_shape : tuple (height, width) or None, default=None
            Shape of one image, for flat rows that are no squares. A LeNetClassifier knows the shape of its images.
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Axes that are divided into panels, or an array of two axes for each image. None makes a figure.

        Returns
        -------
        display : OcclusionDisplay

        Raises
        ------
        TypeError
            If the estimator is no classifier, or lacks the method.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is empty, holds more than twelve images or has another layout, `class_of_interest` is not a class of
            the estimator, or another parameter is out of range.
        """
        owner = "OcclusionDisplay"
        import_pyplot(owner)  # before any computation
        check_choice(owner, "response_method", response_method, _RESPONSES)
        check_classifier(owner, estimator, response_method)
        images = as_images(owner, X, image_shape, estimator)
        if len(images) > _MAX_IMAGES:
            raise ValueError(
                f"{owner} shows up to {_MAX_IMAGES} images. Got {len(images)} instead; pass fewer, such as X[:4]."
            )
        patch_size = check_count(
            owner, "patch_size", -(-max(images.shape[1:]) // 6) if patch_size is None else patch_size
        )
        stride = check_count(owner, "stride", max(1, patch_size // 5) if stride is None else stride)

        scores = _respond(estimator, response_method, X)
        predicted = np.asarray(estimator.predict(X))
        labels = predicted if class_of_interest is None else np.repeat([class_of_interest], len(images))
        columns = as_class_indices(owner, "class_of_interest", labels, np.asarray(estimator.classes_))
        maps = [
            np.concatenate(
                [
                    _respond(estimator, response_method, like(X, occluded))[:, column]
                    for occluded in _occlude(image, patch_size, stride, _background(image) if fill is None else fill)
                ]
            ).reshape(_grid_shape(image.shape, stride))
            for image, column in zip(images, columns, strict=True)
        ]
        display = cls(
            images,
            np.stack(maps),
            scores=scores[np.arange(len(images)), columns],
            y_pred=predicted,
            classes=labels,
            stride=stride,
            response=_RESPONSES[response_method],
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
        """Plot the images with their predicted classes, and below each image its map.

        The contour of the strokes is drawn on the map.

        Parameters
        ----------
        ax : matplotlib Axes, array-like of Axes or None, default=None
            Axes that are divided into panels, or an array of two axes for each image. None makes a figure.

        Returns
        -------
        display : OcclusionDisplay
        """
        n_images = len(self.images)
        self.figure_, panels = make_panels(
            "OcclusionDisplay", ax, 2 * n_images, n_columns=n_images, panel_size=_PANEL_SIZE
        )
        self.axes_ = panels.reshape(2, n_images)
        self.im_ = np.empty(n_images, dtype=object)
        limits = (0.0, 1.0) if self.response == "probability" else (self.maps.min(), self.maps.max())
        for index, (above, below) in enumerate(self.axes_.T):
            show_image(above, self.images[index])
            above.set_title(f"predicted {self.y_pred[index]}", fontsize="small", pad=3)
            self.im_[index] = self._show_map(below, index, limits)
            below.set_title(f"class {self.classes[index]}: {self.scores[index]:.2f}", fontsize="small", pad=3)
        self.colorbar_ = self.figure_.colorbar(self.im_[0], ax=list(self.axes_[1]))
        self.colorbar_.set_label(f"{self.response} of the class", fontsize="small")
        return self

    def _show_map(self, axes: Any, index: int, limits: tuple[float, float]) -> Any:
        image, scores = self.images[index], self.maps[index]
        # A value of the map is drawn on the pixels that its place stands for.
        extent = (-0.5, scores.shape[1] * self.stride - 0.5, scores.shape[0] * self.stride - 0.5, -0.5)
        vmin, vmax = limits
        shown = axes.imshow(scores, cmap=_COLOURS, vmin=vmin, vmax=vmax, extent=extent, interpolation="nearest")
        lowest, highest = float(image.min()), float(image.max())
        if lowest < highest:
            axes.contour(image, levels=[(lowest + highest) / 2], colors="white", linewidths=0.8)
        axes.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
        axes.set_axis_off()
        return shown


def _respond(estimator: Any, method: str, X: Any) -> NDArray[Any]:
    """Return a column for each class."""
    scores = np.asarray(getattr(estimator, method)(X))
    if scores.ndim == 1:  # the decision function of two classes
        scores = np.column_stack([-scores, scores])
    if scores.shape[1] != len(estimator.classes_):
        raise ValueError(
            f"{method} has {scores.shape[1]} columns for {len(estimator.classes_)} classes; OcclusionDisplay needs one "
            "for each class."
        )
    return scores


def _background(image: NDArray[Any]) -> float:
    return float(np.median(np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])))


def _grid_shape(shape: tuple[int, ...], stride: int) -> tuple[int, int]:
    height, width = shape
    return -(-height // stride), -(-width // stride)


def _occlude(image: NDArray[Any], patch_size: int, stride: int, fill: float) -> Iterator[NDArray[Any]]:
    """Yield arrays of copies (n, h, w) with a patch, for its places row by row. A patch may reach beyond the border."""
    covered_rows, covered_columns = (_covered(side, patch_size, stride) for side in image.shape)  # (n_places, side)
    places = np.indices((len(covered_rows), len(covered_columns))).reshape(2, -1).T
    for chunk in np.array_split(places, -(-len(places) * image.size // _PIXELS_AT_ONCE)):
        patches = covered_rows[chunk[:, 0], :, None] & covered_columns[chunk[:, 1], None, :]
        yield np.where(patches, image.dtype.type(fill), image)


def _covered(side: int, patch_size: int, stride: int) -> NDArray[np.bool_]:
    """Tell which pixels of a side each place of the patch covers."""
    centres = np.arange(0, side, stride) + (stride - 1) / 2
    starts = np.floor(centres - (patch_size - 1) / 2)[:, None]
    return (starts <= np.arange(side)) & (np.arange(side) < starts + patch_size)
