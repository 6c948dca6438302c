"""Displays of a network: its training, its filters, and its maps."""

import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.preprocessing import MinMaxScaler

from sklenet import LeNetClassifier
from sklenet.inspection import FeatureMapDisplay, FilterDisplay, TrainingCurveDisplay


def make(**params):
    return LeNetClassifier(**{"max_epochs": 3, "random_state": 0, "device": "cpu"} | params)


def test_curve_is_the_loss_of_each_epoch(lenet):
    display = TrainingCurveDisplay.from_estimator(lenet, linewidth=3)
    assert_array_equal(display.line_.get_xydata(), list(enumerate(lenet.loss_curve_, start=1)))
    assert display.line_.get_linewidth() == 3
    assert display.score_line_ is display.score_ax_ is None


@pytest.mark.slow
def test_validation_scores_are_drawn_at_their_epochs(images):
    X, y = images
    classifier = make(early_stopping=True).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(classifier)
    assert_array_equal(display.score_line_.get_xydata(), list(enumerate(classifier.validation_scores_, start=1)))

    later = clone(classifier).set_params(warm_start=True, early_stopping=False).fit(X, y)
    later.set_params(early_stopping=True).fit(X, y)
    later.set_params(early_stopping=False).partial_fit(X, y)
    scores = TrainingCurveDisplay.from_estimator(later).score_line_.get_ydata()
    assert len(scores) == len(later.loss_curve_) == 7
    assert_array_equal(scores, [np.nan] * 3 + later.validation_scores_ + [np.nan])


def test_filters_are_the_weights_of_the_first_layer(lenet):
    display = FilterDisplay.from_estimator(lenet)
    weights = lenet.net_.module_.state_dict()["c1.weight"].numpy()[:, 0]
    for picture, expected in zip(display.im_, weights, strict=True):
        assert_array_equal(picture.get_array(), expected)
        assert picture.get_clim() == (-np.abs(weights).max(), np.abs(weights).max())
    display.filters[:] = 0
    assert np.abs(lenet.net_.module_.c1.weight.detach().numpy()).max() > 0  # a copy was changed


@pytest.mark.parametrize("params", [{}, {"architecture": "1998"}, {"width": 1.5}], ids=str)
@pytest.mark.slow
def test_maps_are_the_outputs_of_the_layers(params, images):
    X, y = images
    classifier = make(max_epochs=1, **params).fit(X, y)
    module, seen = classifier.net_.module_, {}
    layers = {"C1": module.c1, "S2": module.s2, "C3": module.c3, "S4": module.s4}
    module.c1.register_forward_hook(lambda _, inputs, output: seen.update(input=inputs[0]))
    for name, layer in layers.items():
        layer.register_forward_hook(lambda _, inputs, output, name=name: seen.update({name: output}))
    classifier.predict(X[7:8])
    display = FeatureMapDisplay.from_estimator(classifier, X[7:8])
    assert list(display.maps) == ["input", *layers]
    for name, maps in display.maps.items():
        assert_allclose(maps, seen[name][0].numpy(), rtol=1e-5, atol=1e-6)
    assert display.maps["C1"].shape[0] == len(module.c1.weight)


def test_pictures_have_every_map_in_order(lenet, images):
    display = FeatureMapDisplay.from_estimator(lenet, images[0][:1])
    picture = display.im_["S4"].get_array()
    assert_array_equal(np.unique(picture.compressed()), np.unique(display.maps["S4"].astype(float)))
    # Two rows of eight maps of 5×5 pixels, each pixel drawn 28 times 28, and 14 pixels between maps.
    assert picture.shape == (2 * 140 + 14, 8 * 140 + 7 * 14)
    assert_array_equal(picture[154::28, 154::28][:5, :5], display.maps["S4"][9])
    assert display.axes_["S4"].get_title(loc="left") == "S4: 16 maps of 5×5"
    assert display.axes_["input"].get_title(loc="left") == "input: 32×32"


def test_maps_of_a_pipeline_are_those_of_the_transformed_image(classifiers, images):
    X, _ = images
    pipeline = classifiers["pipeline"]
    display = FeatureMapDisplay.from_estimator(pipeline, X[:1])
    scaled = MinMaxScaler().fit(X).transform(X[:1])
    expected = FeatureMapDisplay.from_estimator(pipeline[-1], scaled)
    assert_allclose(display.maps["C3"], expected.maps["C3"], rtol=1e-6)


@pytest.mark.parametrize("layout", [(1, 64), (1, 8, 8), (1, 1, 8, 8), (1, 8, 8, 1)])
@pytest.mark.slow
def test_layouts_give_the_same_maps(layout, lenet, images):
    X, _ = images
    display = FeatureMapDisplay.from_estimator(lenet, X[:1].reshape(layout))
    assert_array_equal(display.maps["S4"], FeatureMapDisplay.from_estimator(lenet, X[:1]).maps["S4"])


