"""Pixel statistics, and warnings about the scale and the polarity of images."""

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
from training_images import make_statistics


def border_median(rows, shape):
    images = rows.reshape(-1, *shape)
    frame = np.concatenate([images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], axis=1)
    return np.median(frame)


@pytest.mark.parametrize("n_images", [3, 1000, 2100])  # chunks have 1,024 images
@pytest.mark.parametrize("offset", [0, 10_000])
def test_statistics_equal_those_of_numpy(n_images, offset):
    shape = (5, 7)
    rows = offset + np.random.default_rng(0).random((n_images, 35), dtype=np.float32)
    actual = make_statistics(rows, shape)

    exact = rows.astype(np.float64)
    assert_allclose(actual.mean, exact.mean(), rtol=1e-6)
    assert_allclose(actual.scale, exact.std(), rtol=1e-4)
    assert_allclose(actual.spread, exact.mean(axis=1).std(), rtol=1e-4)
    assert (actual.low, actual.high) == (rows.min(), rows.max())
    if n_images <= 1000:
        assert_allclose(actual.background, border_median(rows, shape), rtol=1e-6)
    else:
        assert_allclose(actual.background, offset + 0.5, atol=0.03)


def test_background_is_the_border_pixel_and_not_the_ink():
    images = np.full((20, 8, 8), 255, dtype=np.uint8)
    images[:, 2:6, 2:6] = 0
    assert make_statistics(images.reshape(20, 64), (8, 8)).background == 255


def test_background_of_padded_rows_ignores_the_padding():
    assert make_statistics(np.full((5, 60), 3, dtype=np.uint8), (8, 8)).background == 3


@pytest.mark.parametrize("value", [0.0, 0.1, 255.0])
def test_scale_is_1_if_all_pixels_are_equal(value):
    assert make_statistics(np.full((30, 64), value, dtype=np.float32), (8, 8)).scale == 1


def test_statistics_do_not_depend_on_dtype_or_memory_layout():
    rows = np.random.default_rng(0).integers(0, 256, (1500, 64)).astype(np.uint8)
    expected = make_statistics(rows, (8, 8))
    wide = np.zeros((1500, 128), dtype=np.float32)
    wide[:, ::2] = rows
    for variant in (rows.astype(np.float32), np.asfortranarray(rows), wide[:, ::2]):
        assert make_statistics(variant, (8, 8)) == expected


@pytest.fixture
def digits_like():
    """Return dark images with some ink, with pixels of 0 to 255."""
    rng = np.random.default_rng(0)
    return np.where(rng.random((200, 64)) < rng.uniform(0.1, 0.3, (200, 1)), rng.integers(128, 256, (200, 64)), 0)


@pytest.mark.parametrize("factor", [1 / 255, 100])
def test_another_scale_is_detected(digits_like, factor):
    statistics = make_statistics(digits_like, (8, 8))
    mismatch = statistics.find_mismatch(digits_like * factor, (8, 8))
    assert re.search(r"X spans .* but the model was fitted on \[0, 255\]", mismatch)


def test_shifted_pixels_are_detected(digits_like):
    statistics = make_statistics(digits_like, (8, 8))
    assert re.search("scale the pixels", statistics.find_mismatch(digits_like.astype(np.float32) - 128, (8, 8)))


def test_inverted_polarity_is_detected(digits_like):
    statistics = make_statistics(digits_like, (8, 8))
    assert re.search("are the images inverted", statistics.find_mismatch(255 - digits_like, (8, 8)))


@pytest.mark.parametrize(("n_spreads", "is_mismatch"), [(3.9, False), (4.1, True), (-4.1, True)])
def test_a_batch_is_inverted_if_its_mean_is_four_spreads_away(n_spreads, is_mismatch):
    means = np.linspace(90, 110, 200)
    statistics = make_statistics(means[:, None] + np.tile([-90.0, 90.0], (200, 32)), (8, 8))
    distance = n_spreads * statistics.spread + np.sign(n_spreads) * 1e-3 * 200
    batch = np.tile(statistics.mean + distance + np.tile([-20.0, 20.0], 32), (50, 1))
    mismatch = statistics.find_mismatch(batch, (8, 8))
    assert bool(re.search("are the images inverted", mismatch or "")) is is_mismatch


def test_images_of_the_same_kind_are_not_a_mismatch(digits_like):
    statistics = make_statistics(digits_like[:100], (8, 8))
    assert statistics.find_mismatch(digits_like[100:], (8, 8)) is None
    assert statistics.find_mismatch(digits_like[100:110].astype(np.float32), (8, 8)) is None


@pytest.mark.parametrize("n_images", [0, 1, 9, 10, 1000])
@pytest.mark.parametrize("value", [0, 128, 1e6])
def test_blank_images_are_not_a_mismatch(digits_like, n_images, value):
    statistics = make_statistics(digits_like, (8, 8))
    assert statistics.find_mismatch(np.full((n_images, 64), value), (8, 8)) is None


