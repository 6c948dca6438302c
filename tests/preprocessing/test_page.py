import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from pictures_of_digits import as_gray, light_across, mnist_digits
from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample
from sklenet.preprocessing import CharacterFramer, find_characters


def write(boxes, shape=(100, 300)):
    """Return a picture of black rectangles (left, top, right, bottom) on white."""
    picture = np.full(shape, 255, np.uint8)
    for left, top, right, bottom in boxes:
        picture[top:bottom, left:right] = 0
    return picture


def write_lines(lines, *, pitch=60, slope=0.0):
    """Return a picture of lines of digits, dark on paper in falling light."""
    width = 40 * max(map(len, lines)) + 40
    picture = np.full((pitch * len(lines) + 60, width), 220.0)
    for row, line in enumerate(lines):
        for column, digit in enumerate(line):
            top, left = round(20 + pitch * row + slope * column * 40), 20 + 40 * column
            picture[top : top + 28, left : left + 28] -= 170 * (digit / 255.0)
    return as_gray(picture * light_across(picture.shape))


@pytest.mark.parametrize("slope", [-0.04, 0.0, 0.04])
@pytest.mark.slow
def test_lines_are_read_in_order(slope):
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    model = LeNetClassifier(random_state=0).fit(X[:1500], y[:1500])
    digits, labels = mnist_digits(24)
    page = find_characters(write_lines([digits[:9], digits[9:14], digits[14:]], slope=slope))
    assert [len(line) for line in page.lines] == [9, 5, 10]
    assert not page.is_touching.any()
    read = model.predict(CharacterFramer().transform(page.images))
    assert (read == labels).mean() > 0.9


