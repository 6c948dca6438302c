"""The data sets, each with a function that always returns the same split.

A data set whose test images come from another source than its training images measures transfer. A data set that
repeats its test images under several conditions measures robustness. Both are entries of the same table.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import GroupShuffleSplit, StratifiedKFold, train_test_split

from comparison.corruptions import CONDITIONS, corrupt
from sklenet.datasets import fetch_dataset, load_image_folder, load_mnist_sample, make_characters
from sklenet.datasets._registry import DATASETS as PUBLISHED

DataHome = str | os.PathLike[str] | None

_N_CORRUPTED = 1000  # test images under each condition


class Split(NamedTuple):
    """Images as rows of uint8 pixels, and their labels."""

    X_train: NDArray[np.uint8]
    y_train: NDArray[Any]
    X_test: NDArray[np.uint8]
    y_test: NDArray[Any]


@dataclass(frozen=True)
class DataSet:
    """An entry of the table of data sets.

    Attributes
    ----------
    title : str
        Name of the data set in tables.
    load : callable (data_home) -> Split
        Loads the data set and splits it.
    kind : {"digits", "characters", "pictures"}
        Kind of the images.
    official : bool
        Whether the split is the publishers', so that cross-validation is refused.
    source : str
        For transfer and robustness: the data set with the same training images and test images from their source.
    conditions : tuple of str
        The test images are one block for each condition: the same images in the same order.
    """

    title: str
    load: Callable[[DataHome], Split]
    kind: str = "digits"
    official: bool = True
    source: str = ""
    conditions: tuple[str, ...] = ("",)


def load(name: str, data_home: DataHome = None, *, fold: int = 0, n_folds: int = 0) -> Split:
    """Load a data set.

    Parameters
    ----------
    name : str
        A key of `DATASETS`.
    data_home : path-like, optional
        Folder of the published files, as in :func:`sklenet.datasets.fetch_dataset`. For "image_folder" the folder of
        pictures.
    fold, n_folds : int, default=0
        If `n_folds` is not 0, pool training and test images and return this fold of a stratified cross-validation.

    Returns
    -------
    split : Split

    Raises
    ------
    OSError
        If published files are missing and cannot be downloaded.
    ValueError
        If a file is damaged.

    Examples
    --------
    >>> split = load("digits")
    >>> split.X_train.shape, split.X_test.shape
    ((1347, 64), (450, 64))
    """
    split = DATASETS[name].load(data_home)
    return _fold(split, fold, n_folds) if n_folds else split


def train_sizes(split: Split) -> tuple[int, int]:
    """Return the smallest number of training images, two for each class, and the largest."""
    return 2 * len(np.unique(split.y_train)), len(split.y_train)


def subset(split: Split, train_size: int | None, seed: int) -> Split:
    """Keep the first `train_size` training images of `nested_order`, or with None all images in their own order.

    Examples
    --------
    >>> len(subset(load("digits"), train_size=100, seed=0).X_train)
    100
    """
    if train_size is None:
        return split
    drawn = nested_order(split.y_train, seed)[:train_size]
    return split._replace(X_train=split.X_train[drawn], y_train=split.y_train[drawn])


def nested_order(y: NDArray[Any], seed: int) -> NDArray[np.intp]:
    """Return a random order whose first n rows are a stratified draw for every n.

    Examples
    --------
    >>> y = np.repeat([0, 1], [6, 3])
    >>> [np.bincount(y[nested_order(y, seed=0)[:n]]).tolist() for n in (3, 6, 9)]
    [[2, 1], [4, 2], [6, 3]]
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(y))
    rank = np.empty(len(y))
    for label in np.unique(y):
        members = shuffled[y[shuffled] == label]
        # The members of each class are spread evenly over the order.
        rank[members] = (np.arange(len(members)) + 0.5) / len(members)
    return shuffled[np.argsort(rank[shuffled], kind="stable")]


def checksum(split: Split) -> str:
    """Return the first 16 hexadecimal digits of the sha256 of all images and labels."""
    digest = hashlib.sha256()
    for array in split:
        # Labels are hashed as text, because the memory of an object array holds addresses.
        plain = array if array.dtype == np.uint8 else array.astype(str)
        digest.update(f"{plain.shape}{plain.dtype}".encode() + np.ascontiguousarray(plain).tobytes())
    return digest.hexdigest()[:16]


def _digits(data_home: DataHome) -> Split:
    X, y = load_digits(return_X_y=True)
    # The pixels are integers from 0 to 16, stored as float64.
    return _divide(X.astype(np.uint8), y, 0.25)


def _mnist_sample(data_home: DataHome) -> Split:
    X_train, y_train = load_mnist_sample(subset="train", return_X_y=True)
    X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
    return Split(X_train, y_train, X_test, y_test)


def _characters(data_home: DataHome) -> Split:
    letters = make_characters(6000, random_state=0)
    # The test images have font families that the training images lack.
    families = GroupShuffleSplit(n_splits=1, test_size=2, random_state=0)
    ((train, test),) = families.split(letters.data, letters.target, letters.groups)
    return Split(letters.data[train], letters.target[train], letters.data[test], letters.target[test])


def _characters_seen(data_home: DataHome) -> Split:
    """Split the letters in the training fonts of `_characters` at random."""
    X, y, *_ = _characters(data_home)
    return _divide(X, y, 0.25)