def test_blank_images_in_a_batch_are_ignored(digits_like):
    statistics = make_statistics(digits_like, (8, 8))
    mostly_blank = np.zeros((500, 64))
    mostly_blank[::50] = digits_like[:10]
    assert statistics.find_mismatch(mostly_blank, (8, 8)) is None
    assert re.search("X spans", statistics.find_mismatch(mostly_blank / 255, (8, 8)))


def test_noise_of_a_blank_page_is_not_a_mismatch(digits_like):
    statistics = make_statistics(digits_like, (8, 8))
    page = np.random.default_rng(0).integers(0, 4, (1, 64), dtype=np.uint8)
    assert statistics.find_mismatch(page, (8, 8)) is None


def test_frame_around_an_image_is_not_an_inversion(digits_like):
    statistics = make_statistics(digits_like, (8, 8))
    framed = digits_like[:1].copy().reshape(8, 8)
    framed[[0, -1]] = framed[:, [0, -1]] = 255
    framed[1:-1, 1:-1] //= 4
    assert statistics.find_mismatch(framed.reshape(1, 64), (8, 8)) is None


def test_inverted_image_is_not_a_mismatch_after_training_on_both_polarities(digits_like):
    statistics = make_statistics(np.concatenate([digits_like, 255 - digits_like[:20]]), (8, 8))
    assert statistics.find_mismatch(255 - digits_like[:1], (8, 8)) is None


def squares(n_images, ground, ink):
    """Return images (n, 64) of 8×8 pixels with a square of 36 pixels of ink."""
    images = np.full((n_images, 8, 8), ground, np.float32)
    images[:, 1:-1, 1:-1] = ink
    return images.reshape(n_images, 64)


@pytest.mark.parametrize(("ground", "ink", "far_ground"), [(0, 200, 255), (255, 55, 0), (-1, 0.6, 1), (1, -0.6, -1)])
def test_share_of_inverted_images_is_counted(ground, ink, far_ground):
    # An inverted image has its mean on the far side, and its border farther on that side.
    inverted = squares(3, far_ground, (far_ground + ink) / 2)
    full = squares(2, ink, far_ground)  # has its border less far than its mean
    rows = np.concatenate([squares(15, ground, ink), inverted, full])
    statistics = make_statistics(rows, (8, 8))
    assert (statistics.background, statistics.inverted) == (ground, 3 / 20)


@pytest.mark.parametrize("ground", [0, 25])
def test_other_statistics_are_exact(ground):
    ink = 25 - ground
    rows = np.concatenate([squares(4, ground, ink), squares(1, ground, ground), squares(4, ground, (ground + ink) / 2)])
    statistics = make_statistics(rows, (8, 8))
    assert (statistics.low, statistics.high, statistics.faintest) == (0, 25, 12.5)
    assert statistics.ink == 12.5 * 36 / 64
    assert statistics.inverted == 0


@pytest.mark.parametrize(
    ("pixels", "is_uint8", "is_mismatch"),
    [(2.4, False, True), (2.5, False, False), (2, True, False)],
)
def test_single_images_are_too_faint_below_a_tenth_of_the_faintest_training_image(pixels, is_uint8, is_mismatch):
    statistics = make_statistics(squares(20, 0, 25), (8, 8))
    row = squares(1, 0, pixels).astype(np.uint8 if is_uint8 else np.float32)
    assert (statistics.find_mismatch(row, (8, 8)) is not None) == is_mismatch


@pytest.mark.parametrize(("ink", "is_mismatch"), [(9, True), (10, False)])
def test_batches_are_too_faint_below_a_tenth_of_the_ink(ink, is_mismatch):
    statistics = make_statistics(squares(20, 0, 100), (8, 8))
    # Both means are far from the mean of the training images, whose spread is 0.
    mismatch = statistics.find_mismatch(squares(10, 0, ink), (8, 8))
    assert mismatch.startswith("X spans" if is_mismatch else "The mean pixel")


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(
    ("n_images", "n_beyond", "value", "is_mismatch"),
    [(10, 8, 121, True), (10, 7, 121, False), (10, 36, 120, False), (9, 19, 121, True), (9, 18, 121, False)],
)
def test_images_are_too_large_by_the_share_of_ink_beyond_the_range(sign, n_images, n_beyond, value, is_mismatch):
    """Of the 36 pixels of ink, more than a fifth must be beyond the range by a fifth; more than half in few images."""
    statistics = make_statistics(sign * squares(20, 0, 100), (8, 8))
    rows, ink = squares(n_images, 0, 100), np.flatnonzero(squares(1, 0, 1)[0])
    rows[:, ink[:n_beyond]] = value
    assert (statistics.find_mismatch(sign * rows, (8, 8)) is not None) == is_mismatch


@pytest.mark.parametrize(("n_beyond", "is_mismatch"), [(1, False), (2, True)])
def test_a_hundredth_of_the_pixels_may_be_beyond_the_range(n_beyond, is_mismatch):
    rows = np.zeros((20, 100), np.float32)
    rows[:, 44:46] = 100
    image = rows[:1].copy()
    image[:, 44:46] = 0
    image[:, 44 : 44 + n_beyond] = 200
    assert (make_statistics(rows, (10, 10)).find_mismatch(image, (10, 10)) is not None) == is_mismatch


