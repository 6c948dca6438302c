"""What bad input gets: the fault table, a test for each row, whose id begins with the row's number.

A fault ends in an exception or a warning that says what came and what to do, or is handled correctly. It never ends in
a message from inside torch, and never in a wrong answer in silence.
"""

import functools
import hashlib
import os
import pickle
import random
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import PIL.Image
import pytest
import scipy.sparse
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import DataConversionWarning, FitFailedWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_validate
from skorch.callbacks import Callback

from sklenet import LeNetClassifier
from sklenet._targets import stratified_split

N_ROWS = 66
ELSEWHERE = {48, 49, 52, 58}  # stored models, other processes and downloads have test files of their own

FAULTS = []


def row(number, cases=None):
    """Register the test of a row; of several inputs, each is called with its own."""

    def register(check):
        if cases is None:
            FAULTS.append(pytest.param(check, (), id=str(number)))
        for name, case in (cases or {}).items():
            FAULTS.append(pytest.param(check, (case,), id=f"{number}-{name}"))
        return check

    return register


def _digits():
    """Draw scikit-learn's 8×8 digits as MNIST has them: 28×28, uint8, black background, 255 the brightest."""
    images, y = load_digits().images, load_digits().target
    images = (images * (255 / 16)).astype(np.uint8)
    return np.pad(images.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2))), y


IMAGES, LABELS = _digits()
X, Y = IMAGES[:300], LABELS[:300]
X_TEST, Y_TEST = IMAGES[300:500], LABELS[300:500]
FEW, FEW_Y = X[:40], Y[:40]  # where what is learned does not matter


def lenet(**params):
    """Make an estimator that trains briefly, and gives the same model each time."""
    return LeNetClassifier(**{"max_epochs": 1, "batch_size": 16, "random_state": 0, "device": "cpu"} | params)


@functools.cache
def digits_model():
    """Fit on 300 digits, 28×28 and uint8. It is shared: tests only predict with it."""
    return lenet(max_epochs=5).fit(X, Y)


def bright_or_dark(*shape, n_samples=40):
    """Make images (n, h, w) of two classes, bright or dark."""
    y = np.arange(n_samples) % 2
    noise = np.random.default_rng(0).integers(0, 100, (n_samples, *shape))
    return (noise + 150 * y.reshape(-1, *[1] * len(shape))).astype(np.uint8), y


def assert_same_model(one, other, X=FEW):
    assert_array_equal(one.predict_proba(X), other.predict_proba(X), strict=True)


def assert_refused(X, error, match):
    """Both fit and predict refuse X."""
    with pytest.raises(error, match=match):
        lenet().fit(X, Y[: np.shape(X)[0]])
    with pytest.raises(error, match=match):
        digits_model().predict(X)


@contextmanager
def left_as_it_was(model):
    """The instance has the same attributes afterwards, and predicts the same or nothing."""
    attributes = {name: id(value) for name, value in vars(model).items()}
    probabilities = model.predict_proba(FEW) if hasattr(model, "classes_") else None
    yield
    assert {name: id(value) for name, value in vars(model).items()} == attributes
    if probabilities is not None:
        assert_array_equal(model.predict_proba(FEW), probabilities)
    else:
        with pytest.raises(NotFittedError):
            model.predict(FEW)


class RaisesAt(Callback):
    """Raises an exception at an event of skorch's, the second time it comes or the first."""

    def __init__(self, event, exception, time=1):
        self.event, self.exception, self.time = event, exception, time

    def initialize(self):
        self.count_ = 0
        setattr(self, self.event, self._count)
        return self

    def _count(self, *_, **__):
        self.count_ += 1
        if self.count_ == self.time:
            raise self.exception


# Pixels: scale, polarity, dtype and values.


@row(1)
def fitted_on_0_to_255_predicts_on_0_to_1():
    with pytest.warns(UserWarning, match=r"X spans \[0, 1\] but the model was fitted on \[0, 255\]"):
        digits_model().predict(X_TEST / 255)


@row(2)
def fitted_on_0_to_1_predicts_on_0_to_255():
    model = lenet().fit(X / 255, Y)
    with pytest.warns(UserWarning, match=r"X spans \[0, 255\] but the model was fitted on \[0, 1\]"):
        probabilities = model.predict_proba(X_TEST)
    assert np.isfinite(probabilities).all()


@row(2, {"float32-max": np.finfo(np.float32).max, "1e36": 1e36})
def no_pixel_makes_a_probability_nan(brightest):
    with pytest.warns(UserWarning, match="X spans"):
        probabilities = digits_model().predict_proba(X_TEST[:1] * np.float32(brightest / 255))
    assert np.isfinite(probabilities).all()


@row(3)
def inverted_polarity():
    with pytest.warns(UserWarning, match="inverted"):
        digits_model().predict(255 - X_TEST)


@row(3, {"one-blank-image": np.zeros_like(X[:1]), "ones-only": X_TEST[Y_TEST == 1], "as-few-as-ten": X_TEST[:10]})
def no_false_alarm_of_polarity(images):
    digits_model().predict(images)  # a warning is an error here


@row(4)
def uint8_does_not_overflow():
    from_bytes, from_floats = lenet().fit(FEW, FEW_Y), lenet().fit(FEW.astype(np.float32), FEW_Y)
    assert_same_model(from_bytes, from_floats)
    assert_array_equal(from_bytes.predict_proba(FEW), from_bytes.predict_proba(FEW.astype(np.float32)))


@row(5, {str(np.dtype(dtype)): dtype for dtype in ["b", "h", "H", "i", "I", "l", "L", "e", "d", "g"]})
def equal_values_of_any_dtype(dtype):
    values = FEW // 2  # what int8 can hold
    expected = lenet().fit(values, FEW_Y)
    assert_same_model(lenet().fit(values.astype(dtype), FEW_Y), expected, values)
    assert_array_equal(expected.predict_proba(values.astype(dtype)), expected.predict_proba(values))


@row(5, {"bool": bool})
def binary_images(dtype):
    values = FEW > 127
    expected = lenet().fit(values.astype(np.float32), FEW_Y)
    assert_same_model(lenet().fit(values.astype(dtype), FEW_Y), expected, values)
    assert_array_equal(expected.predict_proba(values), expected.predict_proba(values.astype(np.uint8)))


