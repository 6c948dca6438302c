"""Frame the ink of a picture as the images of MNIST are framed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sklenet._checks import Shape
from sklenet._extras import import_extra
from sklenet._pictures import reduce_picture
from sklenet.preprocessing._ink import Ink, find_ink

CENTERS = ("mass", "box")
# The longer side of a character of MNIST as a share of the image's side.
MNIST_BOX = 20 / 28

# Pictures are reduced before ink is searched, so that the longer side has at most this number of pixels.
_MAX_SIDE = 800
# A stroke is surrounded by antialiased pixels up to this share of the picture's longer side, and one pixel at least.
_HALO = 1 / 40


@dataclass(frozen=True)
class Frame:
    """Where and how large a character is drawn.

    Attributes
    ----------
    shape : tuple (h, w)
        Shape of the image, in pixels.
    box : int
        Longer side of the character, in pixels.
    center : {"mass", "box"}
        What is placed in the centre of the image: the centre of mass of the ink, or the centre of its bounding box.
    deskew : bool
        Whether slanted characters are sheared upright.
    """

    shape: Shape
    box: int
    center: str = "mass"
    deskew: bool = False


def frame_character(gray: NDArray[np.uint8], frame: Frame, polarity: str = "auto") -> NDArray[np.uint8] | None:
    """Return the character of a picture (h, w), light on dark, in an image of the frame's shape; None without ink."""
    reduced, _ = reduce_picture(gray, _MAX_SIDE)
    ink = find_ink(reduced, polarity).without_specks()
    ink = ink.select(_inner_strokes(ink))
    return frame_ink(ink, frame) if ink.weights.any() else None


def frame_ink(ink: Ink, frame: Frame) -> NDArray[np.uint8]:
    """Draw ink in an image, light on dark."""
    levels, strokes = _crop(ink)
    if frame.deskew:
        levels, strokes = _deskew(levels, strokes)
    character = _resize(levels, strokes, frame.box)
    image = np.zeros(frame.shape, np.uint8)
    corner = _corner(character, frame)
    height, width = character.shape
    image[corner[0] : corner[0] + height, corner[1] : corner[1] + width] = np.rint(character * (255 / character.max()))
    return image


def _inner_strokes(ink: Ink) -> NDArray[np.bool_]:
    """Leave out what touches the border, such as the edge of the paper, if most of the ink is inside."""
    labels = ink.labels
    is_inner = ink.weights > 0
    is_inner[np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))] = False
    return is_inner if 2 * ink.weights[is_inner].sum() > ink.weights.sum() else ink.weights > 0


def _crop(ink: Ink) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Crop the picture to strokes and the antialiased pixels around strokes."""
    strokes = ink.labels > 0
    halo = ndimage.binary_dilation(strokes, np.ones((3, 3), bool), iterations=1 + int(_HALO * max(strokes.shape)))
    levels = np.where(halo, ink.levels, 0)
    place = _extent(levels > 0)
    return levels[place], strokes[place]


def _extent(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    (place,) = ndimage.find_objects(mask.astype(np.int8))
    return place


def _deskew(levels: NDArray[np.float32], strokes: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Shear a character so that its columns and rows are not correlated."""
    rows, columns = np.indices(levels.shape)
    total = levels.sum()
    down, right = ((axis - (axis * levels).sum() / total) for axis in (rows, columns))
    slant = (down * right * levels).sum() / max((down**2 * levels).sum(), 1e-6)
    margin = int(np.ceil(abs(slant) * levels.shape[0]))
    matrix, offset = [[1, 0], [slant, 1]], [0, -slant * float((rows * levels).sum() / total)]
    padded = (np.pad(array, ((0, 0), (margin, margin))) for array in (levels, strokes.astype(np.float32)))
    # Column c of the upright character comes from column c + slant · (row - mean row).
    levels, upright = (ndimage.affine_transform(array, matrix, offset, order=1) for array in padded)
    return levels, upright >= upright.max() / 2


def _resize(levels: NDArray[np.float32], strokes: NDArray[np.bool_], box: int) -> NDArray[np.float32]:
    """Resize a character so that the longer side of its strokes has `box` pixels.

    A character that has this size already, the antialiased pixels around its strokes included, keeps its pixels.
    """
    if max(levels.shape) == box:
        return levels
    place = _extent(strokes)
    inner = strokes[place].shape
    pillow = import_extra("PIL.Image", "images")
    height, width = (max(1, round(side * box / max(inner))) for side in inner)
    resized = pillow.fromarray(levels[place]).resize((width, height), pillow.Resampling.BILINEAR)
    return np.maximum(resized, 0)


def _corner(character: NDArray[np.float32], frame: Frame) -> tuple[int, int]:
    """Return row and column of the upper left corner of a character in the image."""
    sides = zip(frame.shape, character.shape, strict=True)
    if frame.center == "box":
        top, left = ((outer - inner) // 2 for outer, inner in sides)
        return top, left
    masses = ndimage.center_of_mass(character)
    # In MNIST, the centre of mass is in the pixel right of the middle and below: in pixel 14 of 28, counted from 0.
    top, left = (
        int(np.clip(round(outer / 2 - mass), 0, outer - inner))
        for (outer, inner), mass in zip(sides, masses, strict=True)
    )
    return top, left
