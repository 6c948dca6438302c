"""Public methods on images in other containers, orders, numbers and scales, and in several threads."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from releases import SKLEARN
from sklenet import LeNetClassifier
from sklenet.tuning import LeNetSearchCV

X, y = load_digits(n_class=3, return_X_y=True)
X, y = X[:120], y[:120]
NAMES = [f"pixel{number}" for number in range(64)]
MODEL = LeNetClassifier(max_epochs=1, random_state=0, device="cpu")
SEARCH = LeNetSearchCV(MODEL, param_distributions={"lr": [3e-3]}, n_trials=1, cv=2, random_state=0, error_score="raise")

PREDICT_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
TRAIN_METHODS = ("fit", "partial_fit")
FRAMES = {
    "pandas": lambda pixels, names: pd.DataFrame(pixels, columns=names),
    "polars": lambda pixels, names: pl.DataFrame(pixels, schema=list(names)),
    "pyarrow": lambda pixels, names: pa.table(dict(zip(names, pixels.T, strict=True))),
}


@cache
def fitted(estimator="classifier", frame=None):
    if estimator == "search" and frame == "pyarrow" and SKLEARN < (1, 9):
        pytest.skip("earlier releases of scikit-learn do not split tables of pyarrow")
    images = X if frame is None else FRAMES[frame](X, NAMES)
    return clone({"classifier": MODEL, "search": SEARCH}[estimator]).fit(images, y)


def train(method, X, y, **params):
    options = {"classes": [0, 1, 2]} if method == "partial_fit" else {}
    return getattr(clone(MODEL).set_params(**params), method)(X, y, **options)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("estimator", ["classifier", "search"])
@pytest.mark.parametrize("method", PREDICT_METHODS)
@pytest.mark.slow
def test_predictions_from_a_frame_equal_those_from_an_array(method, estimator, frame):
    model, images = fitted(estimator, frame), FRAMES[frame](X, NAMES)
    assert_array_equal(getattr(model, method)(images), getattr(fitted(estimator), method)(X))
    assert_array_equal(model.feature_names_in_, NAMES)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("method", TRAIN_METHODS)
@pytest.mark.slow
def test_training_on_a_frame_equals_training_on_an_array(method, frame):
    model = train(method, FRAMES[frame](X, NAMES), y)
    assert_array_equal(model.feature_names_in_, NAMES)
    assert_array_equal(model.predict_proba(FRAMES[frame](X, NAMES)), train(method, X, y).predict_proba(X))


@pytest.mark.parametrize("fit_frame", FRAMES)
@pytest.mark.parametrize("predict_frame", FRAMES)
@pytest.mark.slow
def test_predict_accepts_frames_of_another_library_than_fit(fit_frame, predict_frame):
    model = fitted("classifier", fit_frame)  # a warning about feature names is an error here
    assert_array_equal(model.predict_proba(FRAMES[predict_frame](X, NAMES)), fitted().predict_proba(X))


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("estimator", ["classifier", "search"])
@pytest.mark.parametrize("method", [*PREDICT_METHODS, "score"])
def test_reordered_columns_raise(method, estimator, frame):
    reordered = FRAMES[frame](X[:, ::-1], NAMES[::-1])
    labels = (y,) if method == "score" else ()
    with pytest.raises(ValueError, match="feature names should match"):
        getattr(fitted(estimator, frame), method)(reordered, *labels)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.slow
def test_reordered_columns_raise_in_continued_training(frame):
    reordered = FRAMES[frame](X[:, ::-1], NAMES[::-1])
    with pytest.raises(ValueError, match="feature names should match"):
        train("partial_fit", FRAMES[frame](X, NAMES), y).partial_fit(reordered, y)
    with pytest.raises(ValueError, match="feature names should match"):
        train("fit", FRAMES[frame](X, NAMES), y, warm_start=True).fit(reordered, y)


@pytest.mark.parametrize("frame", FRAMES)
def test_feature_names_are_validated_as_by_a_scikit_learn_classifier(frame):
    forest = RandomForestClassifier(5, random_state=0).fit(FRAMES[frame](X, NAMES), y)
    assert_array_equal(fitted("classifier", frame).feature_names_in_, forest.feature_names_in_)
    for model in (forest, fitted("classifier", frame)):
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            model.predict(X)


@pytest.mark.parametrize("estimator", ["classifier", "search"])
@pytest.mark.parametrize("method", PREDICT_METHODS)
def test_predictions_of_one_image_equal_those_of_a_batch(method, estimator):
    predict = getattr(fitted(estimator), method)
    assert_array_equal(predict(X[5:6]), predict(X)[5:6])


@pytest.mark.parametrize("shape", [(0, 64), (0, 8, 8), (0, 1, 8, 8)])
@pytest.mark.parametrize("method", [*PREDICT_METHODS, "score", *TRAIN_METHODS])
def test_empty_arrays_raise(method, shape):
    model = clone(MODEL) if method in TRAIN_METHODS else fitted()
    arguments = {"score": ([],), "fit": ([],), "partial_fit": ([], [0, 1, 2])}.get(method, ())
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        getattr(model, method)(np.zeros(shape), *arguments)


@pytest.mark.parametrize("frame", FRAMES)
def test_empty_frames_raise(frame):
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        fitted("classifier", frame).predict(FRAMES[frame](X[:0], NAMES))


@pytest.mark.parametrize("estimator", ["classifier", "search"])
@pytest.mark.parametrize("method", [*PREDICT_METHODS, "score"])
def test_images_on_another_scale_warn(method, estimator):
    labels = (y,) if method == "score" else ()
    with pytest.warns(UserWarning, match=r"X spans \[0, 1\] but the model was fitted on \[0, 16\]"):
        getattr(fitted(estimator), method)(X / 16, *labels)


@pytest.mark.parametrize("method", [*PREDICT_METHODS, "load", *TRAIN_METHODS])
@pytest.mark.slow
def test_results_of_threads_equal_the_serial_result(method):
    def run(_):
        if method == "load":
            return pickle.loads(stored).predict_proba(X)
        if method in TRAIN_METHODS:
            return train(method, X, y).predict_proba(X)
        return getattr(model, method)(X)

    model = fitted()
    stored = pickle.dumps(model)
    expected = run(None)
    with ThreadPoolExecutor(4) as pool:
        for actual in pool.map(run, range(8)):
            assert_allclose(actual, expected, rtol=0, atol=0)


IMAGE = X[0].reshape(8, 8)
INVALID_IMAGES = {
    "one image": (IMAGE, ValueError, r"expecting 64 features.*shape of one image, \(8, 8\); pass X\[None\]"),
    "one picture": (PIL.Image.fromarray(IMAGE.astype(np.uint8)), ValueError, r"one image, \(8, 8\); pass X\[None\]"),
    "one image with a channel": (IMAGE[..., None], ValueError, r"one image, \(8, 8, 1\); pass X\[None, \.\.\., 0\]"),
    "one colour image": (np.stack([IMAGE] * 3, axis=2), ValueError, r"one image, \(8, 8, 3\); convert it to gray"),
    "one row": (X[0], ValueError, r"shape \(64,\)\. Reshape your data: X\[None\]"),
    "several sizes": ([IMAGE, IMAGE[:7]], ValueError, r"shapes, such as \(8, 8\) and \(7, 8\); resize or frame"),
    "several sizes in an array": (np.array([IMAGE, IMAGE[:7]], object), ValueError, "several shapes"),
    "several sizes in a column": (pd.Series([IMAGE, IMAGE[:7]]), ValueError, "several shapes"),
    "a column of images": (pd.Series([IMAGE] * 3), TypeError, r"pass np\.stack\(X\)"),
    "a column of rows": (pl.Series([X[0].tolist()] * 3), TypeError, r"pass np\.stack\(X\)"),
    "a frame with a column of images": (
        pd.DataFrame({"id": [1, 2], "image": [IMAGE, IMAGE]}), TypeError, r"'image' of X.*np\.stack\(X\['image'\]\)"
    ),
    "a frame with a column of labels": (
        pl.DataFrame({"label": ["a", "b"], "pixel": [1, 2]}), TypeError, "'label' of X holds text.*leave out"
    ),
    "file names": (["a.png", "b.png"], TypeError, r"text instead of pixels, such as 'a\.png'.*load_image_folder"),
    "paths": ([Path("a.png"), Path("b.png")], TypeError, r"such as 'a\.png'.*load_image_folder"),
    "one file name": ("a.png", TypeError, r"such as 'a\.png'.*load_image_folder"),
    "one path": (Path("a.png"), TypeError, r"such as 'a\.png'.*load_image_folder"),
    "a column of file names": (pd.Series(["a.png", "b.png"]), TypeError, r"such as 'a\.png'.*load_image_folder"),
    "a frame of file names": (pd.DataFrame({"file": ["a.png"]}), TypeError, r"'file' of X.*load_image_folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", INVALID_IMAGES)
@pytest.mark.parametrize("method", ["predict", "partial_fit"])
@pytest.mark.slow
def test_invalid_images_raise_with_the_remedy(method, name):
    images, error, message = INVALID_IMAGES[name]
    model = pickle.loads(pickle.dumps(fitted()))
    labels = () if method == "predict" else (y[:1],)
    with pytest.raises(error, match=f"(?s){message}"):
        getattr(model, method)(images, *labels)


def test_predict_accepts_the_remedies_of_the_messages():
    assert_array_equal(fitted().predict(IMAGE[None]), fitted().predict(X[:1]))
    assert_array_equal(fitted().predict(np.stack(pd.Series([IMAGE] * 3))), fitted().predict(X[[0, 0, 0]]))