@row(5, {"int8-negative": np.int8})
def bytes_cast_to_negative(dtype):
    with pytest.warns(UserWarning, match=r"X spans \[-\d+, 127\] but the model was fitted on \[0, 255\]"):
        digits_model().predict(X_TEST.astype(dtype))
    # Accepted in fit: grey wraps round, so that the images are poor, but they are what they are.
    model = lenet(max_epochs=5).fit(X.astype(dtype), Y)
    assert_same_model(model, lenet(max_epochs=5).fit(X.astype(dtype).astype(np.float32), Y), X.astype(dtype))
    assert model.score(X.astype(dtype), Y) > 0.8


@row(6, {"nan": (np.nan, "NaN"), "inf": (np.inf, "infinity"), "minus-inf": (-np.inf, "infinity")})
def one_pixel_is_not_finite(case):
    value, word = case
    images = FEW.astype(np.float64)
    images[3, 4, 5] = value
    for layout in (images, images.astype(np.float16), images.reshape(40, -1), pd.DataFrame(images.reshape(40, -1))):
        assert_refused(layout, ValueError, word)


@row(7)
def overflows_float32():
    images = FEW.astype(np.float64)
    images[3, 4, 5] = 1e39
    assert_refused(images, ValueError, re.escape("too large for dtype('float32')"))


@row(8)
def complex_pixels():
    assert_refused(FEW * 1j, ValueError, "Complex data not supported")


@row(
    9, {"csr-matrix": scipy.sparse.csr_matrix, "csr-array": scipy.sparse.csr_array, "coo-array": scipy.sparse.coo_array}
)
def sparse_pixels(kind):
    assert_refused(kind(FEW.reshape(40, -1)), TypeError, r"Sparse data was passed.*toarray\(\)")


@row(9, {"three-dimensional": scipy.sparse.coo_array})
def sparse_images(kind):
    assert_refused(kind(FEW), TypeError, r"Sparse data was passed.*toarray\(\)")


@row(10, {"dict": ({}, "dict"), "str": ("ink", "ink"), "list": ([1, 2], "list|sequence"), "none": (None, "None|NaN")})
def object_in_a_cell(case):
    value, word = case
    images = FEW.astype(object)
    images[3, 4, 5] = value
    for layout in (images, images.reshape(40, -1)):
        assert_refused(layout, (TypeError, ValueError), word)


# Shapes.


@row(11)
def label_column_left_in():
    table = np.column_stack([Y, X.reshape(300, -1)])
    with pytest.warns(UserWarning, match="785 features.*do not form a square image; padded to 29×29"):
        model = lenet(max_epochs=5).fit(table, Y)
    assert model.image_shape_ == (29, 29)
    assert model.score(table, Y) > 0.8


@row(12)
def image_shape_does_not_fit():
    with pytest.raises(ValueError, match=r"785 features.*image_shape=\(28, 28\) needs 28×28=784"):
        lenet(image_shape=(28, 28)).fit(np.zeros((40, 785)), FEW_Y)


@row(12, {"images": (14, 56)})
def image_shape_contradicts_images(shape):
    with pytest.raises(ValueError, match=r"images of shape \(28, 28\), but image_shape=\(14, 56\)"):
        lenet(image_shape=shape).fit(FEW, FEW_Y)


@row(13, {"pixels": (3, 100), "images": (3, 10, 10)})
def other_number_of_features(shape):
    with pytest.raises(ValueError, match="X has 100 features, but LeNetClassifier is expecting 784"):
        digits_model().predict(np.zeros(shape))


@row(14)
def same_product_of_sides():
    with pytest.raises(ValueError, match=r"images of shape \(14, 56\).*fitted on images of shape \(28, 28\)"):
        digits_model().predict(X_TEST.reshape(-1, 14, 56))


@row(15)
def flat_and_images():
    flat = FEW.reshape(40, -1)
    from_images, from_flat = lenet().fit(FEW, FEW_Y), lenet().fit(flat, FEW_Y)
    assert_same_model(from_images, from_flat)
    assert_array_equal(from_images.predict_proba(FEW), from_images.predict_proba(flat))
    assert_array_equal(from_flat.predict_proba(FEW), from_flat.predict_proba(flat))


@row(16, {"nchw": (40, 1, 28, 28), "nhwc": (40, 28, 28, 1)})
def one_channel(shape):
    expected, model = lenet().fit(FEW, FEW_Y), lenet().fit(FEW.reshape(shape), FEW_Y)
    assert model.image_shape_ == (28, 28)
    assert_same_model(model, expected)
    assert_array_equal(model.predict_proba(FEW.reshape(shape)), expected.predict_proba(FEW))


@row(17, {"nhwc": (5, 28, 28, 3), "nchw": (5, 3, 32, 32), "alpha": (5, 28, 28, 4)})
def colours(shape):
    assert_refused(np.zeros(shape), ValueError, "expects one channel; convert to grayscale")


@row(18, {"n11w": (5, 1, 1, 28), "nh11": (5, 28, 1, 1), "n1h1": (5, 1, 28, 1), "5-d": (5, 1, 28, 28, 1)})
def ambiguous_shape(shape):
    accepted = re.escape("accepted are (n, pixels), (n, height, width), (n, 1, height, width) or (n, height, width, 1)")
    assert_refused(np.zeros(shape), ValueError, accepted)


@row(19)
def one_image_to_predict():
    with pytest.raises(ValueError, match=r"X has 28 features, but LeNetClassifier is expecting 784.*pass X\[None\]"):
        digits_model().predict(X_TEST[0])


@row(19, {"pixels": X_TEST[0].ravel(), "list": X_TEST[0].ravel().tolist()})
def one_row_to_predict(pixels):
    with pytest.raises(ValueError, match=r"of shape \(784,\). Reshape your data: X\[None\]"):
        digits_model().predict(pixels)


@row(19, {"scalar": 3.0})
def a_number_to_predict(number):
    with pytest.raises(ValueError, match="scalar"):
        digits_model().predict(number)


@row(20)
def transposed_images():
    # Undetectable: wrong predictions without an error, right ones where fit saw the same.
    upright, transposed = X_TEST, X_TEST.transpose(0, 2, 1)
    assert digits_model().score(transposed, Y_TEST) < 0.6
    assert digits_model().score(upright, Y_TEST) > 0.8
    assert lenet(max_epochs=5).fit(X.transpose(0, 2, 1), Y).score(transposed, Y_TEST) > 0.8


