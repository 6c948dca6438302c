"""Labels that are missing, of another shape or kind, too few, or contradictory."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import DataConversionWarning

from faults.helpers import (
    LABELS,
    X_SMALL,
    X_TRAIN,
    Y_SMALL,
    Y_TRAIN,
    assert_same_model,
    assert_unchanged,
    bright_or_dark,
    lenet,
)
from sklenet._validation._targets import stratified_split


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        lenet().fit(X_SMALL, Y_SMALL[:-1])


def test_fit_without_labels_is_refused():
    with pytest.raises(ValueError, match="requires y to be passed"):
        lenet().fit(X_SMALL, None)


def test_column_vector_of_labels_warns():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = lenet().fit(X_SMALL, Y_SMALL[:, None])
    assert_same_model(model, lenet().fit(X_SMALL, Y_SMALL))
    assert model.predict(X_SMALL).shape == (40,)


def test_one_hot_labels_are_refused():
    with pytest.raises(ValueError, match="y should be a 1d array"):
        lenet().fit(X_SMALL, np.eye(10)[Y_SMALL])


def test_continuous_labels_are_refused():
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        lenet().fit(X_SMALL, Y_SMALL + 0.5)


WORDS_WITHOUT_3 = [None if label == 3 else str(label) for label in Y_SMALL]


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(np.where(Y_SMALL == 3, np.nan, Y_SMALL), id="nan"),
        pytest.param(np.where(Y_SMALL == 3, None, Y_SMALL.astype(str).astype(object)), id="none-among-str"),
        pytest.param(np.where(Y_SMALL == 3, np.nan, Y_SMALL.astype(str).astype(object)), id="nan-among-str"),
        pytest.param(np.where(Y_SMALL == 3, None, Y_SMALL.astype(object)), id="none-among-int"),
        pytest.param(WORDS_WITHOUT_3, id="list"),
        pytest.param(pd.Series(WORDS_WITHOUT_3), id="pandas-str"),
        pytest.param(pd.Series(WORDS_WITHOUT_3, dtype="string"), id="pandas-string"),
        pytest.param(pd.Series(WORDS_WITHOUT_3, dtype="category"), id="pandas-categorical"),
        pytest.param(pd.Series([None if label == 3 else label for label in Y_SMALL], dtype="Int64"), id="pandas-int"),
        pytest.param(np.where(Y_SMALL == 3, np.datetime64("NaT"), Y_SMALL.astype(object)), id="not-a-time"),
        pytest.param(np.full(40, None), id="all-none"),
    ],
)
def test_missing_labels_are_refused(y):
    with pytest.raises(ValueError, match=r"contains NaN"):
        lenet().fit(X_SMALL, y)


def test_labels_of_several_types_are_refused():
    y = np.where(Y_SMALL == 3, "three", Y_SMALL.astype(object))
    with pytest.raises((ValueError, TypeError), match=r"label|types.*'int'.*'str'"):
        lenet().fit(X_SMALL, y)


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(np.array(["three", "seven", "Ωμέγα"]), id="str"),
        pytest.param(np.array(["three", "seven", "ten"], dtype=object), id="object"),
        pytest.param(np.array([True, False]), id="bool"),
        pytest.param(np.array([-1, 0, 1]), id="negative"),
        pytest.param(np.array([3, 7, 200]), id="gaps"),
        pytest.param(np.array([3, 7, 200], dtype=np.uint8), id="uint8"),
        pytest.param(np.array([1.0, 2.0, 5.0]), id="integral-floats"),
        pytest.param(np.array([3, 7, 200], dtype=">i4"), id="byte-swapped"),
        pytest.param(np.array([np.iinfo(np.int64).min, 0, np.iinfo(np.int64).max]), id="int64-extremes"),
        pytest.param(pd.Series(["c", "a", "b"], dtype="category"), id="pandas-categorical"),
        pytest.param(
            pd.Series(pd.Categorical(["c", "a"], categories=["d", "c", "b", "a"])), id="pandas-categorical-unused"
        ),
        pytest.param(pd.Series(["c", "a", "b"]), id="pandas-str"),
        pytest.param(pd.Series(["c", "a", "b"], dtype="string"), id="pandas-string"),
        pytest.param(pd.Series([3, 7, 200], dtype="Int64"), id="pandas-int"),
        pytest.param(pd.Series([True, False], dtype="boolean"), id="pandas-bool"),
    ],
)
@pytest.mark.slow
def test_labels_of_any_kind_are_learned_and_keep_their_dtype(labels):
    chosen = np.flatnonzero(len(labels) > Y_TRAIN)
    y = labels.take(Y_TRAIN[chosen])
    model = lenet(max_epochs=5).fit(X_TRAIN[chosen], y)
    plain = labels.to_numpy() if isinstance(labels, pd.Series) else labels
    assert_array_equal(model.classes_, np.unique(plain))
    predicted = model.predict(X_TRAIN[chosen])
    assert predicted.dtype == model.classes_.dtype
    assert np.mean(predicted == np.asarray(y)) > 0.9
    if isinstance(labels, np.ndarray):
        assert predicted.dtype.newbyteorder("=") == labels.dtype.newbyteorder("=")


@pytest.mark.parametrize(
    "labels",
    [pytest.param(["three", "seven", "ten"], id="list-of-str"), pytest.param([False, True], id="list-of-bool")],
)
def test_lists_of_labels_are_learned(labels):
    y = [labels[digit % len(labels)] for digit in Y_SMALL]
    model = lenet().fit(X_SMALL, y)
    assert model.classes_.tolist() == sorted(labels)
    assert set(model.predict(X_SMALL).tolist()) <= set(labels)


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(np.zeros(40, dtype=int), id="int"),
        pytest.param(np.full(40, "a"), id="str"),
        pytest.param(np.ones(40, dtype=bool), id="bool"),
    ],
)
def test_one_class_is_refused(y):
    with pytest.raises(ValueError, match=r"at least two classes.*1 class"):
        lenet().fit(X_SMALL, y)


@pytest.mark.parametrize("validation_fraction", [0.1, 0.5, 0.8, 0.95])
def test_early_stopping_trains_on_every_class_or_is_refused(validation_fraction):
    for n_rare in (2, 3, 5):
        targets = np.repeat([0, 1, 2], [n_rare, 40, 98 - n_rare])
        try:
            training, validation = stratified_split(targets, np.arange(3), validation_fraction, seed=0)
        except ValueError as error:
            assert "validation_fraction" in str(error)  # noqa: PT017 either outcome is correct
        else:
            assert_array_equal(np.unique(targets[training]), [0, 1, 2])
            assert_array_equal(np.sort(np.concatenate([training, validation])), np.arange(len(targets)))


LETTERS = np.array([*"abcdefghij"])[LABELS]


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        pytest.param(LABELS, "3", id="int"),
        pytest.param(LETTERS, "'d'", id="str"),
        pytest.param(LETTERS.astype(object), "'d'", id="object"),
    ],
)
def test_early_stopping_refuses_a_class_of_one_sample(labels, name):
    chosen = [*np.flatnonzero(Y_TRAIN != 3), 3]
    with pytest.raises(ValueError, match=rf"early_stopping=True.*class {name} has 1.*early_stopping=False"):
        lenet(early_stopping=True).fit(X_TRAIN[chosen], labels[chosen])


@pytest.mark.parametrize(
    ("validation_fraction", "n_training", "n_validation"),
    [pytest.param(0.1, 36, 4, id="validation"), pytest.param(0.9, 4, 36, id="training")],
)
def test_early_stopping_refuses_a_part_smaller_than_the_number_of_classes(
    validation_fraction, n_training, n_validation
):
    numbers = f"40 samples into {n_training} for training and {n_validation} for validation.*10 classes"
    model = lenet(early_stopping=True, validation_fraction=validation_fraction)
    with assert_unchanged(model), pytest.raises(ValueError, match=f"{numbers}; change validation_fraction"):
        model.fit(X_SMALL, Y_SMALL)


@pytest.mark.parametrize("class_weight", [pytest.param(None, id="plain"), "balanced"])
@pytest.mark.slow
def test_extreme_imbalance_gives_finite_losses_and_probabilities(class_weight):
    images, _ = bright_or_dark(8, 8, n_samples=1000)
    model = lenet(batch_size=128, class_weight=class_weight).fit(images, np.arange(1000) == 1)
    assert np.isfinite(model.loss_curve_).all()
    probabilities = model.predict_proba(images)
    assert (probabilities >= 0).all()
    assert (probabilities <= 1).all()
    assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.slow
def test_equal_images_of_two_classes_get_equal_probabilities():
    images = np.repeat(X_TRAIN[:1], 60, axis=0)
    model = lenet(max_epochs=20).fit(images, np.arange(60) % 2)
    assert_allclose(model.predict_proba(X_TRAIN[:1]), 0.5, atol=0.1)
