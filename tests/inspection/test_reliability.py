"""ReliabilityDisplay against a computation by hand, and against scikit-learn's for two classes."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose
from sklearn.calibration import calibration_curve

from sklenet.inspection import ReliabilityDisplay

# Confidences 0.9, 0.9, 0.6 and 0.6, of which the first three are right.
TRUE, PROBA = [0, 0, 1, 0], [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]


def test_bins_and_error_are_those_of_the_definition():
    display = ReliabilityDisplay.from_predictions(TRUE, PROBA)
    assert_allclose(display.confidence, [0.6, 0.9])
    assert_allclose(display.accuracy, [0.5, 1.0])
    assert_allclose(display.share, [0.5, 0.5])
    assert display.expected_calibration_error == pytest.approx(0.5 * 0.1 + 0.5 * 0.1)


def test_error_of_random_predictions_equals_a_loop_over_bins():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.full(5, 0.3), 500)
    true = rng.integers(0, 5, 500)
    display = ReliabilityDisplay.from_predictions(true, proba, n_bins=7)
    expected = 0.0
    for index in range(7):
        inside = (proba.max(axis=1) > index / 7) & (proba.max(axis=1) <= (index + 1) / 7)
        if inside.any():
            right = proba[inside].argmax(axis=1) == true[inside]
            expected += inside.mean() * abs(right.mean() - proba[inside].max(axis=1).mean())
    assert display.expected_calibration_error == pytest.approx(expected)
    assert sum(display.share) == pytest.approx(1)


def test_points_equal_scikit_learns_where_the_second_class_is_always_predicted():
    rng = np.random.default_rng(1)
    positive = rng.uniform(0.5, 1, 400)
    true = rng.random(400) < positive
    display = ReliabilityDisplay.from_predictions(true, np.column_stack([1 - positive, positive]), n_bins=10)
    accuracy, confidence = calibration_curve(true, positive, n_bins=10)
    assert_allclose(display.accuracy, accuracy)
    assert_allclose(display.confidence, confidence)


@pytest.mark.parametrize("name", ["LeNet", "forest", "pipeline"])
@pytest.mark.slow
def test_estimator_gives_the_display_of_its_probabilities(name, classifiers, images):
    X, y = images
    display = ReliabilityDisplay.from_estimator(classifiers[name], X, y)
    expected = ReliabilityDisplay.from_predictions(y, classifiers[name].predict_proba(X))
    assert_allclose(display.accuracy, expected.accuracy)
    assert display.name == type(classifiers[name]).__name__
    assert display.line_.get_label() == f"{display.name} (calibration error {display.expected_calibration_error:.3f})"


def test_bins_include_their_upper_edge():
    display = ReliabilityDisplay.from_predictions([0, 0], [[0.5, 0.5], [0.6, 0.4]], classes=[0, 1], n_bins=2)
    assert_allclose(display.confidence, [0.5, 0.6])


def test_confidence_of_one_is_in_the_last_bin():
    display = ReliabilityDisplay.from_predictions([0, 1, 1], np.eye(2)[[0, 1, 0]], n_bins=3)
    assert_allclose(display.confidence, [1.0])
    assert_allclose(display.accuracy, [2 / 3])


def test_lines_and_bars_have_the_values():
    display = ReliabilityDisplay.from_predictions(TRUE, PROBA, color="green")
    assert_allclose(display.line_.get_xydata(), [[0.6, 0.5], [0.9, 1.0]])
    assert display.line_.get_color() == "green"
    assert_allclose([bar.get_height() for bar in display.bars_], [0.5, 0.5])


def test_two_classifiers_share_a_diagram_and_its_reference():
    _, ax = plt.subplots()
    first = ReliabilityDisplay.from_predictions(TRUE, PROBA, name="first", ax=ax)
    ReliabilityDisplay.from_predictions(TRUE, PROBA, name="second", ax=first.ax_)
    labels = [text.get_text() for text in ax.get_legend().texts]
    assert labels == [
        "perfectly calibrated",
        "first (calibration error 0.100)",
        "second (calibration error 0.100)",
    ]
    assert first.share_ax_ is first.bars_ is None


def test_diagram_has_a_reference_and_names_of_its_axes():
    display = ReliabilityDisplay.from_predictions(TRUE, PROBA)
    reference, line = display.ax_.lines
    assert_allclose(reference.get_xydata(), [[0, 0], [1, 1]])
    assert reference.get_label() == "perfectly calibrated"
    assert line is display.line_
    assert line.get_label() == "calibration error 0.100"
    assert display.ax_.get_ylabel() == "accuracy"
    assert display.ax_.get_xlabel() == ""
    assert not any(label.get_visible() for label in display.ax_.get_xticklabels())
    assert display.share_ax_.get_xlabel() == "probability of the predicted class"
    assert display.share_ax_.get_ylabel() == "share"
    assert display.share_ax_.get_ylim() == (0, 1)
    assert display.share_ax_.get_xlim() == display.ax_.get_xlim()
    assert_allclose([bar.get_x() + bar.get_width() / 2 for bar in display.bars_], [0.6, 0.9])
    assert display.bars_[0].get_facecolor()[:3] == pytest.approx(to_rgb(line.get_color()))


def test_a_single_axes_has_the_name_of_the_probability():
    _, ax = plt.subplots()
    display = ReliabilityDisplay.from_predictions(TRUE, PROBA, ax=ax)
    assert ax.get_xlabel() == "probability of the predicted class"
    assert display.share_ax_ is None


def test_fifteen_bins_are_the_default():
    confidence = (np.arange(8, 15) + 0.5) / 15
    proba = np.column_stack([confidence, 1 - confidence])
    display = ReliabilityDisplay.from_predictions(np.zeros(7), proba, classes=[0, 1])
    assert_allclose(display.confidence, confidence)
    assert_allclose(display.share, 1 / 7)
