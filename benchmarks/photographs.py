"""Photographs of characters on paper, as people take them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.morphology import remove_small_objects, skeletonize

# Characters are drawn with this longer side, in pixels, and then reduced.
_DRAWING_SIDE = 400
# A stroke of MNIST is where the gray level is above this, and above this share of the highest level around.
_STROKE_LEVEL, _RIDGE_LEVEL = 80, 0.65
# Connected strokes of less than this share of the ink are noise of MNIST, which a pen would enlarge.
_SPECK = 0.05


@dataclass(frozen=True)
class Conditions:
    """What a photograph is taken of, and how.

    Attributes
    ----------
    side : int
        Shorter side of the photograph, from 60 to 600 pixels.
    aspect : float
        Longer side divided by shorter side, from 1 to 1.5.
    is_portrait : bool
    fill : float
        Share of the shorter side that the character fills, from 0.3 to 0.85.
    angle : float
        Rotation in degrees, from -10 to 10.
    pen : float
        Width of the pen as a share of the character's longer side, from 0.03, a thin pen, to 0.16, a thick one.
    paper, ink : float
        Reflectances, from 0.75 to 0.95 and from 0.1 to 0.4.
    gradient : float
        Share by which the light falls across the picture, from 0 to 0.5.
    shadow : float
        Share of the light that a shadow takes from a part of the picture: 0 in half of the photographs, 0.2 to 0.45 in
        the others.
    noise : float
        Standard deviation of the noise in gray levels, from 1 to 6.
    quality : int
        Quality of JPEG, from 40 to 90.
    """

    side: int
    aspect: float
    is_portrait: bool
    fill: float
    angle: float
    pen: float
    paper: float
    ink: float
    gradient: float
    shadow: float
    noise: float
    quality: int


def draw_conditions(generator: np.random.Generator) -> Conditions:
    """Draw the conditions of a photograph."""
    uniform = generator.uniform
    return Conditions(
        side=round(np.exp(uniform(np.log(60), np.log(600)))),
        aspect=uniform(1, 1.5),
        is_portrait=bool(generator.integers(2)),
        fill=uniform(0.3, 0.85),
        angle=uniform(-10, 10),
        pen=np.exp(uniform(np.log(0.03), np.log(0.16))),
        paper=uniform(0.75, 0.95),
        ink=uniform(0.1, 0.4),
        gradient=uniform(0, 0.5),
        shadow=float(generator.integers(2)) * uniform(0.2, 0.45),
        noise=uniform(1, 6),
        quality=int(generator.integers(40, 91)),
    )


def photograph(strokes: NDArray[np.uint8], conditions: Conditions, generator: np.random.Generator) -> bytes:
    """Return a JPEG of strokes (h, w), uint8, light on dark, written with a dark pen on white paper."""
    longer = round(conditions.side * conditions.aspect)
    shape = (longer, conditions.side) if conditions.is_portrait else (conditions.side, longer)
    coverage = place(draw_strokes(strokes, round(conditions.fill * conditions.side), conditions), shape, generator)
    return develop(coverage, conditions, generator)


def photograph_line(
    digits: Sequence[NDArray[np.uint8]], generator: np.random.Generator
) -> tuple[bytes, NDArray[np.float64]]:
    """Return a JPEG of a line of spaced characters, and their boxes (n, 4): left, top, right, bottom.

    The characters are 30 to 90 pixels high. The gaps between them are 0.2 to 0.6 of their height, and they leave the
    line, which may rise or fall by 3 degrees, by up to a tenth of their height.
    """
    conditions = draw_conditions(generator)
    height = round(generator.uniform(30, 90))
    slope = np.tan(np.deg2rad(generator.uniform(-3, 3)))
    drawings = [_draw_to_height(digit, height, conditions, generator) for digit in digits]
    lefts = np.cumsum([0.0, *(drawing.shape[1] + height * generator.uniform(0.2, 0.6) for drawing in drawings)])
    tops = slope * lefts[:-1] + height * generator.uniform(-0.1, 0.1, len(drawings))
    margins = height * generator.uniform(0.3, 1.5, 4)
    tops, lefts = tops - tops.min() + margins[0], lefts + margins[1]
    shape = round(tops.max() + 1.3 * height + margins[2]), round(lefts[-1] + margins[3])
    coverage = np.zeros(shape, np.float32)
    boxes = []
    for drawing, top, left in zip(drawings, np.rint(tops).astype(int), np.rint(lefts).astype(int), strict=False):
        bottom, right = top + drawing.shape[0], left + drawing.shape[1]
        coverage[top:bottom, left:right] = drawing
        boxes.append((left, top, right, bottom))
    return develop(coverage, replace(conditions, side=min(shape)), generator), np.array(boxes, float)


def _draw_to_height(
    digit: NDArray[np.uint8], height: int, conditions: Conditions, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Draw a character whose longer side is 0.9 to 1.1 times a height."""
    angle = conditions.angle / 2 + generator.uniform(-3, 3)
    return draw_strokes(digit, round(height * generator.uniform(0.9, 1.1)), replace(conditions, angle=angle))