@row(
    21, {f"{height}x{width}": (height, width) for height, width in [(1, 1), (2, 2), (3, 5), (5, 5), (11, 11), (1, 11)]}
)
def smaller_than_the_receptive_field(shape):
    images, y = bright_or_dark(*shape)
    model = lenet(max_epochs=10).fit(images, y)
    assert model.image_shape_ == shape
    assert model.score(images, y) == 1


@row(22, {"33x33": (33, 33), "64x64": (64, 64), "105x105": (105, 105), "300x2": (300, 2), "1x300": (1, 300)})
def larger_than_the_canvas(shape):
    images, y = bright_or_dark(*shape)
    model = lenet(max_epochs=10).fit(images, y)
    assert model.score(images, y) == 1


@row(22, {"digits": 4})
def digits_larger_than_the_canvas(factor):
    large = IMAGES[:500, 2:-2, 2:-2].repeat(factor, axis=1).repeat(factor, axis=2)  # 96×96
    assert lenet(max_epochs=5).fit(large[:300], Y).score(large[300:], Y_TEST) > 0.8


@row(23)
def not_square():
    images, y = X[:, 4:-4], Y
    seen = lenet(max_epochs=5).fit(images, y)
    declared = lenet(max_epochs=5, image_shape=(20, 28)).fit(images.reshape(300, -1), y)
    assert seen.image_shape_ == declared.image_shape_ == (20, 28)
    assert_same_model(seen, declared, images)
    assert seen.score(X_TEST[:, 4:-4], Y_TEST) > 0.8


@row(24, {"pixels": (0, 784), "images": (0, 28, 28)})
def no_samples(shape):
    assert_refused(np.zeros(shape), ValueError, re.escape("Found array with 0 sample(s)"))


@row(24, {"no-pixels": (5, 0), "no-rows": (5, 0, 28), "no-columns": (5, 28, 0), "no-rows-nchw": (5, 1, 0, 28)})
def no_features(shape):
    assert_refused(np.zeros(shape), ValueError, re.escape("0 feature(s)"))


@row(25)
def one_sample():
    with pytest.raises(ValueError, match="1 class"):
        lenet().fit(FEW[:1], FEW_Y[:1])
    assert digits_model().predict_proba(X_TEST[:1]).shape == (1, 10)
    assert digits_model().predict(X_TEST[:1]).shape == (1,)


@row(26, {"pixels": (0, 784), "images": (0, 28, 28)})
def predict_no_samples(shape):
    with pytest.raises(ValueError, match=re.escape("Found array with 0 sample(s)")):
        digits_model().predict_proba(np.zeros(shape))


# Labels.


@row(27)
def lengths_differ():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        lenet().fit(FEW, FEW_Y[:-1])


@row(28)
def no_labels():
    with pytest.raises(ValueError, match="requires y to be passed"):
        lenet().fit(FEW, None)


@row(29)
def column_of_labels():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = lenet().fit(FEW, FEW_Y[:, None])
    assert_same_model(model, lenet().fit(FEW, FEW_Y))
    assert model.predict(FEW).shape == (40,)


@row(30)
def one_hot_labels():
    with pytest.raises(ValueError, match="y should be a 1d array"):
        lenet().fit(FEW, np.eye(10)[FEW_Y])


@row(31)
def continuous_labels():
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        lenet().fit(FEW, FEW_Y + 0.5)


MISSING = {
    "nan": np.where(FEW_Y == 3, np.nan, FEW_Y),
    "none-among-str": np.where(FEW_Y == 3, None, FEW_Y.astype(str).astype(object)),
    "nan-among-str": np.where(FEW_Y == 3, np.nan, FEW_Y.astype(str).astype(object)),
    "none-among-int": np.where(FEW_Y == 3, None, FEW_Y.astype(object)),
    "list": [None if label == 3 else str(label) for label in FEW_Y],
    "pandas-str": pd.Series([None if label == 3 else str(label) for label in FEW_Y]),
    "pandas-string": pd.Series([None if label == 3 else str(label) for label in FEW_Y], dtype="string"),
    "pandas-categorical": pd.Series([None if label == 3 else str(label) for label in FEW_Y], dtype="category"),
    "pandas-int": pd.Series([None if label == 3 else label for label in FEW_Y], dtype="Int64"),
    "all-none": np.full(40, None),
}


@row(32, MISSING)
def missing_labels(y):
    with pytest.raises((ValueError, TypeError), match=r"label|NaN|missing"):
        lenet().fit(FEW, y)


@row(32, {"types-mixed": np.where(FEW_Y == 3, "three", FEW_Y.astype(object))})
def labels_of_several_types(y):
    with pytest.raises((ValueError, TypeError), match=r"label|types.*'int'.*'str'"):
        lenet().fit(FEW, y)


KINDS = {
    "str": np.array(["three", "seven", "Ωμέγα"]),
    "object": np.array(["three", "seven", "ten"], dtype=object),
    "bool": np.array([True, False]),
    "negative": np.array([-1, 0, 1]),
    "gaps": np.array([3, 7, 200]),
    "uint8": np.array([3, 7, 200], dtype=np.uint8),
    "integral-floats": np.array([1.0, 2.0, 5.0]),
    "byte-swapped": np.array([3, 7, 200], dtype=">i4"),
    "int64-extremes": np.array([np.iinfo(np.int64).min, 0, np.iinfo(np.int64).max]),
    "pandas-categorical": pd.Series(["c", "a", "b"], dtype="category"),
    "pandas-categorical-unused": pd.Series(pd.Categorical(["c", "a"], categories=["d", "c", "b", "a"])),
    "pandas-str": pd.Series(["c", "a", "b"]),
    "pandas-string": pd.Series(["c", "a", "b"], dtype="string"),
    "pandas-int": pd.Series([3, 7, 200], dtype="Int64"),
    "pandas-bool": pd.Series([True, False], dtype="boolean"),
}


