import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from scipy import ndimage
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from pictures_of_digits import as_gray, light_across, mnist_digits, on_paper, similarity
from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample
from sklenet.preprocessing import CharacterFramer


@pytest.fixture(scope="module")
def digits():
    return mnist_digits(200)


def frame(*pictures, **parameters):
    return CharacterFramer(**parameters).fit_transform(list(pictures)).reshape(len(pictures), -1)


# Data of the checks have 1, 2, 3, 5 or 10 features, most of which are padded to a square, and many have no ink.
@pytest.mark.filterwarnings("ignore:.*do not form a square image:UserWarning", "ignore:No ink was found:UserWarning")
@parametrize_with_checks([CharacterFramer(), CharacterFramer(box=9, image_shape=(12, 16), center="box", deskew=True)])
@pytest.mark.slow
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
def test_images_of_mnist_stay_as_they_are(digits):
    images, _ = digits
    framed = CharacterFramer().transform(images).reshape(images.shape)
    differences = np.abs(framed.astype(int) - images).max(axis=(1, 2))
    assert (differences <= 2).mean() >= 0.95


@pytest.mark.parametrize("light", [1.0, 0.5], ids=["even light", "light that falls by half"])
@pytest.mark.parametrize("is_inverted", [False, True])
@pytest.mark.slow
def test_a_digit_anywhere_on_paper_is_framed_as_in_mnist(digits, light, is_inverted):
    images, _ = digits
    shape = (200, 300)
    for digit in images[:20]:
        picture = as_gray(on_paper(digit, shape, (70, 25)) * light_across(shape, light))
        (framed,) = frame(255 - picture if is_inverted else picture)
        # The box of the enlarged digit is exact, and that of MNIST is rounded; so are their places.
        assert similarity(framed, digit) > 0.8


@pytest.mark.slow
def test_a_shadow_is_not_ink(digits):
    images, _ = digits
    for digit in images[:20]:
        picture = on_paper(digit, (160, 200), (20, 60))
        rows, columns = np.indices(picture.shape)
        picture[rows + columns > 180] *= 0.7
        (framed,) = frame(as_gray(picture))
        assert similarity(framed, digit) > 0.8


def test_specks_and_edges_of_the_paper_are_left_out(digits):
    digit = digits[0][0]
    picture = on_paper(digit, (160, 200), (24, 40))
    clean = frame(as_gray(picture))
    picture[150:152, 180:182] = 60  # a speck
    picture[:, :6] = 0  # the table beside the paper
    assert similarity(frame(as_gray(picture)), clean) > 0.99


def test_strokes_keep_their_gray_levels():
    picture = np.zeros((28, 28), np.uint8)
    picture[4:24, 10:14], picture[4:24, 14:18] = 200, 100
    (framed,) = frame(picture)
    assert_array_equal(np.unique(framed), [0, 128, 255])


@pytest.mark.parametrize(("box", "shape"), [(20, (28, 28)), (12, (16, 16)), (28, (28, 28)), (20, (24, 40))])
def test_longer_side_is_the_box(digits, box, shape):
    for digit in digits[0][:10]:
        picture = as_gray(on_paper(digit, (120, 120), (4, 4)))
        (framed,) = frame(picture, box=box, image_shape=shape, center="box")
        (place,) = ndimage.find_objects((framed.reshape(shape) > 0).astype(int))
        sides = [part.stop - part.start for part in place]
        assert max(sides) == box
        assert all(abs(part.start + part.stop - side) <= 1 for part, side in zip(place, shape, strict=True))


def test_center_of_mass_is_in_the_middle(digits):
    for digit in digits[0][:10]:
        picture = as_gray(on_paper(digit, (120, 150), (4, 30)))
        (framed,) = frame(picture, box=12)
        assert np.abs(np.array(ndimage.center_of_mass(framed.reshape(28, 28))) - 14).max() <= 0.51