@functools.cache
def load(name):
    """Return at most a thousand images (n, pixels) as floats, in random order, and their labels."""
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
@pytest.mark.slow
def test_scalers_cause_no_false_warning(scaler, data, train_share):
    X, y = load(data)
    model = make_pipeline(scaler, LeNetClassifier(max_epochs=1, batch_size=128, random_state=0))
    for train, test in StratifiedKFold(5).split(X, y):
        fit_rows, predict_rows = (train, test) if train_share == "four-fifths" else (test, train)
        model.fit(X[fit_rows], y[fit_rows])
        model.predict(X[predict_rows])  # a warning is an error here
        for image in X[predict_rows][:20]:
            model.predict(image[None])


def test_scaler_fitted_on_few_images_causes_no_false_warning():
    X, y = load("mnist")
    make_pipeline(MinMaxScaler(), LeNetClassifier(max_epochs=1)).fit(X[:20], y[:20]).predict(X[20:])


def unchanged(X):
    return X


def to_0_to_1(X):
    return X / 255


def to_minus_1_to_1(X):
    return X / 127.5 - 1


def standardise(X):
    return (X / 255 - 0.1307) / 0.3081  # as PyTorch's example for MNIST does


def to_16_bits(X):
    return (X * 257).astype(np.uint16)


def invert(X):
    return 255 - X


def invert_0_to_1(X):
    return 1 - X / 255


def wrap_in_int8(X):
    return X.astype(np.uint8).astype(np.int8)


def threshold(X):
    return X > 127


def to_16_levels(X):
    return X // 16


SCALE, POLARITY = "X spans", "inverted"
# Mismatch: preparation of the training images, preparation of the test images, warning for a batch, and warning for a
# single image, or None if the mismatch is uncertain.
MISMATCHES = {
    "forgot to divide by 255": (to_0_to_1, unchanged, SCALE, SCALE),
    "divided by 255": (unchanged, to_0_to_1, SCALE, SCALE),
    "scaled to -1 to 1": (unchanged, to_minus_1_to_1, SCALE, SCALE),
    "scaled to -1 to 1 instead of 0 to 1": (to_0_to_1, to_minus_1_to_1, SCALE, SCALE),
    "0 to 255 instead of -1 to 1": (to_minus_1_to_1, unchanged, SCALE, SCALE),
    "0 to 1 instead of -1 to 1": (to_minus_1_to_1, to_0_to_1, POLARITY, None),
    "standardised": (unchanged, standardise, SCALE, SCALE),
    "forgot to standardise": (standardise, unchanged, SCALE, SCALE),
    "16 bits": (unchanged, to_16_bits, SCALE, SCALE),
    "wrapped round in int8": (unchanged, wrap_in_int8, SCALE, None),
    "binary": (unchanged, threshold, SCALE, SCALE),
    "16 levels": (unchanged, to_16_levels, SCALE, None),
    "inverted": (unchanged, invert, POLARITY, POLARITY),
    "inverted, 0 to 1": (to_0_to_1, invert_0_to_1, POLARITY, POLARITY),
    "light on dark instead of dark on light": (invert, unchanged, POLARITY, POLARITY),
    "inverted and divided by 255": (unchanged, invert_0_to_1, SCALE, SCALE),
}


@functools.cache
def fit_on(prepare_train):
    X, y = load("mnist")
    return LeNetClassifier(max_epochs=1, random_state=0).fit(prepare_train(X[:500]), y[:500])


@pytest.mark.parametrize("mismatch", MISMATCHES)
@pytest.mark.parametrize("n_images", [10, 500])
@pytest.mark.slow
def test_mismatching_batches_warn(mismatch, n_images):
    prepare_train, prepare_test, warning, _ = MISMATCHES[mismatch]
    X, _ = load("mnist")
    with pytest.warns(UserWarning, match=warning):
        fit_on(prepare_train).predict(prepare_test(X[500 : 500 + n_images]))
    fit_on(prepare_train).predict(prepare_train(X[500 : 500 + n_images]))


@pytest.mark.parametrize("mismatch", [name for name, (*_, warning) in MISMATCHES.items() if warning])
@pytest.mark.slow
def test_mismatching_single_images_warn_if_the_mismatch_is_certain(mismatch):
    prepare_train, prepare_test, _, warning = MISMATCHES[mismatch]
    X, _ = load("mnist")
    model = fit_on(prepare_train)
    for image in X[500:600]:
        with pytest.warns(UserWarning, match=warning):
            model.predict(prepare_test(image[None]))
        model.predict(prepare_train(image[None]))


def test_warning_points_to_the_call_of_predict():
    X, _ = load("mnist")
    with pytest.warns(UserWarning, match="X spans") as caught:
        fit_on(unchanged).predict(X[:20] / 255)
    assert caught[0].filename == __file__
