"""The axes that displays draw on, and matplotlib as an extra."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from sklenet.inspection import (
    FeatureMapDisplay,
    FilterDisplay,
    MistakesDisplay,
    OcclusionDisplay,
    ReliabilityDisplay,
    TrainingCurveDisplay,
)
from sklenet.inspection._panels import make_panels

IMAGES = np.arange(2 * 5 * 5.0).reshape(2, 5, 5)
# Displays whose values were computed, and the number of their panels.
PANELED = {
    "mistakes": (
        MistakesDisplay(IMAGES, y_true=[0, 1], y_pred=[1, 0], indices=[3, 4], y_proba=[(0.1, 0.9), (0.2, 0.8)]), 2
    ),
    "filters": (FilterDisplay(IMAGES - 20), 2),
    "maps": (FeatureMapDisplay({"input": IMAGES[:1], "C1": IMAGES}), 2),
    "occlusion": (OcclusionDisplay(IMAGES, IMAGES / 50, scores=[0.9, 1], y_pred="ab", classes="ab"), 4),
    "reliability": (ReliabilityDisplay(confidence=[0.5, 0.9], accuracy=[0.4, 1.0], share=[0.1, 0.9]), 2),
}  # fmt: skip
SINGLE = {
    "curve": TrainingCurveDisplay([2.0, 1.0], validation_scores=[0.5, 0.7]),
    "reliability": PANELED["reliability"][0],
}


def axes_of(display):
    axes = getattr(display, "axes_", None)
    if axes is None:
        return [display.ax_, display.share_ax_]
    return list(axes.values()) if isinstance(axes, dict) else list(np.ravel(axes))


@pytest.mark.parametrize("name", PANELED)
@pytest.mark.slow
def test_display_makes_a_figure_each_time(name):
    display, n_panels = PANELED[name]
    first = display.plot().figure_
    second = display.plot().figure_
    assert plt.get_fignums() == [first.number, second.number]
    assert [axes.figure for axes in axes_of(display)] == [second] * n_panels
    second.canvas.draw()  # a layout that does not fit warns


@pytest.mark.parametrize("name", ["mistakes", "filters", "maps", "occlusion"])
def test_single_axes_are_divided(name):
    figure, (left, right) = plt.subplots(1, 2)
    display, n_panels = PANELED[name]
    assert display.plot(ax=left) is display
    assert display.figure_ is figure
    assert not left.axison
    boxes = [axes.get_position() for axes in axes_of(display)]
    assert len(boxes) == n_panels
    assert max(box.x1 for box in boxes) <= right.get_position().x0


@pytest.mark.parametrize("name", PANELED)
@pytest.mark.slow
def test_axes_of_an_array_are_used_in_order_and_spare_ones_hidden(name):
    display, n_panels = PANELED[name]
    figure = Figure()  # not of pyplot
    axes = figure.subplots(1, n_panels + 1)[0:]
    display.plot(ax=axes)
    assert axes_of(display) == list(axes[:-1])
    assert not axes[-1].axison
    assert display.figure_ is figure
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", PANELED)
def test_too_few_axes_raise(name):
    display, n_panels = PANELED[name]
    with pytest.raises(ValueError, match=f"{type(display).__name__} draws {n_panels} panels, but ax has 1 axes"):
        display.plot(ax=[plt.figure().add_subplot()])


@pytest.mark.parametrize("name", SINGLE)
def test_single_axes_are_drawn_on(name):
    _, ax = plt.subplots()
    display = SINGLE[name].plot(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    with pytest.raises(TypeError, match="must be matplotlib axes"):
        display.plot(ax="axes")


@pytest.mark.parametrize("name", PANELED)
def test_other_objects_than_axes_raise(name):
    with pytest.raises(TypeError, match="must be matplotlib axes"):
        PANELED[name][0].plot(ax=["a", "b"])


def test_axes_without_a_place_in_a_grid_raise():
    ax = plt.figure().add_axes((0, 0, 1, 1))
    with pytest.raises(ValueError, match="made by subplots"):
        PANELED["filters"][0].plot(ax=ax)


@pytest.mark.slow
def test_matplotlib_is_imported_when_a_display_is_drawn():
    code = "import sys, sklenet.inspection; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.fixture
def _no_matplotlib(monkeypatch):
    def import_module(name):
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")

    monkeypatch.setattr("importlib.import_module", import_module)


@pytest.mark.usefixtures("_no_matplotlib")
@pytest.mark.parametrize("display", [SINGLE["curve"], *(display for display, _ in PANELED.values())], ids=type)
def test_displays_need_matplotlib(display):
    with pytest.raises(ImportError, match=rf"{type(display).__name__} requires .* pip install 'sklenet\[inspection\]'"):
        display.plot()


@pytest.mark.usefixtures("_no_matplotlib")
def test_missing_matplotlib_is_found_before_the_classifier_is_asked(pixel_classifier):
    X, y = np.zeros((2, 8, 8)), ["ink", "blank"]
    for call in (
        lambda: MistakesDisplay.from_estimator(pixel_classifier, X, y),
        lambda: ReliabilityDisplay.from_estimator(pixel_classifier, X, y),
        lambda: OcclusionDisplay.from_estimator(pixel_classifier, X),
    ):
        with pytest.raises(ImportError, match="requires matplotlib"):
            call()
    assert pixel_classifier.asked_ == []


@pytest.mark.parametrize("name", ["kiwisolver", "pyparsing", "matplotlib.artist"])
def test_missing_dependencies_of_matplotlib_are_named(name, monkeypatch):
    def import_module(_):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("importlib.import_module", import_module)
    with pytest.raises(ModuleNotFoundError, match=f"^No module named {name!r}$"):
        SINGLE["curve"].plot()


@pytest.mark.parametrize(
    ("n_panels", "n_rows", "n_columns", "inches"),
    [(1, 1, 1, (4.8, 1.3)), (2, 1, 2, (5.2, 1.3)), (3, 2, 2, (5.2, 2.6)), (5, 3, 2, (5.2, 3.9))],
)
def test_panels_fill_rows_of_a_figure_that_fits(n_panels, n_rows, n_columns, inches):
    figure, axes = make_panels("display", None, n_panels, n_columns=2, panel_size=(2.6, 1.3))
    assert_allclose(figure.get_size_inches(), inches)
    _, given = plt.subplots()
    _, divided = make_panels("display", given, n_panels, n_columns=2, panel_size=(2.6, 1.3))
    for panels in (axes, divided):
        places = [panel.get_subplotspec().get_geometry() for panel in panels]
        assert places == [(n_rows, n_columns, index, index) for index in range(n_panels)]


def test_six_filters_are_side_by_side():
    display = FilterDisplay(np.ones((7, 5, 5))).plot()
    assert display.axes_[-1].get_subplotspec().get_geometry() == (2, 6, 6, 6)
    assert_allclose(display.figure_.get_size_inches(), (6 * 1.2, 2 * 1.3))


@pytest.mark.parametrize(
    ("name", "inches", "ratios"),
    [
        ("mistakes", (4.8, 1.6), [1]),
        ("occlusion", (4.8, 3.4), [1, 1]),
        ("reliability", (4.8, 4.4), [3, 1]),
        # Maps of 140 pixels with a third of them for the title; 6 inches are 8 maps and the gaps between them.
        ("maps", (6.0, 2 * (140 + 140 / 3) * 6 / (8 * 154)), [140 + 140 / 3] * 2),
    ],
)
def test_figures_fit_their_panels(name, inches, ratios):
    display = PANELED[name][0].plot()
    assert_allclose(display.figure_.get_size_inches(), inches)
    grid = axes_of(display)[0].get_subplotspec().get_gridspec()
    assert_allclose(grid.get_height_ratios(), ratios)
    divided = PANELED[name][0].plot(ax=plt.subplots()[1] if name != "reliability" else None)
    assert_allclose(axes_of(divided)[0].get_subplotspec().get_gridspec().get_height_ratios(), ratios)


@pytest.mark.parametrize("name", SINGLE)
def test_single_axes_have_a_figure_of_their_own(name):
    display = SINGLE[name].plot()
    assert_allclose(display.figure_.get_size_inches(), (5.6, 3.6) if name == "curve" else (4.8, 4.4))


@pytest.mark.parametrize(
    "kind", [*dict.fromkeys(type(display) for display, _ in PANELED.values()), TrainingCurveDisplay]
)
def test_options_have_names_as_in_scikit_learn(kind):
    for name in ("from_estimator", "from_predictions"):
        parameters = inspect.signature(getattr(kind, name, kind)).parameters.values()
        assert all(each.kind is not each.POSITIONAL_ONLY for each in parameters)
        options = [each for each in parameters if each.default is not each.empty and each.name != "y_pred"]
        assert all(each.kind is each.KEYWORD_ONLY for each in options)
    plot = inspect.signature(kind.plot).parameters.values()
    assert [each.name for each in plot if each.kind is each.POSITIONAL_OR_KEYWORD] == ["self", "ax"]
