"""Load picture files as images of one size and polarity."""

import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklenet._checks import Shape, check_choice, check_image_shape, name_some
from sklenet._extras import import_extra
from sklenet._pictures import border_pixels, read_picture
from sklenet.datasets._bunch import as_bunch
from sklenet.datasets._pictures import find_labelled, find_unlabelled
from sklenet.preprocessing._framing import MNIST_BOX, Frame, frame_character

# Draws a picture in an image of one shape, or returns None for a picture without ink.
Draw = Callable[[NDArray[np.uint8]], NDArray[np.uint8] | None]

_POLARITIES = ("keep", "auto", "invert")
_LABELS = ("folder", None)
# A picture whose gray levels span less than this is blank, and its contrast is noise.
_MIN_CONTRAST = 32
# A border is evidence of the polarity only if its shares of light and of dark pixels both exceed this share.
_MIN_BORDER_SHARE = 0.02


def load_image_folder(
    path: str | os.PathLike[str],
    *,
    label: str | None = "folder",
    image_shape: tuple[int, int] = (28, 28),
    polarity: str = "keep",
    frame: bool = False,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load pictures from a folder that contains one folder for each class, or pictures without labels.

    Every picture is converted to grayscale, rotated upright according to its EXIF data, resized to the largest size
    that fits into `image_shape` at its aspect ratio, and centred. The remaining area is filled with the background of
    the picture, the median of its border pixels. A picture that has `image_shape` already keeps its pixels. The first
    of several frames is read. Transparent pixels become white. Pixels of 16 bits lose their lower 8 bits;
    floating-point pixels must be from 0 to 1.

    Parameters
    ----------
    path : path-like
        The folder, which is searched recursively. A file is a picture if Pillow reads pictures with the suffix of its
        name; PDF, PostScript, videos and scientific containers do not count as pictures. Other files are skipped, and a
        warning counts the skipped files. Hidden files and files that file managers create are skipped without a
        warning.
    label : {"folder", None}, default="folder"
        Source of the labels. With "folder", the name of each folder in `path` is the class of its pictures. With None,
        the pictures have no labels, as pictures to predict.
    image_shape : tuple (height, width), default=(28, 28)
        Shape of the returned images, in pixels.
    polarity : {"keep", "auto", "invert"}, default="keep"
        "invert" inverts all pictures. "auto" inverts pictures that are dark on light, so that all images are light on
        dark, as in MNIST. For "auto", Otsu's threshold [1]_ divides the pixels into light and dark pixels. A picture is
        dark on light if the share of light pixels in the area and the share in the border add up to more than one. If
        at least 98 % of the border are light or dark, only the area counts, and its share must exceed one half. "auto"
        may misjudge a heavy character that is cropped to its bounding box, and a page with a strong gradient of light.
    frame : bool, default=False
        Whether to frame the characters as :class:`~sklenet.preprocessing.CharacterFramer` does, instead of resizing the
        whole pictures: for photographs and scans. The longer side of a character becomes 20/28 of the shorter side of
        `image_shape`, as in MNIST. Framed images are light on dark; "keep" and "auto" are then the same polarity, and
        "invert" declares dark ink. A warning names pictures without ink.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return the data as a pandas DataFrame and the target as a Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the attributes:

        data : {ndarray, DataFrame} of shape (n_samples, height · width)
            Pixels row by row, uint8.
        images : ndarray of shape (n_samples, height, width)
            The same pixels. Shares its memory with `data` unless `as_frame=True`.
        target : {ndarray, Series} of shape (n_samples,) or None
            The class of each image, the name of its folder. None if `label=None`.
        target_names : ndarray of shape (n_classes,) or None
            The names of the classes, sorted. None if `label=None`.
        filenames : ndarray of shape (n_samples,)
            The file of each image. Images are sorted by class, then by path.
        feature_names : list of str
            ``pixel_row_column``.
        frame : DataFrame of shape (n_samples, height · width + 1) or None
            `data` and `target` in one table; None unless `as_frame=True`.

    (data, target) : tuple if ``return_X_y=True``
        The attributes `data` and `target`.

    Raises
    ------
    ValueError
        If the folder contains no folders, a folder without pictures, pictures outside of the folders, or folders that
        are training and test sets instead of classes; if files cannot be read as pictures, with a message that names
        up to ten files; or if a parameter is invalid.
    FileNotFoundError, NotADirectoryError
        If the folder does not exist, or is a file.
    ImportError
        If Pillow is missing, or scikit-image where ink is searched. The extra ``sklenet[images]`` installs both.

    Warns
    -----
    UserWarning
        If files are skipped, or pictures to be framed have no ink.

    See Also
    --------
    load_pixel_csv : Load images from a table of pixels.
    sklearn.datasets.load_files : Load texts from a folder that contains one folder for each class.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on Systems, Man, and
       Cybernetics 9(1), 62-66, 1979, section II.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> with TemporaryDirectory() as folder:
    ...     for letter in "AB":
    ...         Path(folder, letter).mkdir()
    ...         Image.new("RGB", (64, 32), "white").save(Path(folder, letter, "1.png"))
    ...     letters = load_image_folder(folder, image_shape=(28, 28), polarity="auto")
    >>> letters.images.shape, letters.target
    ((2, 28, 28), array(['A', 'B'], dtype='<U1'))
    """
    shape = check_image_shape("load_image_folder", image_shape)
    check_choice("load_image_folder", "polarity", polarity, _POLARITIES)
    check_choice("load_image_folder", "label", label, _LABELS)
    folder = Path(path).expanduser()
    files = {"": find_unlabelled(folder)} if label is None else find_labelled(folder)
    paths = [file for group in files.values() for file in group]
    names = None if label is None else np.array(list(files))
    draw = _framing(shape, polarity) if frame else _resizing(shape, polarity)
    return as_bunch(
        _read_pictures(paths, shape, draw),
        None if names is None else np.repeat(names, [len(group) for group in files.values()]),
        return_X_y=return_X_y,
        as_frame=as_frame,
        target_names=names,
        filenames=np.array([str(file) for file in paths]),
    )


def _read_pictures(paths: list[Path], shape: Shape, draw: Draw) -> NDArray[np.uint8]:
    images = np.zeros((len(paths), *shape), np.uint8)
    reasons, blank = [], []
    for image, path in zip(images, paths, strict=True):
        try:
            drawn = draw(read_picture(path))
        except (OSError, ValueError) as error:
            reasons.append(f"{path} ({error})")
            continue
        if drawn is None:
            blank.append(str(path))
        else:
            image[:] = drawn
    if reasons:
        raise ValueError(f"{len(reasons)} of {len(paths)} files cannot be read as pictures: {name_some(reasons)}.")
    if blank:
        warnings.warn(
            f"No ink was found in {len(blank)} of {len(paths)} pictures, which become blank: {name_some(blank)}.",
            UserWarning,
            stacklevel=3,
        )
    return images


def _framing(shape: Shape, polarity: str) -> Draw:
    frame = Frame(shape, box=max(1, round(min(shape) * MNIST_BOX)))
    return partial(frame_character, frame=frame, polarity="dark-on-light" if polarity == "invert" else "auto")


def _resizing(shape: Shape, polarity: str) -> Draw:
    def draw(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if polarity == "invert" or (polarity == "auto" and _is_dark_on_light(pixels)):
            pixels = 255 - pixels
        return _fit(pixels, shape)

    return draw


def _is_dark_on_light(pixels: NDArray[np.uint8]) -> bool:
    if int(pixels.max()) - int(pixels.min()) < _MIN_CONTRAST:
        return float(pixels.mean()) > 127  # a blank picture has no strokes; blank paper is light
    is_light = pixels > import_extra("skimage.filters", "images").threshold_otsu(pixels)
    area, border = float(is_light.mean()), float(border_pixels(is_light).mean())
    if not _MIN_BORDER_SHARE < border < 1 - _MIN_BORDER_SHARE:
        return area > 0.5
    return area + border > 1


def _fit(pixels: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """Resize a picture to the largest size that fits into a shape, and centre it on its background."""
    if pixels.shape == shape:
        return pixels
    pillow = import_extra("PIL.Image", "images")
    scale = min(shape[0] / pixels.shape[0], shape[1] / pixels.shape[1])
    height, width = (max(1, round(scale * side)) for side in pixels.shape)
    resized = pillow.fromarray(pixels).resize((width, height), pillow.Resampling.BILINEAR)
    canvas = np.full(shape, int(np.median(border_pixels(pixels))))
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    canvas[top : top + height, left : left + width] = resized
    return canvas
