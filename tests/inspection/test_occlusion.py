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