def draw_strokes(strokes: NDArray[np.uint8], side: int, conditions: Conditions) -> NDArray[np.float32]:
    """Redraw strokes with a pen of another width, at a side in pixels, rotated, as shares of pixels from 0 to 1."""
    picture = Image.fromarray(strokes)
    scale = _DRAWING_SIDE / max(picture.crop(picture.getbbox()).size)
    size = [round(scale * length) for length in picture.size]
    enlarged = picture.resize(size, Image.Resampling.BICUBIC).rotate(conditions.angle, Image.Resampling.BICUBIC)
    smooth = ndimage.gaussian_filter(np.asarray(enlarged, np.float32), scale / 2)
    # Relative to the stroke beside it, the inside of a small loop is paper, which a thick pen has nearly filled.
    ridge = ndimage.maximum_filter(smooth, round(4 * scale))
    inked = smooth > np.maximum(_STROKE_LEVEL, _RIDGE_LEVEL * ridge)
    middle = skeletonize(remove_small_objects(inked, max_size=int(_SPECK * inked.sum())))
    margin = _DRAWING_SIDE // 4
    distance = ndimage.distance_transform_edt(~np.pad(middle, margin))
    drawing = (distance <= conditions.pen * _DRAWING_SIDE / 2).astype(np.float32)
    drawing = drawing[_extent(drawing > 0)]
    height, width = (max(1, round(length * side / max(drawing.shape))) for length in drawing.shape)
    return np.asarray(Image.fromarray(drawing).resize((width, height), Image.Resampling.BOX))


def place(coverage: NDArray[np.float32], shape: tuple[int, int], generator: np.random.Generator) -> NDArray[np.float32]:
    """Place a drawing anywhere on paper of a shape (h, w), at least 4 pixels from its edges."""
    paper = np.zeros([max(outer, inner + 8) for outer, inner in zip(shape, coverage.shape, strict=True)], np.float32)
    top, left = (
        int(generator.integers(4, outer - inner - 3)) for outer, inner in zip(paper.shape, coverage.shape, strict=True)
    )
    paper[top : top + coverage.shape[0], left : left + coverage.shape[1]] = coverage
    return paper


def develop(coverage: NDArray[np.float32], conditions: Conditions, generator: np.random.Generator) -> bytes:
    """Return a JPEG of paper that ink covers, from 0 to 1 at each pixel."""
    shape = coverage.shape
    reflectance = conditions.paper + (conditions.ink - conditions.paper) * coverage
    light = _light(shape, conditions, generator)
    blur = generator.uniform(0.3, 1.0) * max(1.0, conditions.side / 300)
    exposed = 255 * ndimage.gaussian_filter(reflectance * light, blur)
    noisy = exposed + conditions.noise * generator.standard_normal(shape)
    file = io.BytesIO()
    picture = Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    picture.convert("RGB").save(file, "JPEG", quality=conditions.quality)
    return file.getvalue()


def _light(shape: tuple[int, int], conditions: Conditions, generator: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = (axis / max(shape) for axis in np.indices(shape))
    direction = generator.uniform(0, 2 * np.pi)
    across = np.cos(direction) * columns + np.sin(direction) * rows
    across = (across - across.min()) / np.ptp(across)
    light = 1 - conditions.gradient * across
    # The edge of a shadow is a line anywhere through the middle half, blurred over up to a tenth of the picture.
    direction, width = generator.uniform(0, 2 * np.pi), generator.uniform(0.01, 0.1)
    distance = np.cos(direction) * (columns - columns.mean()) + np.sin(direction) * (rows - rows.mean())
    distance -= generator.uniform(-0.25, 0.25)
    return light * (1 - conditions.shadow / (1 + np.exp(-4 * distance / width)))


def _extent(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    (extent,) = ndimage.find_objects(mask.astype(np.int8))
    return extent
