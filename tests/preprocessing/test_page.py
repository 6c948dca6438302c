import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal
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
    "ï": [(20, 12, 26, 18), (30, 12, 36, 18), (20, 24, 36, 60)],
}


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
