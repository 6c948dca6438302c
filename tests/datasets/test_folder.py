import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.datasets import load_digits

from pictures_of_digits import as_gray, mnist_digits, on_paper
from sklenet import LeNetClassifier
from sklenet.datasets import load_image_folder, load_mnist_sample, make_characters
from sklenet.datasets._folder import _is_dark_on_light
from sklenet.preprocessing import CharacterFramer

LOSSLESS = ["png", "bmp", "tif", "tiff", "gif"]


def save_image_folder(folder, images, target, suffix="png"):
    """Write pictures in folders that load_image_folder reads."""
    for number, (image, name) in enumerate(zip(images, target, strict=True)):
        (folder / str(name)).mkdir(exist_ok=True, parents=True)
        Image.fromarray(image).save(folder / str(name) / f"{number:05d}.{suffix}")


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_round_trip(tmp_path, suffix):
    images = np.random.default_rng(0).integers(0, 256, (6, 20, 28), dtype=np.uint8)
    save_image_folder(tmp_path, images, list("abacab"), suffix)

    data = load_image_folder(tmp_path, image_shape=(20, 28))

    order = [0, 2, 4, 1, 5, 3]
    assert_array_equal(data.images, images[order])
    assert_array_equal(data.target, list("aaabbc"))
    assert_array_equal(data.target_names, list("abc"))
    assert data.filenames[3] == str(tmp_path / "b" / f"00001.{suffix}")
    assert data.data.dtype == np.uint8
    assert np.shares_memory(data.data, data.images)


