"""CharacterFramer: pictures of characters become images of one shape."""

import os
import warnings
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from sklenet._checks import Shape, check_image_shape, name_some
from sklenet._pictures import array_to_gray, is_pillow_image, read_any
from sklenet._private import Interval, StrOptions, _check_feature_names_in, _fit_context
from sklenet._validation import as_rows, resolve_image_shape
from sklenet.preprocessing._framing import CENTERS, Frame, frame_character
from sklenet.preprocessing._ink import POLARITIES


class CharacterFramer(TransformerMixin, BaseEstimator):
    """Frame pictures of single characters as the images of MNIST are framed [1]_.

    The framer finds the ink of each picture, whatever the colour of the paper and the light on it, scales the bounding
    box of the ink to a box of 20×20 pixels at its aspect ratio, and places the centre of mass of the ink in the centre
    of an image of 28×28 pixels, light on dark. A classifier that is trained on images that are framed alike then reads
    photographs and scans.

    Parameters
    ----------
    box : int, default=20
        Longer side of a character, in pixels of the image.
    image_shape : tuple (height, width), default=(28, 28)
        Shape of the images, in pixels. Neither side may be smaller than `box`.
    center : {"mass", "box"}, default="mass"
        What is placed in the centre of the image: the centre of mass of the ink, or the centre of its bounding box. A
        character is moved no further than to the edge of the image.
    polarity : {"auto", "dark-on-light", "light-on-dark"}, default="auto"
        Colours of the ink and of the background. "auto" decides for each picture: the background is what the border
        of the picture shows.
    deskew : bool, default=False
        Whether characters are sheared upright, so that the rows and columns of their ink are not correlated.

    Attributes
    ----------
    n_features_in_ : int
        Number of pixels of an image, if X is an array of two dimensions.
    feature_names_in_ : ndarray of shape (n_pixels,)
        Names of the columns, if X is a data frame whose column names are all strings.

    See Also
    --------
    find_characters : Find the characters in a picture of several.
    cut_sheet : Cut a filled-in form into its cells.
    sklenet.datasets.load_image_folder : Load pictures from folders; ``frame=True`` frames the pictures.

    Notes
    -----
    Uneven light is measured by a morphological closing and divided out. Otsu's threshold separates ink from paper.
    Strokes that are not connected to 3 % of the ink of the largest strokes are specks and left out, as is ink that
    touches the border, if most of the ink does not. Strokes keep their gray levels, and the strongest level becomes
    255. Resizing is antialiased. Pictures whose longer side exceeds 800 pixels are reduced first.

    Of the images of MNIST, which are framed already, 97 % stay as they are within two gray levels. The box of the
    others differs by a pixel or two from 20, so that they are resized.

    The framer learns nothing from data. `fit` validates the parameters and the number of pixels.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
       Proceedings of the IEEE 86(11), 2278-2324, 1998, section III.A.

    Examples
    --------
    A picture of 60×90 pixels, dark on light, with a character off the centre:

    >>> import numpy as np
    >>> from sklenet.preprocessing import CharacterFramer
    >>> picture = np.full((60, 90), 230, np.uint8)
    >>> picture[10:50, 70:75] = 40
    >>> image = CharacterFramer().fit_transform([picture]).reshape(28, 28)
    >>> np.argwhere(image).min(axis=0), np.argwhere(image).max(axis=0)
    (array([ 4, 13]), array([23, 14]))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "box": [Interval(Integral, 1, None, closed="left")],
        "image_shape": [tuple, list],
        "center": [StrOptions(set(CENTERS))],
        "polarity": [StrOptions(set(POLARITIES))],
        "deskew": ["boolean"],
    }

    def __init__(
        self,
        *,
        box: int = 20,
        image_shape: Shape = (28, 28),
        center: str = "mass",
        polarity: str = "auto",
        deskew: bool = False,
    ) -> None:
        self.box = box
        self.image_shape = image_shape
        self.center = center
        self.polarity = polarity
        self.deskew = deskew

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike | Sequence[Any], y: object = None) -> Self:
        """Validate the parameters, and the number of pixels if X is an array of two dimensions.

        Parameters
        ----------
        X : array-like or list
            Pictures, as in `transform`.
        y : None
            Ignored.

        Returns
        -------
        self : CharacterFramer

        Raises
        ------
        ValueError
            If a parameter or X is not as described.
        """
        self._frame()
        if not _is_list_of_pictures(X):
            self._validate(X, reset=True)
        return self

    def transform(self, X: ArrayLike | Sequence[Any]) -> NDArray[np.uint8]:
        """Frame pictures.

        Parameters
        ----------
        X : array-like or list
            An array of images of one shape, (n_samples, n_pixels), (n_samples, h, w), (n_samples, 1, h, w),
            (n_samples, h, w, 1) or, in colour, (n_samples, h, w, 3 or 4), where flat rows are squares; or a list of
            pictures of any shapes: arrays (h, w), (h, w, 3) or (h, w, 4), Pillow images, or paths of picture files.
            Floats from 0 to 1, integers from 0 to 255 and pixels of 16 bits are accepted.

        Returns
        -------
        images : ndarray of shape (n_samples, height · width), uint8
            Pixels row by row, ink on a background of 0. A picture without ink becomes blank.

        Raises
        ------
        ValueError
            If X is not as described, or a file is not a picture. The message names the picture.
        OSError
            If a file cannot be opened.
        ImportError
            If Pillow or scikit-image is missing. The extra ``sklenet[images]`` installs both.

        Warns
        -----
        UserWarning
            If pictures have no ink. The message names the pictures.
        """
        frame = self._frame()
        pictures = _read_list(X) if _is_list_of_pictures(X) else self._read_array(X)  # type: ignore[arg-type]
        images, blank = [], []
        for name, gray in pictures:
            image = frame_character(gray, frame, self.polarity)
            if image is None:
                blank.append(name)
                image = np.zeros(frame.shape, np.uint8)
            images.append(image.ravel())
        if blank:
            warnings.warn(
                f"No ink was found in {len(blank)} of {len(images)} pictures, which become blank: {name_some(blank)}.",
                UserWarning,
                stacklevel=3,
            )
        return np.stack(images)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Return the names of the pixels, ``pixel_row_column``.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Validated against `feature_names_in_` and `n_features_in_`, and not used otherwise.

        Returns
        -------
        names : ndarray of shape (height · width,), object
        """
        if hasattr(self, "n_features_in_"):
            _check_feature_names_in(self, input_features)
        height, width = self.image_shape
        return np.array([f"pixel_{row}_{column}" for row in range(height) for column in range(width)], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        """Return the tags: nothing is learnt, and images of three dimensions are accepted."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _frame(self) -> Frame:
        shape = check_image_shape("CharacterFramer", self.image_shape)
        if self.box > min(shape):
            raise ValueError(
                f"box={self.box} pixels do not fit into image_shape={shape}; set box to {min(shape)} at most."
            )
        return Frame(shape, int(self.box), self.center, self.deskew)

    def _validate(self, X: Any, *, reset: bool) -> tuple[NDArray[Any], Shape | None]:
        """Return an array of images as rows, and the shape of an image where the layout determines the shape."""
        full_shape: Sequence[int] = getattr(X, "shape", ())
        if len(full_shape) == 4 and full_shape[-1] in {3, 4} and full_shape[1] != 1:
            X = np.stack([array_to_gray(image) for image in np.asarray(X)])
        rows, shape = as_rows(X)
        return validate_data(self, rows, reset=reset), shape

    def _read_array(self, X: Any) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        rows, seen = self._validate(X, reset=False)
        height, width = resolve_image_shape(rows.shape[1], declared=None, seen=seen)
        for index, row in enumerate(rows):
            gray = array_to_gray(row[None]).ravel()
            padding = np.full(height * width - len(gray), gray[0])
            yield f"X[{index}]", np.concatenate([gray, padding]).reshape(height, width)


def _is_list_of_pictures(X: Any) -> bool:
    """Tell whether X is a list of pictures, each of its own size, and not an array or nested lists of numbers."""
    return isinstance(X, list | tuple) and len(X) > 0 and any(_is_picture(element) for element in X)


def _is_picture(element: Any) -> bool:
    return isinstance(element, str | os.PathLike) or is_pillow_image(element) or np.ndim(element) >= 2


def _read_list(X: Sequence[Any]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for index, element in enumerate(X):
        name = f"X[{index}]"
        if isinstance(element, str | os.PathLike):
            name = f"{name} ({os.fspath(element)})"
        yield name, read_any(element, name)