def test_deskewed_digits_stand_upright():
    rows, columns = np.indices((120, 120))
    slanted = as_gray(np.where(np.abs(columns - 80 + rows / 2) < 5, 30, 230))
    slanted[:10], slanted[-10:] = 230, 230
    upright, as_drawn = (
        ndimage.find_objects((frame(slanted, deskew=deskew).reshape(28, 28) > 100).astype(int))[0][1]
        for deskew in (True, False)
    )
    assert upright.stop - upright.start < 0.4 * (as_drawn.stop - as_drawn.start)


def test_pictures_of_all_kinds_agree(digits, tmp_path):
    gray = as_gray(on_paper(digits[0][0], (120, 150), (4, 30)))
    Image.fromarray(gray).save(tmp_path / "digit.png")
    blank = Image.new("L", (150, 120), 255)
    Image.fromarray(gray).save(tmp_path / "animated.gif", save_all=True, append_images=[blank])
    color = np.repeat(gray[..., None], 3, axis=2)
    transparent = np.dstack([np.zeros_like(color), 255 - gray])  # black ink on a transparent ground
    kinds = {
        "gray": gray,
        "path": tmp_path / "digit.png",
        "text": str(tmp_path / "digit.png"),
        "color": color,
        "channel": gray[..., None],
        "float": gray / 255,
        "double range": gray.astype(np.float64),
        "16 bits": gray.astype(np.uint16) * 257,
        "Pillow": Image.fromarray(gray),
        "one bit": Image.fromarray(gray).point(lambda level: 255 * (level > 140)).convert("1"),
        "animated": tmp_path / "animated.gif",
        "CMYK": Image.fromarray(color).convert("CMYK"),
        "RGBA": transparent,
    }
    framed = frame(*kinds.values())
    for kind, image in zip(kinds, framed, strict=True):
        assert similarity(image, framed[0]) > (0.97 if kind == "one bit" else 0.995), kind


def test_layouts_of_arrays_agree(digits):
    images, _ = digits
    images = images[:5]
    expected = CharacterFramer().fit_transform(images)
    flat = images.reshape(5, -1)
    for X in (
        flat, images[:, None], images[..., None], flat.tolist(), images.tolist(), pd.DataFrame(flat), flat / 255,
        np.repeat(images[..., None], 3, axis=3), list(images),
    ):  # fmt: skip
        assert_array_equal(CharacterFramer().fit(X).transform(X), expected)


def test_pictures_upright_by_exif(digits, tmp_path):
    picture = Image.fromarray(as_gray(on_paper(digits[0][0], (120, 150), (4, 30))))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated by 90 degrees clockwise
    picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "rotated.png", exif=exif)
    assert_array_equal(frame(tmp_path / "rotated.png"), frame(picture))


@pytest.mark.parametrize(
    "picture",
    [
        np.full((50, 70), 255, np.uint8),
        np.zeros((50, 70), np.uint8),
        as_gray(220 * light_across((90, 120))),
        as_gray(200 + 3 * np.random.default_rng(0).standard_normal((90, 120))),
        np.zeros((1, 1), np.uint8),
        np.full((1, 1000), 9, np.uint8),
    ],
    ids=["white", "black", "light that falls", "noise", "1×1", "1×1000"],
)
def test_pictures_without_ink_are_blank_with_a_warning(picture, digits):
    with pytest.warns(UserWarning, match=r"No ink was found in 1 of 2 pictures, which become blank: X\[1\]\."):
        framed = frame(digits[0][0], picture)
    assert framed[0].any()
    assert not framed[1].any()


@pytest.mark.slow
def test_a_large_photograph_needs_little_memory_and_time(digits):
    digit = digits[0][0]
    picture = np.full((4000, 5000), 220, np.uint8)
    picture[1000:3240, 1500:3740] = as_gray(on_paper(digit, (2240, 2240), (0, 0), scale=80))
    assert similarity(frame(picture), digit) > 0.9