@given(image=arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
@settings(deadline=None, max_examples=30)
def test_round_trip_of_any_image(tmp_path_factory, image):
    folder = tmp_path_factory.mktemp("folder")
    save_image_folder(folder, [image], ["x"])
    assert_array_equal(load_image_folder(folder, image_shape=image.shape).images[0], image)


@pytest.mark.slow
def test_mnist_as_pictures_trains_a_classifier(tmp_path):
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    save_image_folder(tmp_path, X[:300].reshape(-1, 28, 28), y[:300])
    X_read, y_read = load_image_folder(tmp_path, return_X_y=True)
    model = LeNetClassifier(random_state=0).fit(X_read, y_read)
    assert model.score(X[300:800], y[300:800].astype(str)) > 0.85


def test_jpeg_is_read_within_its_loss(tmp_path):
    image = np.tile(np.linspace(0, 255, 28).astype(np.uint8), (28, 1))
    save_image_folder(tmp_path, [image], ["x"], "jpg")
    assert_allclose(load_image_folder(tmp_path).images[0], image, atol=12)


def gray(size=(4, 4), value=51):
    return Image.new("L", size, value)


@pytest.mark.parametrize(
    ("picture", "suffix"),
    [
        pytest.param(gray(), "png", id="L"),
        pytest.param(gray().convert("RGB"), "png", id="RGB"),
        pytest.param(gray().convert("RGBA"), "png", id="RGBA"),
        pytest.param(gray().convert("LA"), "png", id="LA"),
        pytest.param(gray().convert("P"), "gif", id="P"),
        pytest.param(gray().convert("RGB").convert("CMYK"), "tif", id="CMYK"),
        pytest.param(Image.fromarray(np.full((4, 4), 51 * 257, np.uint16)), "png", id="16 bits, PNG"),
        pytest.param(Image.fromarray(np.full((4, 4), 51 * 257, np.uint16)), "tif", id="16 bits, TIFF"),
        pytest.param(Image.fromarray(np.full((4, 4), 51 * 257, np.int32)), "tif", id="I"),
        pytest.param(Image.fromarray(np.full((4, 4), 0.2, np.float32)), "tif", id="F"),
    ],
)
def test_all_modes_are_converted_to_gray(tmp_path, picture, suffix):
    (tmp_path / "x").mkdir()
    picture.save(tmp_path / "x" / f"1.{suffix}")
    assert_array_equal(np.unique(load_image_folder(tmp_path, image_shape=(4, 4)).images), [51])


def test_black_and_white_picture(tmp_path):
    save_image_folder(tmp_path, [np.eye(4, dtype=bool)], ["x"])
    assert_array_equal(load_image_folder(tmp_path, image_shape=(4, 4)).images[0], 255 * np.eye(4))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_become_white(tmp_path, mode):
    (tmp_path / "x").mkdir()
    picture = Image.new("RGBA", (4, 4), 0)
    (picture.quantize() if mode == "P" else picture.convert(mode)).save(tmp_path / "x" / "1.png")
    with Image.open(tmp_path / "x" / "1.png") as saved:
        assert saved.mode == mode
    assert_array_equal(np.unique(load_image_folder(tmp_path, image_shape=(4, 4)).images), [255])


def test_first_frame_is_read(tmp_path):
    (tmp_path / "x").mkdir()
    gray(value=51).save(tmp_path / "x" / "1.gif", save_all=True, append_images=[gray(value=204)])
    assert_array_equal(np.unique(load_image_folder(tmp_path, image_shape=(4, 4)).images), [51])


def test_photograph_is_rotated_by_its_exif_data(tmp_path):
    (tmp_path / "x").mkdir()
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    exif = Image.fromarray(pixels).getexif()
    exif[0x0112] = 6  # orientation: rotate clockwise
    Image.fromarray(pixels).save(tmp_path / "x" / "1.png", exif=exif)
    assert_array_equal(load_image_folder(tmp_path, image_shape=(4, 3)).images[0], np.rot90(pixels, -1))


@pytest.mark.parametrize(
    ("shape", "inner"),
    [((56, 28), np.s_[:, 7:21]), ((14, 28), np.s_[7:21, :]), ((100, 1), np.s_[:, 13:14]), ((7, 7), np.s_[:, :])],
)
def test_aspect_ratio_is_kept_and_the_rest_is_background(tmp_path, shape, inner):
    image = np.full(shape, 40, np.uint8)
    image[1:-1, 1:-1] = 200
    save_image_folder(tmp_path, [image], ["x"])
    ((fitted,),) = [load_image_folder(tmp_path).images]
    outside = np.ones((28, 28), bool)
    outside[inner] = False
    assert set(fitted[outside]) <= {40}
    if min(shape) > 1:
        assert fitted[inner].max() > 150


def stroke(ground, ink):
    image = np.full((28, 28), ground, np.uint8)
    image[10:18, 13:15] = ink
    return image


@pytest.mark.parametrize(
    ("polarity", "expected"),
    [
        ("keep", [stroke(250, 5), stroke(5, 250)]),
        ("invert", [stroke(5, 250), stroke(250, 5)]),
        ("auto", [stroke(5, 250), stroke(5, 250)]),
    ],
)
def test_polarity(tmp_path, polarity, expected):
    save_image_folder(tmp_path, [stroke(250, 5), stroke(5, 250)], ["dark on light", "light on dark"])
    assert_array_equal(load_image_folder(tmp_path, polarity=polarity).images, expected)


def test_blank_paper_becomes_black(tmp_path):
    save_image_folder(tmp_path, [stroke(255, 255), stroke(0, 0)], ["black", "white"])
    assert load_image_folder(tmp_path, polarity="auto").images.max() == 0


def test_order_is_by_class_then_path_and_suffixes_ignore_case(tmp_path):
    for name in ["b/2.PNG", "b/10.png", "a/z.Jpg", "a/sub/y.png", "b/.hidden.png", ".git/x.png"]:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        gray().save(tmp_path / name, "PNG")
    data = load_image_folder(tmp_path)
    assert [name.removeprefix(f"{tmp_path}/") for name in data.filenames] == [
        "a/sub/y.png", "a/z.Jpg", "b/10.png", "b/2.PNG",
    ]  # fmt: skip


def test_as_frame(tmp_path):
    save_image_folder(tmp_path, [stroke(0, 9)], ["x"])
    data = load_image_folder(tmp_path, as_frame=True)
    assert isinstance(data.data, pd.DataFrame)
    assert data.frame["target"].tolist() == ["x"]


def test_all_unreadable_files_are_named(tmp_path):
    save_image_folder(tmp_path, [stroke(0, 9)] * 3, ["x", "y", "y"])
    (tmp_path / "x" / "text.png").write_text("no picture")
    (tmp_path / "y" / "empty.jpg").touch()
    whole = (tmp_path / "y" / "00001.png").read_bytes()
    (tmp_path / "y" / "truncated.png").write_bytes(whole[:-30])
    Image.fromarray(np.full((4, 4), 7.0, np.float32)).save(tmp_path / "y" / "float.tif")
    with pytest.raises(ValueError, match="4 of 7 files cannot be read as pictures: ") as raised:
        load_image_folder(tmp_path)
    for name in ["x/text.png", "y/empty.jpg", "y/truncated.png", "y/float.tif"]:
        assert str(tmp_path / name) in str(raised.value)
    assert r"span [7, 7] instead of [0, 1]" in str(raised.value)


def test_decompression_bomb_is_refused(tmp_path, monkeypatch):
    save_image_folder(tmp_path, [np.zeros((30, 30), np.uint8)], ["x"])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    with pytest.raises(ValueError, match=r"00000\.png \(Image size .* decompression bomb"):
        load_image_folder(tmp_path)


def test_many_unreadable_files_are_counted(tmp_path):
    (tmp_path / "x").mkdir()
    for number in range(25):
        (tmp_path / "x" / f"{number:02d}.png").touch()
    with pytest.raises(ValueError, match=r"25 of 25 files .*09\.png \(.*\) and 15 more\.$"):
        load_image_folder(tmp_path)


def test_folders_without_classes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="contains no folders; put the pictures of each class into a folder"):
        load_image_folder(tmp_path)
    (tmp_path / "x").mkdir()
    with pytest.raises(ValueError, match=r"contain no pictures: x\. The suffixes of pictures are .*\.bmp, "):
        load_image_folder(tmp_path)
    save_image_folder(tmp_path, [stroke(0, 9)], ["x"])
    gray().save(tmp_path / "stray.png")
    with pytest.raises(ValueError, match=r"pictures outside of a class's folder: stray\.png"):
        load_image_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_image_folder(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError):
        load_image_folder(tmp_path / "stray.png")


