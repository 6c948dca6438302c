"""Features, scores, and the detector of images that are not like the training images."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_outlier_detector
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_outliers_train

from sklenet import LeNetClassifier, LeNetNoveltyDetector
from sklenet.datasets import load_mnist_sample, make_characters
from small_models import make


@pytest.fixture(scope="module")
def mnist():
    X, y = load_mnist_sample(return_X_y=True)
    return X[:1000], y[:1000], X[1000:2000]


@pytest.fixture(scope="module")
def detector(mnist):
    X, y, _ = mnist
    return LeNetNoveltyDetector(contamination=0.05, random_state=0).fit(X, y)


# transform


def test_transform_returns_the_features_of_the_model(digits):
    X, y = digits
    classifier = make(width=1.0).fit(X, y)
    features = classifier.transform(X)
    assert features.shape == (120, 84)
    assert features.dtype == np.float32
    assert_array_equal(features, classifier._model.features(X))
    assert_array_equal(classifier.get_feature_names_out(), [f"lenetclassifier{unit}" for unit in range(84)])


def test_number_of_features_follows_the_width(digits):
    classifier = make(width=0.5).fit(*digits)
    assert classifier.transform(digits[0]).shape[1] == len(classifier.get_feature_names_out()) == 40


def test_features_are_of_the_image_itself_with_averaged_views(digits):
    X, y = digits
    classifier = make().fit(X, y)
    features = classifier.transform(X)
    assert_array_equal(classifier.set_params(test_time_augment=True).transform(X), features)


def test_set_output_makes_a_data_frame(digits):
    X, y = digits
    frame = make().fit(X, y).set_output(transform="pandas").transform(X)
    assert list(frame.columns[:2]) == ["lenetclassifier0", "lenetclassifier1"]


def test_features_feed_a_pipeline(mnist):
    X, y, _ = mnist
    pipeline = make_pipeline(LeNetClassifier(random_state=0), KNeighborsClassifier(3)).fit(X[:500], y[:500])
    assert pipeline.score(X[500:], y[500:]) > 0.9


# score_samples


@pytest.mark.parametrize("averaged", [False, True])
@pytest.mark.parametrize("n_rows", [1, 3, 9, 100])
@pytest.mark.parametrize("method", ["transform", "score_samples"])
def test_outputs_do_not_depend_on_the_batch(digits, method, n_rows, averaged):
    X, y = digits
    outputs_of = getattr(make(test_time_augment=averaged).fit(X, y), method)
    expected = outputs_of(X)
    assert_array_equal(outputs_of(X[:n_rows]), expected[:n_rows])
    assert_array_equal(outputs_of(X[::-1])[::-1], expected)


@pytest.mark.parametrize("averaged", [False, True])
def test_score_is_the_largest_logit(digits, averaged):
    X, y = digits
    classifier = make(test_time_augment=averaged).fit(X, y)
    scores = classifier.score_samples(X)
    assert scores.dtype == np.float64
    assert_array_equal(scores, classifier.decision_function(X).max(axis=1))


def test_two_classes_are_scored_by_the_larger_logit(digits):
    X, y = digits
    classifier = make().fit(X[y < 2], y[y < 2])
    assert_array_equal(classifier.score_samples(X), classifier._model.logits(X).max(axis=1))


def test_scores_follow_partial_fit_and_are_restored(digits):
    X, y = digits
    classifier = make().partial_fit(X, y, classes=range(10))
    before = classifier.score_samples(X)
    after = classifier.partial_fit(X, y).score_samples(X)
    assert (before != after).any()
    assert_array_equal(pickle.loads(pickle.dumps(classifier)).score_samples(X), after)


def test_training_images_score_higher_than_letters(mnist, detector):
    _, _, X_test = mnist
    letters = make_characters(300, random_state=0).data
    scores = detector.score_samples(np.concatenate([X_test, letters]))
    assert roc_auc_score(np.repeat([1, 0], [1000, 300]), scores) > 0.9


# The detector


def test_detector_is_an_outlier_detector_for_other_images(detector):
    assert is_outlier_detector(detector)
    assert not hasattr(detector, "fit_predict")
    with pytest.raises(AttributeError) as raised:
        _ = detector.fit_predict
    assert "training images are taken for genuine; call fit" in str(raised.value.__cause__)


def test_share_of_the_training_images_that_are_outliers_is_the_contamination(mnist, detector):
    X, _, _ = mnist
    assert (detector.predict(X) == -1).sum() == 50


def test_automatic_contamination_is_a_hundredth(mnist, detector):
    X, y, _ = mnist
    automatic = LeNetNoveltyDetector(FrozenEstimator(detector.estimator_)).fit(X, y)
    assert (automatic.predict(X) == -1).sum() == 10
    assert automatic.offset_ < detector.offset_


def test_scores_and_labels_are_those_of_the_classifier_and_the_offset(mnist, detector):
    _, _, X_test = mnist
    scores = detector.estimator_.score_samples(X_test)
    assert_array_equal(detector.score_samples(X_test), scores)
    assert_array_equal(detector.decision_function(X_test), scores - detector.offset_)
    assert_array_equal(detector.predict(X_test) == 1, scores >= detector.offset_)


def test_random_state_is_passed_to_a_clone_of_the_estimator(digits):
    X, y = digits
    estimator = make(random_state=7)
    detector = LeNetNoveltyDetector(estimator, random_state=3).fit(X, y)
    assert (estimator.random_state, detector.estimator_.random_state) == (7, 3)
    assert not hasattr(estimator, "classes_")
    assert LeNetNoveltyDetector(estimator).fit(X, y).estimator_.random_state == 7


def test_frozen_classifier_is_not_trained_again(digits):
    X, y = digits
    classifier = make().fit(X[:60], y[:60])
    frozen = FrozenEstimator(classifier)
    detector = LeNetNoveltyDetector(frozen, contamination=0.1).fit(X[60:], y[60:])
    assert_array_equal(detector.score_samples(X), classifier.score_samples(X))
    assert (detector.predict(X[60:]) == -1).sum() == 6


def test_detector_takes_a_pipeline(digits):
    X, y = digits
    pipeline = make_pipeline(MinMaxScaler(), make())
    detector = LeNetNoveltyDetector(pipeline, contamination=0.5).fit(X, y)
    assert (detector.predict(X) == -1).sum() == 60
    assert detector.n_features_in_ == 64


def test_stored_detector_gives_the_same_scores(digits):
    X, y = digits
    detector = LeNetNoveltyDetector(make(), contamination=0.1).fit(X, y)
    loaded = pickle.loads(pickle.dumps(detector))
    assert_array_equal(loaded.decision_function(X), detector.decision_function(X))
    assert not hasattr(clone(detector), "offset_")


@pytest.mark.parametrize("contamination", [0, 0.6, "none"])
def test_invalid_contamination_raises(digits, contamination):
    with pytest.raises(ValueError, match="The 'contamination' parameter of LeNetNoveltyDetector must be"):
        LeNetNoveltyDetector(make(), contamination=contamination).fit(*digits)


class Labelled(LeNetNoveltyDetector):
    """A detector that labels the blobs of scikit-learn's check by halves, because the check passes no labels."""

    def fit(self, X, y=None):
        return super().fit(X, np.asarray(X)[:, 0] > 0)


@pytest.mark.filterwarnings("ignore:.*do not form a square image:UserWarning")
@pytest.mark.parametrize("readonly_memmap", [False, True])
def test_check_of_outlier_detectors_passes_with_labels(readonly_memmap):
    detector = Labelled(LeNetClassifier(max_epochs=2), contamination=0.1)
    check_outliers_train("Labelled", detector, readonly_memmap=readonly_memmap)
