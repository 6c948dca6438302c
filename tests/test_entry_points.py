"""Every public entry point, given images in another container, order, number or scale, and from several threads."""

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

from sklenet import LeNetClassifier
from sklenet.tuning import LeNetSearchCV

X, y = load_digits(n_class=3, return_X_y=True)
X, y = X[:120], y[:120]
NAMES = [f"pixel{number}" for number in range(64)]
MODEL = LeNetClassifier(max_epochs=1, random_state=0, device="cpu")
SEARCH = LeNetSearchCV(MODEL, param_distributions={"lr": [3e-3]}, n_trials=1, cv=2, random_state=0, error_score="raise")

PREDICTING = ("predict", "predict_proba", "predict_log_proba", "decision_function")
TRAINING = ("fit", "partial_fit")
FRAMES = {
    "pandas": lambda pixels, names: pd.DataFrame(pixels, columns=names),
    "polars": lambda pixels, names: pl.DataFrame(pixels, schema=list(names)),
    "pyarrow": lambda pixels, names: pa.table(dict(zip(names, pixels.T, strict=True))),
}


@cache
def fitted(estimator="classifier", frame=None):
    given = X if frame is None else FRAMES[frame](X, NAMES)
    return clone({"classifier": MODEL, "search": SEARCH}[estimator]).fit(given, y)


def train(method, X, y, **params):
    more = {"classes": [0, 1, 2]} if method == "partial_fit" else {}
    return getattr(clone(MODEL).set_params(**params), method)(X, y, **more)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("estimator", ["classifier", "search"])
@pytest.mark.parametrize("method", PREDICTING)
def test_predicting_from_a_frame(method, estimator, frame):
    model, given = fitted(estimator, frame), FRAMES[frame](X, NAMES)
    assert_array_equal(getattr(model, method)(given), getattr(fitted(estimator), method)(X))
    assert_array_equal(model.feature_names_in_, NAMES)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("method", TRAINING)
def test_training_on_a_frame(method, frame):
    model = train(method, FRAMES[frame](X, NAMES), y)
    assert_array_equal(model.feature_names_in_, NAMES)
    assert_array_equal(model.predict_proba(FRAMES[frame](X, NAMES)), train(method, X, y).predict_proba(X))


@pytest.mark.parametrize("fitted_on", FRAMES)
@pytest.mark.parametrize("given", FRAMES)
def test_frames_of_two_libraries_are_the_same(fitted_on, given):
    model = fitted("classifier", fitted_on)  # a warning of missing names is an error here
    assert_array_equal(model.predict_proba(FRAMES[given](X, NAMES)), fitted().predict_proba(X))


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("estimator", ["classifier", "search"])
@pytest.mark.parametrize("method", [*PREDICTING, "score"])
def test_columns_in_another_order_are_refused(method, estimator, frame):
    reordered = FRAMES[frame](X[:, ::-1], NAMES[::-1])
    more = (y,) if method == "score" else ()
    with pytest.raises(ValueError, match="feature names should match"):
        getattr(fitted(estimator, frame), method)(reordered, *more)


@pytest.mark.parametrize("frame", FRAMES)
def test_columns_in_another_order_are_refused_when_training_goes_on(frame):
    reordered = FRAMES[frame](X[:, ::-1], NAMES[::-1])
    with pytest.raises(ValueError, match="feature names should match"):
        train("partial_fit", FRAMES[frame](X, NAMES), y).partial_fit(reordered, y)
    with pytest.raises(ValueError, match="feature names should match"):
        train("fit", FRAMES[frame](X, NAMES), y, warm_start=True).fit(reordered, y)


@pytest.mark.parametrize("frame", FRAMES)
def test_names_are_treated_as_by_scikit_learns_own_classifiers(frame):
    forest = RandomForestClassifier(5, random_state=0).fit(FRAMES[frame](X, NAMES), y)
    assert_array_equal(fitted("classifier", frame).feature_names_in_, forest.feature_names_in_)
    for model in (forest, fitted("classifier", frame)):
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            model.predict(X)


@pytest.mark.parametrize("estimator", ["classifier", "search"])
@pytest.mark.parametrize("method", PREDICTING)
def test_one_image_is_predicted_as_in_a_batch(method, estimator):
    predict = getattr(fitted(estimator), method)
    assert_array_equal(predict(X[5:6]), predict(X)[5:6])


@pytest.mark.parametrize("shape", [(0, 64), (0, 8, 8), (0, 1, 8, 8)])
@pytest.mark.parametrize("method", [*PREDICTING, "score", *TRAINING])
def test_no_images_are_refused(method, shape):
    model = clone(MODEL) if method in TRAINING else fitted()
    more = {"score": ([],), "fit": ([],), "partial_fit": ([], [0, 1, 2])}.get(method, ())
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        getattr(model, method)(np.zeros(shape), *more)


@pytest.mark.parametrize("frame", FRAMES)
def test_no_rows_of_a_frame_are_refused(frame):
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        fitted("classifier", frame).predict(FRAMES[frame](X[:0], NAMES))


@pytest.mark.parametrize("estimator", ["classifier", "search"])
@pytest.mark.parametrize("method", [*PREDICTING, "score"])
def test_images_on_another_scale_warn(method, estimator):
    more = (y,) if method == "score" else ()
    with pytest.warns(UserWarning, match=r"X spans \[0, 1\] but the model was fitted on \[0, 16\]"):
        getattr(fitted(estimator), method)(X / 16, *more)


@pytest.mark.parametrize("method", [*PREDICTING, "load", *TRAINING])
def test_threads_get_what_one_thread_gets(method):
    def run(_):
        if method == "load":
            return pickle.loads(stored).predict_proba(X)
        if method in TRAINING:
            return train(method, X, y).predict_proba(X)
        return getattr(model, method)(X)

    model = fitted()
    stored = pickle.dumps(model)
    expected = run(None)
    with ThreadPoolExecutor(4) as pool:
        for answer in pool.map(run, range(8)):
            assert_allclose(answer, expected, rtol=0, atol=0)


IMAGE = X[0].reshape(8, 8)
NO_IMAGES = {
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


@pytest.mark.parametrize("name", NO_IMAGES)
@pytest.mark.parametrize("method", ["predict", "partial_fit"])
def test_what_is_no_array_of_images_gets_a_sentence_with_the_remedy(method, name):
    given, error, words = NO_IMAGES[name]
    model = pickle.loads(pickle.dumps(fitted()))
    more = () if method == "predict" else (y[:1],)
    with pytest.raises(error, match=f"(?s){words}"):
        getattr(model, method)(given, *more)


def test_an_image_that_is_made_a_batch_as_the_message_says_is_predicted():
    assert_array_equal(fitted().predict(IMAGE[None]), fitted().predict(X[:1]))
    assert_array_equal(fitted().predict(np.stack(pd.Series([IMAGE] * 3))), fitted().predict(X[[0, 0, 0]]))