@pytest.mark.parametrize(
    "parameter",
    [
        {"polarity": "Auto"},
        {"polarity": []},
        {"image_shape": 28},
        {"image_shape": (28,)},
        {"image_shape": (0, 28)},
        {"image_shape": (28.0, 28)},
        {"image_shape": (True, 28)},
    ],
)
def test_invalid_parameters_are_refused(tmp_path, parameter):
    ((name, value),) = parameter.items()
    with pytest.raises(ValueError, match=f"'{name}' parameter of load_image_folder must be .* Got ") as raised:
        load_image_folder(tmp_path, **parameter)
    assert repr(value) in str(raised.value)


@pytest.mark.parametrize("image_shape", [[20, 28], (np.int64(20), np.uint8(28))])
def test_image_shape_may_be_a_list_or_hold_numpy_ints(tmp_path, image_shape):
    save_image_folder(tmp_path, [stroke(0, 9)], ["x"])
    assert load_image_folder(tmp_path, image_shape=image_shape).images.shape == (1, 20, 28)


# Selection of pictures and classes.


@pytest.fixture
def two_classes(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28), dtype=np.uint8)
    save_image_folder(tmp_path / "root", images, list("abab"))
    return tmp_path / "root", images


@pytest.mark.parametrize("flat", [True, False])
def test_pictures_without_labels(tmp_path, flat):
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    save_image_folder(tmp_path / "root", images, ["." if flat else name for name in "abc"])
    data = load_image_folder(tmp_path / "root", label=None)
    assert_array_equal(data.images, images)
    assert data.target is None
    assert data.target_names is None
    assert [name[-9:] for name in data.filenames] == ["00000.png", "00001.png", "00002.png"]
    X, y = load_image_folder(tmp_path / "root", label=None, return_X_y=True, as_frame=True)
    assert_array_equal(X.to_numpy(), images.reshape(3, -1))
    assert y is None


@pytest.mark.parametrize(
    "suffix", ["webp", "WEBP", "jfif", "jpe", "avif", "pgm", "ppm", "jp2", "tga", "ico", "apng", "dib"]
)
def test_all_picture_formats_of_pillow_are_read(tmp_path, suffix):
    (tmp_path / "a").mkdir()
    options = {"sizes": [(32, 32)]} if suffix == "ico" else {}
    Image.new("L", (32, 32), 200).save(tmp_path / "a" / f"1.{suffix}", **options)
    assert_allclose(load_image_folder(tmp_path, image_shape=(32, 32)).images, np.full((1, 32, 32), 200), atol=3)


