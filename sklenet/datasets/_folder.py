"""Pictures of one's own as images of one size and polarity."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklenet._checks import check_choice, check_image_shape, name_some
from sklenet.datasets._bunch import as_bunch
from sklenet.datasets._extras import import_extra
from sklenet.datasets._pictures import find_labelled, find_unlabelled, picture_formats

_POLARITIES = ("keep", "auto", "invert")
_LABELS = ("folder", None)
# Pictures whose pixels span less are noise.
_LEAST_CONTRAST = 32
# A border of which more than this share is ink, and more is paper, is cut by strokes.
_CLEAR_BORDER = 0.02


def load_image_folder(
    path: str | os.PathLike[str],
    *,
    label: str | None = "folder",
    image_shape: tuple[int, int] = (28, 28),
    polarity: str = "keep",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load pictures from a folder that holds one folder for each class, or pictures without labels.

    Every picture becomes grayscale and of one size. It is turned upright as its EXIF data say, made as large as fits
    into `image_shape` with its aspect ratio kept, and centred; what is left at two sides is filled with its background,
    the median of its border pixels. A picture of that size already comes out pixel by pixel. Of several frames the
    first is taken. Transparent pixels become white. Pixels of 16 bits lose the lower 8; floating-point pixels must be
    from 0 to 1.

    Parameters
    ----------
    path : path-like
        The folder. All files whose names end like those of a picture that Pillow reads are pictures, in whatever
        folders within it; PDF, PostScript, films and scientific containers are no pictures. Other files are passed
        over, which a warning counts; hidden files and what file managers leave behind are passed over without one.
    label : {"folder", None}, default="folder"
        "folder": each folder in it is a class of its name. None: the pictures have no labels, as those to be predicted.
    image_shape : tuple (height, width), default=(28, 28)
        Of the images that come out, in pixels.
    polarity : {"keep", "auto", "invert"}, default="keep"
        With "invert" all pictures are inverted; with "auto" those that are dark on light, so that all come out light on
        dark, as MNIST is. Otsu's threshold [1]_ divides the pixels into light and dark ones. A picture is dark on light
        if the light pixels' share of the area and their share of the border come to more than one together; where the
        border is all light or all dark, if their share of the area is more than one half. A heavy character that is
        cropped to its own box may be mistaken; so may paper with a strong slope of light.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Give the data as a pandas DataFrame and the target as a Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the attributes:

        data : {ndarray, DataFrame} of shape (n_samples, height · width)
            Pixels row by row, uint8.
        images : ndarray of shape (n_samples, height, width)
            The same pixels; unless `as_frame=True`, in the same memory.
        target : {ndarray, Series} of shape (n_samples,) or None
            The class of each image, the name of its folder. None with `label=None`.
        target_names : ndarray of shape (n_classes,) or None
            The names of the folders, sorted.
        filenames : ndarray of shape (n_samples,)
            The file of each image. Images are sorted by class, then by name.
        feature_names : list of str
            ``pixel_row_column``.
        frame : DataFrame of shape (n_samples, height · width + 1) or None
            `data` and `target` side by side, with `as_frame=True` only.

    (data, target) : tuple if ``return_X_y=True``
        As above.

    Raises
    ------
    ValueError
        If the folder has no folders in it, or one without pictures, or pictures beside the folders, or folders that are
        training and test sets instead of classes; if files cannot be read as pictures, all of which are named; or if a
        parameter has another value than allowed.
    FileNotFoundError, NotADirectoryError
        If there is no such folder, or it is a file.
    ImportError
        If Pillow is missing: it comes with the extra ``sklenet[datasets]``.

    Warns
    -----
    UserWarning
        If files are passed over.

    See Also
    --------
    load_pixel_csv : Images from a table of pixels.
    sklearn.datasets.load_files : The same for texts.

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
    return as_bunch(
        _read_pictures(paths, shape, polarity),
        None if names is None else np.repeat(names, [len(group) for group in files.values()]),
        return_X_y=return_X_y,
        as_frame=as_frame,
        target_names=names,
        filenames=np.array([str(file) for file in paths]),
    )


def _read_pictures(paths: list[Path], shape: tuple[int, int], polarity: str) -> NDArray[np.uint8]:
    pillow = import_extra("PIL.Image")
    images = np.empty((len(paths), *shape), np.uint8)
    reasons = []
    for image, path in zip(images, paths, strict=True):
        try:
            pixels = _read_gray(path)
        except (OSError, SyntaxError, ValueError, pillow.DecompressionBombError) as error:
            reasons.append(f"{path} ({error})")
            continue
        if polarity == "invert" or (polarity == "auto" and _is_dark_on_light(pixels)):
            pixels = 255 - pixels
        image[:] = _fit(pixels, shape)
    if reasons:
        raise ValueError(f"{len(reasons)} of {len(paths)} files cannot be read as pictures: {name_some(reasons)}.")
    return images


def _read_gray(path: Path) -> NDArray[np.uint8]:
    """Read a picture of any mode as gray pixels (h, w), uint8."""
    pillow, operations = import_extra("PIL.Image"), import_extra("PIL.ImageOps")
    with pillow.open(path, formats=sorted(set(picture_formats().values()))) as file:
        picture = operations.exif_transpose(file)
    if picture.mode.startswith("I") or picture.mode == "F":
        return _from_deep(np.asarray(picture), picture.mode)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        paper = pillow.new("RGBA", picture.size, "white")
        picture = pillow.alpha_composite(paper, picture)
    return np.asarray(picture.convert("L"))


def _from_deep(pixels: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Pixels of more than 8 bits: integers from 0 to 65,535 or floats from 0 to 1."""
    top = 1 if mode == "F" else 2**16 - 1
    if not (pixels.min() >= 0 and pixels.max() <= top):  # NaN included
        raise ValueError(
            f"its pixels, of mode {mode!r}, span [{pixels.min():g}, {pixels.max():g}] instead of [0, {top}]"
        )
    return np.rint(pixels * 255.0).astype(np.uint8) if mode == "F" else (pixels >> 8).astype(np.uint8)


