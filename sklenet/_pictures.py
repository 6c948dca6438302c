"""Pictures of any mode, from files, Pillow or arrays, become gray levels."""

import os
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklenet._extras import import_extra

# Formats that Pillow opens but that are not pictures, or that Pillow opens with other programs.
_EXCLUDED_FORMATS = {"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "PALM", "PDF", "WMF"}


@cache
def picture_formats() -> dict[str, str]:
    """Return Pillow's format by suffix, in lower case, for all suffixes of pictures."""
    image = import_extra("PIL.Image", "images")
    readable = {suffix: name for suffix, name in image.registered_extensions().items() if name in image.OPEN}
    return {suffix: name for suffix, name in sorted(readable.items()) if name not in _EXCLUDED_FORMATS}


def read_picture(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read the first frame of a picture file, upright according to its EXIF data, as gray levels (h, w), uint8.

    Raises
    ------
    ValueError
        If the file is not a picture, or a damaged one. The message gives the reason, and the caller adds the name.
    OSError
        If the file cannot be opened, such as FileNotFoundError.
    """
    pillow = import_extra("PIL.Image", "images")
    try:
        with pillow.open(path, formats=sorted(set(picture_formats().values()))) as picture:
            return picture_to_gray(picture)
    except (OSError, SyntaxError, pillow.DecompressionBombError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        raise ValueError(str(error)) from error


def read_any(picture: Any, name: str | None = None) -> NDArray[np.uint8]:
    """Return a picture file, a Pillow image or an array as gray levels (h, w), uint8.

    Raises
    ------
    ValueError
        If the picture cannot be read. The message has `name`, which is the name of the file by default.
    OSError
        If the file cannot be opened.
    """
    is_file = isinstance(picture, str | os.PathLike)
    try:
        if is_file:
            return read_picture(picture)
        return picture_to_gray(picture) if is_pillow_image(picture) else array_to_gray(np.asarray(picture))
    except ValueError as error:
        owner = name or (os.fspath(picture) if is_file else "The picture")
        raise ValueError(f"{owner} cannot be read as a picture: {error}.") from error


def is_pillow_image(picture: Any) -> bool:
    """Tell whether an object is a Pillow image, without an import of Pillow."""
    return hasattr(picture, "getexif")


def picture_to_gray(picture: Any) -> NDArray[np.uint8]:
    """Convert a Pillow image of any mode to gray levels (h, w), uint8. Transparent pixels become white.

    Raises
    ------
    ValueError
        If pixels of 32 bits are out of range.
    """
    pillow, operations = import_extra("PIL.Image", "images"), import_extra("PIL.ImageOps", "images")
    picture = operations.exif_transpose(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        return _reduce_depth(np.asarray(picture), picture.mode)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        paper = pillow.new("RGBA", picture.size, "white")
        picture = pillow.alpha_composite(paper, picture)
    return np.asarray(picture.convert("L"))


def _reduce_depth(pixels: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Convert integers from 0 to 65,535 or floats from 0 to 1 to uint8."""
    highest = 1 if mode == "F" else 2**16 - 1
    if not (pixels.min() >= 0 and pixels.max() <= highest):  # NaN included
        raise ValueError(
            f"its pixels, of mode {mode!r}, span [{pixels.min():g}, {pixels.max():g}] instead of [0, {highest}]"
        )
    return np.rint(pixels * 255.0).astype(np.uint8) if mode == "F" else (pixels >> 8).astype(np.uint8)


def array_to_gray(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert an array (h, w), (h, w, 1), RGB (h, w, 3) or RGBA (h, w, 4) to gray levels (h, w), uint8.

    uint8 is taken as it is. Booleans and floats from 0 to 1 are multiplied by 255. Other pixels from 0 to 255 are
    rounded. Pixels of another range are spread over 0 to 255, the same for all channels.

    Raises
    ------
    ValueError
        If the array has another shape, has no pixels, or is not finite.
    """
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {1, 3, 4}):
        raise ValueError(f"its shape is {array.shape} instead of (h, w), (h, w, 3) or (h, w, 4)")
    if array.size == 0:
        raise ValueError(f"its shape is {array.shape}, so the image has no pixels")
    levels = _to_levels(array)
    if array.ndim == 2 or array.shape[2] == 1:
        return levels.reshape(array.shape[:2])
    return picture_to_gray(import_extra("PIL.Image", "images").fromarray(levels))


def _to_levels(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "biuf":
        raise ValueError(f"its dtype is {array.dtype} instead of bool, an integer or a float")
    # A float16 would overflow at 65,504.
    pixels = array.astype(np.float64)
    if not np.isfinite(pixels).all():
        raise ValueError("its pixels contain NaN or infinity")
    lowest, highest = pixels.min(), pixels.max()
    if lowest >= 0 and highest <= 1 and array.dtype.kind in "bf":
        pixels = 255 * pixels
    elif lowest < 0 or highest > 255:
        pixels = 255 * ((pixels - lowest) / max(highest - lowest, np.finfo(np.float64).tiny))
    return np.rint(pixels).astype(np.uint8)


def reduce_picture(gray: NDArray[np.uint8], longest: int) -> tuple[NDArray[np.uint8], int]:
    """Reduce a picture by the least whole factor after which no side exceeds a length; return the factor, too."""
    factor = -(-max(gray.shape) // longest)
    if factor == 1:
        return gray, factor
    return np.asarray(import_extra("PIL.Image", "images").fromarray(gray).reduce(factor)), factor


def border_pixels(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the pixels of the border of an image (h, w)."""
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