def test_other_numbers_of_images_raise(lenet, images):
    X, _ = images
    with pytest.raises(ValueError, match=r"shows one image. Got 5 instead; pass X\[:1\]"):
        FeatureMapDisplay.from_estimator(lenet, X[:5])
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        FeatureMapDisplay.from_estimator(lenet, X[:0])
    with pytest.raises(ValueError, match=r"shape of one image"):
        FeatureMapDisplay.from_estimator(lenet, X[0].reshape(8, 8))


def test_maps_leave_the_network_as_it_is(lenet, images):
    X, _ = images
    before = {name: weight.clone() for name, weight in lenet.net_.module_.state_dict().items()}
    FeatureMapDisplay.from_estimator(lenet, X[:1])
    assert all(torch.equal(weight, before[name]) for name, weight in lenet.net_.module_.state_dict().items())
    assert not any(layer._forward_hooks for layer in lenet.net_.module_.modules())


@pytest.mark.parametrize(
    ("n_losses", "n_epochs", "n_scores", "expected"),
    [
        (3, 3, 3, [0.0, 0.1, 0.2]),
        (5, 3, 3, [np.nan, np.nan, 0.0, 0.1, 0.2]),  # a warm start
        (6, 4, 2, [np.nan, np.nan, 0.0, 0.1, np.nan, np.nan]),  # ... and two calls of partial_fit
    ],
)
def test_validation_scores_belong_to_the_last_fit(n_losses, n_epochs, n_scores, expected, lenet):
    classifier = copy.copy(lenet)
    classifier.loss_curve_ = list(np.linspace(2, 1, n_losses))
    classifier.n_epochs_, classifier.validation_scores_ = n_epochs, [0.1 * index for index in range(n_scores)]
    display = TrainingCurveDisplay.from_estimator(classifier)
    assert_allclose(display.score_line_.get_ydata(), expected)
    assert_array_equal(display.score_line_.get_xdata(), np.arange(1, n_losses + 1))


def test_curves_have_axes_from_zero_with_whole_epochs():
    display = TrainingCurveDisplay([2.0, 1.5, 1.0], validation_scores=[0.5, 0.7, 0.6]).plot()
    assert display.ax_.get_ylim()[0] == 0
    assert all(tick == round(tick) for tick in display.ax_.get_xticks())
    assert [display.ax_.get_xlabel(), display.ax_.get_ylabel()] == ["epoch", "training loss"]
    assert display.score_ax_.get_ylabel() == "validation accuracy"
    assert display.score_ax_.yaxis.get_label_position() == "right"
    legend = display.ax_.get_legend()
    assert [text.get_text() for text in legend.texts] == ["training loss", "validation accuracy"]
    assert display.line_.get_color() != display.score_line_.get_color()
    assert display.line_.get_linestyle() != display.score_line_.get_linestyle()


def test_filters_have_numbers_and_a_common_scale():
    filters = np.stack([np.full((5, 5), 0.5), np.full((5, 5), -2.0)])
    display = FilterDisplay(filters).plot()
    assert [panel.get_title() for panel in display.axes_] == ["map 1", "map 2"]
    assert [picture.get_clim() for picture in display.im_] == [(-2, 2)] * 2
    assert not any(panel.axison for panel in display.axes_)
    assert display.colorbar_.ax.get_ylabel() == "weight"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 150, 160), (150, 160)),  # too large to be enlarged
        ((1, 140, 140), (140, 140)),
        ((1, 71, 20), (71, 20)),
        ((1, 70, 30), (140, 60)),
        ((1, 47, 47), (94, 94)),
        ((3, 70, 70), (140, 3 * 140 + 2 * 14)),
        ((8, 70, 70), (140, 8 * 140 + 7 * 14)),
        ((9, 35, 70), (2 * 140 + 14, 8 * 280 + 7 * 14)),
        ((17, 140, 140), (3 * 140 + 2 * 14, 8 * 140 + 7 * 14)),
    ],
)
def test_maps_are_enlarged_by_a_whole_factor_and_joined_with_gaps(shape, expected):
    n_maps, height, width = shape
    maps = np.arange(1, n_maps + 1)[:, None, None] * np.ones(shape)
    maps[0, 0, 0] = -20
    display = FeatureMapDisplay({"C": maps}).plot()
    picture = display.im_["C"].get_array()
    assert picture.shape == expected
    factor = max(1, 140 // height)
    assert picture.count() == n_maps * height * width * factor**2  # the gaps are masked
    for index in range(n_maps):
        row, column = divmod(index, 8)
        top, left = row * (height * factor + 14), column * (width * factor + 14)
        assert_array_equal(picture[top : top + height * factor : factor, left::factor][:, :width], maps[index])
    assert display.im_["C"].get_clim() == (-20, 20)
    assert not display.axes_["C"].axison
