"""Digits as people write them with a pen or a mouse: paths in the plane, in ten styles."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

# The forms of each digit: strokes as points (right, down) in a box of width and height 1, which are joined by a smooth
# curve. None is a corner at the point before it.
_Stroke = list[tuple[float, float] | None]
_FORMS: dict[int, list[list[_Stroke]]] = {
    0: [[[(.55, 0), (.24, .1), (.06, .42), (.1, .74), (.32, .97), (.6, .97), (.86, .74), (.92, .4), (.78, .1),
          (.5, .01)]],
        [[(.5, 0), (.8, .12), (.93, .45), (.86, .78), (.6, .99), (.3, .95), (.09, .7), (.07, .35), (.25, .07),
          (.58, .02)]]],
    1: [[[(.52, 0), (.5, 1)]],
        [[(.22, .27), (.56, 0), None, (.55, 1)]]],
    2: [[[(.1, .26), (.28, .04), (.6, 0), (.83, .2), (.75, .45), (.4, .76), (.07, 1), None, (.95, .98)]],
        [[(.08, .22), (.35, .01), (.74, .07), (.8, .33), (.52, .7), (.2, .97), (.06, .9), (.2, .79),
          (.55, .92), (.97, .93)]]],
    3: [[[(.1, .14), (.4, 0), (.78, .1), (.74, .35), (.36, .47), None, (.76, .55), (.88, .78), (.58, 1),
          (.2, .97), (.04, .83)]],
        [[(.08, .02), (.84, .02), None, (.42, .4), None, (.8, .5), (.9, .75), (.6, .99), (.22, .98), (.05, .86)]]],
    4: [[[(.2, 0), (.07, .55), None, (.93, .53)], [(.7, .12), (.66, 1)]],
        [[(.66, 0), (.04, .66), None, (.97, .66)], [(.66, 0), (.66, 1)]]],
    5: [[[(.22, .03), (.17, .43), None, (.5, .36), (.87, .56), (.82, .85), (.46, 1), (.07, .9)], [(.22, .03),
          (.88, .02)]],
        [[(.88, 0), (.24, .02), None, (.18, .45), None, (.56, .38), (.88, .6), (.74, .92), (.38, 1), (.06, .91)]]],
    6: [[[(.76, .01), (.36, .24), (.09, .66), (.25, .95), (.6, 1), (.87, .8), (.76, .57), (.44, .52), (.14, .72)]],
        [[(.55, 0), (.2, .35), (.08, .75), (.32, .99), (.7, .94), (.84, .7), (.62, .53), (.3, .6), (.12, .8)]]],
    7: [[[(.05, .04), (.93, .03), None, (.6, .45), (.4, 1)]],
        [[(.05, .03), (.93, .03), None, (.36, 1)], [(.26, .53), (.84, .5)]]],
    8: [[[(.78, .16), (.5, 0), (.2, .12), (.27, .34), (.6, .52), (.86, .76), (.64, .98), (.3, .97), (.1, .77),
          (.32, .54),
          (.66, .37), (.8, .18), (.74, .06)]],
        [[(.5, .46), (.2, .24), (.4, .01), (.72, .06), (.76, .28), (.5, .46), (.16, .68), (.18, .92), (.5, 1),
          (.82, .9),
          (.84, .66), (.5, .46)]]],
    9: [[[(.82, .2), (.5, .02), (.15, .15), (.12, .42), (.42, .56), (.72, .42), (.83, .14), None, (.77, 1)]],
        [[(.8, .16), (.45, .01), (.13, .2), (.2, .48), (.55, .52), (.82, .25), None, (.84, .6), (.66, .93),
          (.2, .97)]]],
}  # fmt: skip

_ASPECT = 0.65  # width divided by height of a digit
_SPACING = 0.06  # between points of a path, in heights of a digit


@dataclass(frozen=True)
class Style:
    """How somebody writes.

    Attributes
    ----------
    form : int
        Which of the two forms of each digit.
    size : float
        Height as a share of the side of the paper.
    center : tuple (right, down)
        Place of the centre on the paper, as shares of its side.
    width : float
        Factor on the width.
    slant : float
        Shear: shift to the right of the upper end, in heights.
    angle : float
        Rotation in degrees, clockwise.
    rounding : float
        Standard deviation of the smoothing along a path, in heights: the larger, the rounder corners are.
    jitter : float
        Standard deviation of what the hand is off the path, in heights.
    pen : float
        Width of the pen, as a share of the side of the paper.
    """

    form: int
    size: float
    center: tuple[float, float]
    width: float
    slant: float
    angle: float
    rounding: float
    jitter: float
    pen: float


# The pen is 8 % of the paper's side where nobody has set it.
STYLES = (
    Style(0, 0.70, (0.50, 0.50), 1.00, 0.00, 0, 0.03, 0.005, 0.08),  # neat
    Style(1, 0.72, (0.50, 0.50), 1.00, 0.00, 0, 0.03, 0.005, 0.08),  # neat, the other forms
    Style(0, 0.70, (0.50, 0.52), 0.95, 0.25, 0, 0.04, 0.010, 0.08),  # slanted
    Style(1, 0.68, (0.48, 0.50), 1.10, -0.12, 0, 0.03, 0.010, 0.08),  # slanted backwards
    Style(0, 0.85, (0.50, 0.50), 1.25, 0.05, 2, 0.05, 0.012, 0.08),  # large and wide
    Style(1, 0.45, (0.35, 0.40), 0.90, 0.10, -3, 0.02, 0.010, 0.06),  # small, in a corner
    Style(0, 0.80, (0.52, 0.48), 0.70, 0.15, 4, 0.04, 0.010, 0.08),  # narrow
    Style(1, 0.75, (0.50, 0.50), 1.05, 0.05, 0, 0.07, 0.015, 0.12),  # a broad pen, round
    Style(0, 0.65, (0.60, 0.60), 1.00, 0.10, -8, 0.02, 0.020, 0.04),  # a thin pen, turned, shaky
    Style(1, 0.60, (0.45, 0.55), 1.15, 0.20, 8, 0.06, 0.020, 0.08),  # hasty
)


def write(digit: int, style: Style, seed: int = 0) -> list[NDArray[np.float64]]:
    """Return the strokes of a digit, points (n, 2) to the right and down as shares of the side of the paper.

    Examples
    --------
    >>> [path.shape[1] for path in write(4, STYLES[0])]
    [2, 2]
    """
    rng = np.random.default_rng([digit, seed])
    tilt = np.deg2rad(style.angle)
    rotation = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    strokes = []
    for points in _FORMS[digit][style.form]:
        path = _join(points) - 0.5
        path[:, 0] = path[:, 0] * _ASPECT * style.width - style.slant * path[:, 1]
        path = _smooth(path, style.rounding) + _shake(rng, len(path), style.jitter)
        strokes.append(np.clip(path @ rotation * style.size + style.center, 0.02, 0.98))
    return strokes


def _join(points: _Stroke) -> NDArray[np.float64]:
    """Return a curve through points, in steps of about equal length, with corners."""
    return np.concatenate([_curve(np.array(part)) for part in _split_at_corners(points)])


def _split_at_corners(points: _Stroke) -> Iterator[list[tuple[float, float]]]:
    part: list[tuple[float, float]] = []
    for point in points:
        if point is None:
            yield part
            part = part[-1:]
        else:
            part.append(point)
    yield part


def _curve(points: NDArray[np.float64]) -> NDArray[np.float64]:
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    n_points = max(2, round(along[-1] / _SPACING))
    return CubicSpline(along, points, bc_type="natural")(np.linspace(0, along[-1], n_points))


def _smooth(path: NDArray[np.float64], distance: float) -> NDArray[np.float64]:
    return gaussian_filter1d(path, distance / _SPACING, axis=0, mode="nearest")


def _shake(rng: np.random.Generator, n_points: int, deviation: float) -> NDArray[np.float64]:
    """Return a displacement that changes slowly along a path."""
    noise = gaussian_filter1d(rng.standard_normal((n_points + 20, 2)), 5, axis=0)[10 : n_points + 10]
    return deviation * noise / 0.24  # the standard deviation of smoothed noise
