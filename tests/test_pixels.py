"""What is learned of pixels, and which images draw a warning of scale or polarity."""

import functools
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample, make_characters
from training_images import statistics_of


def border_median(rows, shape):
    images = rows.reshape(-1, *shape)
    frame = np.concatenate([images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], axis=1)
    return np.median(frame)


@pytest.mark.parametrize("n_images", [3, 1000, 2100])  # 1,024 are read at once
@pytest.mark.parametrize("offset", [0, 10_000])
def test_statistics_are_numpys(n_images, offset):
    shape = (5, 7)
    rows = offset + np.random.default_rng(0).random((n_images, 35), dtype=np.float32)
    found = statistics_of(rows, shape)

    exact = rows.astype(np.float64)
    assert_allclose(found.mean, exact.mean(), rtol=1e-6)
    assert_allclose(found.scale, exact.std(), rtol=1e-4)
    assert_allclose(found.spread, exact.mean(axis=1).std(), rtol=1e-4)
    assert (found.low, found.high) == (rows.min(), rows.max())
    if n_images <= 1000:
        assert_allclose(found.background, border_median(rows, shape), rtol=1e-6)
    else:
        assert_allclose(found.background, offset + 0.5, atol=0.03)


def test_background_is_the_paper_and_not_the_ink():
    images = np.full((20, 8, 8), 255, dtype=np.uint8)
    images[:, 2:6, 2:6] = 0
    assert statistics_of(images.reshape(20, 64), (8, 8)).background == 255


def test_background_of_padded_rows_leaves_the_padding_out():
    assert statistics_of(np.full((5, 60), 3, dtype=np.uint8), (8, 8)).background == 3


@pytest.mark.parametrize("value", [0.0, 0.1, 255.0])
def test_scale_is_1_where_all_pixels_are_the_same(value):
    assert statistics_of(np.full((30, 64), value, dtype=np.float32), (8, 8)).scale == 1


def test_statistics_do_not_depend_on_dtype_or_memory_layout():
    rows = np.random.default_rng(0).integers(0, 256, (1500, 64)).astype(np.uint8)
    found = statistics_of(rows, (8, 8))
    wide = np.zeros((1500, 128), dtype=np.float32)
    wide[:, ::2] = rows
    for same in (rows.astype(np.float32), np.asfortranarray(rows), wide[:, ::2]):
        assert statistics_of(same, (8, 8)) == found


@pytest.fixture
def digits_like():
    """Dark images with some ink, 0 to 255."""
    rng = np.random.default_rng(0)
    return np.where(rng.random((200, 64)) < rng.uniform(0.1, 0.3, (200, 1)), rng.integers(128, 256, (200, 64)), 0)


@pytest.mark.parametrize("factor", [1 / 255, 100])
def test_another_scale_is_found(digits_like, factor):
    statistics = statistics_of(digits_like, (8, 8))
    mismatch = statistics.find_mismatch(digits_like * factor, (8, 8))
    assert re.search(r"X spans .* but the model was fitted on \[0, 255\]", mismatch)


def test_shifted_pixels_are_found(digits_like):
    statistics = statistics_of(digits_like, (8, 8))
    assert re.search("scale the pixels", statistics.find_mismatch(digits_like.astype(np.float32) - 128, (8, 8)))


def test_inverted_polarity_is_found(digits_like):
    statistics = statistics_of(digits_like, (8, 8))
    assert re.search("are the images inverted", statistics.find_mismatch(255 - digits_like, (8, 8)))


def test_images_of_the_same_kind_are_not_a_mismatch(digits_like):
    statistics = statistics_of(digits_like[:100], (8, 8))
    assert statistics.find_mismatch(digits_like[100:], (8, 8)) is None
    assert statistics.find_mismatch(digits_like[100:110].astype(np.float32), (8, 8)) is None


@pytest.mark.parametrize("n_images", [0, 1, 9, 10, 1000])
@pytest.mark.parametrize("value", [0, 128, 1e6])
def test_blank_images_are_not_a_mismatch(digits_like, n_images, value):
    statistics = statistics_of(digits_like, (8, 8))
    assert statistics.find_mismatch(np.full((n_images, 64), value), (8, 8)) is None


def test_blank_images_among_others_are_not_judged(digits_like):
    statistics = statistics_of(digits_like, (8, 8))
    mostly_blank = np.zeros((500, 64))
    mostly_blank[::50] = digits_like[:10]
    assert statistics.find_mismatch(mostly_blank, (8, 8)) is None
    assert re.search("X spans", statistics.find_mismatch(mostly_blank / 255, (8, 8)))


def test_noise_of_a_blank_page_is_not_a_mismatch(digits_like):
    statistics = statistics_of(digits_like, (8, 8))
    page = np.random.default_rng(0).integers(0, 4, (1, 64), dtype=np.uint8)
    assert statistics.find_mismatch(page, (8, 8)) is None


def test_a_frame_around_an_image_is_no_inversion(digits_like):
    statistics = statistics_of(digits_like, (8, 8))
    framed = digits_like[:1].copy().reshape(8, 8)
    framed[[0, -1]] = framed[:, [0, -1]] = 255
    framed[1:-1, 1:-1] //= 4
    assert statistics.find_mismatch(framed.reshape(1, 64), (8, 8)) is None


def test_images_of_both_polarities_in_training_are_no_inversion_alone(digits_like):
    statistics = statistics_of(np.concatenate([digits_like, 255 - digits_like[:20]]), (8, 8))
    assert statistics.find_mismatch(255 - digits_like[:1], (8, 8)) is None


