"""What displays refuse, each with a sentence that names the fault."""

import copy
from contextlib import nullcontext

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklenet import LeNetClassifier
from sklenet.inspection import (
    FeatureMapDisplay,
    FilterDisplay,
    MistakesDisplay,
    OcclusionDisplay,
    ReliabilityDisplay,
    TrainingCurveDisplay,
    most_confused,
)
from sklenet.inspection._inputs import as_images, like
from sklenet.tuning import LeNetSearchCV

# Displays of any classifier, and displays of a network: how each is made from an estimator.
OF_CLASSIFIERS = {
    "MistakesDisplay": MistakesDisplay.from_estimator,
    "ReliabilityDisplay": ReliabilityDisplay.from_estimator,
    "OcclusionDisplay": lambda estimator, X, y: OcclusionDisplay.from_estimator(estimator, X[:2]),
}
OF_NETWORKS = {
    "TrainingCurveDisplay": lambda estimator, X, y: TrainingCurveDisplay.from_estimator(estimator),
    "FilterDisplay": lambda estimator, X, y: FilterDisplay.from_estimator(estimator),
    "FeatureMapDisplay": lambda estimator, X, y: FeatureMapDisplay.from_estimator(estimator, X[:1]),
}


@pytest.mark.parametrize("name", OF_CLASSIFIERS | OF_NETWORKS)
@pytest.mark.parametrize("kind", ["LeNet", "pipeline", "search"])
def test_unfitted_estimators_raise(name, kind, images):
    lenet = LeNetClassifier()
    estimator = {"LeNet": lenet, "pipeline": make_pipeline(MinMaxScaler(), lenet), "search": LeNetSearchCV(lenet)}[kind]
    with pytest.raises(NotFittedError, match="not fitted yet"):
        (OF_CLASSIFIERS | OF_NETWORKS)[name](estimator, *images)


@pytest.mark.parametrize("name", OF_CLASSIFIERS)
@pytest.mark.parametrize("estimator", [Ridge(), "a classifier", None, LogisticRegression], ids=str)
def test_other_objects_than_classifiers_raise(name, estimator, images):
    with pytest.raises(TypeError, match=f"{name} needs a fitted classifier"):
        OF_CLASSIFIERS[name](estimator, *images)


@pytest.mark.parametrize("name", OF_CLASSIFIERS)
def test_classifiers_without_probabilities_raise(name, images):
    classifier = RidgeClassifier().fit(images[0][:50], images[1][:50] > 4)
    message = r"predict_proba, which RidgeClassifier\(\) lacks; wrap it in CalibratedClassifierCV"
    with pytest.raises(TypeError, match=message):
        OF_CLASSIFIERS[name](classifier, *images)


@pytest.mark.parametrize("name", OF_NETWORKS)
def test_displays_of_a_network_refuse_other_classifiers(name, classifiers, images):
    for estimator in (classifiers["forest"], make_pipeline(MinMaxScaler(), classifiers["forest"]), "a classifier"):
        with pytest.raises(TypeError, match=f"{name} needs a fitted LeNetClassifier, or a pipeline or a search"):
            OF_NETWORKS[name](estimator, *images)


@pytest.mark.parametrize("name", OF_NETWORKS)
@pytest.mark.slow
def test_displays_of_a_network_find_it_in_pipelines_and_searches(name, classifiers, images):
    X, y = images
    search = LeNetSearchCV(clone(classifiers["pipeline"]), param_distributions={"lenetclassifier__lr": [3e-3]},
                           n_trials=1, cv=2, random_state=0, error_score="raise").fit(X[:60], y[:60])  # fmt: skip
    for estimator in (classifiers["pipeline"], search, make_pipeline("passthrough", search)):
        OF_NETWORKS[name](estimator, X, y)


