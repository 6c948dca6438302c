import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from scipy import ndimage

from pictures_of_digits import as_gray, light_across, mnist_digits, similarity
from sklenet.preprocessing import CharacterFramer, cut_sheet
from sklenet.preprocessing._sheet import GridNotFoundError

N_ROWS, N_COLUMNS, SIDE = 8, 6, 44
EMPTY = {(2, 3), (7, 5)}


def fill_in(digits, *, line=0.0, angle=0.0, noise=0.0):
    """Return a picture of a form whose cells hold digits off their centres, and the positions of the cells' corners."""
    rng = np.random.default_rng(0)
    ink = np.zeros((SIDE * N_ROWS + 60, SIDE * N_COLUMNS + 60))
    for index, digit in enumerate(digits):
        row, column = divmod(index, N_COLUMNS)
        top, left = 30 + SIDE * np.array([row, column]) + rng.integers(3, SIDE - 30, 2)
        if (row, column) not in EMPTY:
            ink[top : top + 28, left : left + 28] = np.maximum(ink[top : top + 28, left : left + 28], digit / 255)
    rows, columns = 30 + SIDE * np.arange(N_ROWS + 1), 30 + SIDE * np.arange(N_COLUMNS + 1)
    for row in rows:
        ink[row - 1 : row + 1, columns[0] : columns[-1]] = np.maximum(
            ink[row - 1 : row + 1, columns[0] : columns[-1]], line
        )
    for column in columns:
        ink[rows[0] : rows[-1], column - 1 : column + 1] = np.maximum(
            ink[rows[0] : rows[-1], column - 1 : column + 1], line
        )
    ink = ndimage.rotate(ink, angle, reshape=False, order=1)
    paper = 225 - 180 * ink + noise * rng.standard_normal(ink.shape)
    return as_gray(paper * light_across(ink.shape, 0.7))


@pytest.fixture(scope="module")
def digits():
    return mnist_digits(N_ROWS * N_COLUMNS)


@pytest.mark.parametrize("line", [0.0, 0.6, 1.0], ids=["no lines", "gray lines", "black lines"])
@pytest.mark.parametrize("angle", [0.0, 2.0, -4.0])
@pytest.mark.slow
def test_cells_hold_their_digits(digits, line, angle):
    images, _ = digits
    sheet = cut_sheet(fill_in(images, line=line, angle=angle, noise=2), N_ROWS, N_COLUMNS)
    assert set(map(tuple, np.argwhere(sheet.is_empty))) == EMPTY
    is_filled = ~sheet.is_empty.ravel()
    framed = CharacterFramer().transform([image for image, keep in zip(sheet.images, is_filled, strict=True) if keep])
    turned = ndimage.rotate(np.pad(images, ((0, 0), (9, 9), (9, 9))), angle, axes=(1, 2), reshape=False, order=1)
    expected = CharacterFramer().transform(turned[is_filled])
    similarities = [similarity(*pair) for pair in zip(framed, expected, strict=True)]
    # Strokes that a line crosses look a little different, and a digit of MNIST has specks; a neighbour would be unlike.
    assert sorted(similarities)[1] > 0.7
    assert np.median(similarities) > 0.9


@pytest.mark.parametrize("angle", [0.0, 3.0])
@pytest.mark.slow
def test_corners_of_lines(digits, angle):
    sheet = cut_sheet(fill_in(digits[0], line=1.0, angle=angle), N_ROWS, N_COLUMNS)
    center = np.array([SIDE * N_COLUMNS + 59, SIDE * N_ROWS + 59]) / 2
    x, y = np.meshgrid(SIDE * np.arange(N_COLUMNS + 1) + 29.5, SIDE * np.arange(N_ROWS + 1) + 29.5)
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    turned = (np.stack([x, y], axis=-1) - center) @ np.array([[cos, -sin], [sin, cos]]) + center
    assert_allclose(sheet.corners, turned, atol=1.5)


def test_blots_and_specks_far_from_the_form_are_left_out(digits):
    picture = fill_in(digits[0], line=1.0)
    picture[:, 3:6] = 0  # the edge of the scan
    sheet = cut_sheet(picture, N_ROWS, N_COLUMNS)
    assert set(map(tuple, np.argwhere(sheet.is_empty))) == EMPTY
    assert max(image.shape[0] for image in sheet.images) < 1.5 * SIDE


@pytest.mark.parametrize("line", [0.0, 1.0])
@pytest.mark.parametrize(("n_rows", "n_columns"), [(N_ROWS - 1, N_COLUMNS), (N_ROWS, N_COLUMNS + 1), (3, 3)])
@pytest.mark.slow
def test_a_grid_of_other_numbers_is_not_found(digits, line, n_rows, n_columns):
    message = f"A grid of {n_rows} rows and {n_columns} columns was not found. Between (rows|columns), "
    with pytest.raises(GridNotFoundError, match=message) as raised:
        cut_sheet(fill_in(digits[0], line=line), n_rows, n_columns)
    assert raised.value.sheet.corners.shape == (n_rows + 1, n_columns + 1, 2)
    raised.value.sheet.plot()
    plt.close("all")


