"""Draw characters of any alphabet in many fonts, as data that need no download."""

import math
import os
import string
from collections import defaultdict
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from sklearn.utils import check_random_state, check_scalar

from sklenet._checks import check_image_shape
from sklenet.datasets._bunch import as_bunch
from sklenet.datasets._fonts import Face, read_faces, shipped_faces

# The share of an image's height and width that its character fills, as in MNIST.
_FILL = 20 / 28


def make_characters(
    n_samples: int = 1000,
    *,
    alphabet: str = string.ascii_uppercase,
    fonts: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    image_shape: tuple[int, int] = (28, 28),
    rotation: float = 10.0,
    shear: float = 10.0,
    scale: float = 0.15,
    weight: float = 0.5,
    blur: float = 0.7,
    noise: float = 10.0,
    random_state: Any = None,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Draw characters in many fonts, and distort each at random.

    Each image shows one character, light on dark. For each image a font family is drawn at random from the families
    that contain the character, and then a font of that family. All characters of a font have one scale and one
    baseline, so that "o" and "O" differ; the highest and the widest character of the alphabet fill 20 of 28 pixels, as
    MNIST's digits do. To measure the error on unseen fonts, split the samples by `groups`, the font families.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of images. The sizes of the classes differ by at most one.
    alphabet : str, default="ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        The characters. Each character is a class.
    fonts : path-like, sequence of path-like or None, default=None
        Font files (TrueType or OpenType). None selects the text fonts that matplotlib ships: DejaVu Sans, Sans Mono and
        Serif, STIXGeneral, and Computer Modern Roman, Sans and Typewriter. Computer Modern contains only ASCII letters
        and digits.
    image_shape : tuple (height, width), default=(28, 28)
        Shape of the images, in pixels.
    rotation : float, default=10.0
        Rotate each character by a random angle from -rotation to rotation, in degrees; below 180.
    shear : float, default=10.0
        Slant each character by a random angle from -shear to shear, in degrees; below 90.
    scale : float, default=0.15
        Scale each character by a random factor from 1 - scale to 1 + scale; below 1.
    weight : float, default=0.5
        Move each outline outwards by -weight to weight pixels, which makes strokes thinner or thicker.
    blur : float, default=0.7
        Blur each image with a Gaussian whose standard deviation is drawn from 0 to blur, in pixels.
    noise : float, default=10.0
        Add normal noise to each image. Its standard deviation is drawn from 0 to noise, in gray levels of 0 to 255.
    random_state : int, RandomState instance or None, default=None
        Source of all random draws. An int gives reproducible images as long as the versions of the fonts and of the
        drawing libraries stay the same.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return the data as a pandas DataFrame and the target as a Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the attributes:

        data : {ndarray, DataFrame} of shape (n_samples, height · width)
            Pixels row by row, uint8; 0 is the background.
        images : ndarray of shape (n_samples, height, width)
            The same pixels. Shares its memory with `data` unless `as_frame=True`.
        target : {ndarray, Series} of shape (n_samples,)
            Labels, int64: the position of the character in the alphabet.
        target_names : ndarray of shape (n_classes,)
            The characters.
        groups : ndarray of shape (n_samples,)
            The font family of each image, str.
        feature_names : list of str
            ``pixel_row_column``.
        frame : DataFrame of shape (n_samples, height · width + 1) or None
            `data` and `target` in one table; None unless `as_frame=True`.

    (data, target) : tuple if ``return_X_y=True``
        The attributes `data` and `target`.

    Raises
    ------
    ValueError
        If the alphabet repeats a character, if no font contains a character or draws ink for it, if a file is not a
        text font, or if a parameter is out of its range.
    TypeError
        If a parameter has the wrong type.
    FileNotFoundError
        If a font file does not exist.
    ImportError
        If matplotlib, fontTools or Pillow is missing. The extra ``sklenet[datasets]`` installs them.

    See Also
    --------
    sklearn.model_selection.GroupKFold : Split samples into folds that share no group.

    Examples
    --------
    >>> from sklearn.model_selection import GroupKFold
    >>> letters = make_characters(100, alphabet="ABC", random_state=0)
    >>> letters.images.shape, letters.target_names
    ((100, 28, 28), array(['A', 'B', 'C'], dtype='<U1'))
    >>> folds = GroupKFold(n_splits=3).split(letters.data, letters.target, letters.groups)
    >>> [len(set(letters.groups[train]) & set(letters.groups[test])) for train, test in folds]
    [0, 0, 0]
    """
    _check_parameters(n_samples, alphabet, rotation, shear, scale, weight, blur, noise)
    shape = check_image_shape("make_characters", image_shape)
    families = _families_by_character(alphabet, shipped_faces() if fonts is None else read_faces(fonts))
    rng = check_random_state(random_state)
    target = rng.permutation(np.arange(n_samples) % len(alphabet))
    faces = [_draw_face(families[alphabet[label]], rng) for label in target]
    pens = {face: _Pen(face, alphabet, shape, weight) for face in set(faces)}
    images = np.empty((n_samples, *shape), np.uint8)
    for image, label, face in zip(images, target, faces, strict=True):
        matrix = _draw_matrix(rng, rotation, shear, scale)
        pixels = pens[face].draw(alphabet[label], matrix, rng.uniform(-weight, weight))
        pixels = gaussian_filter(pixels, rng.uniform(0, blur)) + rng.normal(0, rng.uniform(0, noise), shape)
        image[:] = np.rint(pixels.clip(0, 255))
    return as_bunch(
        images,
        target,
        return_X_y=return_X_y,
        as_frame=as_frame,
        target_names=np.array(list(alphabet)),
        groups=np.array([face.family for face in faces]),
    )


def _check_parameters(n_samples: int, alphabet: str, *distortions: float) -> None:
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    limits = {"rotation": 180, "shear": 90, "scale": 1, "weight": math.inf, "blur": math.inf, "noise": math.inf}
    for (name, limit), value in zip(limits.items(), distortions, strict=True):
        # check_scalar accepts NaN.
        if not (isinstance(value, Real) and 0 <= value < limit):
            raise ValueError(
                f"The {name!r} parameter of make_characters must be a number in [0, {limit}). Got {value!r} instead."
            )
    if not isinstance(alphabet, str) or not alphabet:
        raise ValueError(
            f"The 'alphabet' parameter of make_characters must be a str of at least one character. "
            f"Got {alphabet!r} instead."
        )
    if repeated := sorted({character for character in alphabet if alphabet.count(character) > 1}):
        raise ValueError(f"The 'alphabet' parameter of make_characters repeats {', '.join(map(repr, repeated))}.")


def _families_by_character(alphabet: str, faces: Sequence[Face]) -> dict[str, list[list[Face]]]:
    """Return the font families that contain each character, each family as a list of faces."""
    by_character: dict[str, dict[str, list[Face]]] = {character: defaultdict(list) for character in alphabet}
    for character, families in by_character.items():
        for face in faces:
            if face.box(character):
                families[face.family].append(face)
    if missing := [character for character, families in by_character.items() if not families]:
        raise ValueError(
            f"No font contains and draws {', '.join(map(repr, missing))} of the alphabet; "
            f"pass files of other fonts as fonts=."
        )
    return {character: list(families.values()) for character, families in by_character.items()}


def _draw_face(families: list[list[Face]], rng: np.random.RandomState) -> Face:
    faces = families[rng.randint(len(families))]
    return faces[rng.randint(len(faces))]


def _draw_matrix(rng: np.random.RandomState, rotation: float, shear: float, scale: float) -> NDArray[np.float64]:
    """Draw a matrix that maps points (row, column), relative to the image's centre, to the undistorted character."""
    angle, shear_angle = np.deg2rad([rng.uniform(-rotation, rotation), rng.uniform(-shear, shear)])
    rotate = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    slant = np.array([[1, 0], [math.tan(shear_angle), 1]])
    return slant @ rotate / rng.uniform(1 - scale, 1 + scale)


class _Pen:
    """Draw the characters of one face, at the scale and baseline at which the alphabet fits into an image.

    Parameters
    ----------
    face : Face
    alphabet : str
    shape : tuple (h, w)
        Shape of an image, in pixels.
    weight : float
        Largest distance that an outline is moved outwards, in pixels.
    """

    def __init__(self, face: Face, alphabet: str, shape: tuple[int, int], weight: float) -> None:
        self._boxes = {character: box for character in alphabet if (box := face.box(character))}
        left, top, right, bottom = np.array(list(self._boxes.values())).T
        height, width = bottom.max() - top.min(), (right - left).max()
        self._face = face
        # Font pixels per image pixel.
        self._unit = max(height / shape[0], width / shape[1]) / _FILL
        # Row of the font, from the baseline, at the middle of the image.
        self._middle = (bottom.max() + top.min()) / 2
        # Beyond the margin the distance of the outermost pixel applies: such pixels are dark, or light if the weight
        # fills the whole image.
        self._margin = math.ceil((min(weight, *shape) + 1) * self._unit)
        self._points = np.stack(
            np.meshgrid(*(np.arange(side) - (side - 1) / 2 for side in shape), indexing="ij"), axis=-1
        )
        self._outlines: dict[str, NDArray[np.float32]] = {}

    def draw(self, character: str, matrix: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
        """Draw a distorted character (h, w), 0 to 255, with its outline moved outwards by `weight` pixels."""
        box = self._boxes[character]
        if character not in self._outlines:
            self._outlines[character] = self._face.outline(character, box, self._margin)
        outline = self._outlines[character]
        _, top, _, _ = box
        origin = np.array([self._middle - top + self._margin - 0.5, (outline.shape[1] - 1) / 2])
        points = self._points @ matrix.T * self._unit + origin  # (h, w, 2)
        distances = map_coordinates(outline, np.moveaxis(points, -1, 0), order=1, mode="nearest") / self._unit
        return 255 * np.clip(0.5 + distances + weight, 0, 1)