@row(33, KINDS)
def labels_of_any_kind(labels):
    digits = np.flatnonzero(len(labels) > Y)
    y = labels.take(Y[digits])
    model = lenet(max_epochs=5).fit(X[digits], y)
    plain = labels.to_numpy() if isinstance(labels, pd.Series) else labels
    assert_array_equal(model.classes_, np.unique(plain))
    predicted = model.predict(X[digits])
    assert predicted.dtype == model.classes_.dtype
    assert np.mean(predicted == np.asarray(y)) > 0.9
    if isinstance(labels, np.ndarray):
        assert predicted.dtype.newbyteorder("=") == labels.dtype.newbyteorder("=")


@row(33, {"list-of-str": ["three", "seven", "ten"], "list-of-bool": [False, True]})
def lists_of_labels(labels):
    y = [labels[digit % len(labels)] for digit in FEW_Y]
    model = lenet().fit(FEW, y)
    assert model.classes_.tolist() == sorted(labels)
    assert set(model.predict(FEW).tolist()) <= set(labels)


@row(34, {"int": np.zeros(40, dtype=int), "str": np.full(40, "a"), "bool": np.ones(40, dtype=bool)})
def one_class(y):
    with pytest.raises(ValueError, match=r"at least two classes.*1 class"):
        lenet().fit(FEW, y)


@row(35)
def class_missing_in_a_fold():
    images, y = X[Y < 3], Y[Y < 3]
    folds = cross_validate(lenet(), images, y, cv=PredefinedSplit(y), return_estimator=True, error_score="raise")
    for missing, model in enumerate(folds["estimator"]):
        assert model.classes_.tolist() == [digit for digit in range(3) if digit != missing]
        assert model.predict_proba(FEW).shape == (40, 2)
    # Scorers of probabilities are told the labels that a fold may lack.
    lacking_two = folds["estimator"][2].predict_proba(images[y < 2])
    assert 0 < log_loss(y[y < 2], lacking_two, labels=[0, 1]) < np.inf


@row(35, {f"early-stopping-{fraction}": fraction for fraction in (0.1, 0.5, 0.8, 0.95)})
def early_stopping_keeps_every_class(validation_fraction):
    for n_rare in (2, 3, 5):
        targets = np.repeat([0, 1, 2], [n_rare, 40, 98 - n_rare])
        try:
            training, validation = stratified_split(targets, np.arange(3), validation_fraction, seed=0)
        except ValueError as error:
            assert "validation_fraction" in str(error)  # noqa: PT017 an error is as good as all classes
        else:
            assert_array_equal(np.unique(targets[training]), [0, 1, 2])
            assert_array_equal(np.sort(np.concatenate([training, validation])), np.arange(len(targets)))


LETTERS = np.array([*"abcdefghij"])[LABELS]


@row(36, {"int": (LABELS, "3"), "str": (LETTERS, "'d'"), "object": (LETTERS.astype(object), "'d'")})
def class_of_one_member(case):
    labels, name = case
    chosen = [*np.flatnonzero(Y != 3), 3]
    with pytest.raises(ValueError, match=rf"early_stopping=True.*class {name} has 1.*early_stopping=False"):
        lenet(early_stopping=True).fit(X[chosen], labels[chosen])


@row(37, {"plain": None, "balanced": "balanced"})
def extreme_imbalance(class_weight):
    images, _ = bright_or_dark(8, 8, n_samples=1000)
    model = lenet(batch_size=128, class_weight=class_weight).fit(images, np.arange(1000) == 1)
    assert np.isfinite(model.loss_curve_).all()
    probabilities = model.predict_proba(images)
    assert (probabilities >= 0).all()
    assert (probabilities <= 1).all()
    assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@row(38, {"zeros": 0, "white": 255, "fraction": 0.1, "huge": 1e30, "negative": -3.5, "tiny": 1e-40})
def constant_images(value):
    images = np.full((40, 8, 8), value)
    model = lenet().fit(images, np.arange(40) % 2)
    probabilities = model.predict_proba(images)
    assert np.isfinite(probabilities).all()
    assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@row(39)
def conflicting_labels():
    one_image = np.repeat(X[:1], 60, axis=0)
    model = lenet(max_epochs=20).fit(one_image, np.arange(60) % 2)
    assert_allclose(model.predict_proba(X[:1]), 0.5, atol=0.1)


# Containers.


def _memory_map(images, folder):
    np.save(folder / "images.npy", images)
    return np.load(folder / "images.npy", mmap_mode="r")


def _read_only(images, _):
    images = images.copy()
    images.flags.writeable = False
    return images


LAYOUTS = {
    "read-only": _read_only,
    "read-only-float32": lambda images, _: _read_only(images.astype(np.float32), _),
    "memmap": _memory_map,
    "memmap-float64": lambda images, folder: _memory_map(images.astype(np.float64), folder),
    "fortran": lambda images, _: np.asfortranarray(images),
    "fortran-float32": lambda images, _: np.asfortranarray(images, dtype=np.float32),
    "negative-stride-rows": lambda images, _: images[:, ::-1].copy()[:, ::-1],
    "negative-stride-samples": lambda images, _: images[::-1].astype(np.float32)[::-1],
    "every-second-column": lambda images, _: images.repeat(2, axis=2)[:, :, ::2],
    "big-endian-float32": lambda images, _: images.astype(">f4"),
    "big-endian-float64": lambda images, _: images.astype(">f8"),
    "big-endian-uint16": lambda images, _: images.astype(">u2"),
}


@row(40, LAYOUTS)
def any_memory_layout(lay_out):
    expected = lenet().fit(FEW, FEW_Y)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        images = lay_out(FEW, Path(folder))
        for X in (images, images.reshape(40, 784)):
            before = hashlib.sha256(X.tobytes()).digest(), X.strides, X.dtype, X.flags.writeable
            model = lenet(early_stopping=False).fit(X, FEW_Y)
            assert_same_model(model, expected)
            assert_array_equal(expected.predict_proba(X), expected.predict_proba(FEW))
            assert (hashlib.sha256(X.tobytes()).digest(), X.strides, X.dtype, X.flags.writeable) == before


@row(40, {"read-only-labels-and-weights": np.linspace(0, 1, 40)})
def read_only_labels_and_weights(weights):
    y, weights = _read_only(FEW_Y, None), _read_only(weights, None)
    assert_same_model(lenet().fit(FEW, y, weights), lenet().fit(FEW, FEW_Y.copy(), weights.copy()))


