"""Find the characters in a picture of one or more lines."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sklenet._checks import check_choice
from sklenet._extras import import_extra
from sklenet._pictures import read_any, reduce_picture
from sklenet.preprocessing._ink import POLARITIES, Ink, find_ink

# Longer sides are reduced to this number of pixels before ink is searched.
_MAX_SIDE = 2000
# A stroke is a part of a larger stroke, such as the dot of an i, if this share of the width of the narrower is above or
# below the wider.
_PART_OVERLAP = 0.35
# ... and if the gap between them is at most this share of the line's height.
_PART_GAP = 0.5
# A bar of a 5 is at least as wide as this share of the median height, no further to the right and from the top.
_BAR_WIDTH, _BAR_GAP, _BAR_HEIGHT = 0.2, 0.15, 0.25
# Strokes are parts of one character if their distance is at most these shares of the median height and of the median
# gap between neighbours, if one of them is low, and if they are together no larger than a character.
_NEAR_HEIGHT, _NEAR_GAP = 0.15, 0.4
_LOW, _LARGEST_SIDE = 0.75, 1.3
# A stroke is a dot, and begins no line, if it is lower than this share of the median height of strokes.
_DOT = 0.4
# A character continues a line if this share of the height of the lower one is beside the line's last character.
_LINE_OVERLAP = 0.4
# Characters touch if they are together wider than this number of median widths and than this share of their height.
_TOUCHING_WIDTH, _TOUCHING_ASPECT = 1.7, 1.2


@dataclass(frozen=True, eq=False)
class CharacterPage:
    """The characters of a picture, in reading order.

    Attributes
    ----------
    picture : ndarray of shape (h, w), uint8
        The picture in gray levels, upright.
    boxes : ndarray of shape (n_characters, 4), int
        Left, top, right and bottom edge of each character in pixels of `picture`, as ``PIL.Image.crop`` takes them. The
        right and the bottom edge lie outside of the character.
    images : list of n_characters ndarrays of shape (height, width), uint8
        Each character alone, light on dark, with a margin. :class:`CharacterFramer` makes images of one shape of them.
    lines : list of ndarray
        The indices of the characters of each line, from left to right. Lines are sorted from top to bottom.
    is_touching : ndarray of shape (n_characters,), bool
        Whether a box is so wide that it may hold several characters that touch. They are not separated.
    """

    picture: NDArray[np.uint8]
    boxes: NDArray[np.intp]
    images: list[NDArray[np.uint8]] = field(repr=False)
    lines: list[NDArray[np.intp]]
    is_touching: NDArray[np.bool_]

    def plot(self, ax: Any = None) -> Any:
        """Draw the picture with the boxes, numbered in reading order. Boxes of characters that may touch are dashed.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw in. With None, a figure is made.

        Returns
        -------
        ax : matplotlib Axes
        """
        ax = show_picture(self.picture, ax)
        rectangle = import_extra("matplotlib.patches", "inspection").Rectangle
        for index, (left, top, right, bottom) in enumerate(self.boxes):
            style = "--" if self.is_touching[index] else "-"
            color = "tab:red" if self.is_touching[index] else "tab:blue"
            ax.add_patch(
                rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, color=color, linestyle=style)
            )
            ax.annotate(str(index), (left, top), color=color, fontsize="small", ha="right", va="bottom")
        return ax


def find_characters(picture: Any, *, polarity: str = "auto") -> CharacterPage:
    """Find the characters in a photograph or a scan of one or more lines.

    Connected strokes are characters. Strokes above each other, such as the parts of i, = and %, are one character.
    Characters are sorted into lines, which may be inclined by a few degrees, and are read from left to right.
    Characters that touch are one box; `is_touching` marks boxes that are unusually wide.

    Parameters
    ----------
    picture : path-like, Pillow image or ndarray of shape (h, w), (h, w, 3) or (h, w, 4)
        The picture, of any size, in gray levels or in colour.
    polarity : {"auto", "dark-on-light", "light-on-dark"}, default="auto"
        Colours of the ink and of the background. With "auto", the background is what the border of the picture shows.

    Returns
    -------
    page : CharacterPage
        Without characters if the picture has no ink.

    Raises
    ------
    ValueError
        If the picture cannot be read, or `polarity` is not among the choices.
    OSError
        If the file cannot be opened.
    ImportError
        If Pillow or scikit-image is missing. The extra ``sklenet[images]`` installs both.

    See Also
    --------
    CharacterFramer : Scale and centre characters as a classifier expects.

    Examples
    --------
    >>> import numpy as np
    >>> from sklenet.preprocessing import find_characters
    >>> picture = np.full((60, 120), 255, np.uint8)
    >>> picture[20:45, 20:25] = picture[10:14, 20:25] = 0  # an i
    >>> picture[10:45, 60:65] = 0  # an l
    >>> page = find_characters(picture)
    >>> page.boxes
    array([[20, 10, 25, 45],
           [60, 10, 65, 45]])
    """
    check_choice("find_characters", "polarity", polarity, POLARITIES)
    gray = read_any(picture)
    reduced, factor = reduce_picture(gray, _MAX_SIDE)
    ink = find_ink(reduced, polarity).without_specks()
    if not ink.weights.any():
        return CharacterPage(gray, np.empty((0, 4), np.intp), [], [], np.empty(0, bool))
    strokes = _stroke_boxes(ink)
    groups = _join_near(_join_parts(strokes), strokes, ink)
    boxes = _boxes_of(groups, strokes)
    lines = _read_lines(boxes)
    order = np.concatenate(lines)
    numbers = np.flatnonzero(ink.weights)
    images = [_cut(ink, boxes[index], numbers[groups[index]]) for index in order]
    ends = np.cumsum([len(line) for line in lines])
    boxes = boxes[order]
    largest = [gray.shape[1], gray.shape[0]] * 2
    return CharacterPage(
        gray,
        np.minimum(boxes * factor, largest),
        images,
        np.split(np.arange(len(order)), ends[:-1]),
        _find_touching(boxes),
    )


def show_picture(picture: NDArray[np.uint8], ax: Any) -> Any:
    """Draw a picture in axes, and make axes of its shape unless there are some."""
    if ax is None:
        pyplot = import_extra("matplotlib.pyplot", "inspection")
        height, width = picture.shape
        scale = 10 / max(height, width)
        _, ax = pyplot.subplots(figsize=(max(2, width * scale), max(2, height * scale)), layout="constrained")
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
    ax.set_axis_off()
    return ax


def _stroke_boxes(ink: Ink) -> NDArray[np.intp]:
    """Return left, top, right and bottom of each stroke, (n_strokes, 4)."""
    places = ndimage.find_objects(ink.labels)
    return np.array([(x.start, y.start, x.stop, y.stop) for y, x in filter(None, places)], np.intp)


def _bounds(boxes: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _overlap(first: NDArray[np.intp], second: NDArray[np.intp], axis: int) -> float:
    """Return the share of the shorter of two sides that is beside the other, negative for a gap."""
    common = min(first[axis + 2], second[axis + 2]) - max(first[axis], second[axis])
    return common / min(first[axis + 2] - first[axis], second[axis + 2] - second[axis])


def _join_parts(strokes: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Group the strokes that are above each other, beginning with the largest, as lists of their indices."""
    heights = strokes[:, 3] - strokes[:, 1]
    sizes = np.maximum(heights, strokes[:, 2] - strokes[:, 0])
    usual = np.median(sizes[sizes > _DOT * np.median(sizes)])
    groups: list[list[int]] = []
    for index in np.argsort(-sizes):
        stroke = strokes[index]
        distances = [_part_distance(stroke, _bounds(strokes[group]), usual) for group in groups]
        if min(distances, default=np.inf) < np.inf:
            groups[int(np.argmin(distances))].append(index)
        else:
            groups.append([index])
    return [np.array(sorted(group), np.intp) for group in groups]


