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


def test_same_seed_same_images():
    first, again, other = (make_characters(50, random_state=seed) for seed in (3, 3, 4))
    for key in "data", "target", "groups":
        assert_array_equal(first[key], again[key])
    assert not np.array_equal(first.data, other.data)
    rng = np.random.RandomState(3)
    assert_array_equal(make_characters(50, random_state=rng).data, first.data)
    assert not np.array_equal(make_characters(50, random_state=rng).data, first.data)


def test_families_are_drawn_alike_and_have_all_of_ascii():
    characters = make_characters(1400, alphabet=string.ascii_letters + string.digits, random_state=0)
    families, counts = np.unique(characters.groups, return_counts=True)
    assert set(families) == FAMILIES
    assert counts.min() > 150
    for train, test in GroupKFold(7).split(characters.data, characters.target, characters.groups):
        assert len(set(characters.groups[test])) == 1
        assert not set(characters.groups[test]) & set(characters.groups[train])


def test_families_without_a_character_do_not_draw_it():
    characters = make_characters(300, alphabet="Aж", random_state=0)
    assert set(characters.groups[characters.target == 0]) == FAMILIES
    cyrillic = set(characters.groups[characters.target == 1])
    assert cyrillic == {family for family in FAMILIES if not family.startswith("Computer Modern")}


def test_tex_fonts_draw_only_what_they_say():
    """In their files the place of "<" has an inverted exclamation mark."""
    characters = make_characters(300, alphabet="<£", random_state=0)
    assert not any(family.startswith("Computer Modern") for family in characters.groups)


def test_character_that_no_font_has():
    with pytest.raises(ValueError, match=r"No font has 'あ', '🙂' of the alphabet, with ink; name files .* fonts="):
        make_characters(10, alphabet="Aあ🙂")
    with pytest.raises(ValueError, match="No font has ' ' of"):
        make_characters(10, alphabet="A ")
    with pytest.raises(ValueError, match="No font has 'ж' of"):
        make_characters(10, alphabet="Aж", fonts=SHIPPED / "cmr10.ttf")


def draw(character="H", **parameters):
    """One character in one font, undistorted but for what the parameters say."""
    return make_characters(1, alphabet=character, fonts=SANS, random_state=0, **PLAIN | parameters).images[0]