def test_a_line_of_one_pixel():
    assert frame(np.eye(1, 1000, 500, dtype=np.uint8) * 255).any()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no picture", r"X\[1\] \(.*digit.jpg\) cannot be read as a picture: cannot identify"),
        (b"truncated", r"X\[1\] \(.*digit.jpg\) cannot be read as a picture: .*truncated"),
    ],
)
def test_files_that_are_no_pictures_are_named(digits, tmp_path, content, message):
    path = tmp_path / "digit.jpg"
    Image.fromarray(digits[0][0]).resize((200, 200)).save(path)
    path.write_bytes(path.read_bytes()[:900] if content == b"truncated" else content)
    with pytest.raises(ValueError, match=message):
        frame(digits[0][0], path)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        frame(tmp_path / "nowhere.png")


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((4, 5, 2), np.uint8), r"its shape is \(4, 5, 2\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"its shape is \(2, 4, 4, 3\)"),
        (np.zeros((4, 0), np.uint8), "no pixels"),
        (np.full((4, 4), np.nan), "NaN"),
        (np.full((4, 4), "a"), "dtype"),
        (np.full((4, 4), 1j), "dtype"),
    ],
)
def test_arrays_that_are_no_pictures_are_named(digits, picture, message):
    with pytest.raises(ValueError, match=rf"X\[1\] cannot be read as a picture: .*{message}"):
        frame(digits[0][0], picture)


def test_arrays_of_more_than_four_dimensions_are_refused():
    with pytest.raises(ValueError, match=r"X has shape \(2, 1, 4, 4, 3\), which cannot be read as grayscale images"):
        CharacterFramer().transform(np.zeros((2, 1, 4, 4, 3), np.uint8))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"box": 30}, r"box=30 pixels do not fit into image_shape=\(28, 28\); set box to 28 at most"),
        ({"image_shape": (28,)}, "image_shape"),
        ({"center": "middle"}, "'center' parameter"),
        ({"polarity": "dark"}, "'polarity' parameter"),
        ({"box": 0}, "'box' parameter"),
    ],
)
def test_parameters_are_validated(digits, parameters, message):
    with pytest.raises(ValueError, match=message):
        CharacterFramer(**parameters).fit(digits[0])


@pytest.mark.slow
def test_a_pipeline_reads_pictures_of_several_sizes():
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    reader = make_pipeline(CharacterFramer(), LeNetClassifier(random_state=0)).fit(X[:1500], y[:1500])
    images, labels = mnist_digits(200)
    pictures = [
        as_gray(on_paper(digit, (130 + index % 50, 180), (5, index % 60)) * light_across((130 + index % 50, 180)))
        for index, digit in enumerate(images)
    ]
    assert reader.score(pictures, labels) > 0.9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the unframed pictures may look inverted
        whole = [np.asarray(Image.fromarray(picture).resize((28, 28))) for picture in pictures]
        assert (reader[-1].predict(255 - np.array(whole)) == labels).mean() < 0.5


def test_names_of_pixels_in_a_data_frame(digits):
    framed = CharacterFramer(image_shape=(20, 22)).set_output(transform="pandas").fit_transform(digits[0][:2])
    assert framed.columns[[0, -1]].tolist() == ["pixel_0_0", "pixel_19_21"]


def stroke(shape, *boxes, level=255):
    """Return a picture of rectangles (top, left, bottom, right), light on dark."""
    picture = np.zeros(shape, np.uint8)
    for top, left, bottom, right in boxes:
        picture[top:bottom, left:right] = level
    return picture


def frame_one(picture, **parameters):
    parameters = {"polarity": "light-on-dark"} | parameters
    return frame(picture, **parameters).reshape(parameters.get("image_shape", (28, 28)))


@pytest.mark.parametrize(
    ("shape", "sides", "expected"),
    [
        ((60, 90), (40, 10), (4, 12, 24, 17)),
        ((60, 90), (10, 40), (12, 4, 17, 24)),
        ((30, 30), (5, 5), (4, 4, 24, 24)),
        ((120, 30), (100, 1), (4, 14, 24, 15)),  # one pixel at least
        ((30, 120), (1, 100), (14, 4, 15, 24)),
        ((60, 60), (40, 7), (4, 12, 24, 16)),  # 3.5 pixels are rounded
    ],
)
def test_a_rectangle_fills_its_box_around_the_middle(shape, sides, expected):
    height, width = sides
    picture = stroke(shape, (8, 10, 8 + height, 10 + width), level=180)
    assert_array_equal(frame_one(picture), stroke((28, 28), expected))


