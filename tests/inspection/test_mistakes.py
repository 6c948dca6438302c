"""MistakesDisplay: which images are shown, in which order, and with what titles."""

from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sklenet import LeNetClassifier
from sklenet.inspection import MistakesDisplay

X = np.arange(6 * 4.0).reshape(6, 4)
TRUE = ["a", "b", "c", "a", "b", "c"]
PROBA = np.array([[0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.7, 0.1, 0.2], [0.9, 0.1, 0], [1, 0, 0], [0.4, 0.2, 0.4]])


def titles(display):
    return [axes.get_title() for axes in display.axes_]


def test_largest_losses_come_first():
    display = MistakesDisplay.from_predictions(X, TRUE, y_proba=PROBA)
    assert_array_equal(display.indices_, [4, 2, 0, 5])
    assert titles(display) == ["b → a\n0.00 → 1.00", "c → a\n0.20 → 0.70", "a → b\n0.30 → 0.60", "c → a\n0.40 → 0.40"]
    assert_array_equal(display.im_[0].get_array(), X[4].reshape(2, 2))
    assert display.figure_.get_suptitle() == (
        "4 mistakes among 6 images\ntrue → predicted class, with their probabilities"
    )


def test_images_beyond_the_number_are_left_out_and_can_be_shown_later():
    display = MistakesDisplay.from_predictions(X, TRUE, y_proba=PROBA, n_images=2)
    assert_array_equal(display.indices_, [4, 2])
    assert display.figure_.get_suptitle().startswith("first 2 of 4 mistakes among 6 images")
    display.plot(n_images=3)
    assert_array_equal(display.indices_, [4, 2, 0])
    assert len(display.axes_) == len(display.im_) == 3


def test_predictions_without_probabilities_come_in_the_order_of_the_images():
    display = MistakesDisplay.from_predictions(X, TRUE, ["b", "b", "a", "a", "a", "a"])
    assert_array_equal(display.indices_, [0, 2, 4, 5])
    assert titles(display) == ["a → b", "c → a", "b → a", "c → a"]


def test_predicted_labels_override_the_most_probable_class():
    display = MistakesDisplay.from_predictions(X, TRUE, ["a", "b", "c", "b", "b", "c"], y_proba=PROBA)
    assert titles(display) == ["a → b\n0.90 → 0.10"]


def test_columns_follow_the_declared_classes():
    display = MistakesDisplay.from_predictions(X, TRUE, y_proba=PROBA[:, ::-1], classes=["c", "b", "a"])
    assert_array_equal(display.indices_, [4, 2, 0])
    assert titles(display)[0] == "b → a\n0.00 → 1.00"


def test_no_mistakes_are_said_in_the_figure():
    display = MistakesDisplay.from_predictions(X, TRUE, TRUE)
    (text,) = display.axes_[0].texts
    assert text.get_text() == "no mistakes among 6 images"
    assert len(display.indices_) == len(display.im_) == 0
    assert not display.axes_[0].axison


def test_long_names_of_classes_are_shortened_on_two_lines():
    display = MistakesDisplay.from_predictions(X[:1], ["latin capital letter"], ["Σ"])
    assert titles(display) == ["latin capi…\n→ Σ"]


def test_labels_or_probabilities_are_needed():
    with pytest.raises(ValueError, match="needs y_pred, y_proba or both"):
        MistakesDisplay.from_predictions(X, TRUE)


@pytest.mark.parametrize("name", ["LeNet", "forest", "pipeline"])
@pytest.mark.slow
def test_mistakes_of_a_classifier_are_those_of_its_predictions(name, classifiers, images):
    X, y = images
    display = MistakesDisplay.from_estimator(classifiers[name], X, y, n_images=7)
    wrong = np.flatnonzero(classifiers[name].predict(X) != y)
    losses = -np.log(np.maximum(classifiers[name].predict_proba(X)[wrong, y[wrong]], 1e-30))
    assert len(display.indices) == len(wrong) > 7
    assert set(display.indices) == set(wrong)
    assert_array_equal(np.sort(losses)[::-1], losses[np.searchsorted(wrong, display.indices)])
    assert_array_equal(display.indices_, display.indices[:7])
    assert_array_equal(display.images, X[display.indices].reshape(-1, 8, 8))