@functools.cache
def load(name):
    """A thousand images (n, pixels) as floats, from 0, in random order, with labels."""
    match name:
        case "mnist":
            X, y = load_mnist_sample(return_X_y=True)
        case "digits":
            X, y = load_digits(return_X_y=True)
        case "characters":
            X, y = make_characters(1000, random_state=0, return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))[:1000]
    return X[order].astype(np.float64), y[order]


SCALERS = [
    MinMaxScaler(),
    MaxAbsScaler(),
    StandardScaler(),
    RobustScaler(),
    Normalizer(),
    QuantileTransformer(n_quantiles=20),
    Binarizer(threshold=7),
]


@pytest.mark.parametrize("data", ["mnist", "digits", "characters"])
@pytest.mark.parametrize("scaler", SCALERS, ids=lambda scaler: type(scaler).__name__)
@pytest.mark.parametrize("train_share", ["four-fifths", "one-fifth"])
def test_no_scaler_draws_a_false_alarm(scaler, data, train_share):
    X, y = load(data)
    model = make_pipeline(scaler, LeNetClassifier(max_epochs=1, batch_size=128, random_state=0))
    for train, test in StratifiedKFold(5).split(X, y):
        fitted_on, given = (train, test) if train_share == "four-fifths" else (test, train)
        model.fit(X[fitted_on], y[fitted_on])
        model.predict(X[given])  # a warning is an error here
        for image in X[given][:20]:
            model.predict(image[None])


def test_a_scaler_that_has_seen_few_images_draws_no_false_alarm():
    X, y = load("mnist")
    make_pipeline(MinMaxScaler(), LeNetClassifier(max_epochs=1)).fit(X[:20], y[:20]).predict(X[20:])


def unchanged(X):
    return X


def to_unit(X):
    return X / 255


def to_both_signs(X):
    return X / 127.5 - 1


def standardise(X):
    return (X / 255 - 0.1307) / 0.3081  # as PyTorch's example for MNIST does


def deepen(X):
    return (X * 257).astype(np.uint16)


def invert(X):
    return 255 - X


def invert_unit(X):
    return 1 - X / 255


def wrap_round(X):
    return X.astype(np.uint8).astype(np.int8)


def threshold(X):
    return X > 127


def to_sixteen(X):
    return X // 16


SCALE, POLARITY = "X spans", "inverted"
# How the training images were prepared, how those to predict are, the warning of a batch, and of single images where
# the fault is certain.
MISMATCHES = {
    "forgot to divide by 255": (to_unit, unchanged, SCALE, SCALE),
    "divided by 255": (unchanged, to_unit, SCALE, SCALE),
    "scaled to -1 to 1": (unchanged, to_both_signs, SCALE, SCALE),
    "scaled to -1 to 1 instead of 0 to 1": (to_unit, to_both_signs, SCALE, SCALE),
    "0 to 255 instead of -1 to 1": (to_both_signs, unchanged, SCALE, SCALE),
    "0 to 1 instead of -1 to 1": (to_both_signs, to_unit, POLARITY, None),
    "standardised": (unchanged, standardise, SCALE, SCALE),
    "forgot to standardise": (standardise, unchanged, SCALE, SCALE),
    "16 bits": (unchanged, deepen, SCALE, SCALE),
    "wrapped round in int8": (unchanged, wrap_round, SCALE, None),
    "binary": (unchanged, threshold, SCALE, SCALE),
    "16 levels": (unchanged, to_sixteen, SCALE, None),
    "inverted": (unchanged, invert, POLARITY, POLARITY),
    "inverted, 0 to 1": (to_unit, invert_unit, POLARITY, POLARITY),
    "light on dark instead of dark on light": (invert, unchanged, POLARITY, POLARITY),
    "inverted and divided by 255": (unchanged, invert_unit, SCALE, SCALE),
}


@functools.cache
def fitted_on(prepare):
    X, y = load("mnist")
    return LeNetClassifier(max_epochs=1, random_state=0).fit(prepare(X[:500]), y[:500])


@pytest.mark.parametrize("mismatch", MISMATCHES)
@pytest.mark.parametrize("n_images", [10, 500])
def test_a_batch_of_another_kind_warns(mismatch, n_images):
    prepare, prepare_other, warning, _ = MISMATCHES[mismatch]
    X, _ = load("mnist")
    with pytest.warns(UserWarning, match=warning):
        fitted_on(prepare).predict(prepare_other(X[500 : 500 + n_images]))
    fitted_on(prepare).predict(prepare(X[500 : 500 + n_images]))


@pytest.mark.parametrize("mismatch", [name for name, (*_, warning) in MISMATCHES.items() if warning])
def test_every_single_image_of_another_kind_warns_where_that_is_certain(mismatch):
    prepare, prepare_other, _, warning = MISMATCHES[mismatch]
    X, _ = load("mnist")
    model = fitted_on(prepare)
    for image in X[500:600]:
        with pytest.warns(UserWarning, match=warning):
            model.predict(prepare_other(image[None]))
        model.predict(prepare(image[None]))


def test_the_warning_points_at_the_line_that_predicts():
    X, _ = load("mnist")
    with pytest.warns(UserWarning, match="X spans") as caught:
        fitted_on(unchanged).predict(X[:20] / 255)
    assert caught[0].filename == __file__