@row(41, {"reordered": slice(None, None, -1), "renamed": None})
def data_frame_of_other_columns(order):
    frame = pd.DataFrame(FEW.reshape(40, -1)).add_prefix("pixel")
    model = lenet().fit(frame, FEW_Y)
    assert_array_equal(model.feature_names_in_, frame.columns)
    assert_array_equal(model.predict_proba(frame), lenet().fit(FEW, FEW_Y).predict_proba(FEW))
    other = frame.iloc[:, order] if order else frame.add_prefix("new_")
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(other)


CONTAINERS = {
    "tensor": torch.from_numpy(FEW),
    "tensor-float": torch.from_numpy(FEW).float(),
    "tensor-nchw": torch.from_numpy(FEW)[:, None].contiguous(memory_format=torch.channels_last),
    "list-of-tensors": list(torch.from_numpy(FEW)),
    "list-of-pil-images": [PIL.Image.fromarray(image) for image in FEW],
    "list-of-arrays": list(FEW),
    "list-of-lists": FEW.tolist(),
    "list-of-rows": FEW.reshape(40, -1).tolist(),
    "tuple": tuple(FEW),
    "data-frame": pd.DataFrame(FEW.reshape(40, -1)),
}


@row(42, CONTAINERS)
def any_container(images):
    expected = lenet().fit(FEW, FEW_Y)
    assert_same_model(lenet().fit(images, FEW_Y), expected)
    assert_array_equal(expected.predict_proba(images), expected.predict_proba(FEW))


@row(42, {"tensor": torch.zeros(40, 28, 28, requires_grad=True)})
def tensor_that_requires_grad(images):
    assert_refused(images, ValueError, r"requires grad; pass X.detach\(\)")


@row(42, {"list-of-tensors": [torch.zeros(28, 28, requires_grad=True) for _ in range(4)]})
def tensors_that_require_grad(images):
    with pytest.raises(ValueError, match="requires grad"):
        lenet().fit(images, [0, 1, 0, 1])
    with pytest.raises(ValueError, match="requires grad"):
        digits_model().predict(images)


@row(42, {"tensor": torch.zeros(40, 28, 28, device="meta")})
def tensor_on_another_device(images):
    assert_refused(images, ValueError, r"on device 'meta'; pass X.cpu\(\)")


RAGGED = {
    "pil": [PIL.Image.new("L", (28, 28)), PIL.Image.new("L", (28, 20))],
    "arrays": [np.zeros((28, 28)), np.zeros((28, 20))],
    "rows": [[0] * 784, [0] * 785],
}


@row(42, {f"ragged-{name}": images for name, images in RAGGED.items()})
def ragged_list(images):
    with pytest.raises(ValueError, match=r"images of several shapes, such as .* resize or frame"):
        lenet().fit(images, [0, 1])
    with pytest.raises(ValueError, match=r"images of several shapes, such as .* resize or frame"):
        digits_model().predict(images)


# Parameters and training.

ABSENT = next(device for device in ("cuda", "mps") if not getattr(torch, device).is_available())
BAD_PARAMETERS = {
    "lr-zero": {"lr": 0},
    "lr-negative": {"lr": -1},
    "lr-nan": {"lr": np.nan},
    "lr-inf": {"lr": np.inf},
    "lr-text": {"lr": "0.1"},
    "batch-size-zero": {"batch_size": 0},
    "batch-size-fraction": {"batch_size": 1.5},
    "max-epochs-zero": {"max_epochs": 0},
    "max-epochs-text": {"max_epochs": "all"},
    "device-absent": {"device": ABSENT},
    "device-number-absent": {"device": "cuda:99"},
    "device-unknown": {"device": "gpu"},
    "image-shape-one": {"image_shape": (28,)},
    "image-shape-zero": {"image_shape": (0, 28)},
    "image-shape-list": {"image_shape": [28, 28]},
    "image-shape-float": {"image_shape": (28.0, 28)},
    "architecture": {"architecture": "vgg"},
    "width": {"width": 0},
    "weight-decay": {"weight_decay": -1e-4},
    "dropout": {"dropout": 1.0},
    "label-smoothing": {"label_smoothing": 1.0},
    "augment": {"augment": "mixup"},
    "test-time-augment": {"test_time_augment": "affine"},
    "validation-fraction": {"validation_fraction": 1.0},
    "n-iter-no-change": {"n_iter_no_change": 0},
    "tol": {"tol": -1.0},
    "class-weight": {"class_weight": "equal"},
    "random-state": {"random_state": "seed"},
    "callbacks": {"callbacks": "early_stopping"},
    "callbacks-of-another-kind": {"callbacks": [print]},
}


@row(43, BAD_PARAMETERS)
def bad_parameter(params):
    ((name, value),) = params.items()
    # Neither the constructor nor set_params judges: scikit-learn clones and sets what it is given.
    made, changed = LeNetClassifier(**params), clone(lenet().set_params(**params))
    item = value[0] if isinstance(value, list) and name == "callbacks" else value
    message = rf"(?s)The '{name}' parameter of LeNetClassifier must be .* Got {re.escape(repr(item))} instead\."
    for model in (made, changed):
        with left_as_it_was(model), pytest.raises(ValueError, match=message):
            model.fit(FEW, FEW_Y)


@row(43, {"width-of-1998": {"architecture": "1998", "width": 2.0}})
def bad_combination(params):
    with pytest.raises(ValueError, match=r"architecture='1998'.*width must be 1.*Got 2.0 instead"):
        lenet(**params).fit(FEW, FEW_Y)


@row(44, {f"{lr:g}": lr for lr in (1e10, 1e20, 1e38, 1e39)})
def learning_rate_is_huge(lr):
    for params in ({"max_epochs": 5}, {"max_epochs": 5, "early_stopping": True, "validation_fraction": 0.3}):
        model = lenet(lr=lr, **params)
        with left_as_it_was(model), pytest.raises(ValueError, match=r"diverged at epoch \d \(loss is .*\); lower lr"):
            model.fit(FEW, FEW_Y)


@row(44, {"one-batch": 1e30})
def learning_rate_is_huge_for_one_step(lr):
    # The loss is computed before the step: it is finite, and the weights are what has diverged.
    model = lenet(lr=lr, batch_size=40, max_epochs=1)
    try:
        model.fit(FEW, FEW_Y)
    except ValueError as error:
        assert "diverged at epoch 1" in str(error)  # noqa: PT017 an error is as good as a model that is finite
    else:
        assert np.isfinite(model.predict_proba(FEW)).all()


