"""Displays of a network: its training, its filters, and its maps."""

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
