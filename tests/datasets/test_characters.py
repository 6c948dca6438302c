import string
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import center_of_mass
from sklearn.model_selection import GroupKFold, GroupShuffleSplit

from sklenet import LeNetClassifier
from sklenet.datasets import make_characters

SHIPPED = Path(mpl.get_data_path(), "fonts", "ttf")
SANS = SHIPPED / "DejaVuSans.ttf"
PLAIN = {"rotation": 0, "shear": 0, "scale": 0, "weight": 0, "blur": 0, "noise": 0}
FAMILIES = {
    "Computer Modern Roman",
    "Computer Modern Sans",
    "Computer Modern Typewriter",
    "DejaVu Sans",
    "DejaVu Sans Mono",
    "DejaVu Serif",
    "STIXGeneral",
}


@pytest.mark.slow
def test_interface():
    letters = make_characters(100, alphabet="XYZ", image_shape=(20, 24), random_state=0)
    assert letters.data.shape == (100, 480)
    assert letters.images.shape == (100, 20, 24)
    assert (letters.data.dtype, letters.target.dtype) == (np.uint8, np.int64)
    assert np.shares_memory(letters.data, letters.images)
    assert_array_equal(letters.target_names, ["X", "Y", "Z"])
    assert sorted(np.bincount(letters.target)) == [33, 33, 34]
    assert letters.groups.shape == (100,)
    X, y = make_characters(100, alphabet="XYZ", image_shape=(20, 24), random_state=0, return_X_y=True)
    assert_array_equal(X, letters.data)
    assert_array_equal(y, letters.target)
    frame = make_characters(100, alphabet="XYZ", image_shape=(20, 24), random_state=0, as_frame=True).frame
    assert_array_equal(frame, np.column_stack([X, y]))


@pytest.mark.slow
def test_same_seed_gives_the_same_images():
    first, repeated, other = (make_characters(50, random_state=seed) for seed in (3, 3, 4))
    for key in "data", "target", "groups":
        assert_array_equal(first[key], repeated[key])
    assert not np.array_equal(first.data, other.data)
    rng = np.random.RandomState(3)
    assert_array_equal(make_characters(50, random_state=rng).data, first.data)
    assert not np.array_equal(make_characters(50, random_state=rng).data, first.data)


@pytest.mark.slow
def test_families_are_drawn_uniformly_and_contain_ascii():
    characters = make_characters(1400, alphabet=string.ascii_letters + string.digits, random_state=0)
    families, counts = np.unique(characters.groups, return_counts=True)
    assert set(families) == FAMILIES
    assert counts.min() > 150
    for train, test in GroupKFold(7).split(characters.data, characters.target, characters.groups):
        assert len(set(characters.groups[test])) == 1
        assert not set(characters.groups[test]) & set(characters.groups[train])


@pytest.mark.slow
def test_only_families_that_contain_a_character_draw_the_character():
    characters = make_characters(300, alphabet="Aж", random_state=0)
    assert set(characters.groups[characters.target == 0]) == FAMILIES
    cyrillic = set(characters.groups[characters.target == 1])
    assert cyrillic == {family for family in FAMILIES if not family.startswith("Computer Modern")}


@pytest.mark.slow
def test_tex_fonts_draw_only_letters_and_digits():
    """Computer Modern has an inverted exclamation mark at the code point of "<"."""
    characters = make_characters(300, alphabet="<£", random_state=0)
    assert not any(family.startswith("Computer Modern") for family in characters.groups)


@pytest.mark.slow
def test_character_without_a_font_is_refused():
    with pytest.raises(
        ValueError, match=r"No font contains and draws 'あ', '🙂' of the alphabet; pass files of other fonts as fonts="
    ):
        make_characters(10, alphabet="Aあ🙂")
    with pytest.raises(ValueError, match="No font contains and draws ' ' of"):
        make_characters(10, alphabet="A ")
    with pytest.raises(ValueError, match="No font contains and draws 'ж' of"):
        make_characters(10, alphabet="Aж", fonts=SHIPPED / "cmr10.ttf")


def draw(character="H", **parameters):
    """Draw one character in one font, with only the given distortions."""
    return make_characters(1, alphabet=character, fonts=SANS, random_state=0, **PLAIN | parameters).images[0]


