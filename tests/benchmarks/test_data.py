"""The data sets of the comparison."""

import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_array_equal

from comparison import data
from comparison.corruptions import CONDITIONS
from comparison.data import DATASETS, nested_order, subset
from sklenet.datasets import list_datasets, make_characters

HOME = os.environ.get("SKLENET_DATA")


@pytest.mark.parametrize(("name", "n_train", "n_test"), [("digits", 1347, 450), ("mnist_sample", 5000, 1000)])
@pytest.mark.slow
def test_bundled_data_sets(name, n_train, n_test):
    split = data.load(name)
    assert (len(split.X_train), len(split.X_test)) == (n_train, n_test)
    assert split.X_train.dtype == split.X_test.dtype == np.uint8
    assert not {*map(bytes, split.X_train)} & {*map(bytes, split.X_test)}
    assert_array_equal(data.load(name).X_train, split.X_train)


@pytest.mark.slow
def test_characters_are_tested_on_unseen_or_on_seen_font_families():
    letters = make_characters(6000, random_state=0)
    families = dict(zip(map(bytes, letters.data), letters.groups, strict=True))

    def families_of(images):
        return {families[bytes(image)] for image in images}

    unseen, seen = data.load("characters"), data.load("characters_seen")
    train, test = families_of(unseen.X_train), families_of(unseen.X_test)
    assert (len(train), len(test)) == (5, 2)
    assert not train & test
    assert len(unseen.X_train) + len(unseen.X_test) == 6000
    assert set(unseen.y_train) == set(unseen.y_test) == set(range(26))
    assert families_of(seen.X_train) == families_of(seen.X_test) == train
    assert DATASETS["characters"].source == "characters_seen"


def test_every_published_data_set_has_an_entry():
    assert set(list_datasets().index) < set(DATASETS)
    assert DATASETS["fashion_mnist"].kind == "pictures"
    assert {DATASETS[name].kind for name in list_datasets().index} == {"digits", "characters", "pictures"}


def test_published_splits(tmp_path, publish):
    published = publish("mnist")
    published.write(tmp_path)
    split = data.load("mnist", tmp_path)
    for part, X, y in ("train", split.X_train, split.y_train), ("test", split.X_test, split.y_test):
        images, labels = published.splits[part]
        assert_array_equal(X, images.reshape(len(images), -1))
        assert_array_equal(y, labels)


@pytest.mark.parametrize(("name", "part", "n_test"), [("kmnist", "test", 2000), ("omniglot", "train", 2500)])
def test_single_published_split_is_divided(monkeypatch, name, part, n_test):
    """KMNIST's training split may be missing, and Omniglot's splits have no class in common."""

    def fetch(dataset, **options):
        assert (dataset, options["subset"]) == (name, part)
        return np.arange(20_000).reshape(-1, 2), np.arange(10_000) % 10

    monkeypatch.setattr(data, "fetch_dataset", fetch)
    split = data.load(name)
    assert len(split.X_test) == n_test
    assert_array_equal(np.sort(np.concatenate([split.X_train, split.X_test]).ravel()), np.arange(20_000))


@pytest.mark.skipif(not HOME or not Path(HOME, "kmnist").is_dir(), reason="SKLENET_DATA names no folder with kmnist/")
def test_kmnist_divides_the_official_test_split():
    split = data.load("kmnist", HOME)
    assert (len(split.X_train), len(split.X_test)) == (8000, 2000)
    assert_array_equal(np.bincount(split.y_test), 10 * [200])


def test_draws_are_nested_stratified_and_depend_on_the_seed():
    y = np.random.default_rng(0).choice([0, 1, 2], 1000, p=[0.6, 0.3, 0.1])
    order = nested_order(y, seed=1)
    assert_array_equal(np.sort(order), np.arange(1000))
    assert_array_equal(order, nested_order(y, seed=1))
    assert not np.array_equal(order, nested_order(y, seed=2))
    shares = np.bincount(y) / 1000
    for n in (10, 50, 100, 333, 999):
        assert np.abs(np.bincount(y[order[:n]], minlength=3) - n * shares).max() <= 1


def test_subset_draws_training_images_and_keeps_the_test_images():
    whole = data.load("digits")
    small, large = subset(whole, 100, seed=0), subset(whole, 300, seed=0)
    assert_array_equal(large.X_train[:100], small.X_train)
    assert_array_equal(small.X_test, whole.X_test)
    assert set(np.bincount(small.y_train)) <= {9, 10, 11}
    assert subset(whole, None, seed=3) is whole


def test_folds_test_every_image_once():
    whole = data.load("digits")
    folds = [data.load("digits", fold=fold, n_folds=4) for fold in range(4)]
    assert sum(len(fold.X_test) for fold in folds) == len(whole.X_train) + len(whole.X_test)
    tested = np.concatenate([fold.X_test for fold in folds])
    everything = np.concatenate([whole.X_train, whole.X_test])
    assert sorted(map(bytes, tested)) == sorted(map(bytes, everything))


def test_checksum_depends_on_every_array():
    split = data.load("digits")
    digest = data.checksum(split)
    assert digest == data.checksum(data.load("digits"))
    for name in split._fields:
        assert data.checksum(split._replace(**{name: getattr(split, name)[::-1]})) != digest
    text = split._replace(y_train=split.y_train.astype(str).astype(object))
    assert data.checksum(text) == data.checksum(text._replace(y_train=text.y_train.copy()))


@pytest.mark.slow
def test_corrupted_images_repeat_the_same_images_in_blocks():
    clean = data.load("mnist_sample")
    split = data.load("mnist_sample_corrupted")
    assert_array_equal(split.X_train, clean.X_train)
    blocks = split.X_test.reshape(len(CONDITIONS), 1000, 784)
    assert_array_equal(np.sort(blocks[0], axis=0), np.sort(clean.X_test, axis=0))
    assert_array_equal(split.y_test.reshape(len(CONDITIONS), 1000)[3], split.y_test[:1000])
    assert not np.array_equal(blocks[0], blocks[1])


@pytest.mark.slow
def test_transfer_resizes_digits_to_the_other_frame():
    """Digits of 8×8 pixels and values up to 16 fill the central 20×20 of 28×28 pixels, and the reverse."""
    digits, sample = data.load("digits"), data.load("mnist_sample")
    larger, smaller = data.load("mnist_sample_to_digits"), data.load("digits_to_mnist_sample")
    assert_array_equal(larger.X_train, sample.X_train)
    assert_array_equal(larger.y_test, digits.y_test)
    images = larger.X_test.reshape(-1, 28, 28)
    assert images[:, 4:24, 4:24].sum() == images.sum() > 0
    assert images.max() == 255
    assert np.corrcoef(images[:, 4:24, 4:24].mean(axis=(1, 2)), digits.X_test.mean(axis=1))[0, 1] > 0.95
    assert smaller.X_test.shape == (1000, 64)
    assert 12 < smaller.X_test.max() <= 16
    assert_array_equal(smaller.X_train, digits.X_train)


def test_image_folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(8):
            PIL.Image.fromarray(rng.integers(0, 256, (28, 28), np.uint8)).save(tmp_path / name / f"{number}.png")
    split = data.load("image_folder", tmp_path)
    assert split.X_train.shape == (12, 784)
    assert sorted(split.y_test) == ["a", "a", "b", "b"]
    with pytest.raises(ValueError, match="needs a folder"):
        data.load("image_folder")