def _published(name: str, data_home: DataHome) -> Split:
    X_train, y_train = fetch_dataset(name, subset="train", data_home=data_home, return_X_y=True)
    X_test, y_test = fetch_dataset(name, subset="test", data_home=data_home, return_X_y=True)
    return Split(X_train, y_train, X_test, y_test)


def _half_published(name: str, subset: str, test_size: float, data_home: DataHome) -> Split:
    X, y = fetch_dataset(name, subset=subset, data_home=data_home, return_X_y=True)
    return _divide(X, y, test_size)


def _image_folder(data_home: DataHome) -> Split:
    if data_home is None:
        raise ValueError("The data set 'image_folder' needs a folder of pictures.")
    X, y = load_image_folder(data_home, polarity="auto", return_X_y=True)
    return _divide(X, y, 0.25)


def _transfer(source: str, target: str, data_home: DataHome) -> Split:
    """Return training images of one data set of digits, and test images of another resized to the same frame."""
    seen, other = DATASETS[source].load(data_home), DATASETS[target].load(data_home)
    side = round(seen.X_train.shape[1] ** 0.5)
    return Split(seen.X_train, seen.y_train, _reframe(other.X_test, side), other.y_test)


def _reframe(X: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Resize digits to the frame of another data set.

    Images of 28×28 pixels have a margin of 4 pixels; images of 8×8 pixels, with values up to 16, and of 16×16 pixels
    have no margin.
    """
    from skimage.transform import resize  # slow to import

    images = X.reshape(len(X), *2 * (round(X.shape[1] ** 0.5),))
    margin = {28: 4}
    cut = margin.get(images.shape[1], 0)
    inner = images[:, cut : images.shape[1] - cut, cut : images.shape[2] - cut] / _WHITE.get(images.shape[1], 255)
    pad = margin.get(side, 0)
    shape = (len(X), side - 2 * pad, side - 2 * pad)
    resized = resize(inner, shape, order=1, anti_aliasing=shape[1] < inner.shape[1], anti_aliasing_sigma=None)
    framed = np.pad(resized, [(0, 0), (pad, pad), (pad, pad)])
    return np.rint(framed * _WHITE.get(side, 255)).clip(0, 255).astype(np.uint8).reshape(len(X), -1)


_WHITE = {8: 16}  # the largest pixel value by the side of the images, if it is not 255


def _corrupted(source: str, data_home: DataHome) -> Split:
    split = DATASETS[source].load(data_home)
    drawn = nested_order(split.y_test, seed=0)[:_N_CORRUPTED]
    side = round(split.X_test.shape[1] ** 0.5)
    images = split.X_test[drawn].reshape(-1, side, side)
    X_test = np.concatenate([corrupt(images, condition) for condition in CONDITIONS])
    y_test = np.tile(split.y_test[drawn], len(CONDITIONS))
    return Split(split.X_train, split.y_train, X_test.reshape(len(X_test), -1), y_test)


def _fold(split: Split, fold: int, n_folds: int) -> Split:
    X, y = np.concatenate([split.X_train, split.X_test]), np.concatenate([split.y_train, split.y_test])
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    train, test = list(folds.split(X, y))[fold]
    return Split(X[train], y[train], X[test], y[test])


def _divide(X: NDArray[np.uint8], y: NDArray[Any], test_size: float) -> Split:
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=test_size, stratify=y, random_state=0)
    return Split(X_train, y_train, X_test, y_test)


def _transfer_entry(source: str, target: str) -> DataSet:
    title = f"{DATASETS[source].title} → {DATASETS[target].title}"
    return DataSet(title, partial(_transfer, source, target), source=source)


def _corrupted_entry(source: str) -> DataSet:
    title = f"{DATASETS[source].title}, corrupted"
    return DataSet(title, partial(_corrupted, source), kind=DATASETS[source].kind, source=source, conditions=CONDITIONS)


_DIGITS = ("mnist", "qmnist", "usps", "emnist_digits", "emnist_mnist")
_KINDS = {"fashion_mnist": "pictures"} | dict.fromkeys(_DIGITS, "digits")

DATASETS: dict[str, DataSet] = {
    "digits": DataSet("digits", _digits, official=False),
    "mnist_sample": DataSet("MNIST sample", _mnist_sample),
    "characters": DataSet("characters, unseen fonts", _characters, kind="characters", source="characters_seen"),
    "characters_seen": DataSet("characters, seen fonts", _characters_seen, kind="characters"),
    **{
        name: DataSet(published.title.partition(":")[0], partial(_published, name), kind=_KINDS.get(name, "characters"))
        for name, published in PUBLISHED.items()
    },
    # The 10,000 characters of the test split are divided, because they need no download in the tests of this project.
    "kmnist": DataSet("KMNIST", partial(_half_published, "kmnist", "test", 2000), kind="characters"),
    # The background set is divided, because the evaluation set has other classes.
    "omniglot": DataSet("Omniglot", partial(_half_published, "omniglot", "train", 0.25), kind="characters"),
    "image_folder": DataSet("pictures in the folder", _image_folder, kind="pictures", official=False),
}
DATASETS |= {
    f"{source}_to_{target}": _transfer_entry(source, target)
    for source, target in [
        ("mnist_sample", "digits"),
        ("digits", "mnist_sample"),
        ("mnist", "digits"),
        ("digits", "mnist"),
        ("mnist", "usps"),
        ("usps", "mnist"),
    ]
}
DATASETS |= {f"{source}_corrupted": _corrupted_entry(source) for source in ("mnist_sample", "mnist", "fashion_mnist")}
