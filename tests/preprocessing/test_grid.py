"""The grid of a form, fitted to drawn lines and blocks of ink whose places are known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklenet.preprocessing._grid import (
    Grid,
    _centers_of_peaks,
    _find_distance,
    _fit_comb,
    _Ink,
    _Lines,
    _list_combs,
    _measure,
    erase_lines,
    fit_grid,
)


def draw(rows, columns, *, thickness=1, slope=0.0):
    """Return the mask of the lines of a form, which end at the first and the last line of the other direction."""
    mask = np.zeros((rows[-1] + rows[0] + 30, columns[-1] + columns[0] + 30), bool)
    shifts = np.arange(thickness) - thickness // 2
    for row in rows:
        x = np.arange(round(columns[0] - slope * row), round(columns[-1] - slope * row) + 1)
        mask[np.rint(row + slope * x).astype(int) + shifts[:, None], x] = True
    for column in columns:
        y = np.arange(round(rows[0] + slope * column), round(rows[-1] + slope * column) + 1)
        mask[y, np.rint(column - slope * y).astype(int) + shifts[:, None]] = True
    return mask


def write(rows, columns, height, width, *, margin=0):
    """Return the mask of blocks of ink, given their middles, and their height and width."""
    mask = np.zeros((rows[-1] + height // 2 + margin, columns[-1] + width // 2 + margin), bool)
    for row in rows:
        for column in columns:
            mask[row - height // 2 : row + height // 2, column - width // 2 : column + width // 2] = True
    return mask


def lines(offsets, slopes=0.0, *, is_visible=True, thickness=1):
    offsets = np.array(offsets, float)
    return _Lines(offsets, np.full(len(offsets), slopes), np.full(len(offsets), is_visible), thickness)


@pytest.mark.parametrize("thickness", [1, 3])
@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ([10, 50, 90, 130], [20, 56, 92, 128, 164, 200]),
        ([2, 62], [2, 82]),
        ([5, 65, 125], [90, 190]),
        ([2, 32, 62, 92, 122], [2, 52, 102]),
        ([20, 41, 63, 84, 105], [10, 51, 88, 130, 170]),
    ],
    ids=["3×5", "1×1", "2×1", "at the border", "unequal distances"],
)
def test_visible_lines_are_found(rows, columns, thickness):
    grid = fit_grid(draw(rows, columns, thickness=thickness), len(rows) - 1, len(columns) - 1)
    assert grid.describe_problem() is None
    for places, across, found in ((rows, columns, grid.rows), (columns, rows, grid.columns)):
        assert found.is_visible.all()
        assert_allclose(found.at(np.mean(across))[:, 0], places, atol=1)
        assert abs(found.thickness - thickness) <= 1
        assert_allclose(found.pitch, np.diff(places).mean(), atol=1.3)


@pytest.mark.parametrize("slope", [-0.13, -0.05, 0.003, 0.1])
def test_slopes_of_visible_lines(slope):
    rows, columns = [60, 100, 140, 180], [40, 90, 140, 190, 240]
    grid = fit_grid(draw(rows, columns, slope=slope), 3, 4)
    assert grid.describe_problem() is None
    for places, across, found, expected in (
        (rows, 140, grid.rows, slope),
        (columns, 120, grid.columns, -slope),
    ):
        assert_allclose(found.slopes, expected, atol=0.006)
        assert_allclose(found.at(across)[:, 0], np.array(places) + expected * across, atol=0.8)


def stripe(shift=0, *, thickness=1, slope=0.0, stop=240):
    """Return a mask with a horizontal line of 200 columns, from column 40, at row 50, moved by a shift."""
    mask = np.zeros((100, 300), bool)
    x = np.arange(40, stop)
    y = np.rint(50 + shift + slope * (x - 139.5)).astype(int)
    mask[y + np.arange(thickness)[:, None] - thickness // 2, x] = True
    mask[0, [40, 239]] = True
    return mask


@pytest.mark.parametrize("shift", [-10, -8, -7, 0, 5, 8, 9])
@pytest.mark.parametrize("thickness", [1, 3])
def test_lines_are_measured_within_a_fifth_of_the_distance(shift, thickness):
    measured = _measure(stripe(shift, thickness=thickness), lines([10, 50, 90], is_visible=False, thickness=0))
    is_visible = abs(shift) <= 8 + thickness // 2
    assert measured.is_visible.tolist() == [False, is_visible, False]
    assert measured.thickness <= thickness if is_visible else measured.thickness == 0
    if abs(shift) + thickness // 2 <= 8:
        assert_allclose(measured.offsets, [10, 50 + shift, 90])
        assert_allclose(measured.slopes, 0, atol=1e-9)
        assert measured.thickness == thickness


def test_lines_are_measured_within_two_pixels_at_least():
    assert_allclose(_measure(stripe(2), lines([45, 50, 55])).offsets[1], 52)
    assert _measure(stripe(3), lines([45, 50, 55])).is_visible.tolist() == [False, False, True]


@pytest.mark.parametrize("slope", [0.02, 0.08])
def test_slopes_are_measured_beside_those_of_the_grid(slope):
    measured = _measure(stripe(slope=slope), lines([3, 43.025, 83], 0.05))
    assert_allclose(measured.slopes[1], slope, atol=0.004)
    assert_allclose(measured.at(139.5)[1], 50, atol=0.3)


@pytest.mark.parametrize(("n_columns", "expected"), [(112, False), (113, True), (200, True)])
def test_a_line_is_visible_in_most_of_eight_parts_of_its_length(n_columns, expected):
    measured = _measure(stripe(stop=40 + n_columns), lines([10, 50, 90]))
    assert measured.is_visible.tolist() == [False, expected, False]


def test_the_thickness_is_that_of_most_lines():
    mask = stripe(-20, thickness=1) | stripe(0, thickness=3) | stripe(20, thickness=3)
    measured = _measure(mask, lines([30, 50, 70]))
    assert measured.thickness == 3
    assert_allclose(measured.offsets, [30, 50, 70])


@pytest.mark.parametrize(("n_of_ten", "expected"), [(2, 1), (4, 1), (6, 2), (10, 2)])
def test_the_thickness_counts_rows_that_are_half_as_inked(n_of_ten, expected):
    mask = stripe()
    mask[51, 40:240] = np.arange(200) % 10 < n_of_ten
    assert _measure(mask, lines([10, 50, 90])).thickness == expected


def test_lines_at_the_border_are_measured():
    mask = np.roll(stripe(), 49, axis=0)
    mask[50] = False
    mask[1, 40:240] = True
    measured = _measure(mask, lines([0, 50, 97]))
    assert measured.is_visible.tolist() == [True, False, True]
    assert_allclose(measured.offsets, [1, 50, 99])


@pytest.mark.parametrize(
    ("rows", "columns", "height", "width"),
    [
        ([30, 70, 110], [30, 80, 130, 180], 14, 16),
        ([40, 100], [40, 120], 20, 26),
        ([30, 60, 90, 120, 150, 180], [20, 45, 70, 95, 120], 10, 8),
    ],
    ids=["3×4", "2×2", "6×5"],
)
def test_lines_lie_in_gaps_where_no_lines_are_visible(rows, columns, height, width):
    grid = fit_grid(write(rows, columns, height, width), len(rows), len(columns))
    assert grid.describe_problem() is None
    for places, side, found in ((rows, height, grid.rows), (columns, width, grid.columns)):
        middles = np.array(places) - 0.5
        gaps = (middles[1:] + middles[:-1]) / 2
        assert_allclose(found.offsets[1:-1], gaps, atol=1.5)
        assert found.offsets[0] < middles[0] - side / 2 + 3
        assert found.offsets[-1] > middles[-1] + side / 2 - 3
        assert_allclose(np.diff(found.offsets), found.pitch)
        assert not found.is_visible.any()
        assert found.thickness == 0


FORM = [10, 50, 90, 130, 170], [20, 60, 100, 140, 180, 220, 260]
BLOCKS = [30, 70, 110, 150], [30, 80, 130, 180, 230, 280], 14, 16


@pytest.mark.parametrize(
    ("mask", "n_rows", "n_columns", "problem"),
    [
        (draw(*FORM), 2, 6, "Between rows, there are further lines within the intervals"),
        (draw(*FORM), 4, 3, "Between columns, there are further lines within the intervals"),
        (draw(*FORM), 4, 2, "Between columns, there are further lines within the intervals"),
        (write(*BLOCKS), 3, 6, "Between rows, there is 75% of the ink of an interval outside of the grid"),
        (write(*BLOCKS), 4, 3, "Between columns, the ink repeats every 50 pixels, as for 5 intervals"),
    ],
    ids=["half the rows", "half the columns", "a third", "a row less", "two each"],
)
def test_problems_of_other_numbers(mask, n_rows, n_columns, problem):
    assert fit_grid(mask, n_rows, n_columns).describe_problem() == problem


def test_points_belong_to_cells():
    grid = Grid.divide((40, 60), 2, 3)
    y = np.array([-10.5, -10, -9.5, 0, 19.5, 20, 39, 40, 49.5, 50])
    assert_array_equal(grid.cell_at(y, np.full(10, 5)), [0, 0, 1, 1, 1, 4, 4, 4, 4, 0])
    x = np.array([-10, -9.5, 0, 19.5, 20, 40, 59, 60, 69.5, 70])
    assert_array_equal(grid.cell_at(np.full(10, 25), x), [0, 4, 4, 4, 5, 6, 6, 6, 6, 0])


def test_points_belong_to_cells_of_sloping_lines():
    grid = Grid(lines([0, 20, 40], 0.1), lines([10, 40, 70], -0.2))
    assert_array_equal(grid.cell_at([22, 22, 28, 2], [10, 30, 65, 75]), [3, 1, 4, 2])


def test_corners_are_on_both_lines():
    grid = Grid(lines([3, 20, 50], 0.1), lines([10, 40, 70, 105], -0.2))
    corners = grid.corners()
    assert corners.shape == (3, 4, 2)
    assert_allclose(corners[..., 1], np.array([[3], [20], [50]]) + 0.1 * corners[..., 0])
    assert_allclose(corners[..., 0], np.array([10, 40, 70, 105]) - 0.2 * corners[..., 1])


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (0, (slice(0, 14), slice(0, 21))),
        (1, (slice(0, 14), slice(20, 40))),
        (3, (slice(13, 27), slice(0, 21))),
        (5, (slice(13, 27), slice(39, 50))),
        (8, (slice(26, 30), slice(39, 50))),
        (11, (slice(29, 30), slice(39, 50))),
    ],
)
def test_bounds_hold_a_cell_within_the_picture(index, expected):
    grid = Grid(lines([0.5, 13.5, 26.5, 39.5, 52.5]), lines([-3, 20.5, 39.5, 60.5]))
    assert grid.bounds(index, (30, 50)) == expected


def test_bounds_of_a_cell_before_the_picture():
    assert Grid(lines([-30, -10]), lines([-20, -5])).bounds(0, (30, 50)) == (slice(0, 1), slice(0, 1))


def test_bounds_of_a_cell_of_sloping_lines_hold_all_corners():
    grid = Grid(lines([0, 20], 0.1), lines([10, 50], -0.2))
    left, top, right, bottom = 10 - 0.2 * 21 / 1.02, 1 / 1.02, 50 - 0.2 * 5 / 1.02, 25 / 1.02
    assert grid.bounds(0, (90, 90)) == (
        slice(int(top), int(np.ceil(bottom))),
        slice(int(left), int(np.ceil(right))),
    )


@pytest.mark.parametrize("thickness", [1, 3])
def test_lines_are_erased_where_no_stroke_crosses(thickness):
    mask = draw([10, 40, 70], [10, 50, 90], thickness=thickness)
    stroke = np.zeros_like(mask)
    stroke[34:47, 30] = stroke[20:23, 60:70] = stroke[60, 44:57] = True
    rest = erase_lines(mask | stroke, fit_grid(mask, 2, 2))
    assert_array_equal(rest & ~mask, stroke & ~mask)
    assert rest[34:47, 30].all()
    assert rest[60, 44:57].all()
    assert_array_equal(rest & mask, stroke & mask)


def comb(places, length, *, height=100.0, thickness=1):
    """Return a profile with a peak at each place."""
    profile = np.zeros(length)
    for place in places:
        profile[place - thickness // 2 : place - thickness // 2 + thickness] = height
    return profile


@pytest.mark.parametrize(
    ("nearest", "farthest", "expected"),
    [(5, 45, 20), (20, 45, 20), (22, 45, 40), (5, 18, np.inf), (5, 19, 20), (41, 59, 60), (41, 58, np.inf)],
)
def test_the_distance_is_the_shortest_at_which_ink_repeats(nearest, farthest, expected):
    assert _find_distance(comb(range(10, 200, 20), 200), nearest, farthest) == expected


@pytest.mark.parametrize(("height", "expected"), [(100, 20), (85, 20), (60, 20), (40, 40)])
def test_weak_repetitions_are_no_distance(height, expected):
    profile = comb(range(10, 400, 40), 400) + comb(range(30, 400, 40), 400, height=height)
    assert _find_distance(profile, 5, 50) == expected


@pytest.mark.parametrize("profile", [np.ones(50), np.arange(50.0), np.eye(50)[20]], ids=["flat", "slope", "peak"])
def test_ink_that_does_not_repeat_has_no_distance(profile):
    assert _find_distance(profile, 5, 30) == np.inf


def test_combs_begin_or_end_with_the_ink():
    combs = _list_combs(100, 4, 20, 30)
    assert combs.shape == (81 * 60, 5)
    distances = np.diff(combs)
    assert_allclose(distances, np.broadcast_to(distances[:, :1], distances.shape))
    assert_allclose(np.unique(distances[:, 0].round(6)), np.linspace(20, 30, 81))
    starts = {distance: combs[np.isclose(distances[:, 0], distance), 0] for distance in (20, 25, 30)}
    for distance, first, last in ((20, -2, 22), (25, -2, 2), (30, -22, 2)):
        assert_allclose(starts[distance], np.linspace(first, last, 60))


@pytest.mark.parametrize(
    ("places", "length", "thickness"),
    [
        ([0, 40, 80, 120], 121, 1),
        ([3, 43, 83, 123], 127, 3),
        ([0, 60], 61, 1),
        ([10, 60, 110], 115, 3),
        (list(range(2, 423, 21)), 424, 3),
    ],
)
def test_teeth_are_on_visible_lines(places, length, thickness):
    found, problem = _fit_comb(comb(places, length, thickness=thickness, height=60.0) + 5, len(places) - 1, 100)
    assert problem is None
    assert_allclose(found, places, atol=1.51 + thickness // 2)


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ([], None),
        ([21], "there are further lines within the intervals"),
        ([14, 28], "there are further lines within the intervals"),
        ([14], None),
        ([28], None),
        ([10], None),
    ],
)
def test_lines_within_the_intervals(parts, problem):
    places = [start + part for start in (5, 47, 89) for part in [0, *parts]]
    assert _fit_comb(comb([*places, 131], 137) + 5, 3, 100)[1] == problem


@pytest.mark.parametrize(
    ("n_lines", "shift", "problem"),
    [(11, 0, None), (12, 0, "there is a further line beside the grid"), (12, 8, None), (12, -8, None)],
)
def test_lines_beside_the_grid(n_lines, shift, problem):
    places = [10 + 40 * number for number in range(n_lines)]
    places[-1] += shift * (n_lines == 12)
    profile = comb(places, 461) + 5
    assert _fit_comb(profile, 10, 100)[1] == problem


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("ink", "problem"),
    [(0, "the first or the last interval has no ink"), (0.7, "the first or the last interval has no ink"), (0.9, None)],
)
def test_intervals_without_ink(side, ink, problem):
    profile = np.full(161, 8.0)
    profile[slice(120, None) if side else slice(40)] = ink
    profile[::40] = 80
    assert _fit_comb(profile, 4, 100)[1] == problem


@pytest.mark.parametrize(
    ("level", "problem"),
    [
        (0, None),
        (10, None),
        (14, None),
        (40, "no lines are visible, and there is 92% of the mean ink where gaps are expected"),
    ],
)
def test_ink_in_gaps(level, problem):
    profile = np.full(200, 45.0)
    for gap in range(40, 200, 40):
        profile[gap - 8 : gap + 8] = level
    found, found_problem = _fit_comb(profile, 5, 100)
    assert found_problem == problem
    if problem is None:
        assert_allclose(found, np.arange(0, 201, 40), atol=2.5)


@pytest.mark.parametrize(
    ("height", "problem"),
    [(9, None), (30, "there is 91% of the ink of an interval outside of the grid")],
)
@pytest.mark.parametrize("is_first", [False, True])
def test_ink_outside_of_the_grid(height, is_first, problem):
    profile = np.zeros(11 * 40 - 16)
    for number in range(11):
        profile[40 * number : 40 * number + 24] = 30
    profile[-24:] = height
    assert _fit_comb(profile[::-1] if is_first else profile, 10, 100)[1] == problem


@pytest.mark.parametrize("thickness", [1, 3])
def test_ink_near_a_line_is_erased_if_it_is_hardly_thicker_than_the_line(thickness):
    mask = np.zeros((60, 40), bool)
    # Single pixels at all places beside the line at row 30, and strokes across the line, which become longer.
    mask[30 + np.arange(-8, 9), np.arange(2, 19)] = True
    for length in range(1, 8):
        mask[30 : 30 + length, 20 + 2 * length] = True
    grid = Grid(lines([5, 30], thickness=thickness), lines([0, 39], is_visible=False))
    rest = erase_lines(mask, grid)
    shifts = np.arange(-8, 9)
    assert_array_equal(rest[30 + shifts, np.arange(2, 19)], np.abs(shifts) > 2 + thickness)
    assert rest.sum(axis=0)[22:36:2].tolist() == [n if n > thickness + 2 else 0 for n in range(1, 8)]


def test_lines_that_are_not_visible_are_not_erased():
    mask = draw([10, 40, 70], [10, 50, 90])
    hidden = Grid(lines([10, 40, 70], is_visible=False), lines([10, 50, 90], is_visible=False))
    assert_array_equal(erase_lines(mask, hidden), mask)


def test_lines_at_the_border_are_erased():
    mask = np.zeros((40, 50), bool)
    mask[0] = mask[-1] = mask[:, 0] = mask[:, -1] = True
    assert not erase_lines(mask, Grid(lines([0, 39]), lines([0, 49]))).any()


def test_sloping_lines_are_erased():
    mask = draw([30, 70, 110], [30, 80, 130], slope=0.1)
    rest = erase_lines(mask, Grid(lines([30, 70, 110], 0.1), lines([30, 80, 130], -0.1)))
    assert rest.sum() == 0


def test_ink_on_lines_and_near_lines():
    profile = comb([60], 100, height=80) + comb([40], 100, height=30)
    ink = _Ink(profile, length=50, distance=20)
    assert_allclose(ink.on_lines(np.array([[38, 39, 40.4, 41, 42, 60, -5, 105]])), [[0, 0.6, 0.6, 0.6, 0, 1, 0, 0]])
    assert_allclose(ink.near_lines(np.array([[36, 37, 43, 44, 56, 57, 63, 64]])), [[0, 0.6, 0.6, 0, 0, 1, 1, 0]])


def test_ink_in_gaps_is_smooth():
    peak = _Ink(comb([50], 100), length=50, distance=20)
    expected = 100 * np.exp(-((np.arange(4) / 1.6) ** 2) / 2) / (1.6 * np.sqrt(2 * np.pi))
    assert_allclose(peak.in_gaps(np.arange(50.0, 54)[:, None]), expected, rtol=0.01)
    assert_allclose(peak.in_gaps(np.array([[50.0, 53]])), [expected[[0, 3]].mean()], rtol=0.01)
    assert peak.in_gaps(np.zeros((3, 0))).tolist() == [0, 0, 0]


def test_ink_inside_and_outside_of_lines():
    ink = _Ink(np.ones(100), length=50, distance=20)
    assert_allclose(ink.inside(np.array([0, 50, 100])), [0.38, 0.38])
    assert_allclose(ink.inside(np.array([10, 35, 60])), [0.19, 0.19])
    places = np.array([[2, 97], [3, 97], [2, 96], [-9, 120], [42, 67]])
    assert_allclose(ink.outside(places), [0, 0.01, 0.01, 0, 0.7], atol=1e-9)


@pytest.mark.parametrize("places", [[0, 60, 99], [10, 99], [0, 25, 50, 75, 99], [0, 8, 50, 58, 99]])
@pytest.mark.parametrize("n_intervals", [1, 2, 3, 4])
def test_bounds_of_the_distance(places, n_intervals):
    found, _ = _fit_comb(comb(places, 100), n_intervals, 100)
    assert 85 / n_intervals - 1e-6 <= found[1] - found[0] <= 105 / max(1, n_intervals - 1) + 1e-6


def test_centers_of_peaks_weigh_rows_by_the_square_of_the_ink():
    stations = np.zeros((9, 2))
    stations[1:4, 0] = 0.5, 1, 0
    stations[[2, 5, 6, 8], 1] = 0.9, 1, 0.5, 0.9
    assert_allclose(_centers_of_peaks(stations), [(1 * 0.25 + 2) / 1.25, (5 + 6 * 0.25) / 1.25])