def _part_distance(stroke: NDArray[np.intp], character: NDArray[np.intp], usual: float) -> float:
    """Return the gap between a stroke and a character that it may belong to, in pixels; infinity if it does not."""
    if _is_upper_bar(stroke, character, usual) or _is_upper_bar(character, stroke, usual):
        return 0.0
    if _overlap(stroke, character, 0) < _PART_OVERLAP:
        return np.inf
    gap = max(stroke[1], character[1]) - min(stroke[3], character[3])
    together = max(stroke[3], character[3]) - min(stroke[1], character[1])
    # Two characters of neighbouring lines are together higher than a character.
    is_part = gap <= _PART_GAP * usual and together <= 1.6 * usual
    return float(gap) if is_part else np.inf


def _is_upper_bar(stroke: NDArray[np.intp], character: NDArray[np.intp], usual: float) -> bool:
    """Tell whether a stroke is the bar at the upper right of a character, as of a 5, which need not touch it."""
    is_flat = stroke[3] - stroke[1] < _DOT * usual and stroke[2] - stroke[0] >= _BAR_WIDTH * usual
    is_beside = -usual / 2 < stroke[0] - character[2] <= _BAR_GAP * usual
    is_at_top = abs(float(stroke[1::2].mean()) - character[1]) < _BAR_HEIGHT * usual
    return bool(is_flat and is_beside and is_at_top)