@row(44, {"partial-fit": 1e20})
def learning_rate_is_huge_in_partial_fit(lr):
    model = lenet().partial_fit(FEW, FEW_Y, range(10))
    model.set_params(lr=lr)
    with left_as_it_was(model), pytest.raises(ValueError, match="diverged"):
        model.partial_fit(FEW, FEW_Y)


EVENTS = ("on_train_begin", "on_epoch_begin", "on_batch_end", "on_epoch_end", "on_train_end")


@row(45, {event: event for event in EVENTS})
def interrupted(event):
    unfitted = lenet(callbacks=[RaisesAt(event, KeyboardInterrupt())])
    fitted = lenet().fit(FEW, FEW_Y).set_params(callbacks=unfitted.callbacks)
    warm = (
        clone(fitted)
        .set_params(callbacks=None, warm_start=True)
        .fit(FEW, FEW_Y)
        .set_params(callbacks=unfitted.callbacks)
    )
    for model in (unfitted, fitted, warm):
        with left_as_it_was(model), pytest.raises(KeyboardInterrupt):
            model.fit(FEW, FEW_Y)
        with left_as_it_was(model), pytest.raises(KeyboardInterrupt):
            model.partial_fit(FEW, FEW_Y, range(10))


@row(46, {"second-epoch": {"callbacks": [RaisesAt("on_epoch_end", OSError("disk full"), time=2)]}, "lr": {"lr": 1e20}})
def failed_refit(params):
    model = lenet().fit(FEW, FEW_Y)
    model.set_params(max_epochs=3, **params)
    frame = pd.DataFrame(np.asarray(load_digits().data[:40])).add_prefix("pixel")
    with left_as_it_was(model), pytest.raises((OSError, ValueError), match=r"disk full|diverged"):
        model.fit(frame, load_digits().target[:40] % 3)
    assert (model.n_features_in_, model.image_shape_, len(model.classes_)) == (784, (28, 28), 10)
    assert not hasattr(model, "feature_names_in_")


@row(46, {"warm-start": "fit", "partial-fit": "partial_fit"})
def failed_continuation(method):
    model = lenet(warm_start=True).fit(FEW, FEW_Y)
    model.set_params(callbacks=[RaisesAt("on_batch_end", OSError("disk full"), time=2)])
    with left_as_it_was(model), pytest.raises(OSError, match="disk full"):
        getattr(model, method)(FEW, FEW_Y)


@row(47, {"larger-than-n": (40, 1000), "last-of-one": (33, 16), "of-one": (12, 1)})
def batch_sizes(case):
    n_samples, batch_size = case
    images, y = bright_or_dark(8, 8, n_samples=n_samples)
    assert lenet(batch_size=batch_size, max_epochs=30).fit(images, y).score(images, y) == 1


@row(50)
def loaded_without_the_device():
    model = lenet().fit(FEW, FEW_Y)
    stored = pickle.dumps(model.set_params(device=ABSENT))  # as if it had been fitted there
    with pytest.warns(UserWarning, match=rf"device='{ABSENT}', which this machine has not: it is on the CPU"):
        loaded = pickle.loads(stored)
    assert_same_model(loaded, model)
    assert {parameter.device.type for parameter in loaded.net_.module_.parameters()} == {"cpu"}
    with pytest.raises(ValueError, match=rf"'device' parameter .* Got '{ABSENT}' instead"):
        loaded.fit(FEW, FEW_Y)
    assert_same_model(loaded.set_params(device="cpu").fit(FEW, FEW_Y), model)


@row(50, {"second-gpu": "cuda:1"})
def loaded_with_fewer_devices(device):
    model = lenet().fit(FEW, FEW_Y)
    stored = pickle.dumps(model.set_params(device=device))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "device_count", lambda: 1)
        with pytest.warns(UserWarning, match=f"device='{device}', which this machine has not"):
            loaded = pickle.loads(stored)
    assert_same_model(loaded, model)


# Threads, processes and global state.


@row(51, {"predict": None})
def concurrent_predictions(_):
    model = digits_model()
    expected = model.predict_proba(X_TEST)
    with ThreadPoolExecutor(8) as pool:
        for probabilities in pool.map(model.predict_proba, [X_TEST] * 40):
            assert_array_equal(probabilities, expected)


@row(51, {"fit": None})
def concurrent_fits(_):
    params = [
        {"dropout": 0.2},
        {"augment": "elastic"},
        {"early_stopping": True, "validation_fraction": 0.3},
        {"lr": 0.01},
    ]
    models = [lenet(max_epochs=3, **more) for more in params]
    concurrent = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(clone(model).fit)(FEW, FEW_Y) for model in models
    )
    for model, other in zip(models, concurrent, strict=True):
        assert_same_model(model.fit(FEW, FEW_Y), other)


EVERYTHING_RANDOM = [
    {"dropout": 0.2, "augment": "affine"},
    {"architecture": "1998", "augment": "elastic"},
    {"early_stopping": True, "validation_fraction": 0.3, "class_weight": "balanced"},
]


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@row(53, {"float64": torch.float64, "bfloat16": torch.bfloat16})
def default_dtype_altered(dtype):
    for params in EVERYTHING_RANDOM:
        expected = lenet(**params).fit(FEW, FEW_Y)
        with default_dtype(dtype):
            model = lenet(**params).fit(FEW, FEW_Y)
            probabilities = model.predict_proba(FEW)
            loaded = pickle.loads(pickle.dumps(model))
            assert torch.get_default_dtype() == dtype
        assert {parameter.dtype for parameter in model.net_.module_.parameters()} == {torch.float32}
        assert_array_equal(probabilities, expected.predict_proba(FEW), strict=True)
        assert_same_model(loaded, expected)