def test_a_blank_sheet_is_not_found():
    with pytest.raises(ValueError, match="The picture has no ink"):
        cut_sheet(np.full((200, 300), 240, np.uint8), 4, 5)


@pytest.mark.parametrize(("name", "value"), [("n_rows", 0), ("n_columns", 2.5), ("n_rows", True)])
def test_numbers_are_validated(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of cut_sheet must be an int of at least 1"):
        cut_sheet(np.zeros((20, 20), np.uint8), **({"n_rows": 2, "n_columns": 2} | {name: value}))


def test_a_picture_too_small_for_the_grid():
    with pytest.raises(ValueError, match="A picture of 30 pixels is too small for 1000000 columns of cells"):
        cut_sheet(np.zeros((20, 30), np.uint8), 2, 1_000_000)


def test_plot_shades_empty_cells(digits):
    sheet = cut_sheet(fill_in(digits[0], line=1.0), N_ROWS, N_COLUMNS)
    ax = sheet.plot()
    assert len(ax.lines) == N_ROWS + N_COLUMNS + 2
    assert len(ax.patches) == len(EMPTY)
    plt.close("all")


def form(boxes, *, n_rows=2, n_columns=3, side=40):
    """Return a form of lines, whose corner is at 10, with a character in each cell and further rectangles.

    Boxes are (top, left, bottom, right). Lines and characters are black.
    """
    picture = np.full((side * n_rows + 21, side * n_columns + 21), 255, np.uint8)
    picture[10 : side * n_rows + 11 : side, 10 : side * n_columns + 11] = 0
    picture[10 : side * n_rows + 11, 10 : side * n_columns + 11 : side] = 0
    for top, left, bottom, right in boxes:
        picture[top:bottom, left:right] = 0
    return picture


def characters(*numbers):
    """Return boxes of 14×10 pixels in the middle of cells, by default in all six."""
    places = (divmod(number, 3) for number in numbers or range(6))
    return [(23 + 40 * row, 25 + 40 * column, 37 + 40 * row, 35 + 40 * column) for row, column in places]


def ink_pixels(sheet):
    return [int((image < 128).sum()) for image in sheet.images]


def test_cells_hold_exactly_their_ink():
    sheet = cut_sheet(form(characters()), 2, 3)
    assert ink_pixels(sheet) == [140] * 6
    assert not sheet.is_empty.any()
    x, y = np.meshgrid([10, 50, 90, 130], [10, 50, 90])
    assert_allclose(sheet.corners, np.stack([x, y], axis=-1), atol=1)
    for image in sheet.images:
        assert np.abs(np.subtract(image.shape, 41)).max() <= 2
        assert sorted(np.unique(image)) == [0, 255]


@pytest.mark.parametrize(("n_pixels", "expected"), [(5, 140), (6, 146)])
def test_specks_have_little_of_the_ink_of_a_usual_cell(n_pixels, expected):
    sheet = cut_sheet(form([*characters(), (44, 38, 45, 38 + n_pixels)]), 2, 3)
    assert ink_pixels(sheet) == [expected, 140, 140, 140, 140, 140]


@pytest.mark.parametrize(("n_pixels", "is_empty"), [(13, True), (14, True), (15, False)])
def test_cells_with_little_ink_are_empty(n_pixels, is_empty):
    sheet = cut_sheet(form([*characters(0, 1, 2, 3, 4), (70, 100, 71, 100 + n_pixels)]), 2, 3)
    assert sheet.is_empty.tolist() == [[False] * 3, [False, False, is_empty]]


def test_a_form_without_characters_has_empty_cells():
    sheet = cut_sheet(form([]), 2, 3)
    assert sheet.is_empty.all()
    assert ink_pixels(sheet) == [0] * 6
    assert sheet.is_empty.shape == (2, 3)


def test_a_stroke_that_leaves_its_cell_is_not_cut_off():
    sheet = cut_sheet(form([*characters(1, 2, 3, 4, 5), (24, 18, 58, 22)]), 2, 3)
    assert ink_pixels(sheet) == [34 * 4 + 2, 140, 140, 140, 140, 140]
    assert sheet.images[0].shape[0] >= 47


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((20, 30, 78, 34), [58 * 4, 0, 0, 0, 0, 0]),
        ((20, 30, 84, 34), [31 * 4, 0, 0, 33 * 4, 0, 0]),
        ((28, 20, 32, 78), [58 * 4, 0, 0, 0, 0, 0]),
        ((28, 20, 32, 84), [31 * 4, 33 * 4, 0, 0, 0, 0]),
        ((66, 62, 70, 124), [0, 0, 0, 0, 29 * 4, 33 * 4]),
    ],
)
def test_a_stroke_of_several_cells_is_divided_at_their_edges(box, expected):
    sheet = cut_sheet(form([box]), 2, 3)
    assert_allclose(ink_pixels(sheet), expected, atol=4)