@pytest.mark.parametrize(
    ("center", "turns", "shape", "corner"),
    [
        ("mass", 0, (40, 36), (13, 9)),
        ("box", 0, (40, 36), (10, 8)),
        ("mass", 0, (20, 24), (0, 3)),
        ("mass", 0, (23, 20), (3, 0)),  # no further than to the edge
        ("mass", 2, (21, 22), (0, 1)),
    ],
)
def test_a_character_is_centred_by_its_mass_or_its_box_within_the_image(center, turns, shape, corner):
    # A character of the size of the box keeps its pixels: an L upside down, whose mass is in row 6.7 and column 8.6.
    character = np.rot90(stroke((20, 20), (0, 0, 20, 4), (0, 4, 12, 20)), turns)
    expected = np.zeros(shape, np.uint8)
    expected[corner[0] : corner[0] + 20, corner[1] : corner[1] + 20] = character
    assert_array_equal(frame_one(np.pad(character, 10), center=center, image_shape=shape), expected)


@pytest.mark.parametrize("slant", [1, -1, 0])
def test_a_slanted_bar_becomes_a_rectangle(slant):
    rows = np.arange(21)
    picture = np.zeros((41, 65), np.uint8)
    for column in range(6):
        picture[10 + rows, 30 + column + slant * (rows - 10)] = 200
    upright = frame_one(picture, deskew=True, box=21, center="box")
    assert_array_equal(upright, stroke((28, 28), (3, 11, 24, 17)))
    # The picture is not cropped by the shear, and the bar is scaled after the shear.
    assert_array_equal(frame_one(picture, deskew=True, box=7, center="box"), stroke((28, 28), (10, 13, 17, 15)))


def test_a_line_has_no_slant():
    line = stroke((3, 100), (1, 20, 2, 80))
    assert_array_equal(frame_one(line, deskew=True), frame_one(line))