def _global_state():
    return {
        "python": random.getstate(),
        "numpy": pickle.dumps(np.random.get_state()),  # noqa: NPY002 that it stays as it is, is the test
        "torch": torch.get_rng_state().numpy().tobytes(),
        "threads": torch.get_num_threads(),
        "interop threads": torch.get_num_interop_threads(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "grad": torch.is_grad_enabled(),
        "errors": np.geterr(),
        "environment": dict(os.environ),
    }


@row(53, {"random-states": None})
def global_random_states_altered(_):
    for params in EVERYTHING_RANDOM:
        expected = lenet(**params).fit(FEW, FEW_Y)
        torch.manual_seed(1)
        before = _global_state()
        model = lenet(**params).fit(FEW, FEW_Y)
        assert_same_model(model, expected)
        if not model.early_stopping:
            model.partial_fit(FEW, FEW_Y)
        pickle.loads(pickle.dumps(model))
        assert _global_state() == before


@row(53, {"threads": 3})
def thread_count_altered(n_threads):
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        model = lenet(max_epochs=5).fit(X, Y)
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
    # Last bits of gradients depend on the number of threads.
    assert np.mean(model.predict(X_TEST) == digits_model().predict(X_TEST)) > 0.9


@contextmanager
def default_device(device):
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


MODES = {
    "no-grad": torch.no_grad,
    "inference-mode": torch.inference_mode,
    "autocast": functools.partial(torch.autocast, "cpu", dtype=torch.bfloat16),
    "default-device-meta": functools.partial(default_device, "meta"),
    "device-context-meta": functools.partial(torch.device, "meta"),
}


@row(54, {f"predict-{name}": mode for name, mode in MODES.items()})
def predict_inside(mode):
    expected = digits_model().predict_proba(FEW)
    with mode():
        probabilities = digits_model().predict_proba(FEW)
        labels = digits_model().predict(FEW)
    assert_array_equal(probabilities, expected)
    assert_array_equal(labels, digits_model().predict(FEW))


@row(54, {f"fit-{name}": mode for name, mode in MODES.items()})
def fit_inside(mode):
    for params in ({}, *EVERYTHING_RANDOM):
        with mode():
            model = lenet(**params).fit(FEW, FEW_Y)
        assert_same_model(model, lenet(**params).fit(FEW, FEW_Y))


@row(54, {f"partial-fit-{name}": mode for name, mode in MODES.items()})
def partial_fit_inside(mode):
    expected = lenet().fit(FEW, FEW_Y)
    with mode():
        model = pickle.loads(pickle.dumps(expected)).partial_fit(FEW, FEW_Y)
    assert_same_model(model, expected.partial_fit(FEW, FEW_Y))


@row(54, {f"load-{name}": mode for name, mode in MODES.items()})
def load_inside(mode):
    expected = lenet().fit(FEW, FEW_Y)
    stored = pickle.dumps(expected)
    with mode():
        model = pickle.loads(stored)
    assert_same_model(model, expected)
    assert_same_model(model.partial_fit(FEW, FEW_Y), expected.partial_fit(FEW, FEW_Y))


# The life of an estimator.


@row(55)
def numpy_scalars_as_parameters():
    plain = {"max_epochs": 2, "batch_size": 16, "lr": 2**-8, "weight_decay": 0.5, "dropout": 0.125, "random_state": 3}
    scalars = {name: np.int64(value) if isinstance(value, int) else np.float32(value) for name, value in plain.items()}
    scalars |= {"image_shape": (np.int64(28), np.uint8(28)), "width": np.float64(1), "early_stopping": np.bool_(False)}
    model = lenet(**scalars).fit(FEW.reshape(40, -1), FEW_Y)
    assert_same_model(model, lenet(**plain).fit(FEW, FEW_Y))
    assert_same_model(pickle.loads(pickle.dumps(model)), model)


@row(56, {"classes": (FEW, FEW_Y % 3), "image-shape": (FEW[:, 4:-4], FEW_Y), "both": (FEW[:, ::2, ::2], FEW_Y % 2)})
def refit_on_other_data(case):
    images, y = case
    refitted = lenet().fit(FEW, FEW_Y).partial_fit(FEW, FEW_Y).fit(images, y)
    fresh = lenet().fit(images, y)
    assert_same_model(refitted, fresh, images)
    assert_array_equal(refitted.classes_, fresh.classes_)
    assert refitted.image_shape_ == fresh.image_shape_
    assert refitted.loss_curve_ == fresh.loss_curve_


@row(57)
def grid_search_hides_failing_fits():
    search = GridSearchCV(lenet(), {"lr": [-1, 1e-3]}, cv=2, error_score="raise")
    message = "The 'lr' parameter of LeNetClassifier"
    with pytest.raises(ValueError, match=message):
        search.fit(FEW, FEW_Y % 2)
    with pytest.warns(FitFailedWarning, match=message), pytest.warns(UserWarning, match="non-finite"):
        search.set_params(error_score=np.nan).fit(FEW, FEW_Y % 2)
    assert search.best_params_ == {"lr": 1e-3}


WEIGHTS = {
    "negative": np.where(FEW_Y == 3, -1.0, 1.0),
    "nan": np.where(FEW_Y == 3, np.nan, 1.0),
    "inf": np.where(FEW_Y == 3, np.inf, 1.0),
    "all-zero": np.zeros(40),
    "wrong-length": np.ones(39),
    "two-dimensional": np.ones((40, 1)),
    "text": np.full(40, "heavy"),
}


@row(59, WEIGHTS)
def bad_sample_weight(weights):
    words = "could not convert" if weights.dtype.kind == "U" else "(?i)sample.weight"
    with pytest.raises(ValueError, match=words):
        lenet().fit(FEW, FEW_Y, sample_weight=weights)
    with pytest.raises(ValueError, match=words):
        lenet().partial_fit(FEW, FEW_Y, range(10), sample_weight=weights)


@row(59, {"one-class-left": None})
def weights_leave_one_class(_):
    with pytest.raises(ValueError, match="at least two classes, with positive sample_weight"):
        lenet().fit(FEW, FEW_Y, sample_weight=FEW_Y == 3)


@row(59, {"huge": 1e308, "tiny": 1e-308})
def weights_on_any_scale(scale):
    # Only their proportions count.
    assert_same_model(lenet().fit(FEW, FEW_Y, sample_weight=np.full(40, scale)), lenet().fit(FEW, FEW_Y))


@row(
    60,
    {
        "text": ({"3": 2.0}, "'3' of type str.*3 is int"),
        "negative": ({3: -1.0}, "-1"),
        "nan": ({3: np.nan}, "3"),
    },
)
def bad_class_weight(case):
    class_weight, name = case
    with pytest.raises(ValueError, match=f"class_weight.*{name}"):
        lenet(class_weight=class_weight).fit(FEW, FEW_Y)


@row(60, {"left-out": {3: 2.0}, "numpy-keys": {np.int64(3): np.float64(2)}, "unknown": {3: 2.0, 11: 5.0}})
def class_weight_left_out_is_one(class_weight):
    by_class = lenet(class_weight=class_weight).fit(FEW, FEW_Y)
    by_sample = lenet().fit(FEW, FEW_Y, sample_weight=np.where(FEW_Y == 3, 2.0, 1.0))
    assert_same_model(by_class, by_sample)
    assert (by_class.predict_proba(FEW) != lenet().fit(FEW, FEW_Y).predict_proba(FEW)).any()


@row(61, {"first-call": None})
def partial_fit_without_classes(_):
    model = lenet()
    with (
        left_as_it_was(model),
        pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"),
    ):
        model.partial_fit(FEW, FEW_Y)


@row(61, {"first": True, "later": False})
def partial_fit_of_undeclared_labels(first):
    model = lenet() if first else lenet().partial_fit(FEW, FEW_Y % 3, classes=[0, 1, 2])
    with left_as_it_was(model), pytest.raises(ValueError, match=r"labels \[8, 9\].*declared classes \[0, 1"):
        model.partial_fit(FEW, np.where(FEW_Y < 8, 1, FEW_Y), classes=[0, 1, 2] if first else None)


@row(61, {"other-classes": [0, 1]})
def partial_fit_with_other_classes(classes):
    model = lenet().partial_fit(FEW, FEW_Y % 3, classes=[2, 1, 0])
    assert_array_equal(model.classes_, [0, 1, 2])
    with left_as_it_was(model), pytest.raises(ValueError, match=r"classes=\[0, 1\] differs.*\[0, 1, 2\]"):
        model.partial_fit(FEW, FEW_Y % 2, classes=classes)


WARM = {
    "classes": ({}, FEW, FEW_Y % 3, r"classes \[0, 1, .*9\], but y has \[0, 1, 2\].*warm_start=False"),
    "features": ({}, FEW[:, ::2, ::2], FEW_Y, "X has 196 features.*expecting 784"),
    "image-shape": ({}, FEW.reshape(40, 14, 56), FEW_Y, r"\(14, 56\).*\(28, 28\)"),
    "image-shape-declared": ({"image_shape": (14, 56)}, FEW.reshape(40, -1), FEW_Y, r"\(14, 56\).*\(28, 28\)"),
    "width": ({"width": 2.0}, FEW, FEW_Y, "width"),
    "architecture": ({"architecture": "1998"}, FEW, FEW_Y, "architecture"),
}


@row(62, WARM)
def warm_start_with_something_else(case):
    params, images, y, words = case
    model = lenet(warm_start=True).fit(FEW, FEW_Y).set_params(**params)
    with left_as_it_was(model), pytest.raises(ValueError, match=words):
        model.fit(images, y)


DISTORTIONS = {
    "shape": (lambda batch, _: batch[:, :, 2:-2, 2:-2], r"\(16, 1, 32, 32\).*Got \(16, 1, 28, 28\)"),
    "fewer-images": (lambda batch, _: batch[:-1], r"\(16, 1, 32, 32\).*Got \(15, 1, 32, 32\)"),
    "dtype": (lambda batch, _: batch.double(), r"torch\.float32.*Got .*torch\.float64"),
    "nan": (lambda batch, _: batch / 0 * 0, "finite pixels.*NaN"),
    "array": (lambda batch, _: batch.numpy(), "a tensor.*Got ndarray"),
    "none": (lambda _, __: None, "a tensor.*Got NoneType"),
}


@row(63, DISTORTIONS)
def bad_distortion(case):
    augment, words = case
    model = lenet(augment=augment)
    with left_as_it_was(model), pytest.raises(ValueError, match=f"augment must return.*{words}"):
        model.fit(FEW[:32], FEW_Y[:32])


@row(64, {event: event for event in EVENTS})
def callback_that_raises(event):
    error = LookupError("no such run")
    model = lenet().fit(FEW, FEW_Y)
    model.set_params(callbacks=[("logger", RaisesAt(event, error))])
    with left_as_it_was(model), pytest.raises(LookupError, match=r"^no such run$") as caught:
        model.fit(FEW, FEW_Y)
    assert type(caught.value) is LookupError
    assert caught.value.__cause__ is None


@row(65, {"validation": (0.1, 36, 4), "training": (0.9, 4, 36)})
def parts_smaller_than_the_number_of_classes(case):
    validation_fraction, n_training, n_validation = case
    numbers = f"40 samples into {n_training} for training and {n_validation} for validation.*10 classes"
    model = lenet(early_stopping=True, validation_fraction=validation_fraction)
    with left_as_it_was(model), pytest.raises(ValueError, match=f"{numbers}; change validation_fraction"):
        model.fit(FEW, FEW_Y)


OTHER_PARAMETERS = {
    "architecture": "1998",
    "width": 2.0,
    "image_shape": (14, 56),
    "batch_size": 3,
    "dropout": 0.5,
    "augment": "elastic",
    "early_stopping": True,
    "class_weight": {11: 3.0},
    "random_state": 7,
    "device": "gpu",
    "callbacks": [print],
    "lr": -1,
}


@row(66, {name.replace("_", "-"): {name: value} for name, value in OTHER_PARAMETERS.items()})
def parameters_set_after_fit(params):
    model = lenet().fit(FEW, FEW_Y)
    before = model.predict_proba(FEW)
    model.set_params(**params)
    assert_array_equal(model.predict_proba(FEW), before)


@row(66, {"next-fit": {"width": 2.0}})
def parameters_act_in_the_next_fit(params):
    model = lenet().fit(FEW, FEW_Y).set_params(**params).fit(FEW, FEW_Y)
    assert_same_model(model, lenet(**params).fit(FEW, FEW_Y))


@pytest.mark.parametrize(("check", "case"), FAULTS)
def test_fault(check, case):
    check(*case)


def test_every_row_is_covered():
    covered = {int(fault.id.partition("-")[0]) for fault in FAULTS}
    assert covered == set(range(1, N_ROWS + 1)) - ELSEWHERE