def extent(image):
    """First row and column with ink, and the ones after the last."""
    rows, columns = np.flatnonzero((image > 127).any(axis=1)), np.flatnonzero((image > 127).any(axis=0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def test_plain_character_fills_the_middle():
    image = draw()
    assert_array_equal(extent(image)[:2], [4, 24])
    assert_array_equal(image, image[:, ::-1])
    assert_allclose(center_of_mass(draw("I")), [13.5, 13.5], atol=0.05)
    assert (image[0].max(), image.max()) == (0, 255)
    many = make_characters(9, alphabet="H", fonts=SANS, **PLAIN)
    assert_array_equal(many.images, np.tile(image, (9, 1, 1)))


def test_font_is_drawn_as_it_is():
    """The same letter drawn by Pillow alone, large, and made as small."""
    large = Image.new("L", (1000, 1000))
    ImageDraw.Draw(large).text((100, 100), "R", 255, ImageFont.truetype(SANS, 600))
    ink = large.crop(large.getbbox())
    ink = ink.resize((round(200 * ink.width / ink.height), 200))
    expected = Image.new("L", (280, 280))
    expected.paste(ink, (140 - ink.width // 2, 40))
    expected = np.asarray(expected.resize((28, 28), Image.Resampling.BOX), float)
    assert np.corrcoef(draw("R").ravel(), expected.ravel())[0, 1] > 0.99


def test_small_and_capital_letters_keep_their_sizes():
    small, capital = (
        make_characters(20, alphabet="oO", fonts=SANS, random_state=0, **PLAIN).images[label] for label in (0, 1)
    )
    heights = sorted(extent(image)[1] - extent(image)[0] for image in (small, capital))
    assert heights[0] < 0.85 * heights[1]


def test_scale_changes_the_size_only():
    images = make_characters(60, alphabet="I", fonts=SANS, random_state=0, **PLAIN | {"scale": 0.3}).images
    tops, bottoms, _, _ = np.transpose([extent(image) for image in images])
    assert (bottoms - tops).min() in {14, 15}
    assert (bottoms - tops).max() in {25, 26}
    assert_allclose([center_of_mass(image) for image in images], 13.5, atol=0.05)


def test_rotation_is_by_the_angle_and_about_the_middle():
    turned = make_characters(200, alphabet="I", fonts=SANS, random_state=0, **PLAIN | {"rotation": 30}).images
    angles = np.array([slant_of(image) for image in turned])
    assert_allclose([center_of_mass(image) for image in turned], 13.5, atol=0.2)
    assert -31 < angles.min() < -27
    assert 27 < angles.max() < 31


def slant_of(image):
    """Angle of the ink's longest axis from the vertical, in degrees."""
    rows, columns = np.indices(image.shape) - 13.5
    covariance = np.cov(rows.ravel(), columns.ravel(), aweights=image.ravel().astype(float) + 1e-9)
    _, vectors = np.linalg.eigh(covariance)
    row, column = vectors[:, -1]
    return np.degrees(np.arctan(column / row))


def test_shear_slants_and_keeps_the_lines():
    slanted = make_characters(200, alphabet="E", fonts=SANS, random_state=0, **PLAIN | {"shear": 30}).images
    tops = {extent(image)[:2] for image in slanted}
    assert tops == {(4, 24)}
    assert len({extent(image)[2:] for image in slanted}) > 5


def test_weight_moves_outlines():
    inks = make_characters(60, alphabet="I", fonts=SANS, random_state=0, **PLAIN | {"weight": 1}).images.sum(
        axis=(1, 2)
    )
    plain = draw("I").sum()
    # A stroke some 3 pixels wide becomes 1 to 5 wide.
    assert inks.min() < 0.5 * plain
    assert inks.max() > 1.5 * plain


def test_great_weight_fills_the_image_and_leaves_the_rest_dark():
    images = make_characters(60, alphabet="o", fonts=SANS, random_state=0, **PLAIN | {"weight": 2}).images
    assert images.max(axis=(1, 2)).min() < 128
    assert images[:, 0].max() == 0
    images = make_characters(60, alphabet="o", fonts=SANS, random_state=0, **PLAIN | {"weight": 1e9}).images
    assert (images.min(axis=(1, 2)) == 255).any()
    assert (images.max(axis=(1, 2)) == 0).any()


def test_blur_spreads_and_keeps_the_ink():
    images = make_characters(60, alphabet="H", fonts=SANS, random_state=0, **PLAIN | {"blur": 2}).images
    assert_allclose(images.sum(axis=(1, 2)), draw().sum(), rtol=0.02)
    assert images.max(axis=(1, 2)).min() < 180
    assert images.max(axis=(1, 2)).max() > 250


def test_noise_has_the_standard_deviation():
    letters = make_characters(200, alphabet="H", fonts=SANS, random_state=0, **PLAIN | {"blur": 3, "noise": 40})
    # Half of the normal distribution is cut off at black: its second moment there is half of the variance.
    corner = letters.images[:, :3].astype(float)
    deviations = np.sqrt(2 * (corner**2).mean(axis=(1, 2)))
    assert deviations.min() < 2
    assert 35 < deviations.max() < 55


def test_own_font_files():
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
    with pytest.raises(ValueError, match="No font has '𝐁' of the alphabet"):
        make_characters(5, alphabet="A𝐁", fonts=path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: SHIPPED / "LastResortHE-Regular.ttf", "font of last resort, which draws a box"),
        (
            lambda folder: save_font(folder / "empty.ttf", "Empty", {}),
            "no characters of Unicode: it is a font of symbols",
        ),
        (lambda folder: SHIPPED / "LICENSE_STIX", "LICENSE_STIX is no font that can be read"),
        (lambda folder: [], "'fonts' parameter of make_characters is empty"),
    ],
    ids=["last resort", "symbols", "no font", "none"],
)
def test_files_that_are_no_fonts_of_text(tmp_path, make, words):
    with pytest.raises(ValueError, match=words):
        make_characters(5, fonts=make(tmp_path))


def test_missing_font_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.ttf"):
        make_characters(5, fonts=tmp_path / "nowhere.ttf")


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"n_samples": 0}, ValueError, "n_samples == 0, must be >= 1"),
        ({"n_samples": 1.5}, TypeError, "n_samples must be an instance of int"),
        ({"alphabet": ""}, ValueError, "'alphabet' .* str of one character or more. Got '' instead"),
        ({"alphabet": ["A"]}, ValueError, "'alphabet' .* Got .'A'. instead"),
        ({"alphabet": "ABA"}, ValueError, "'alphabet' .* has 'A' more than once"),
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
def test_bad_parameters(parameters, error, words):
    with pytest.raises(error, match=words):
        make_characters(**parameters)


def test_lenet_reads_fonts_that_it_has_not_seen():
    letters = make_characters(2000, random_state=0)
    split = GroupShuffleSplit(n_splits=1, test_size=2, random_state=0)
    ((train, test),) = split.split(letters.data, letters.target, letters.groups)
    model = LeNetClassifier(random_state=0).fit(letters.data[train], letters.target[train])
    assert model.score(letters.data[test], letters.target[test]) > 0.9