def test_thin_strokes_of_a_deskewed_character_keep_its_extent():
    rows = np.arange(40)
    picture = np.zeros((60, 90), np.uint8)
    picture[10 + rows, 30 + rows // 2] = picture[10 + rows, 31 + rows // 2] = 255
    upright = frame_one(picture, deskew=True, center="box")
    (place,) = ndimage.find_objects((upright > 0).astype(int))
    assert place[0] == slice(4, 24)
    assert place[1].stop - place[1].start <= 2


@pytest.mark.parametrize(("side", "reach"), [(36, 1), (39, 1), (40, 2), (79, 2), (80, 3), (120, 4)])
@pytest.mark.parametrize("turns", [0, 1])
def test_weak_pixels_are_kept_near_strokes(side, reach, turns):
    picture = stroke((side, 32), (6, 4, 26, 8), (22, 8, 26, 24), level=200)
    picture[6, 4] = 80  # part of the stroke
    picture[12, 8:15] = 20
    framed = frame_one(np.rot90(picture, turns), image_shape=(20, 20))
    picture[12, 8 + reach :] = 0
    assert_array_equal(np.rot90(framed, -turns), np.rint(picture[6:26, 4:24] * (255 / 200)))


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize(("n_pixels", "is_alone"), [(41, True), (40, False)])
def test_ink_at_the_border_is_left_out_if_most_ink_is_inside(turns, n_pixels, is_alone):
    picture = stroke((80, 60), (0, 20, 20, 22), (26, 30, 26 + n_pixels, 31))  # 40 pixels at the border
    framed = np.rot90(frame_one(np.rot90(picture, turns), center="box"), -turns)
    assert (np.count_nonzero(framed.any(axis=0)) == 1) == is_alone


@pytest.mark.parametrize(("length", "is_reduced"), [(800, False), (801, True)])
def test_pictures_are_reduced_beyond_a_length(length, is_reduced):
    stripes = 120 + stroke((20, 20), *((row, 0, row + 1, 20) for row in range(0, 20, 2)), level=120)
    for picture in (np.zeros((40, length), np.uint8), np.zeros((length, 40), np.uint8)):
        picture[10:30, 10:30] = stripes
        framed = frame_one(picture, image_shape=(20, 20))
        assert (len(np.unique(framed)) == 1) is is_reduced
        assert framed.min() > 0


@pytest.mark.filterwarnings("ignore:.*do not form a square image:UserWarning")
def test_rows_that_are_no_squares_are_padded_by_their_first_pixel():
    image = np.full((8, 8), 250, np.uint8)
    image[2:6, 3:5] = 0
    framer = CharacterFramer(box=4, image_shape=(8, 8))
    framed = framer.fit_transform(image.reshape(1, 64)[:, :60])
    assert_array_equal(framed.reshape(8, 8), stroke((8, 8), (2, 4, 6, 6)))


@pytest.mark.filterwarnings("ignore:.*do not form a square image:UserWarning")
def test_the_padding_is_paper_where_the_last_pixel_is_ink():
    image = np.full((8, 8), 250, np.uint8)
    image[2:7, 3:5] = image[7, :4] = 0
    framer = CharacterFramer(box=6, image_shape=(8, 8))
    padded = np.where(np.arange(64).reshape(8, 8) < 60, image, 250)
    assert_array_equal(framer.fit_transform(image.reshape(1, 64)[:, :60]), framer.fit_transform(padded[None]))


@pytest.mark.parametrize("width", [3, 4])
def test_narrow_images_with_a_channel_are_no_colours(width):
    images = np.zeros((2, 1, 9, width), np.uint8)
    images[:, 0, 2:6, 1] = 255
    expected = CharacterFramer().transform(images[:, 0])
    assert_array_equal(CharacterFramer().transform(images), expected)
    assert_array_equal(CharacterFramer().transform(list(images[:, 0])), expected)
    colours = np.repeat(images[:, 0, :, :, None], 3, axis=3)
    assert_array_equal(CharacterFramer().transform(colours), expected)


def test_tuples_and_mixed_lists_of_pictures_are_read(digits, tmp_path):
    first, second = digits[0][:2]
    Image.fromarray(second).save(tmp_path / "digit.png")
    expected = CharacterFramer().transform(digits[0][:2])
    for X in ((first, second), [Image.fromarray(first), second], [first, str(tmp_path / "digit.png")]):
        assert_array_equal(CharacterFramer().fit(X).transform(X), expected)


def test_blank_pictures_are_named_by_their_files(tmp_path):
    Image.new("L", (20, 30), 255).save(tmp_path / "blank.png")
    with pytest.warns(
        UserWarning, match=r"in 1 of 1 pictures, which become blank: X\[0\] \(.*blank\.png\)\."
    ) as record:
        CharacterFramer().transform([tmp_path / "blank.png"])
    assert record[0].filename == __file__


def test_number_of_pixels_is_validated_after_fit(digits):
    framer = CharacterFramer().fit(digits[0][:2])
    assert framer.n_features_in_ == 784
    with pytest.raises(ValueError, match="expecting 784 features"):
        framer.transform(np.zeros((2, 100), np.uint8))
    with pytest.raises(ValueError, match="input_features should have length equal to number of features"):
        framer.get_feature_names_out(["a"])
    assert not hasattr(CharacterFramer().fit(list(digits[0][:2])), "n_features_in_")
    assert_array_equal(
        CharacterFramer(image_shape=(20, 21)).get_feature_names_out()[[20, 21]], ["pixel_0_20", "pixel_1_0"]
    )


def test_a_framer_needs_no_fit():
    tags = CharacterFramer().__sklearn_tags__()
    assert not tags.requires_fit
    assert tags.input_tags.three_d_array
    assert tags.transformer_tags.preserves_dtype == []
