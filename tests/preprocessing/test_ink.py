"""The ink of a picture, measured in pictures whose ink is known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from pictures_of_digits import as_gray, light_across
from sklenet.preprocessing._ink import Ink, find_ink


def paint(boxes, *, shape=(60, 90), paper=255, ink=0):
    """Return a picture of rectangles (top, left, bottom, right)."""
    picture = np.full(shape, paper, np.uint8)
    for top, left, bottom, right in boxes:
        picture[top:bottom, left:right] = ink
    return picture


BOXES = [(10, 10, 30, 14), (10, 20, 13, 23), (40, 50, 44, 70)]


@pytest.mark.parametrize(
    ("paper", "ink", "level"),
    [(255, 0, 1), (200, 50, 0.75), (0, 255, 1), (50, 200, 150 / 255), (250, 225, 0.1), (5, 30, 25 / 255)],
)
def test_levels_labels_and_weights_of_strokes(paper, ink, level):
    found = find_ink(paint(BOXES, paper=paper, ink=ink))
    is_ink = paint(BOXES) == 0
    assert_allclose(found.levels, level * is_ink, rtol=1e-6)
    assert found.levels.dtype == np.float32
    assert_array_equal(found.labels > 0, is_ink)
    assert [found.labels[top, left] for top, left, _, _ in BOXES] == [1, 2, 3]
    assert_allclose(found.weights, level * np.array([0, 80, 9, 80]), rtol=1e-6)


@pytest.mark.parametrize(("paper", "ink"), [(200, 185), (20, 39), (255, 255)])
def test_too_little_contrast_is_no_ink(paper, ink):
    found = find_ink(paint(BOXES, paper=paper, ink=ink))
    assert not found.labels.any()
    assert found.weights.tolist() == [0]


def test_strokes_that_touch_at_corners_are_one():
    assert find_ink(paint([(10, 10, 20, 20), (20, 20, 30, 30)])).weights.tolist() == [0, 200]


@pytest.mark.parametrize(
    ("picture", "polarity"),
    [
        (paint([(0, 0, 60, 90)]), "dark-on-light"),
        (paint([], paper=0), "light-on-dark"),
        (paint([]), "auto"),
        (np.zeros((1, 1), np.uint8), "auto"),
        (np.full((1, 1), 255, np.uint8), "light-on-dark"),
    ],
)
def test_a_picture_of_one_level_is_blank(picture, polarity):
    found = find_ink(picture, polarity)
    assert not found.labels.any()
    assert found.weights.tolist() == [0]


def test_polarity_says_which_of_two_levels_is_ink():
    picture = paint([(20, 20, 40, 60)])
    assert find_ink(picture, "dark-on-light").labels[30, 30] == 1
    assert find_ink(255 - picture, "light-on-dark").labels[30, 30] == 1
    assert not find_ink(picture, "light-on-dark").labels[30, 30]
    assert not find_ink(255 - picture, "dark-on-light").labels[30, 30]


@pytest.mark.parametrize("is_inverted", [False, True])
def test_a_frame_around_the_paper_does_not_change_the_polarity(is_inverted):
    picture = paint([(3, 3, 57, 87)], paper=10, ink=220)
    picture[:, ::2] = np.maximum(picture[:, ::2], 20)
    picture[20:24, 20:60] = picture[30:50, 30:34] = 60
    found = find_ink(255 - picture if is_inverted else picture)
    labels = found.labels
    assert labels[22, 40] > 0
    assert labels[40, 32] > 0
    assert not labels[26:30, 12:80].any()


@pytest.mark.parametrize("is_inverted", [False, True])
def test_the_border_may_have_several_levels(is_inverted):
    picture = paint([], paper=200)
    picture[:, :40] = 120
    picture[20:40, 20:23] = picture[20:40, 60:63] = 40
    found = find_ink(255 - picture if is_inverted else picture)
    assert found.labels[30, 21] > 0
    assert found.labels[30, 61] > 0
    assert not found.labels[:, 45:58].any()


@pytest.mark.parametrize("side", [120, 500])
def test_uneven_light_is_divided_out(side):
    light = light_across((side, side), 0.4)
    is_ink = paint([(20, 20, 90, 26), (50, 40, 56, 100), (20, 60, 28, 95)], shape=(side, side)) == 0
    found = find_ink(as_gray(240 * light * np.where(is_ink, 0.25, 1)))
    assert_array_equal(found.labels > 0, is_ink)
    assert_allclose(found.levels[is_ink], 0.75, atol=0.02)
    assert np.percentile(found.levels[~is_ink], 99) < 0.02


def test_the_light_beside_a_shadow_is_divided_out():
    picture = np.full((150, 200), 230.0)
    picture[40:110, 30:38] *= 0.2
    picture[60:66, 120:190] *= 0.2
    is_ink = picture < 100
    picture[:, 100:] *= 0.6
    found = find_ink(as_gray(picture))
    assert_array_equal(found.labels > 0, is_ink)


@pytest.mark.parametrize(("contrast", "is_found"), [(20, True), (14, False)])
def test_ink_stands_out_of_the_noise(contrast, is_found):
    rng = np.random.default_rng(0)
    is_ink = paint([(20, 20, 40, 70)]) == 0
    noise = rng.choice([-3, -2, -1, 0, 1, 2, 3], is_ink.shape)
    found = find_ink(as_gray(150 - contrast * is_ink + noise), "dark-on-light")
    assert found.labels.any() == is_found


@pytest.mark.parametrize(("level", "is_stroke"), [(0.25, True), (0.13, True), (0.11, False), (0.05, False)])
def test_weak_pixels_around_strokes_belong_to_strokes(level, is_stroke):
    picture = paint([(20, 20, 40, 40)])
    picture[45:50, 20:40] = round(255 * 0.7)  # a blot, which Otsu's threshold counts as paper
    picture[20:40, 40] = round(255 * (1 - level))
    found = find_ink(picture)
    assert_array_equal(found.labels[20:40, 40], int(is_stroke))
    assert not found.labels[45:50].any()
    assert_allclose(found.weights.sum(), 400 + 20 * is_stroke * level, atol=0.1)


def ink_of(weights):
    labels = np.arange(len(weights), dtype=np.int32)[None]
    return Ink(np.zeros(labels.shape, np.float32), labels, np.array(weights))


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([0, 100.0, 3.0, 3.1], [0, 1, 0, 3]),
        ([0, 10.0, 10.0, 300.0, 9.0], [0, 1, 2, 3, 0]),
        ([0, 0.8, 29.1, 30.0, 60.0, 0.91], [0, 0, 2, 3, 4, 5]),
        ([0, 1.0, 29.0, 30.0, 60.0], [0, 1, 2, 3, 4]),
        ([0, 2.0], [0, 1]),
        ([0], [0]),
    ],
)
def test_specks_are_small_beside_the_usual_stroke(weights, expected):
    left = ink_of(weights).without_specks()
    assert left.labels.tolist() == [expected]
    assert left.weights.tolist() == [weight if label else 0 for weight, label in zip(weights, expected, strict=True)]


def test_selected_strokes_keep_their_numbers():
    ink = ink_of([0, 5.0, 6.0, 7.0])
    selected = ink.select(np.array([False, True, False, True]))
    assert selected.labels.tolist() == [[0, 1, 0, 3]]
    assert selected.weights.tolist() == [0, 5, 0, 7]
    assert selected.levels is ink.levels


@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (2, 90)])
@pytest.mark.parametrize("polarity", ["dark-on-light", "light-on-dark"])
def test_narrow_pictures(shape, polarity):
    picture = np.full(np.prod(shape), 200, np.uint8)
    picture[len(picture) // 2] = 20
    picture = picture.reshape(shape)
    found = find_ink(picture if polarity == "dark-on-light" else 255 - picture, polarity)
    assert_array_equal(found.labels > 0, picture == 20)
    assert_allclose(found.weights.sum(), 0.9 if polarity == "dark-on-light" else 180 / 255, rtol=0.03)


@pytest.mark.parametrize("is_inverted", [False, True])
def test_a_few_dark_pixels_count_more_than_many_slightly_lighter_ones(is_inverted):
    picture = paint([(5, 5, 55, 45)], paper=200, ink=211)
    picture[20:35, 60:64] = 20
    found = find_ink(255 - picture if is_inverted else picture)
    assert_array_equal(found.labels > 0, picture == 20)


@pytest.mark.parametrize("is_inverted", [False, True])
def test_ink_may_cover_most_of_a_picture_whose_border_is_paper(is_inverted):
    picture = paint([(6, 6, 54, 54)], shape=(60, 60))
    found = find_ink(255 - picture if is_inverted else picture)
    assert_array_equal(found.labels > 0, picture == 0)