def test_warning_counts_skipped_files(two_classes):
    folder, images = two_classes
    for name in ("a/notes.txt", "b/deep.heif", "README.md", "a/scan.pdf"):
        (folder / name).write_text("no picture")
    for name in (".DS_Store", "a/.hidden.txt", "a/Thumbs.db", "b/desktop.ini"):
        (folder / name).write_text("system file")
    with pytest.warns(
        UserWarning, match=r"^Skipped 4 of 8 files.*README\.md, notes\.txt, scan\.pdf, deep\.heif"
    ) as raised:
        data = load_image_folder(folder)
    assert raised[0].filename == __file__
    assert_array_equal(data.images, images[[0, 2, 1, 3]])


def test_postscript_under_the_name_of_a_picture_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    with pytest.raises(ValueError, match=r"1 of 1 files cannot be read as pictures: .*1\.png"):
        load_image_folder(tmp_path)


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "validation", "Test"), ("val",)])
def test_training_and_test_sets_are_not_classes(two_classes, tmp_path, names):
    for name in names:
        shutil.copytree(two_classes[0], tmp_path / "sets" / name)
    with pytest.raises(ValueError, match=rf"contains the sets .*{names[0]}.*load_image_folder\('.*sets"):
        load_image_folder(tmp_path / "sets")
    assert len(load_image_folder(tmp_path / "sets" / names[0]).target_names) == 2


def test_classes_may_have_the_names_of_sets(tmp_path):
    images = np.zeros((2, 28, 28), np.uint8)
    save_image_folder(tmp_path, images, ["train", "test"])
    assert load_image_folder(tmp_path).target.tolist() == ["test", "train"]


def test_file_instead_of_a_folder_is_refused(two_classes):
    picture = next((two_classes[0] / "a").iterdir())
    for label in ("folder", None):
        with pytest.raises(NotADirectoryError, match=r"is a file.*put the picture into a folder.*label=None"):
            load_image_folder(picture, label=label)


def test_flat_folder_is_refused_with_a_remedy(two_classes):
    with pytest.raises(ValueError, match=r"outside of a class's folder.*label=None"):
        load_image_folder(two_classes[0] / "a")


def test_link_to_a_parent_folder_is_not_followed(two_classes):
    folder, images = two_classes
    (folder / "a" / "back").symlink_to(folder, target_is_directory=True)
    assert len(load_image_folder(folder, label=None).images) == len(images)


# Polarity.


def page_with(edge, *, of_text=0):
    """Draw a light page of 60×80 pixels with a stroke, and with dark edges as from a scanner."""
    page = np.full((60, 80), 235, np.uint8)
    page[20:40, 30:36] = of_text
    match edge:
        case "left":
            page[:, :12] = 10
        case "frame":
            page[:4] = page[-4:] = page[:, :4] = page[:, -4:] = 10
        case "corner":
            page[:25, :25] = 10
    return page


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("edge", ["none", "left", "frame", "corner"])
def test_polarity_of_a_page_with_dark_edges(tmp_path, edge, inverted):
    page = page_with(edge)
    save_image_folder(tmp_path, [255 - page if inverted else page], "a")
    image = load_image_folder(tmp_path, image_shape=page.shape, polarity="auto").images[0]
    assert_array_equal(image, 255 - page)


@pytest.mark.parametrize("page", [250, 5])
def test_polarity_of_a_blank_page_depends_on_its_brightness(tmp_path, page):
    noise = np.random.default_rng(0).integers(page - 5, page + 5, (1, 40, 40)).astype(np.uint8)
    save_image_folder(tmp_path, noise, "a")
    assert load_image_folder(tmp_path, polarity="auto").images.max() < 20


