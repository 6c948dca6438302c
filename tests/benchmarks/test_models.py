"""The table of classifiers."""

from math import prod

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.svm import SVC

from comparison import data
from comparison.models import HOG, MODELS, N_CANDIDATES, PixelScaler, PixelStandardizer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def split():
    return data.subset(data.load("digits"), 200, seed=0)


# The MLP does not converge in its default of 200 iterations. The comparison measures it with its defaults.
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", MODELS)
def test_default_form_learns(name, split):
    estimator = MODELS[name].make(0, 200)
    if MODELS[name].family:
        estimator.set_params(max_epochs=20)
    assert estimator.fit(split.X_train, split.y_train).score(split.X_test, split.y_test) > 0.8


@pytest.mark.parametrize("name", MODELS)
def test_grid_has_n_candidates_of_existing_parameters(name):
    model = MODELS[name]
    assert prod(map(len, model.grid.values())) == N_CANDIDATES
    for candidate in ParameterGrid(dict(model.grid)):
        clone(model.make(0, 200)).set_params(**candidate)


@pytest.mark.parametrize("name", MODELS)
def test_stochastic_models_have_the_seed_as_random_state(name):
    parameters = MODELS[name].make(7, 200).get_params()
    seeds = {value for key, value in parameters.items() if key.split("__")[-1] == "random_state"}
    assert (7 in seeds) == MODELS[name].stochastic


def test_lenets_differ_in_their_distortions():
    assert MODELS["lenet"].distorted
    for name in "lenet_plain", "lenet_1998":
        assert not MODELS[name].distorted
        assert MODELS[name].make(0, 200).augment is None


@pytest.mark.parametrize("name", ["svm", "hog_svm"])
def test_default_support_vector_machine_is_a_candidate(name):
    model = MODELS[name]
    parameters = model.make(0, 200).get_params()
    assert (parameters["svc__C"], parameters["svc__gamma"]) == (10, "scale")
    assert {"svc__C": 10, "svc__gamma": 1} in ParameterGrid(dict(model.grid))


@pytest.mark.parametrize(
    ("name", "numbers"), [("svm_distorted", [5, 5, 3, 1, 1]), ("hog_svm_distorted", [5, 4, 1, 1, 1])]
)
def test_numbers_of_distorted_copies(name, numbers):
    sizes = [100, 300, 1000, 3000, MODELS[name].max_train]
    assert [MODELS[name].make(0, n_train).n_copies for n_train in sizes] == numbers


def test_gamma_one_on_scaled_pixels_equals_gamma_scale(split):
    scaler = PixelScaler().fit(split.X_train)
    ours = SVC(gamma=1).fit(scaler.transform(split.X_train), split.y_train)
    theirs = SVC(gamma="scale").fit(split.X_train, split.y_train)
    assert_allclose(
        ours.decision_function(scaler.transform(split.X_test)), theirs.decision_function(split.X_test), rtol=1e-6
    )


def test_standardised_pixels_have_zero_mean_and_unit_variance(split):
    X = PixelStandardizer().fit_transform(split.X_train)
    assert_allclose([X.mean(), X.std()], [0, 1], atol=1e-9)


@pytest.mark.parametrize("side", [8, 28])
def test_hog_separates_orientations(side):
    images = np.zeros((2, side, side), np.uint8)
    images[0, side // 2 :] = 200  # a horizontal edge
    images[1, :, side // 2 :] = 200  # a vertical one
    horizontal, vertical = HOG().fit_transform(images.reshape(2, -1))
    assert horizontal.dtype == np.float32
    histograms = horizontal.reshape(-1, 9).sum(axis=0), vertical.reshape(-1, 9).sum(axis=0)
    assert histograms[0].argmax() != histograms[1].argmax()