PARTS = {
    "i": [(20, 10, 26, 16), (20, 24, 26, 60)],
    "=": [(20, 25, 50, 30), (20, 40, 50, 45)],
    "%": [(20, 20, 30, 30), (20, 20, 24, 24), (18, 52, 52, 56), (40, 60, 50, 70)],
    "5": [(20, 20, 44, 60), (47, 16, 70, 24)],
    "5 with a long bar": [(20, 40, 34, 60), (30, 34, 60, 42)],
    "4 of two strokes side by side": [(20, 10, 40, 40), (43, 10, 50, 60)],
    "4 with an end of a stroke": [(20, 10, 40, 60), (43, 26, 49, 36)],
    "a ring with a dot in it": [
        (20, 10, 50, 13), (20, 57, 50, 60), (20, 10, 23, 60), (47, 10, 50, 60), (32, 30, 38, 40),
    ],
    "ï": [(20, 12, 26, 18), (30, 12, 36, 18), (20, 24, 36, 60)],
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_parts_of_one_character_stay_together(name):
    page = find_characters(write([*PARTS[name], (100, 10, 120, 60), (160, 10, 180, 60)]))
    parts = np.array(PARTS[name])
    assert len(page.boxes) == 3
    assert_array_equal(page.boxes[0], [*parts[:, :2].min(axis=0), *parts[:, 2:].max(axis=0)])


def test_a_minus_is_no_part_of_a_digit():
    page = find_characters(write([(20, 20, 44, 60), (47, 36, 70, 44), (80, 20, 104, 60)]))
    assert len(page.boxes) == 3


def test_narrow_letters_are_not_joined_where_all_gaps_are_as_narrow():
    page = find_characters(
        write(
            [
                (20 + 12 * column, 60 - height, 28 + 12 * column, 60)
                for column, height in enumerate([40, 20, 40, 20, 40, 20])
            ]
        )
    )
    assert len(page.boxes) == 6


def test_characters_of_two_lines_are_not_joined():
    page = find_characters(write([(20, 10, 40, 50), (60, 10, 80, 50), (20, 55, 40, 95), (60, 55, 80, 95)]))
    assert [line.tolist() for line in page.lines] == [[0, 1], [2, 3]]
    assert_array_equal(page.boxes[:, 1], [10, 10, 55, 55])


def test_dots_belong_to_their_line():
    page = find_characters(write([(20, 10, 40, 50), (50, 44, 56, 50), (70, 10, 90, 50)]))
    assert [line.tolist() for line in page.lines] == [[0, 1, 2]]
    assert_array_equal(page.boxes[1], [50, 44, 56, 50])


def test_touching_characters_are_reported():
    page = find_characters(write([(20, 10, 45, 50), (60, 10, 85, 50), (100, 10, 160, 50), (180, 10, 205, 50)]))
    assert page.is_touching.tolist() == [False, False, True, False]


@pytest.mark.slow
def test_boxes_are_in_pixels_of_a_large_picture_and_crops_hold_one_character():
    large = np.kron(write([(20, 10, 40, 50), (45, 10, 65, 50)]), np.ones((20, 20), np.uint8))
    page = find_characters(Image.fromarray(large))
    assert page.picture.shape == large.shape
    assert np.abs(page.boxes - 20 * np.array([[20, 10, 40, 50], [45, 10, 65, 50]])).max() <= 3
    for image in page.images:
        is_ink = image.max(axis=0) > 128
        assert np.abs(np.diff(is_ink.astype(int))).sum() == 2


def test_a_blank_page_has_no_characters():
    page = find_characters(np.full((40, 50), 200, np.uint8))
    assert page.boxes.shape == (0, 4)
    assert page.images == page.lines == []
    assert page.is_touching.shape == (0,)
    page.plot()
    plt.close("all")


def test_polarity_is_given_or_found():
    picture = write([(20, 10, 40, 50), (60, 10, 80, 50)])
    for polarity, page in (("light-on-dark", 255 - picture), ("auto", 255 - picture), ("dark-on-light", picture)):
        assert_array_equal(find_characters(page, polarity=polarity).boxes[:, 0], [20, 60])
    with pytest.raises(ValueError, match="'polarity' parameter of find_characters"):
        find_characters(picture, polarity="dark")


def test_plot_draws_a_numbered_box_for_each_character():
    page = find_characters(write([(20, 10, 45, 50), (60, 10, 85, 50), (100, 10, 160, 50), (180, 10, 205, 50)]))
    ax = page.plot()
    assert [text.get_text() for text in ax.texts] == list("0123")
    assert [patch.get_linestyle() for patch in ax.patches] == ["-", "-", "--", "-"]
    _, given = plt.subplots()
    assert page.plot(given) is given
    plt.close("all")


def test_files_that_are_no_pictures_are_named(tmp_path):
    path = tmp_path / "page.png"
    path.write_text("no picture")
    with pytest.raises(ValueError, match=r"page\.png cannot be read as a picture"):
        find_characters(path)


# Characters of 20×40 pixels, 40 pixels apart, beside which the strokes of a test are small, low, near or wide.
OTHERS = [(left, 60, left + 20, 100) for left in range(200, 500, 60)]
CLOSE_OTHERS = [(left, 60, left + 20, 100) for left in range(200, 350, 30)]
LETTER, WIDE = (100, 60, 120, 100), (60, 60, 120, 100)


def find(*strokes, others=OTHERS, shape=(160, 560)):
    """Return the page with strokes and with other characters, which are further to the right."""
    return find_characters(write([*strokes, *others], shape))


# Two strokes that are parts of one character at a bound, and two that are not, one pixel beyond the bound.
PART_BOUNDS = {
    "a third of the width beside": ([(113, 43, 133, 49), LETTER], [(114, 43, 134, 49), LETTER]),
    "beside at the left": ([(87, 43, 107, 49), LETTER], [(86, 43, 106, 49), LETTER]),
    "half of the height above": ([(100, 56, 120, 60), (100, 80, 120, 100)], [(100, 55, 120, 59), (100, 80, 120, 100)]),
    "height of both": ([(100, 60, 120, 90), (100, 94, 120, 124)], [(100, 60, 120, 90), (100, 94, 120, 125)]),
    "gap before a bar": ([LETTER, (126, 56, 156, 64)], [LETTER, (127, 56, 157, 64)]),
    "height of a bar": ([LETTER, (126, 53, 156, 68)], [LETTER, (126, 52, 156, 68)]),
    "width of a bar": ([WIDE, (126, 56, 134, 64)], [WIDE, (126, 56, 133, 64)]),
    "bar below the top": ([LETTER, (126, 66, 156, 73)], [LETTER, (126, 66, 156, 74)]),
    "bar above the top": ([LETTER, (126, 47, 156, 54)], [LETTER, (126, 46, 156, 54)]),
    "bar that overlaps": ([WIDE, (101, 48, 161, 55)], [WIDE, (100, 48, 160, 55)]),
    "gap before an end": ([LETTER, (126, 76, 136, 86)], [LETTER, (127, 76, 137, 86)]),
    "gap after an end": ([(84, 76, 94, 86), LETTER], [(83, 76, 93, 86), LETTER]),
    "height of an end": ([LETTER, (126, 66, 136, 95)], [LETTER, (126, 66, 136, 96)]),
    "width with an end": ([LETTER, (126, 76, 152, 86)], [LETTER, (126, 76, 153, 86)]),
    "height with an end": ([LETTER, (126, 92, 136, 112)], [LETTER, (126, 92, 136, 113)]),
    "width from the left": ([(10, 60, 30, 100), (36, 76, 62, 86)], [(10, 60, 30, 100), (36, 76, 63, 86)]),
    "height from the top": ([(100, 10, 120, 50), (126, 42, 136, 62)], [(100, 10, 120, 50), (126, 42, 136, 63)]),
}


@pytest.mark.parametrize("name", PART_BOUNDS)
def test_parts_of_a_character_are_joined_up_to_a_bound(name):
    inside, outside = PART_BOUNDS[name]
    assert_array_equal(find(*inside).boxes[0], [*np.min(inside, axis=0)[:2], *np.max(inside, axis=0)[2:]])
    page = find(*outside)
    assert {tuple(box) for box in page.boxes.tolist()} == {*outside, *OTHERS}


@pytest.mark.parametrize(("left", "n_characters"), [(124, 6), (125, 7)])
def test_ends_are_joined_at_shares_of_a_narrow_gap(left, n_characters):
    assert len(find(LETTER, (left, 76, left + 10, 86), others=CLOSE_OTHERS).boxes) == n_characters


def test_three_low_strokes_become_one_character():
    page = find((100, 70, 110, 90), (114, 70, 124, 90), (128, 70, 138, 90))
    assert_array_equal(page.boxes[0], [100, 70, 138, 90])
    assert len(page.boxes) == 1 + len(OTHERS)


def test_dots_do_not_count_as_characters_in_the_usual_height():
    bodies = [(left, 60, left + 6, 100) for left in (20, 60, 100)]
    dots = [(left, 39, left + 6, 45) for left in (20, 60, 100)]
    assert_array_equal(find(*bodies, *dots, others=[]).boxes[:, 1], [39, 39, 39])


@pytest.mark.parametrize("side", ["above", "below"])
def test_a_dot_between_two_characters_belongs_to_the_nearer(side):
    dot = (20, 46, 26, 50) if side == "above" else (20, 50, 26, 54)
    page = find_characters(write([(20, 10, 26, 40), dot, (20, 60, 26, 90), (60, 10, 66, 40), (60, 60, 66, 90)]))
    expected = {(20, 10, 26, 50), (20, 60, 26, 90)} if side == "above" else {(20, 10, 26, 40), (20, 50, 26, 90)}
    assert {tuple(box) for box in page.boxes.tolist() if box[0] == 20} == expected


@pytest.mark.parametrize(
    ("stroke", "n_lines"),
    [
        ((150, 120, 166, 135), 1),  # a dot
        ((150, 120, 166, 136), 2),
        ((500, 84, 520, 124), 1),
        ((500, 85, 520, 125), 2),
        ((500, 36, 520, 76), 1),
        ((500, 35, 520, 75), 2),
        ((500, 92, 520, 112), 1),  # eight of twenty pixels beside
        ((500, 93, 520, 113), 2),
    ],
)
def test_a_character_continues_a_line_up_to_a_bound(stroke, n_lines):
    page = find(stroke)
    assert len(page.lines) == n_lines
    assert sum(map(len, page.lines)) == len(page.boxes) == 6


def test_characters_continue_the_line_that_is_most_beside_them():
    first, second = [(20, 10, 40, 50), (80, 30, 100, 70)], [(20, 70, 40, 110), (80, 80, 100, 120)]
    between = (140, 52, 160, 92)  # beside 18 pixels of the first line, and beside 12 of the second
    assert [len(line) for line in find(*first, *second, between, others=[]).lines] == [3, 2]


@pytest.mark.parametrize(
    ("slope", "dot", "line", "place"),
    [
        (10, (352, 84, 358, 92), 0, 6),
        (10, (352, 144, 358, 152), 1, 6),
        (10, (4, 60, 10, 68), 0, 0),
        (-10, (352, 96, 358, 104), 1, 6),
        (-10, (352, 36, 358, 44), 0, 6),
        (-10, (4, 78, 10, 86), 0, 0),
    ],
)
def test_dots_belong_to_the_nearest_of_inclined_lines(slope, dot, line, place):
    highest = 20 - min(0, 5 * slope)
    letters = [
        (20 + 60 * i, top + slope * i, 40 + 60 * i, top + slope * i + 40)
        for top in (highest, highest + 60)
        for i in range(6)
    ]
    page = find(*letters, dot, others=[], shape=(200, 400))
    assert sorted(map(len, page.lines)) == [6, 7]
    assert_array_equal(page.boxes[page.lines[line][place]], dot)


def test_lines_are_sorted_by_their_middles():
    inclined = [(20, 20, 40, 60), (80, 40, 100, 80), (140, 60, 160, 100)]
    page = find(*inclined, (200, 41, 220, 61), others=[])  # the top is lower than the mean top, the middle is higher
    assert_array_equal(page.boxes, [(200, 41, 220, 61), *inclined])
    assert [line.tolist() for line in page.lines] == [[0], [1, 2, 3]]


@pytest.mark.parametrize(
    ("width", "height", "is_touching"),
    [(35, 25, True), (34, 25, False), (49, 40, True), (48, 40, False), (40, 17, True), (40, 16, False)],
)
def test_wide_boxes_are_marked_from_a_bound(width, height, is_touching):
    page = find((100, 60, 100 + width, 60 + height))
    assert page.is_touching.tolist() == [is_touching] + [False] * len(OTHERS)


def test_a_word_of_touching_characters_is_marked_where_it_is_alone():
    assert find((20, 10, 140, 50), others=[]).is_touching.tolist() == [True]


def test_slanted_characters_whose_boxes_overlap_stay_apart():
    picture = np.full((100, 120), 255, np.uint8)
    for left, height in ((20, 40), (34, 40), (48, 20), (62, 40)):
        for row in range(height):
            picture[10 + row, left + 9 - row // 4 : left + 15 - row // 4] = 0
    page = find_characters(picture)
    assert_array_equal(page.boxes, [(20, 10, 35, 50), (34, 10, 49, 50), (53, 10, 63, 30), (62, 10, 77, 50)])
    assert [np.count_nonzero(image) for image in page.images] == [6 * 40, 6 * 40, 6 * 20, 6 * 40]
    assert "images" not in repr(page)


def test_images_hold_the_character_with_a_margin():
    page = find_characters(write([(5, 4, 25, 44), (40, 10, 72, 90), (272, 60, 300, 100)], (100, 300)), polarity="auto")
    small, tall, corner = page.images
    # The margin is 2 pixels and an eighth of the longer side, and ends at the border of the picture.
    assert_array_equal(small, np.pad(np.full((40, 20), 255), ((4, 7), (5, 7))))
    assert_array_equal(tall, np.pad(np.full((80, 32), 255), ((10, 10), (12, 12))))
    assert_array_equal(corner, np.pad(np.full((40, 28), 255), ((7, 0), (7, 0))))


def test_images_leave_neighbours_out_and_are_in_reading_order():
    page = find_characters(write([(52, 60, 64, 90), (20, 10, 40, 50), (20, 56, 44, 96), (44, 10, 56, 49)]))
    assert_array_equal(page.boxes, [(20, 10, 40, 50), (44, 10, 56, 49), (20, 56, 44, 96), (52, 60, 64, 90)])
    assert [int(np.count_nonzero(image)) for image in page.images] == [20 * 40, 12 * 39, 24 * 40, 12 * 30]


@pytest.mark.parametrize(("side", "reach"), [(40, 1), (48, 2), (112, 3)])
def test_images_keep_the_weak_pixels_around_strokes(side, reach):
    picture = np.zeros((160, 200), np.uint8)
    picture[20 : 20 + side, 20:40] = 200
    picture[20, 20] = 80  # part of the stroke
    picture[30, 40:46] = 20
    (image,) = find_characters(picture, polarity="light-on-dark").images
    margin = 2 + side // 8
    assert image.max() == 255
    assert np.count_nonzero(image[margin + 10, margin + 20 :]) == reach
    assert np.count_nonzero(image) == 20 * side + reach
    assert image[margin + 10, margin + 20] == round(20 * 255 / 200)


@pytest.mark.parametrize(("length", "factor"), [(2000, 1), (2001, 2), (4000, 2), (4001, 3)])
def test_boxes_are_in_pixels_of_the_picture_and_end_at_its_border(length, factor):
    boxes = np.array([(12, 6, 24, 30), (length - 12 - length % factor, 6, length, 30)])
    picture = write(boxes, (48, length))
    assert_array_equal(find_characters(picture).boxes, boxes)
    upright = find_characters(np.ascontiguousarray(picture.T))
    assert_array_equal(upright.boxes, boxes[:, [1, 0, 3, 2]])
    assert upright.images[0].shape[0] == 12 // factor + 2 * (2 + 24 // factor // 8)


def test_drawn_boxes_surround_the_characters():
    page = find_characters(write([(20, 10, 45, 50), (60, 12, 85, 52), (100, 10, 160, 50)]))
    ax = page.plot()
    assert not ax.axison
    (drawn,) = ax.images
    assert_array_equal(drawn.get_array(), page.picture)
    assert drawn.get_clim() == (0, 255)
    # Pixel (0, 0) is drawn around the origin.
    assert_array_equal([patch.get_bbox().extents for patch in ax.patches], page.boxes - 0.5)
    assert not any(patch.get_fill() for patch in ax.patches)
    assert [text.xy for text in ax.texts] == [tuple(box[:2]) for box in page.boxes]
    colors = [text.get_color() for text in ax.texts]
    assert colors[0] == colors[1] != colors[2]
    plt.close("all")


@pytest.mark.parametrize(
    ("shape", "inches"),
    [((100, 300), (10, 10 / 3)), ((300, 100), (10 / 3, 10)), ((40, 300), (10, 2)), ((300, 40), (2, 10))],
)
def test_the_figure_has_the_shape_of_the_picture(shape, inches):
    ax = find_characters(np.full(shape, 255, np.uint8)).plot()
    assert_allclose(ax.figure.get_size_inches(), inches)
    plt.close("all")
