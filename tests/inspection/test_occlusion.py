"""OcclusionDisplay of a classifier that looks at one pixel: where the patch covers it, and where not."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklenet.inspection import OcclusionDisplay, _occlusion
from stand_ins import PixelClassifier

PIXEL = (2, 5)


@pytest.fixture
def image():
    """Return one image of 8×8 pixels, with ink of 0.8 in the pixel and of 0.3 in others, on a background of 0.1."""
    image = np.full((1, 8, 8), 0.1)
    image[0, 1:7, 3:6] = 0.3
    image[0, *PIXEL] = 0.8
    return image


@pytest.mark.parametrize(("patch_size", "reach"), [(1, (0, 0)), (2, (0, 1)), (3, (1, 1)), (5, (2, 2))])
@pytest.mark.slow
def test_probability_falls_where_the_patch_covers_the_pixel(patch_size, reach, image, pixel_classifier):
    display = OcclusionDisplay.from_estimator(pixel_classifier, image, patch_size=patch_size)
    before, after = reach  # rows of the map before and after the pixel's own
    expected = np.full((8, 8), 0.8)
    expected[PIXEL[0] - before : PIXEL[0] + after + 1, PIXEL[1] - before : PIXEL[1] + after + 1] = 0.1
    assert_allclose(display.maps, expected[None])
    assert_allclose(display.scores, [0.8])
    assert_array_equal(display.y_pred, ["ink"])
    assert_array_equal(display.classes, ["ink"])


def test_class_of_interest_and_fill(image, pixel_classifier):
    display = OcclusionDisplay.from_estimator(
        pixel_classifier, image, class_of_interest="blank", fill=1.0, patch_size=1
    )
    assert_allclose(display.maps[0, *PIXEL], 0.0)
    assert_allclose(display.scores, [1 - 0.8])
    assert display.axes_[1, 0].get_title() == "class blank: 0.20"
    assert display.axes_[0, 0].get_title() == "predicted ink"
    with pytest.raises(ValueError, match="class_of_interest of OcclusionDisplay has the labels 'red'"):
        OcclusionDisplay.from_estimator(pixel_classifier, image, class_of_interest="red")


def test_stride_leaves_places_out(image, pixel_classifier):
    display = OcclusionDisplay.from_estimator(pixel_classifier, image, patch_size=3, stride=3)
    assert display.maps.shape == (1, 3, 3)
    # The patches of stride 3 are disjoint, and one of them covers the pixel.
    assert np.count_nonzero(display.maps < 0.5) == 1
    assert display.maps[0, 0, 1] == pytest.approx(0.1)
    assert display.im_[0].get_extent() == [-0.5, 8.5, 8.5, -0.5]


def test_defaults_follow_the_size_of_the_images():
    image = np.random.default_rng(0).random((1, 60, 40))
    classifier = PixelClassifier(shape=(60, 40)).fit(None, ["blank", "ink"])
    display = OcclusionDisplay.from_estimator(classifier, image)
    assert display.stride == 2  # of a patch of 10 pixels
    assert display.maps.shape == (1, 30, 20)
    # The pixel is covered by patches whose first row is at most the pixel's, and whose last row at least the pixel's.
    assert np.count_nonzero(display.maps[0] != display.scores[0]) == 4 * 5


LAYOUTS = {
    "rows": lambda X: X.reshape(-1, 64),
    "images": lambda X: X,
    "first channel": lambda X: X[:, None],
    "last channel": lambda X: X[..., None],
    "pandas": lambda X: pd.DataFrame(X.reshape(-1, 64), columns=[f"p{i}" for i in range(64)]),
    "polars": lambda X: pl.DataFrame(X.reshape(-1, 64), schema=[f"p{i}" for i in range(64)]),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.slow
def test_classifier_is_asked_in_the_layout_of_the_images(name, image, pixel_classifier):
    X = LAYOUTS[name](image)
    OcclusionDisplay.from_estimator(pixel_classifier, X)
    for asked in pixel_classifier.asked_:
        assert type(asked) is type(X)
        assert asked.shape[1:] == X.shape[1:]
        assert list(getattr(asked, "columns", [])) == list(getattr(X, "columns", []))


def test_one_call_an_image_and_several_for_large_images(image, pixel_classifier, monkeypatch):
    X = np.concatenate([image] * 3)
    whole = OcclusionDisplay.from_estimator(pixel_classifier, X)
    assert [len(asked) for asked in pixel_classifier.asked_] == [3, 3, 64, 64, 64]
    pixel_classifier.asked_.clear()
    monkeypatch.setattr(_occlusion, "_PIXELS_AT_ONCE", 64 * 20)
    parts = OcclusionDisplay.from_estimator(pixel_classifier, X)
    assert max(len(asked) for asked in pixel_classifier.asked_) <= 20
    assert_array_equal(parts.maps, whole.maps)


def test_images_and_their_dtype_are_left_as_they_are(pixel_classifier):
    image = np.zeros((1, 8, 8), dtype=np.uint8)
    image[0, *PIXEL] = 1
    before = image.copy()
    OcclusionDisplay.from_estimator(pixel_classifier, image)
    assert_array_equal(image, before)
    assert {asked.dtype for asked in pixel_classifier.asked_} == {np.dtype(np.uint8)}


@pytest.mark.parametrize("name", ["LeNet", "forest", "pipeline"])
@pytest.mark.slow
def test_occlusion_of_real_classifiers(name, classifiers, images):
    X, _ = images
    classifier = classifiers[name]
    display = OcclusionDisplay.from_estimator(classifier, X[:3], patch_size=3)
    covered = X[1].reshape(8, 8).copy()
    covered[2:5, 3:6] = np.median(np.concatenate([covered[0], covered[-1], covered[1:-1, 0], covered[1:-1, -1]]))
    column = list(classifier.classes_).index(display.classes[1])
    expected = classifier.predict_proba(covered.reshape(1, 64))[0, column]
    assert display.maps[1, 3, 4] == pytest.approx(expected, abs=1e-6)
    assert display.im_[0].get_clim() == (0, 1)


def test_decision_values(classifiers, images, image, pixel_classifier):
    X, _ = images
    lenet = classifiers["LeNet"]
    display = OcclusionDisplay.from_estimator(lenet, X[:2], response_method="decision_function")
    assert_allclose(display.scores, lenet.decision_function(X[:2]).max(axis=1), rtol=1e-6)
    assert display.im_[0].get_clim() == (display.maps.min(), display.maps.max())
    assert "decision value" in display.colorbar_.ax.get_ylabel()
    # The decision function of two classes has one column.
    binary = OcclusionDisplay.from_estimator(
        pixel_classifier, image, response_method="decision_function", class_of_interest="blank"
    )
    assert_allclose(binary.scores, [-0.3])
    with pytest.raises(TypeError, match="classifier with decision_function"):
        OcclusionDisplay.from_estimator(classifiers["forest"], X[:2], response_method="decision_function")
    with pytest.raises(ValueError, match="'response_method' parameter of OcclusionDisplay must be one of"):
        OcclusionDisplay.from_estimator(lenet, X[:2], response_method="predict")


def test_blank_images_have_a_map_without_contours(pixel_classifier):
    display = OcclusionDisplay.from_estimator(pixel_classifier, np.full((1, 8, 8), 0.25))
    assert_allclose(display.maps, 0.75)
    assert not display.axes_[1, 0].collections


def test_many_images_raise(lenet, images):
    with pytest.raises(ValueError, match=r"up to 12 images\. Got 300 instead"):
        OcclusionDisplay.from_estimator(lenet, images[0])


@pytest.mark.parametrize(
    ("patch_size", "stride", "places"),
    [
        (2, 1, ([2, 3], [5, 6])),  # a patch of even side begins half a pixel before its centre
        (3, 1, ([1, 2, 3], [4, 5, 6])),
        (4, 2, ([0, 1], [2, 3])),
        (3, 2, ([1], [2, 3])),
        (8, 8, ([0], [0])),
        (1, 3, ([], [])),
    ],
)
def test_patches_cover_the_pixel_from_these_places(patch_size, stride, places, image, pixel_classifier):
    display = OcclusionDisplay.from_estimator(pixel_classifier, image, patch_size=patch_size, stride=stride)
    side = -(-8 // stride)
    expected = np.full((side, side), 0.8)
    expected[np.ix_(*places)] = 0.1
    assert_allclose(display.maps, expected[None])


@pytest.mark.parametrize(
    ("shape", "n_rows", "n_columns", "n_covering"),
    # Patches of a sixth of the longer side, rounded up, that move by a fifth of their side.
    [((24, 24), 24, 24, 4 * 4), ((25, 8), 25, 8, 5 * 5), ((8, 54), 8, 54, 7 * 9), ((60, 12), 30, 6, 4 * 5)],
)
def test_default_patches_follow_the_longer_side(shape, n_rows, n_columns, n_covering):
    image = np.zeros((1, *shape))
    image[0, 2, 5] = 0.9
    classifier = PixelClassifier(shape=shape).fit(None, ["blank", "ink"])
    display = OcclusionDisplay.from_estimator(classifier, image)
    assert display.maps.shape == (1, n_rows, n_columns)
    assert np.count_nonzero(display.maps < 0.5) == n_covering


def test_the_background_is_the_median_of_the_border(pixel_classifier):
    image = np.full((1, 8, 8), 0.7)
    # Each pixel of the border counts once: 14 pixels of 0.2, which are the corners and the sides, and 14 of 0.6.
    image[0, 0], image[0, -1] = 0.2, 0.6
    image[0, 1:-1, 0], image[0, 1:-1, -1] = 0.2, 0.6
    display = OcclusionDisplay.from_estimator(pixel_classifier, image, patch_size=1)
    assert display.maps[0, *PIXEL] == pytest.approx(0.4)
    image[0, 1, -1] = 0.2
    display = OcclusionDisplay.from_estimator(pixel_classifier, image, patch_size=1)
    assert display.maps[0, *PIXEL] == pytest.approx(0.2)


def test_maps_are_drawn_on_the_pixels_of_the_images(image):
    wide = np.concatenate([image[0], image[0, :, :3]], axis=1)[None]  # 8×11 pixels
    maps = np.array([[0.2, 0.3, 0.4, 0.5], [0.5, 0.6, 0.7, 0.8], [0.3, 0.3, 0.3, 0.3]])[None]
    display = OcclusionDisplay(wide, maps, scores=[0.9], y_pred=[1], classes=[2], stride=3).plot()
    above, below = display.axes_[:, 0]
    assert display.im_[0].get_extent() == [-0.5, 11.5, 8.5, -0.5]
    assert_array_equal(display.im_[0].get_array(), maps[0])
    assert (below.get_xlim(), below.get_ylim()) == (above.get_xlim(), above.get_ylim()) == ((-0.5, 10.5), (7.5, -0.5))
    assert display.im_[0].get_clim() == (0, 1)
    assert not above.axison
    assert not below.axison
    assert above.get_title() == "predicted 1"
    assert below.get_title() == "class 2: 0.90"
    assert display.colorbar_.ax.get_ylabel() == "probability of the class"
    (contour,) = below.collections
    assert_allclose(contour.levels, [(0.1 + 0.8) / 2])


def test_decision_values_have_the_limits_of_all_maps(image):
    maps = np.stack([np.full((8, 8), -3.0), np.full((8, 8), 5.0)])
    images = np.concatenate([image, 1 - image])
    display = OcclusionDisplay(images, maps, scores=[0, 1], y_pred="ab", classes="ab", response="decision value")
    display.plot()
    assert [shown.get_clim() for shown in display.im_] == [(-3, 5)] * 2
    assert [axes.get_title() for axes in display.axes_[0]] == ["predicted a", "predicted b"]
    for shown, expected in zip(display.axes_[0], images, strict=True):
        assert_array_equal(shown.images[0].get_array(), expected)


def test_twelve_images_are_the_most(image, pixel_classifier):
    display = OcclusionDisplay.from_estimator(pixel_classifier, np.repeat(image, 12, axis=0), stride=8)
    assert display.axes_.shape == (2, 12)
    with pytest.raises(ValueError, match=r"up to 12 images\. Got 13 instead"):
        OcclusionDisplay.from_estimator(pixel_classifier, np.repeat(image, 13, axis=0))


def test_responses_without_a_column_for_each_class_raise(image, pixel_classifier):
    pixel_classifier.decision_function = lambda X: np.zeros((len(X), 3))
    with pytest.raises(ValueError, match="decision_function has 3 columns for 2 classes"):
        OcclusionDisplay.from_estimator(pixel_classifier, image, response_method="decision_function")