def test_a_stroke_beside_a_stroke_of_several_cells_is_not_divided():
    sheet = cut_sheet(form([(20, 20, 84, 22), (82, 22, 84, 40), (34, 30, 58, 34)]), 2, 3)
    assert_allclose(ink_pixels(sheet), [31 * 2 + 24 * 4, 0, 0, 33 * 2 + 18 * 2, 0, 0], atol=8)


def test_ink_of_a_neighbour_is_left_out_of_a_cell():
    # The neighbour's stroke reaches into the first cell, beside its character.
    sheet = cut_sheet(form([*characters(0, 2, 3, 4, 5), (20, 36, 24, 80)]), 2, 3)
    assert ink_pixels(sheet)[:2] == [140, 178]
    assert (sheet.images[0] < 255).sum() == 140
    assert sheet.images[1].shape[1] >= 55


def test_pixels_around_strokes_keep_their_levels():
    picture = form(characters())
    picture[22, 25:35] = 240
    picture[21, 25:35] = 235
    picture[78:86, 95:115] = 178  # a blot, which Otsu's threshold counts as paper
    image = cut_sheet(picture, 2, 3).images[0]
    assert (image == 240).sum() == 10
    assert (image == 235).sum() == 0


def test_corners_are_in_pixels_of_a_large_picture():
    large = np.kron(form(characters(0, 1, 2), n_rows=1), np.ones((19, 19), np.uint8))
    sheet = cut_sheet(large, 1, 3)
    x, y = np.meshgrid([10, 50, 90, 130], [10, 50])
    assert_allclose(sheet.corners, np.stack([x, y], axis=-1) * 19 + 9, atol=8)


@pytest.mark.parametrize(
    ("shape", "n_rows", "n_columns", "message"),
    [
        ((29, 60), 6, 2, "A picture of 29 pixels is too small for 6 rows of cells"),
        ((60, 29), 2, 6, "A picture of 29 pixels is too small for 6 columns of cells"),
        ((30, 60), 6, 12, "The picture has no ink"),
        ((5, 5), 1, 1, "The picture has no ink"),
    ],
)
def test_cells_have_five_pixels_at_least(shape, n_rows, n_columns, message):
    with pytest.raises(ValueError, match=message):
        cut_sheet(np.full(shape, 255, np.uint8), n_rows, n_columns)


def test_a_blank_sheet_is_divided_evenly():
    with pytest.raises(GridNotFoundError, match="The picture has no ink") as raised:
        cut_sheet(np.full((200, 300), 240, np.uint8), 4, 5)
    sheet = raised.value.sheet
    x, y = np.meshgrid(np.arange(0, 301, 60), np.arange(0, 201, 50))
    assert_allclose(sheet.corners, np.stack([x, y], axis=-1))
    assert sheet.is_empty.all()
    assert {image.shape for image in sheet.images} == {(50, 60)}
    assert all((image == 255).all() for image in sheet.images)


def test_plot_shades_the_corners_of_empty_cells():
    sheet = cut_sheet(form(characters(0, 1, 2, 3, 5)), 2, 3)
    ax = sheet.plot()
    (patch,) = ax.patches
    assert_allclose(
        patch.get_xy()[:4], [sheet.corners[row, column] for row, column in [(1, 1), (1, 2), (2, 2), (2, 1)]]
    )
    assert patch.get_linewidth() == 0
    assert_allclose(ax.lines[1].get_xydata(), sheet.corners[1])
    assert_allclose(ax.lines[-1].get_xydata(), sheet.corners[:, -1])
    plt.close("all")


SHEETS = Path(os.environ.get("SKLENET_DATA", ""), "sheets")


@pytest.mark.skipif("SKLENET_DATA" not in os.environ or not SHEETS.is_dir(), reason="SKLENET_DATA has no folder sheets")
@pytest.mark.parametrize("name", ["faint-lines.tif", "no-lines.png", "broken-lines.tif", "full-lines.png"])
@pytest.mark.slow
def test_scanned_sheets(name):
    sheet = cut_sheet(SHEETS / name, 40, 32)
    assert not sheet.is_empty.any()
    with Image.open(SHEETS / name) as picture:
        width, height = picture.size
    heights, widths = np.diff(sheet.corners[..., 1], axis=0), np.diff(sheet.corners[..., 0], axis=1)
    assert np.ptp(heights) < 0.3 * heights.mean()
    assert np.ptp(widths) < 0.3 * widths.mean()
    assert heights.mean() > 0.9 * height / 40 - 1 or widths.mean() > 0.9 * width / 32 - 1