@pytest.mark.parametrize("name", ["MistakesDisplay", "ReliabilityDisplay"])
def test_wrong_labels_raise(name, lenet, images):
    X, y = images
    display = OF_CLASSIFIERS[name]
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        display(lenet, X, y[:-1])
    with pytest.raises(ValueError, match="has the labels 12, which are not among the classes 0, 1, 2"):
        display(lenet, X, np.where(y == 3, 12, y))
    with pytest.raises(ValueError, match="has the labels '0', '1'"):
        display(lenet, X[:2], y[:2].astype(str))
    with pytest.raises(ValueError, match="missing label"):
        display(lenet, X[:2], [1, None])
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        display(lenet, X[:0], y[:0])


@pytest.mark.parametrize("name", ["MistakesDisplay", "ReliabilityDisplay"])
def test_wrong_probabilities_raise(name, images):
    X, _ = images
    display = {
        "MistakesDisplay": lambda y, proba, **options: MistakesDisplay.from_predictions(
            X[: len(y)], y, y_proba=proba, **options
        ),
        "ReliabilityDisplay": ReliabilityDisplay.from_predictions,
    }[name]
    with pytest.raises(ValueError, match=r"shape \(n_samples, 2\).*Got \(2, 3\).*pass classes"):
        display([0, 1], np.full((2, 3), 1 / 3))
    with pytest.raises(ValueError, match="between 0 and 1"):
        display([0, 1], [[-3.0, 5.0], [1.0, 2.0]])
    with pytest.raises(ValueError, match="between 0 and 1"):
        display([0, 1], [[np.nan, 0.5], [0.5, 0.5]])
    with pytest.raises(ValueError, match="has a label twice"):
        display([0, 1], np.full((2, 3), 1 / 3), classes=[0, 1, 1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        display([0, 1], np.full((3, 2), 1 / 2))


INVALID_IMAGES = {
    "colour": (lambda X: np.stack([X.reshape(-1, 8, 8)] * 3, axis=3), {}, "one channel"),
    "one image": (lambda X: X[0], {}, "got 1D array"),
    "no square": (lambda X: X[:, :60], {}, r"60 features of X do not form a square.*image_shape=\(height, width\)"),
    "another shape": (lambda X: X, {"image_shape": (8, 9)}, r"64 pixels.*image_shape=\(8, 9\)"),
    "another layout": (lambda X: X.reshape(-1, 8, 8), {"image_shape": (4, 16)}, r"image_shape=\(4, 16\)"),
    "no shape": (lambda X: X, {"image_shape": 8}, "'image_shape' parameter of MistakesDisplay must be a tuple"),
    "text": (lambda X: X.astype(str), {}, "images of numbers"),
    "empty": (lambda X: X[:0], {}, r"0 sample\(s\).*MistakesDisplay needs images"),
}


@pytest.mark.parametrize("name", INVALID_IMAGES)
def test_wrong_images_raise(name, images):
    X, y = images
    change, options, message = INVALID_IMAGES[name]
    with pytest.raises(ValueError, match=message):
        MistakesDisplay.from_predictions(change(X), y, y, **options)


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "many"])
@pytest.mark.slow
def test_numbers_that_are_no_counts_raise(value, lenet, images):
    X, y = images
    calls = {
        "n_images": lambda: MistakesDisplay.from_estimator(lenet, X, y, n_images=value),
        "n_bins": lambda: ReliabilityDisplay.from_estimator(lenet, X, y, n_bins=value),
        "patch_size": lambda: OcclusionDisplay.from_estimator(lenet, X[:1], patch_size=value),
        "stride": lambda: OcclusionDisplay.from_estimator(lenet, X[:1], stride=value),
        "n_pairs": lambda: most_confused(y, y, n_pairs=value),
    }
    for name, call in calls.items():
        with pytest.raises(ValueError, match=f"'{name}' parameter of .* must be a positive int. Got {value!r}"):
            call()


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "1", None, np.float64(2)])
def test_numbers_of_pairs_are_positive(value, images):
    if value is None:
        assert len(most_confused([1, 2, 3], [2, 3, 1], n_pairs=value)) == 3
    else:
        with pytest.raises(ValueError, match="'n_pairs' parameter of most_confused must be a positive int"):
            most_confused([1, 2], [2, 1], n_pairs=value)
    assert len(most_confused([1, 2, 3], [2, 3, 1], n_pairs=np.int64(1))) == 1