def _boxes_of(groups: list[NDArray[np.intp]], strokes: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.array([_bounds(strokes[group]) for group in groups], np.intp)


def _join_near(groups: list[NDArray[np.intp]], strokes: NDArray[np.intp], ink: Ink) -> list[NDArray[np.intp]]:
    """Join low characters with neighbours whose distance is small beside the gaps of the lines.

    A pen that was lifted for a moment divides a character so.
    """
    boxes = _boxes_of(groups, strokes)
    heights = boxes[:, 3] - boxes[:, 1]
    usual = np.median(heights)
    gaps = [gap for line in _read_lines(boxes) for gap in boxes[line[1:], 0] - boxes[line[:-1], 2]]
    usual_gap = np.median(gaps) if gaps else usual
    clusters = _cluster(ink, min(_NEAR_HEIGHT * usual, _NEAR_GAP * usual_gap))
    joined = dict(enumerate(groups))
    for first, second in _pairs_in_clusters(clusters, groups):
        left, top, right, bottom = _bounds(strokes[together := np.concatenate([joined[first], joined[second]])])
        is_low = min(heights[first], heights[second]) < _LOW * usual
        if is_low and max(right - left, bottom - top) <= _LARGEST_SIDE * usual:
            joined[first], joined[second] = together[:0], together
    return [np.sort(group) for group in joined.values() if len(group)]


def _pairs_in_clusters(clusters: NDArray[np.intp], groups: list[NDArray[np.intp]]) -> list[tuple[int, int]]:
    """Return the pairs of groups, by their indices, that have strokes in a common cluster."""
    members = defaultdict(set)
    for index, group in enumerate(groups):
        for cluster in clusters[group]:
            members[cluster].add(index)
    return sorted({pair for group in members.values() for pair in combinations(sorted(group), 2)})


def _cluster(ink: Ink, distance: float) -> NDArray[np.intp]:
    """Return a number for each stroke, the same for strokes whose distance in pixels is no larger."""
    is_near = ndimage.distance_transform_edt(ink.labels == 0) <= max(0, distance) / 2
    numbers, _ = ndimage.label(is_near, np.ones((3, 3), bool))
    return ndimage.maximum(numbers, ink.labels, np.flatnonzero(ink.weights)).astype(np.intp)


def _read_lines(boxes: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Sort characters into lines from top to bottom, each from left to right.

    A character continues the line whose last character is beside it, so lines may be inclined.
    """
    lines: list[list[int]] = []
    heights = boxes[:, 3] - boxes[:, 1]
    is_small = heights < _DOT * np.median(heights)
    small = np.flatnonzero(is_small)
    for index in np.flatnonzero(~is_small)[np.argsort(boxes[~is_small, 0])]:
        overlaps = [_overlap(boxes[index], boxes[line[-1]], 1) for line in lines]
        if max(overlaps, default=-np.inf) >= _LINE_OVERLAP:
            lines[int(np.argmax(overlaps))].append(index)
        else:
            lines.append([index])
    for index in small:
        middle = boxes[index, 1::2].mean()
        nearest = min(lines, key=lambda line: _distance_to_line(boxes, line, boxes[index, 0], middle))
        nearest.append(int(index))
    ordered = (np.array(sorted(line, key=lambda index: boxes[index, 0]), np.intp) for line in lines)
    return sorted(ordered, key=lambda line: float(boxes[line][:, 1::2].mean()))


def _distance_to_line(boxes: NDArray[np.intp], line: list[int], left: int, middle: float) -> float:
    """Return the vertical distance of a point from the nearest character of a line."""
    nearest = min(line, key=lambda index: abs(boxes[index, 0] - left))
    return abs(float(boxes[nearest, 1::2].mean()) - middle)


def _find_touching(boxes: NDArray[np.intp]) -> NDArray[np.bool_]:
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    is_wide = widths > _TOUCHING_WIDTH * np.median(np.minimum(widths, heights))
    return is_wide & (widths > _TOUCHING_ASPECT * heights) & (heights > _DOT * np.median(heights))


def _cut(ink: Ink, box: NDArray[np.intp], numbers: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Cut a character out, without the strokes of its neighbours, light on dark."""
    left, top, right, bottom = box
    margin = 2 + max(right - left, bottom - top) // 8
    height, width = ink.labels.shape
    rows = slice(max(0, top - margin), min(height, bottom + margin))
    columns = slice(max(0, left - margin), min(width, right + margin))
    is_own = np.isin(ink.labels[rows, columns], numbers)
    halo = ndimage.binary_dilation(is_own, np.ones((3, 3), bool), iterations=1 + margin // 8)
    levels = np.where(halo & (is_own | (ink.labels[rows, columns] == 0)), ink.levels[rows, columns], 0)
    return np.rint(levels * (255 / levels.max())).astype(np.uint8)
