"""Pictures of one's own: one folder a class."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklenet.datasets._bunch import as_bunch
from sklenet.datasets._checks import check_choice, check_image_shape, name_some
from sklenet.datasets._extras import import_extra

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}
_POLARITIES = ("keep", "auto", "invert")


def load_image_folder(
    path: str | os.PathLike[str],
    *,
    image_shape: tuple[int, int] = (28, 28),
    polarity: str = "keep",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load pictures from a folder that holds one folder for each class.

    Every picture becomes grayscale and of one size. It is turned upright as its EXIF data say, made as large as fits
    into `image_shape` with its aspect ratio kept, and centred; what is left at two sides is filled with its background,
    the median of its border pixels. A picture of that size already comes out pixel by pixel. Of several frames the
    first is taken. Transparent pixels become white. Pixels of 16 bits lose the lower 8; floating-point pixels must be
    from 0 to 1.

    Parameters
    ----------
    path : path-like
        The folder. In each folder in it, and in folders in those, all PNG, JPEG, BMP, TIFF and GIF files are pictures
        of one class, whose name is the folder's; other files and names that begin with a dot are passed over.
    image_shape : tuple (height, width), default=(28, 28)
        Of the images that come out, in pixels.
    polarity : {"keep", "auto", "invert"}, default="keep"
        With "invert" all pictures are inverted; with "auto" those whose background is brighter than their mean, so that
        all come out light on dark, as MNIST is.
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
        target : {ndarray, Series} of shape (n_samples,)
            The class of each image, the name of its folder.
        target_names : ndarray of shape (n_classes,)
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
        If the folder has no folders in it, or one without pictures, or pictures beside the folders; if files cannot be
        read as pictures, all of which are named; or if a parameter has another value than allowed.
    FileNotFoundError, NotADirectoryError
        If there is no such folder.
    ImportError
        If Pillow is missing: it comes with the extra ``sklenet[datasets]``.

    See Also
    --------
    load_pixel_csv : Images from a table of pixels.
    sklearn.datasets.load_files : The same for texts.

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
    files = _find_pictures(Path(path))
    paths = [file for group in files.values() for file in group]
    names = np.array(list(files))
    return as_bunch(
        _read_pictures(paths, shape, polarity),
        np.repeat(names, [len(group) for group in files.values()]),
        return_X_y=return_X_y,
        as_frame=as_frame,
        target_names=names,
        filenames=np.array([str(file) for file in paths]),
    )


def _find_pictures(folder: Path) -> dict[str, list[Path]]:
    """List the pictures of each class, in an order that does not depend on the file system."""
    entries = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
    if stray := [entry.name for entry in entries if entry.suffix.lower() in _SUFFIXES and entry.is_file()]:
        raise ValueError(f"{folder} holds pictures outside of a class's folder: {name_some(stray)}.")
    files = {entry.name: _pictures_in(entry) for entry in entries if entry.is_dir()}
    if not files:
        raise ValueError(f"{folder} holds no folders; put the pictures of each class into one, named after the class.")
    if empty := [name for name, group in files.items() if not group]:
        raise ValueError(
            f"These folders in {folder} hold no pictures ({', '.join(sorted(_SUFFIXES))}): {name_some(empty)}."
        )
    return files


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
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
    with pillow.open(path) as file:
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
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return int(np.median(border))


def _is_dark_on_light(pixels: NDArray[np.uint8]) -> bool:
    # A blank picture has no strokes to tell by; blank paper is light.
    background, mean = _background(pixels), float(pixels.mean())
    return background > (127 if background == mean else mean)


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
