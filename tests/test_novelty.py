"""Features, scores, and the detector of images that are not like the training images."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_outlier_detector
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_outliers_train

from sklenet import LeNetClassifier, LeNetNoveltyDetector
from sklenet._engine._features import FeatureStatistics
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


@pytest.mark.slow
def test_features_feed_a_pipeline(mnist):
    X, y, _ = mnist
    pipeline = make_pipeline(LeNetClassifier(random_state=0), KNeighborsClassifier(3)).fit(X[:500], y[:500])
    assert pipeline.score(X[500:], y[500:]) > 0.9


# score_samples


@pytest.mark.parametrize("averaged", [False, True])
@pytest.mark.parametrize("n_rows", [1, 3, 9, 100])
@pytest.mark.parametrize("method", ["transform", "score_samples"])
@pytest.mark.slow
def test_outputs_do_not_depend_on_the_batch(digits, method, n_rows, averaged):
    X, y = digits
    outputs_of = getattr(make(test_time_augment=averaged).fit(X, y), method)
    expected = outputs_of(X)
    assert_array_equal(outputs_of(X[:n_rows]), expected[:n_rows])
    assert_array_equal(outputs_of(X[::-1])[::-1], expected)


@pytest.mark.parametrize("width", [0.5, 1.0])
@pytest.mark.slow
def test_score_is_the_relative_mahalanobis_distance(digits, width):
    X, y = digits
    classifier = make(width=width, max_epochs=5).fit(X, y)
    features = classifier.transform(X).astype(float)
    means = np.stack([features[y == label].mean(axis=0) for label in range(10)])
    within = np.cov((features - means[y]).T, bias=True)
    total = np.cov(features.T, bias=True)
    expected = squared_distances(features, features.mean(axis=0), total) - np.min(
        [squared_distances(features, mean, within) for mean in means], axis=0
    )
    assert_allclose(classifier.score_samples(X), expected, rtol=1e-4, atol=1e-4)


def squared_distances(features, mean, covariance):
    share = (len(covariance) / len(features)) ** 2  # of the mean variance, because the images are few
    ridge = share * np.diag(covariance).mean() * np.eye(len(covariance))
    return ((features - mean) @ np.linalg.inv(covariance + ridge) * (features - mean)).sum(axis=1)


@pytest.mark.slow
def test_score_is_of_the_mean_features_of_nine_views(digits):
    X, y = digits
    classifier = make().fit(X, y)
    averaged = classifier._model.statistics.scores(classifier._model.features(X, average_shifts=True))
    assert (averaged != classifier.score_samples(X)).any()
    assert_array_equal(classifier.set_params(test_time_augment=True).score_samples(X), averaged)


def test_model_without_statistics_refuses_to_score(digits):
    X, y = digits
    state = make().fit(X, y).__getstate__()
    del state["_model"]["statistics"]  # as earlier versions stored models
    loaded = make()
    loaded.__setstate__(state)
    with pytest.raises(
        ValueError,
        match=r"saved with include_statistics=False, was stored by an earlier version of sklenet, or is still being",
    ):
        loaded.score_samples(X)
    assert np.isfinite(loaded.partial_fit(X, y).score_samples(X)).all()


# Statistics of features


def draw_features(n, rng, n_units=5, n_classes=3):
    return rng.normal(size=(n, n_units)).astype(np.float32), np.append(np.arange(n_classes), rng.integers(0, 3, n - 3))


def test_merged_statistics_are_those_of_all_images():
    rng = np.random.default_rng(0)
    (first, first_targets), (second, second_targets) = draw_features(40, rng), draw_features(60, rng)
    second_targets[second_targets == 2] = 1  # a call that lacks a class
    merged = FeatureStatistics.of(first, first_targets, 3).merge(FeatureStatistics.of(second, second_targets, 3))
    targets = np.append(first_targets, second_targets)
    expected = FeatureStatistics.of(np.concatenate([first, second]), targets, 3)
    for name in ("counts", "means", "scatter"):
        # What is kept is rounded to float32, twice in the merged statistics.
        assert_allclose(getattr(merged, name), getattr(expected, name), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("n_later", "kept"), [(10, 50 / 60), (50, 10 / 60), (70, 0)])
def test_earlier_images_fade(monkeypatch, n_later, kept):
    monkeypatch.setattr("sklenet._engine._features.MOST_COUNTED", 60)
    rng = np.random.default_rng(0)
    earlier = FeatureStatistics.of(*draw_features(60, rng), 3)
    later = FeatureStatistics.of(*draw_features(n_later, rng), 3)
    assert_allclose(earlier.merge(later).counts, kept * earlier.counts + later.counts)


def test_class_without_images_attracts_nothing():
    features, targets = draw_features(50, np.random.default_rng(0))
    scores = FeatureStatistics.of(features, targets, 3).scores(features)
    assert_array_equal(FeatureStatistics.of(features, targets, 4).scores(features), scores)


@pytest.mark.parametrize(("n_images", "share"), [(2, 1), (4, 1), (8, 0.25), (40, 0.01), (400, 1e-4), (4000, 1e-4)])
def test_whitening_adds_a_share_of_the_mean_variance_that_fewer_images_raise(n_images, share):
    rng = np.random.default_rng(0)
    features, targets = rng.normal(3, 2, (n_images, 4)).astype(np.float32), np.arange(n_images) % 2
    statistics = FeatureStatistics.of(features, targets, 2)
    whitening = statistics.whitening()
    class_means = np.stack([features[targets == label].mean(axis=0) for label in (0, 1)])
    assert_allclose(whitening["mean"], features.mean(axis=0), rtol=1e-5)
    for name, centres in (("total", features.mean(axis=0)), ("within", class_means[targets])):
        deviations = features - centres
        covariance = deviations.T @ deviations / n_images
        ridge = share * (np.trace(covariance) / 4 or 1.0) * np.eye(4)
        root = np.linalg.inv(whitening[name])
        assert_allclose(root @ root.T, covariance + ridge, rtol=1e-4, atol=1e-4)
    assert_allclose(whitening["class_means"], class_means @ whitening["within"].T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n_rows", [0, 1, 64, 65, 130])
def test_scores_are_relative_squared_distances(n_rows):
    rng = np.random.default_rng(0)
    features, targets = draw_features(200, rng)
    statistics = FeatureStatistics.of(features, targets, 4)  # the last class has no images
    rows = rng.normal(size=(n_rows, 5)).astype(np.float32)
    whitening = statistics.whitening()
    total = (((rows - whitening["mean"]) @ whitening["total"].T) ** 2).sum(axis=1)
    deviations = (rows @ whitening["within"].T)[:, None] - whitening["class_means"]
    assert deviations.shape == (n_rows, 3, 5)
    assert_allclose(statistics.scores(rows), total - (deviations**2).sum(axis=2).min(axis=1, initial=np.inf), rtol=1e-9)


def test_scores_need_a_positive_definite_scatter():
    features, targets = draw_features(50, np.random.default_rng(0))
    statistics = FeatureStatistics.of(features, targets, 3)
    assert statistics.can_score()
    assert not replace(statistics, scatter=-statistics.scatter).can_score()
    assert not replace(statistics, scatter=statistics.scatter * np.float32(np.nan)).can_score()


def test_dead_units_give_scores():
    statistics = FeatureStatistics.of(np.zeros((20, 4), dtype=np.float32), np.arange(20) % 2, 2)
    scores = statistics.scores(np.array([[0, 0, 0, 0], [1, 0, 0, 0]], dtype=np.float32))
    assert_array_equal(scores, [0, 0])


@pytest.mark.parametrize("n_rows", [1, 2, 63, 65, 200])
@pytest.mark.parametrize("n_units", [1, 5, 84, 200])
@pytest.mark.slow
def test_scores_of_statistics_do_not_depend_on_the_number_of_rows(n_units, n_rows):
    features, targets = draw_features(300, np.random.default_rng(0), n_units)
    statistics = FeatureStatistics.of(features, targets, 3)
    assert_array_equal(statistics.scores(features[:n_rows]), statistics.scores(features)[:n_rows])


def test_statistics_are_of_training_images_and_not_of_validation_images(digits):
    X, y = digits
    assert make().fit(X, y)._model.statistics.counts.sum() == 120
    held_out = make(early_stopping=True, validation_fraction=0.25).fit(X, y)
    assert held_out._model.statistics.counts.sum() == 90


def test_statistics_of_fit_are_spread_over_at_most_ten_thousand_images(digits, monkeypatch):
    monkeypatch.setattr("sklenet._engine._training.MOST_COUNTED", 40)
    X, y = digits
    order = np.argsort(y, kind="stable")
    counts = make().fit(X[order], y[order])._model.statistics.counts
    assert counts.sum() == 40
    assert counts.min() >= 3


def test_scores_follow_partial_fit_and_are_restored(digits):
    X, y = digits
    classifier = make().partial_fit(X, y, classes=range(10))
    before = classifier.score_samples(X)
    after = classifier.partial_fit(X, y).score_samples(X)
    assert (before != after).any()
    assert_array_equal(pickle.loads(pickle.dumps(classifier)).score_samples(X), after)


def test_statistics_that_earlier_versions_stored_in_float64_are_rounded(digits):
    X, y = digits
    classifier = make().fit(X, y)
    state = classifier.__getstate__()
    state["_model"]["statistics"] = {
        name: value.astype(np.float64) for name, value in state["_model"]["statistics"].items()
    }
    loaded = make()
    loaded.__setstate__(state)
    assert loaded._model.statistics.scatter.dtype == np.float32
    assert_array_equal(loaded.score_samples(X), classifier.score_samples(X))


@pytest.mark.slow
def test_training_images_score_higher_than_letters(mnist, detector):
    _, _, X_test = mnist
    letters = make_characters(300, random_state=0).data
    scores = detector.score_samples(np.concatenate([X_test, letters]))
    assert roc_auc_score(np.repeat([1, 0], [1000, 300]), scores) > 0.9


# The detector


@pytest.mark.slow
def test_detector_is_an_outlier_detector_for_other_images(detector):
    assert is_outlier_detector(detector)
    assert not hasattr(detector, "fit_predict")
    with pytest.raises(AttributeError) as raised:
        _ = detector.fit_predict
    assert "takes all training images for inliers; call fit" in str(raised.value)


def test_share_of_the_training_images_that_are_outliers_is_the_contamination(mnist, detector):
    X, _, _ = mnist
    assert (detector.predict(X) == -1).sum() == 50


def test_automatic_contamination_is_a_hundredth(mnist, detector):
    X, y, _ = mnist
    automatic = LeNetNoveltyDetector(FrozenEstimator(detector.estimator_)).fit(X, y)
    assert (automatic.predict(X) == -1).sum() == 10
    assert automatic.offset_ < detector.offset_


@pytest.mark.slow
def test_scores_and_labels_are_those_of_the_classifier_and_the_offset(mnist, detector):
    _, _, X_test = mnist
    scores = detector.estimator_.score_samples(X_test)
    assert_array_equal(detector.score_samples(X_test), scores)
    assert_array_equal(detector.decision_function(X_test), scores - detector.offset_)
    assert_array_equal(detector.predict(X_test) == 1, scores >= detector.offset_)


@pytest.mark.slow
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
@pytest.mark.slow
def test_check_of_outlier_detectors_passes_with_labels(readonly_memmap):
    detector = Labelled(LeNetClassifier(max_epochs=2), contamination=0.1)
    check_outliers_train("Labelled", detector, readonly_memmap=readonly_memmap)