def test_classifiers_that_do_not_predict_the_most_probable_class_are_judged_by_predict(images):
    X, y = images
    classifier = FixedThresholdClassifier(
        LogisticRegression(max_iter=1000), threshold=0.9, response_method="predict_proba"
    )
    classifier.fit(X, y > 4)
    display = MistakesDisplay.from_estimator(classifier, X, y > 4)
    assert set(display.indices) == set(np.flatnonzero(classifier.predict(X) != (y > 4)))


@pytest.mark.slow
def test_classifier_is_calibrated_as_the_message_says(images):
    X, y = images
    MistakesDisplay.from_estimator(CalibratedClassifierCV(LinearSVC(), cv=2).fit(X, y > 4), X, y > 4)


LAYOUTS = {
    "rows": lambda X: X,
    "images": lambda X: X.reshape(-1, 8, 8),
    "first channel": lambda X: X.reshape(-1, 1, 8, 8),
    "last channel": lambda X: X.reshape(-1, 8, 8, 1),
    "list": lambda X: X.reshape(-1, 8, 8).tolist(),
    "uint8": lambda X: X.astype(np.uint8),
    "pandas": lambda X: pd.DataFrame(X, columns=[f"pixel{i}" for i in range(64)]),
    "polars": lambda X: pl.DataFrame(X, schema=[f"pixel{i}" for i in range(64)]),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.slow
def test_layouts_give_the_same_display(name, lenet, images):
    X, y = images
    classifier = LeNetClassifier(max_epochs=2, random_state=0, device="cpu").fit(LAYOUTS[name](X), y)
    display = MistakesDisplay.from_estimator(classifier, LAYOUTS[name](X), y)
    expected = MistakesDisplay.from_estimator(lenet, X, y)
    assert_array_equal(display.indices, expected.indices)
    assert_array_equal(display.images, expected.images)


class Averages(TransformerMixin, BaseEstimator):
    """Turns pictures of any size into their mean pixel."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.array([[np.asarray(picture).mean()] for picture in X])

    def __sklearn_is_fitted__(self):
        return True


@pytest.mark.parametrize("shapes", [[(4, 5), (6, 3)], [(4, 5, 3)], [(4, 5), (4, 5, 4)]], ids=str)
@pytest.mark.slow
def test_pictures_of_several_sizes_and_colours_are_shown_as_they_are(shapes):
    pictures = [np.full(shapes[index % len(shapes)], 60 * index, np.uint8) for index in range(4)]
    classifier = make_pipeline(Averages(), LogisticRegression()).fit(pictures, [0, 0, 1, 1])
    for X in (pictures, [Image.fromarray(picture) for picture in pictures]):
        display = MistakesDisplay.from_estimator(classifier, X, [1, 0, 1, 0])
        assert_array_equal(display.indices_, [3, 0])
        assert_array_equal(display.im_[0].get_array(), pictures[3])
        display.figure_.canvas.draw()


@pytest.mark.slow
def test_shape_of_rows_is_the_declared_one_or_that_of_the_network(images):
    X, y = images
    wide = MistakesDisplay.from_predictions(X, y, y + 1, image_shape=(4, 16))
    assert_array_equal(wide.images, X.reshape(-1, 4, 16))
    network = LeNetClassifier(image_shape=(4, 16), max_epochs=1, random_state=0, device="cpu").fit(X, y)
    assert MistakesDisplay.from_estimator(network, X, y).images[0].shape == (4, 16)


@pytest.mark.filterwarnings("ignore:The 60 features of X do not form a square image")
@pytest.mark.slow
def test_rows_that_the_network_pads_are_padded(images):
    X, y = images
    network = LeNetClassifier(max_epochs=1, random_state=0, device="cpu").fit(X[:, :60], y)
    display = MistakesDisplay.from_estimator(network, X[:, :60], y)
    assert display.images[0].shape == (8, 8)
    assert_array_equal(np.reshape(display.images, (-1, 64))[:, :60], X[display.indices, :60])


def test_titles_do_not_overlap():
    display = MistakesDisplay.from_predictions(X, TRUE, y_proba=PROBA)
    display.figure_.canvas.draw()
    boxes = [axes.title.get_window_extent() for axes in display.axes_]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert display.figure_._suptitle.get_window_extent().y0 > boxes[0].y1
    plt.close(display.figure_)


@pytest.mark.parametrize(
    ("shapes", "is_list"),
    [
        ([(4, 5)], False),
        ([(4, 5), (6, 3)], True),
        ([(4, 5, 3)], True),
        ([(4, 5, 4)], True),
        ([(4, 5, 1)], False),
        ([(1, 4, 5)], False),
        ([(4, 5), (4, 5, 3)], True),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [list, tuple])
def test_pictures_are_shown_in_their_colours_and_sizes(shapes, is_list, kind):
    pictures = kind(np.full(shapes[index % len(shapes)], 60 * index, np.uint8) for index in range(4))
    display = MistakesDisplay.from_predictions(pictures, [0, 1, 1, 0], [1, 1, 0, 1])
    assert_array_equal(display.indices_, [0, 2, 3])
    for picture, index in zip(display.im_, [0, 2, 3], strict=True):
        assert_array_equal(picture.get_array(), pictures[index] if is_list else pictures[index].reshape(4, 5))


@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        ("abcde", "fghi", "abcde → fghi"),
        ("abcde", "fghij", "abcde\n→ fghij"),
        ("abcdefghijk", "b", "abcdefghijk\n→ b"),
        ("abcdefghijkl", "b", "abcdefghij…\n→ b"),
        ("a", "bcdefghijklm", "a\n→ bcdefghijk…"),
    ],
)
def test_titles_break_lines_and_shorten_labels_at_a_length(true, predicted, expected):
    assert titles(MistakesDisplay.from_predictions(X[:1], [true], [predicted])) == [expected]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "2 mistakes"),
        ({"n_samples": 12345}, "2 mistakes among 12,345 images"),
        ({"y_proba": [(0.1, 0.9)] * 2}, "2 mistakes"),
    ],
)
def test_summary_names_the_number_of_mistakes(options, expected):
    display = MistakesDisplay(X[:2].reshape(2, 2, 2), y_true=[0, 1], y_pred=[1, 0], indices=[3, 4], **options)
    probabilities = ", with their probabilities" if "y_proba" in options else ""
    assert display.plot().figure_.get_suptitle() == f"{expected}\ntrue → predicted class{probabilities}"
    assert display.plot(n_images=1).figure_.get_suptitle().startswith(f"first 1 of {expected}\n")
    _, ax = plt.subplots()
    display.plot(ax=ax)
    assert ax.figure.get_suptitle() == ""


def test_one_mistake_is_named_in_the_singular():
    display = MistakesDisplay.from_predictions(X[:1], [0], [1])
    assert display.figure_.get_suptitle() == "1 mistake among 1 images\ntrue → predicted class"


@pytest.mark.parametrize("is_made_directly", [False, True])
def test_eighteen_mistakes_are_shown_by_default(is_made_directly):
    labels, images = np.zeros(19), np.zeros((19, 2, 2))
    if is_made_directly:
        display = MistakesDisplay(images, y_true=labels, y_pred=labels + 1, indices=np.arange(19)).plot()
    else:
        display = MistakesDisplay.from_predictions(images, labels, labels + 1)
    assert len(display.axes_) == 18
    assert display.axes_[-1].get_subplotspec().get_geometry() == (3, 6, 17, 17)
    assert not any(axes.axison for axes in display.axes_)


def test_a_display_without_mistakes_has_its_text_in_the_middle():
    (text,) = MistakesDisplay.from_predictions(X, TRUE, TRUE).axes_[0].texts
    assert text.get_position() == (0.5, 0.5)
    assert (text.get_ha(), text.get_va()) == ("center", "center")


def test_equal_losses_stay_in_the_order_of_the_images():
    proba = np.tile([[0.25, 0.75]], (30, 1))
    display = MistakesDisplay.from_predictions(
        np.zeros((30, 4)), np.zeros(30), y_proba=proba, classes=[0, 1], n_images=1
    )
    assert_array_equal(display.indices, np.arange(30))