def _background(pixels: NDArray[np.uint8]) -> int:
    return int(np.median(_border(pixels)))


def _border(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _is_dark_on_light(pixels: NDArray[np.uint8]) -> bool:
    if int(pixels.max()) - int(pixels.min()) < _LEAST_CONTRAST:
        return float(pixels.mean()) > 127  # noise has no strokes to tell by, and blank paper is light
    is_light = pixels > _otsu_threshold(pixels)
    area, border = float(is_light.mean()), float(_border(is_light).mean())
    if not _CLEAR_BORDER < border < 1 - _CLEAR_BORDER:
        return area > 0.5
    return area + border > 1


def _otsu_threshold(pixels: NDArray[np.uint8]) -> int:
    """Return the largest value of the darker of two classes, between which the variance is greatest."""
    counts = np.bincount(pixels.ravel(), minlength=256).astype(np.float64)
    n_dark, sum_dark = counts.cumsum(), (counts * np.arange(256)).cumsum()
    n_light, sum_light = n_dark[-1] - n_dark, sum_dark[-1] - sum_dark
    means_apart = sum_dark / np.maximum(n_dark, 1) - sum_light / np.maximum(n_light, 1)
    return int(np.argmax(n_dark * n_light * means_apart**2))


def _fit(pixels: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize to the largest size that fits into a shape, antialiased, and centre on the background."""
    if pixels.shape == shape:
        return pixels
    pillow = import_extra("PIL.Image")
    scale = min(shape[0] / pixels.shape[0], shape[1] / pixels.shape[1])
    height, width = (max(1, round(scale * side)) for side in pixels.shape)
    resized = pillow.fromarray(pixels).resize((width, height), pillow.Resampling.BILINEAR)
    canvas = np.full(shape, _background(pixels))
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    canvas[top : top + height, left : left + width] = resized
    return canvas