@pytest.mark.parametrize(
    ("side", "n_border", "n_inside", "is_dark_on_light"),
    [
        # Shares of the border and of the picture that are light, which add up to more than one where it is dark on
        # light. The sides have 40 pixels in all, or 104, of which the last four below are in two sides.
        (10, 20, 31, True),
        (10, 20, 29, False),
        (10, 27, 6, True),
        (10, 27, 5, False),
        (10, 11, 62, True),
        (10, 11, 61, False),
        # Only the whole picture counts where no more than 2 % of the border are light or dark.
        (10, 36, 15, True),
        (10, 36, 14, False),
        (10, 0, 51, True),
        (10, 0, 50, False),
        (26, 2, 337, True),
        (26, 3, 336, False),
        (26, 99, 200, False),
        (26, 98, 200, True),
    ],
)
def test_polarity_is_that_of_the_shares_of_light_pixels(side, n_border, n_inside, is_dark_on_light):
    n_sides = np.zeros((side, side), int)
    for border in np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]:
        n_sides[border] += 1
    picture = np.full((side, side), 20, np.uint8)
    border = np.concatenate([np.argwhere(n_sides == 1), np.argwhere(n_sides == 2)])
    for positions in border[:n_border], np.argwhere(n_sides == 0)[:n_inside]:
        picture[tuple(positions.T)] = 230
    assert _is_dark_on_light(picture) == is_dark_on_light


@pytest.mark.parametrize(
    ("ground", "ink", "is_dark_on_light"),
    [(128, 128, True), (127, 127, False), (200, 231, True), (200, 232, False), (51, 20, False), (52, 20, True)],
)
def test_brightness_decides_below_a_contrast_of_32(ground, ink, is_dark_on_light):
    picture = np.full((10, 10), ground, np.uint8)
    picture[3:7, 3:7] = ink
    assert _is_dark_on_light(picture) == is_dark_on_light


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("data", ["mnist", "digits", "characters"])
@pytest.mark.slow
def test_polarity_of_all_digits_and_characters(data, inverted):
    match data:
        case "mnist":
            images = load_mnist_sample().images
        case "digits":
            images = (load_digits().images * 15).astype(np.uint8)
        case "characters":
            images = make_characters(2000, random_state=0).images
    is_wrong = [_is_dark_on_light(255 - image if inverted else image) != inverted for image in images]
    assert sum(is_wrong) == 0


@pytest.mark.parametrize(
    ("shape", "box"), [((40, 10), (0, 7, 20, 5)), ((8, 40), (8, 0, 4, 20)), ((5, 5), (0, 0, 20, 20))]
)
def test_pictures_are_centred_at_the_largest_size_that_fits(tmp_path, shape, box):
    top, left, height, width = box
    picture = np.full(shape, 200, np.uint8)
    picture[0, 0] = picture[-1, -1] = 90  # the median of the border is the background
    save_image_folder(tmp_path, [picture, picture], ["a", "b"])
    image = load_image_folder(tmp_path, image_shape=(20, 20), polarity="keep").images[0]
    expected = np.full((20, 20), 200)
    expected[top : top + height, left : left + width] = Image.fromarray(picture).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    assert_array_equal(image, expected)


def test_framed_pictures_are_those_of_the_framer(tmp_path):
    digits, _ = mnist_digits(6)
    pictures = [as_gray(on_paper(digit, (120, 160), (6, 30))) for digit in digits]
    save_image_folder(tmp_path, pictures, list("abcabc"))
    data = load_image_folder(tmp_path, frame=True)
    assert_array_equal(data.data, CharacterFramer().fit_transform([pictures[i] for i in (0, 3, 1, 4, 2, 5)]))
    assert_array_equal(load_image_folder(tmp_path, frame=True, polarity="invert").data, data.data)

    larger = load_image_folder(tmp_path, frame=True, image_shape=(56, 84)).images
    sides = [np.ptp(np.argwhere(image), axis=0).max() + 1 for image in larger]
    assert_array_equal(sides, [40] * 6)


def test_pictures_without_ink_are_blank_with_a_warning(tmp_path):
    digits, _ = mnist_digits(1)
    save_image_folder(tmp_path, [as_gray(on_paper(digits[0], (120, 160), (6, 30))), stroke(200, 200)], ["x", "x"])
    with pytest.warns(UserWarning, match=r"No ink was found in 1 of 2 pictures, .*00001\.png"):
        data = load_image_folder(tmp_path, frame=True)
    assert data.data.any(axis=1).tolist() == [True, False]