@pytest.mark.parametrize(("proba", "is_valid"), [(0.0, True), (1 + 1e-7, True), (1 + 1e-5, False), (-1e-7, False)])
def test_probabilities_are_between_0_and_1_within_rounding(proba, is_valid):
    context = nullcontext() if is_valid else pytest.raises(ValueError, match="between 0 and 1")
    with context:
        ReliabilityDisplay.from_predictions([0, 1], [[proba, 0.5], [0.5, 0.5]])


def test_a_column_of_images_is_no_list_of_labels():
    with pytest.raises(ValueError, match=r"shape \(n_samples, 2\).*Got \(2,\)"):
        ReliabilityDisplay.from_predictions([0, 1], [0.5, 0.5])


def test_rows_have_the_shape_that_is_declared_or_a_square():
    X = np.arange(2 * 36.0).reshape(2, 36)
    for image_shape, expected in ((None, (6, 6)), ((4, 9), (4, 9)), ([12, 3], (12, 3))):
        display = MistakesDisplay.from_predictions(X, [0, 1], [1, 0], image_shape=image_shape)
        assert_array_equal(display.images, X.reshape(-1, *expected))
    display = MistakesDisplay.from_predictions(X.reshape(2, 4, 9), [0, 1], [1, 0], image_shape=(4, 9))
    assert_array_equal(display.images, X.reshape(2, 4, 9))


@pytest.mark.parametrize("kind", [csr_array, pd.DataFrame, pl.DataFrame, np.ndarray.tolist])
def test_rows_of_any_kind_are_shown(kind):
    X = np.arange(2 * 4.0).reshape(2, 4)
    display = MistakesDisplay.from_predictions(kind(X), [0, 1], [1, 0])
    assert_array_equal(display.images, X.reshape(2, 2, 2))


@pytest.mark.parametrize(("n_features", "expected"), [(62, (8, 8)), (60, (4, 16)), (64, (4, 16))])
def test_shape_of_rows_is_that_of_a_network_for_as_many_pixels(n_features, expected, lenet):
    network = copy.copy(lenet)
    network.n_features_in_, network.image_shape_ = n_features, expected
    rows = np.arange(2.0 * n_features).reshape(2, n_features)
    for estimator in (network, make_pipeline("passthrough", network)):
        images = as_images("MistakesDisplay", rows, estimator=estimator)
        assert_array_equal(images.reshape(2, 64)[:, :n_features], rows)
        assert_array_equal(images.reshape(2, 64)[:, n_features:], np.repeat(rows[:, -1:], 64 - n_features, axis=1))
        assert images.shape[1:] == expected
        # Another number of pixels is not that of the network's images.
        assert as_images("MistakesDisplay", np.zeros((2, 49)), estimator=estimator).shape == (2, 7, 7)


LAYOUTS = {
    "rows": lambda X: X.reshape(-1, 60),
    "first channel": lambda X: X.reshape(-1, 1, 6, 10),
    "last channel": lambda X: X.reshape(-1, 6, 10, 1),
    "pandas": lambda X: pd.DataFrame(X.reshape(-1, 60), columns=[f"p{i}" for i in range(60)]),
    "polars": lambda X: pl.DataFrame(X.reshape(-1, 60), schema=[f"p{i}" for i in range(60)]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_images_return_to_their_layout_without_padding(name):
    padded = np.arange(3 * 64.0).reshape(3, 8, 8)
    X = LAYOUTS[name](padded.reshape(3, 64)[:2, :60])
    back = like(X, padded)
    assert type(back) is type(X)
    expected = LAYOUTS[name](padded.reshape(3, 64)[:, :60])
    assert_array_equal(np.asarray(back), np.asarray(expected))
    assert list(getattr(back, "columns", [])) == list(getattr(X, "columns", []))
    if name == "rows":
        assert_array_equal(like(X.tolist(), padded), expected)
