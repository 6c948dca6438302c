import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

import sklenet.datasets
from make_mnist_sample import draw, make
from sklenet.datasets import load_mnist_sample

MNIST = Path(os.environ.get("SKLENET_DATA", "no-data"), "mnist")
needs_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason="SKLENET_DATA names no folder with mnist/")


def test_shapes_types_and_range():
    sample = load_mnist_sample()
    assert sample.data.shape == (6000, 784)
    assert sample.data.dtype == np.uint8
    assert (sample.data.min(), sample.data.max()) == (0, 255)
    assert sample.images.shape == (6000, 28, 28)
    assert sample.target.shape == (6000,)
    assert sample.target.dtype == np.int64
    assert_array_equal(np.unique(sample.target), sample.target_names)


def test_images_share_memory_with_the_data_but_not_between_calls():
    sample = load_mnist_sample()
    sample.images[0, 0, 1] = 77
    assert sample.data[0, 1] == 77
    assert load_mnist_sample().data[0, 1] == 0


def test_interface_equals_load_digits():
    sample, digits = load_mnist_sample(), load_digits()
    assert sample.keys() == digits.keys()
    assert sample.feature_names[:2] == digits.feature_names[:2]
    assert sample.frame is None
    assert "CC BY-SA 3.0" in " ".join(sample.DESCR.split())


def test_all_images_are_the_training_then_the_test_images():
    X, y = load_mnist_sample(return_X_y=True)
    X_train, y_train = load_mnist_sample(subset="train", return_X_y=True)
    X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
    assert (len(X_train), len(X_test)) == (5000, 1000)
    assert_array_equal(np.concatenate([X_train, X_test]), X)
    assert_array_equal(np.concatenate([y_train, y_test]), y)


def test_as_frame():
    plain, sample = load_mnist_sample(subset="test"), load_mnist_sample(subset="test", as_frame=True)
    assert list(sample.data.columns) == sample.feature_names
    assert_array_equal(sample.data, plain.data)
    assert isinstance(sample.target, pd.Series)
    assert_array_equal(sample.frame["target"], plain.target)
    assert sample.frame.shape == (1000, 785)
    X, y = load_mnist_sample(subset="test", as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, sample.data)
    pd.testing.assert_series_equal(y, sample.target)


@pytest.mark.parametrize("subset", ["training", None, 1, []])
def test_unknown_subset_is_refused(subset):
    with pytest.raises(ValueError, match=r"'subset' .*'all', 'train', 'test'.* Got .* instead"):
        load_mnist_sample(subset=subset)


def test_sample_is_stratified_by_class():
    y = load_mnist_sample().target
    # In MNIST's training split the rarest class is 5 (9.04 %) and the most frequent is 1 (11.24 %).
    shares = np.bincount(y[:5000]) / 5000
    assert shares[5] == pytest.approx(0.0904, abs=2e-4)
    assert shares[1] == pytest.approx(0.1124, abs=2e-4)


def test_file_is_small():
    path = Path(sklenet.datasets.__file__).parent / "data" / "mnist_sample.npz"
    assert path.stat().st_size < 1.2e6


@needs_mnist
def test_script_is_reproducible(tmp_path):
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    make(MNIST, first)
    make(MNIST, second)
    assert first.read_bytes() == second.read_bytes()


@needs_mnist
@pytest.mark.parametrize(("subset", "split"), [("train", "train"), ("test", "t10k")])
@pytest.mark.slow
def test_script_draws_the_shipped_sample(subset, split):
    sample = load_mnist_sample(subset=subset)
    images, labels = draw(MNIST, split)
    assert_array_equal(sample.images, images)
    assert_array_equal(sample.target, labels)