def extent(image):
    """Return the first and last row, and the first and last column, that contain ink; ends are exclusive."""
    rows, columns = np.flatnonzero((image > 127).any(axis=1)), np.flatnonzero((image > 127).any(axis=0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def test_undistorted_character_is_centred_and_has_the_documented_size():
    image = draw()
    assert_array_equal(extent(image)[:2], [4, 24])
    assert_array_equal(image, image[:, ::-1])
    assert_allclose(center_of_mass(draw("I")), [13.5, 13.5], atol=0.05)
    assert (image[0].max(), image.max()) == (0, 255)
    many = make_characters(9, alphabet="H", fonts=SANS, **PLAIN)
    assert_array_equal(many.images, np.tile(image, (9, 1, 1)))


def test_letter_equals_a_large_drawing_of_pillow_that_is_reduced():
    large = Image.new("L", (1000, 1000))
    ImageDraw.Draw(large).text((100, 100), "R", 255, ImageFont.truetype(SANS, 600))
    ink = large.crop(large.getbbox())
    ink = ink.resize((round(200 * ink.width / ink.height), 200))
    expected = Image.new("L", (280, 280))
    expected.paste(ink, (140 - ink.width // 2, 40))
    expected = np.asarray(expected.resize((28, 28), Image.Resampling.BOX), float)
    assert np.corrcoef(draw("R").ravel(), expected.ravel())[0, 1] > 0.99


def test_small_letters_are_smaller_than_capitals():
    small, capital = (
        make_characters(20, alphabet="oO", fonts=SANS, random_state=0, **PLAIN).images[label] for label in (0, 1)
    )
    heights = sorted(extent(image)[1] - extent(image)[0] for image in (small, capital))
    assert heights[0] < 0.85 * heights[1]


def test_scale_changes_only_the_size():
    images = make_characters(60, alphabet="I", fonts=SANS, random_state=0, **PLAIN | {"scale": 0.3}).images
    tops, bottoms, _, _ = np.transpose([extent(image) for image in images])
    assert (bottoms - tops).min() in {14, 15}
    assert (bottoms - tops).max() in {25, 26}
    assert_allclose([center_of_mass(image) for image in images], 13.5, atol=0.05)


def test_rotation_has_the_documented_angles_and_keeps_the_centre():
    rotated = make_characters(200, alphabet="I", fonts=SANS, random_state=0, **PLAIN | {"rotation": 30}).images
    angles = np.array([measure_angle(image) for image in rotated])
    assert_allclose([center_of_mass(image) for image in rotated], 13.5, atol=0.2)
    assert -31 < angles.min() < -27
    assert 27 < angles.max() < 31


def measure_angle(image):
    """Return the angle between the principal axis of the ink and the vertical, in degrees."""
    rows, columns = np.indices(image.shape) - 13.5
    covariance = np.cov(rows.ravel(), columns.ravel(), aweights=image.ravel().astype(float) + 1e-9)
    _, vectors = np.linalg.eigh(covariance)
    row, column = vectors[:, -1]
    return np.degrees(np.arctan(column / row))


def test_shear_keeps_the_height():
    slanted = make_characters(200, alphabet="E", fonts=SANS, random_state=0, **PLAIN | {"shear": 30}).images
    tops = {extent(image)[:2] for image in slanted}
    assert tops == {(4, 24)}
    assert len({extent(image)[2:] for image in slanted}) > 5


def test_weight_moves_outlines():
    inks = make_characters(60, alphabet="I", fonts=SANS, random_state=0, **PLAIN | {"weight": 1}).images.sum(
        axis=(1, 2)
    )
    plain = draw("I").sum()
    # The width of a stroke changes from about 3 pixels to 1 to 5 pixels.
    assert inks.min() < 0.5 * plain
    assert inks.max() > 1.5 * plain


def test_large_weight_fills_the_image_or_erases_the_character():
    images = make_characters(60, alphabet="o", fonts=SANS, random_state=0, **PLAIN | {"weight": 2}).images
    assert images.max(axis=(1, 2)).min() < 128
    assert images[:, 0].max() == 0
    images = make_characters(60, alphabet="o", fonts=SANS, random_state=0, **PLAIN | {"weight": 1e9}).images
    assert (images.min(axis=(1, 2)) == 255).any()
    assert (images.max(axis=(1, 2)) == 0).any()


def test_blur_keeps_the_sum_of_the_pixels():
    images = make_characters(60, alphabet="H", fonts=SANS, random_state=0, **PLAIN | {"blur": 2}).images
    assert_allclose(images.sum(axis=(1, 2)), draw().sum(), rtol=0.02)
    assert images.max(axis=(1, 2)).min() < 180
    assert images.max(axis=(1, 2)).max() > 250


def test_noise_has_the_documented_standard_deviation():
    letters = make_characters(200, alphabet="H", fonts=SANS, random_state=0, **PLAIN | {"blur": 3, "noise": 40})
    # Clipping at black removes half of the normal distribution, so the second moment is half of the variance.
    corner = letters.images[:, :3].astype(float)
    deviations = np.sqrt(2 * (corner**2).mean(axis=(1, 2)))
    assert deviations.min() < 2
    assert 35 < deviations.max() < 55


def test_font_files_of_the_user():
    paths = [str(SANS), SHIPPED / "DejaVuSans-Bold.ttf", SHIPPED / "STIXGeneral.ttf"]
    characters = make_characters(100, fonts=paths, random_state=0)
    assert_allclose(np.unique(characters.groups, return_counts=True)[1], 50, atol=15)
    assert set(characters.groups) == {"DejaVu Sans", "STIXGeneral"}


def save_font(path, family, characters):
    """Write a font whose characters are squares."""
    pen = TTGlyphPen(None)
    for point, step in zip([(0, 0), (0, 500), (500, 500), (500, 0)], [pen.moveTo] + [pen.lineTo] * 3, strict=True):
        step(point)
    pen.closePath()
    names = [".notdef", "square"]
    font = FontBuilder(1000)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(character): name for character, name in characters.items()})
    font.setupGlyf(dict.fromkeys(names, pen.glyph()))
    font.setupHorizontalMetrics(dict.fromkeys(names, (600, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": family, "styleName": "Regular"})
    font.setupPost()
    font.save(path)
    return path


def test_box_of_a_missing_character_is_never_drawn(tmp_path):
    path = save_font(tmp_path / "squares.ttf", "Squares", {"A": "square", "𝐁": ".notdef"})
    squares = make_characters(5, alphabet="A", fonts=path, **PLAIN)
    assert set(squares.groups) == {"Squares"}
    assert extent(squares.images[0]) == (4, 24, 4, 24)
    with pytest.raises(ValueError, match="No font contains and draws '𝐁' of the alphabet"):
        make_characters(5, alphabet="A𝐁", fonts=path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: SHIPPED / "LastResortHE-Regular.ttf", "font of last resort, which draws a box"),
        (
            lambda folder: save_font(folder / "empty.ttf", "Empty", {}),
            "no Unicode characters: it is a font of symbols",
        ),
        (lambda folder: SHIPPED / "LICENSE_STIX", "LICENSE_STIX cannot be read as a font"),
        (lambda folder: [], "'fonts' parameter of make_characters is empty"),
    ],
    ids=["last resort", "symbols", "not a font", "no files"],
)
@pytest.mark.slow
def test_files_that_are_not_text_fonts_are_refused(tmp_path, make, message):
    with pytest.raises(ValueError, match=message):
        make_characters(5, fonts=make(tmp_path))


def test_missing_font_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.ttf"):
        make_characters(5, fonts=tmp_path / "nowhere.ttf")


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_samples": 0}, ValueError, "n_samples == 0, must be >= 1"),
        ({"n_samples": 1.5}, TypeError, "n_samples must be an instance of int"),
        ({"alphabet": ""}, ValueError, "'alphabet' .* str of at least one character. Got '' instead"),
        ({"alphabet": ["A"]}, ValueError, "'alphabet' .* Got .'A'. instead"),
        ({"alphabet": "ABA"}, ValueError, "'alphabet' .* repeats 'A'"),
        ({"rotation": -1}, ValueError, r"'rotation' .* number in \[0, 180\). Got -1 instead"),
        ({"shear": 90}, ValueError, r"'shear' .* number in \[0, 90\). Got 90 instead"),
        ({"scale": 1.0}, ValueError, r"'scale' .* number in \[0, 1\). Got 1.0 instead"),
        ({"weight": float("inf")}, ValueError, r"'weight' .* Got inf instead"),
        ({"blur": float("nan")}, ValueError, r"'blur' .* Got nan instead"),
        ({"noise": "10"}, ValueError, r"'noise' .* Got '10' instead"),
        ({"image_shape": (28, 0)}, ValueError, r"'image_shape' parameter of make_characters .* Got \(28, 0\) instead"),
        ({"random_state": "x"}, ValueError, "cannot be used to seed"),
    ],
)
def test_invalid_parameters_are_refused(parameters, error, message):
    with pytest.raises(error, match=message):
        make_characters(**parameters)


@pytest.mark.slow
def test_lenet_generalises_to_unseen_fonts():
    letters = make_characters(2000, random_state=0)
    split = GroupShuffleSplit(n_splits=1, test_size=2, random_state=0)
    ((train, test),) = split.split(letters.data, letters.target, letters.groups)
    model = LeNetClassifier(random_state=0).fit(letters.data[train], letters.target[train])
    assert model.score(letters.data[test], letters.target[test]) > 0.9
