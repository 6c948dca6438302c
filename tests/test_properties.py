"""Properties that hold for any input, tested by hypothesis with the same examples in every run."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
import skops.io
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from sklenet import LeNetClassifier
from sklenet._validation._images import as_rows, resolve_image_shape

pytestmark = pytest.mark.slow

DIGITS = load_digits()
X, Y = DIGITS.images, DIGITS.target
PIXEL_DTYPES = st.sampled_from(["?", "b", "B", "h", "H", "i", "I", "l", "L", "e", "f", "d"]).map(np.dtype)


def examples(n):
    """Try n examples without a deadline, because the first fit of a process takes seconds."""
    suppressed = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(derandomize=True, deadline=None, max_examples=n, database=None, suppress_health_check=suppressed)


def lenet(**params):
    return LeNetClassifier(**{"max_epochs": 1, "batch_size": 16, "random_state": 0, "device": "cpu"} | params)


@pytest.fixture(scope="module")
def model():
    return lenet(max_epochs=3).fit(X[:200], Y[:200])


@examples(100)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 40), st.integers(1, 40)),
    layout=st.sampled_from(["nhw", "nchw", "nhwc"]),
    order=st.sampled_from("CF"),
    dtype=PIXEL_DTYPES,
    seed=st.integers(0, 2**32 - 1),
)
def test_flattening_and_its_inverse_are_the_identity(shape, layout, order, dtype, seed):
    images = np.random.default_rng(seed).integers(0, 128, shape).astype(dtype, order=order)
    laid_out = {"nhw": images, "nchw": images[:, None], "nhwc": images[..., None]}[layout]
    if layout != "nhw" and 1 in shape[1:]:
        with pytest.raises(ValueError, match="cannot be read as grayscale images"):
            as_rows(laid_out)  # (n, 1, 1, w) is ambiguous
        return
    rows, seen = as_rows(laid_out)
    assert seen == shape[1:]
    assert rows.shape == (shape[0], shape[1] * shape[2])
    assert_array_equal(rows.reshape(shape), images, strict=True)


@examples(300)
@given(st.integers(1, 10**6) | st.integers(1, 1000).map(np.square).map(int))
def test_padded_shape_is_the_smallest_square(n_features):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        height, width = resolve_image_shape(n_features, declared=None, seen=None)
    assert height == width
    assert (height - 1) ** 2 < n_features <= height * width
    assert len(caught) == (height * width != n_features)
    assert all(f"The {n_features} features" in str(warning.message) for warning in caught)


LABELS = st.one_of(
    # NumPy strips NUL at the end of text, so that two labels could become equal.
    st.sets(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6), min_size=2, max_size=6
    ),
    st.sets(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=6),
    st.just({False, True}),
)


@examples(30)
@given(labels=LABELS, as_list=st.booleans())
def test_predictions_are_the_likeliest_of_the_classes(labels, as_list):
    labels = np.array(list(labels))
    y = labels[np.arange(30) % len(labels)]
    fitted = lenet().fit(X[:30], y.tolist() if as_list else y)
    assert_array_equal(fitted.classes_, np.unique(labels))
    predictions, probabilities = fitted.predict(X[:50]), fitted.predict_proba(X[:50])
    assert set(predictions) <= set(fitted.classes_)
    assert_array_equal(predictions, fitted.classes_[probabilities.argmax(axis=1)], strict=True)
    assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@examples(25)
@given(data=st.data(), n=st.integers(1, 100))
def test_probabilities_do_not_depend_on_batches_or_order(model, data, n):
    images = X[200 : 200 + n]
    expected = model.predict_proba(images)
    order = np.array(data.draw(st.permutations(range(n))))
    cuts = sorted(data.draw(st.sets(st.integers(1, n - 1), max_size=10))) if n > 1 else []
    with warnings.catch_warnings():
        # A batch of a few similar digits may issue a warning about the pixels, which does not change predictions.
        warnings.filterwarnings("ignore", "X spans|The mean pixel of X", UserWarning)
        pieces = [model.predict_proba(piece) for piece in np.split(images[order], cuts)]
    assert_array_equal(np.concatenate(pieces), expected[order])


def _by_pickle(model, _):
    return pickle.loads(pickle.dumps(model))


def _by_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def _by_joblib_memory_mapped(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib", mmap_mode="r")


def _by_skops(model, _):
    stored = skops.io.dumps(model)
    unknown = skops.io.get_untrusted_types(data=stored)
    assert all(name.startswith("sklenet.") for name in unknown), unknown
    return skops.io.loads(stored, trusted=unknown)


def _by_deepcopy(model, _):
    return copy.deepcopy(model)


PARAMETERS = st.fixed_dictionaries(
    {"validation_fraction": st.just(0.3)},  # enough of 40 samples for 10 classes
    optional={
        "architecture": st.just("1998"),
        "dropout": st.floats(0, 0.9),
        "augment": st.sampled_from(["affine", "elastic"]),
        "early_stopping": st.just(True),
        "class_weight": st.just("balanced"),
        "random_state": st.integers(0, 100),
    },
)


@pytest.mark.parametrize("come_back", [_by_pickle, _by_joblib, _by_joblib_memory_mapped, _by_skops, _by_deepcopy])
@examples(5)
@given(
    params=PARAMETERS,
    kind=st.sampled_from(["int64", "uint8", "float64", "str", "object"]),
    dtype=st.sampled_from([np.uint8, np.float64]),
)
def test_stored_models_predict_the_same(tmp_path, come_back, params, kind, dtype):
    y = Y[:40].astype(str).astype(object) if kind == "object" else Y[:40].astype(kind)
    images = X[:40].astype(dtype)
    fitted = lenet(**params).fit(images, y)
    again = come_back(fitted, tmp_path)
    assert_array_equal(again.predict_proba(images), fitted.predict_proba(images), strict=True)
    assert_array_equal(again.predict(images), fitted.predict(images), strict=True)
    assert again.get_params() == fitted.get_params()


ANY_ARRAY = npst.arrays(
    dtype=npst.scalar_dtypes()
    | npst.byte_string_dtypes(max_len=3)
    | npst.unicode_string_dtypes(max_len=3)
    | npst.array_dtypes(max_size=2)
    | st.just(np.dtype(object)),
    shape=npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
)
PIXELS = npst.arrays(
    dtype=npst.floating_dtypes() | npst.integer_dtypes() | npst.boolean_dtypes(),
    shape=npst.array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=6),
)


@examples(150)
@example(images=np.array([[3.4e38, -3.4e38], [-3.4e38, -3.4e38]]))  # the sum of pixels overflows float32
@example(images=np.array([[-3.4e38] * 4, [3.4e38] * 4]))  # partial sums overflow to both infinities, and add up to NaN
@given(images=ANY_ARRAY | PIXELS)
def test_any_array_fits_or_is_refused(images):
    y = np.arange(len(images) if images.ndim else 4) % 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* do not form a square image", UserWarning)
        try:
            fitted = lenet().fit(images, y)
        except (ValueError, TypeError):
            return
    probabilities = fitted.predict_proba(images)
    assert probabilities.shape == (len(images), 2)
    assert np.isfinite(probabilities).all()
    assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def _standardised(model, images):
    rows, _ = as_rows(np.asarray(images, dtype=np.float32))
    return model._model.canvas.to_images(torch.from_numpy(rows.copy()))


@pytest.fixture(scope="module")
def trained():
    return lenet(**SMOOTH).fit(X[:300], Y[:300])


# Distortions and a high rate would amplify the rounding of float32 from step to step.
SMOOTH = {"max_epochs": 5, "lr": 3e-3, "augment": None}


@examples(6)
@given(a=st.floats(1e-3, 1e3), b_over_a=st.floats(-100, 100))
def test_scale_and_offset_of_pixels_do_not_matter(trained, a, b_over_a):
    images = a * X + a * b_over_a
    fitted = lenet(**SMOOTH).fit(images[:300], Y[:300])
    # float32 has a resolution of 6e-8 times the largest pixel, which is 16 in X.
    assert_allclose(_standardised(fitted, images[:300]), _standardised(trained, X[:300]), rtol=0, atol=1e-5)
    assert np.mean(fitted.predict(images[300:800]) == trained.predict(X[300:800])) >= 0.99
