"""The data sets: each is one function that divides it the same way every time."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.utils import resample

from sklenet.datasets import fetch_dataset, load_mnist_sample, make_characters
from sklenet.datasets._registry import DATASETS as PUBLISHED

DataHome = str | os.PathLike[str] | None

# A stratified draw then leaves no class with fewer images than the folds of a cross-validation, even where classes
# differ somewhat in size, as they do in MNIST.
_FEWEST_PER_CLASS = 5


class Split(NamedTuple):
    """Images as rows of pixels, uint8, and their labels."""

    X_train: NDArray[np.uint8]
    y_train: NDArray[Any]
    X_test: NDArray[np.uint8]
    y_test: NDArray[Any]


def load(name: str, data_home: DataHome = None, *, train_size: int | None = None, seed: int = 0) -> Split:
    """Load a data set.

    Parameters
    ----------
    name : str
        A key of `DATASETS`.
    data_home : path-like, optional
        As in :func:`sklenet.datasets.fetch_dataset`; for data sets that do not come with a library.
    train_size : int, optional
        Keep so many training images, drawn stratified by class; all by default. The test images stay.
    seed : int, default=0
        Of that draw.

    Returns
    -------
    split : Split

    Raises
    ------
    OSError
        If published files are missing and cannot be fetched.
    ValueError
        If `train_size` is more than there are or too few for the classes, or a file is damaged.

    Examples
    --------
    >>> split = load("digits", train_size=100)
    >>> split.X_train.shape, split.X_test.shape
    ((100, 64), (450, 64))
    """
    split = DATASETS[name](data_home)
    if train_size is None:
        return split
    fewest, most = _FEWEST_PER_CLASS * len(np.unique(split.y_train)), len(split.y_train)
    if not fewest <= train_size <= most:
        raise ValueError(f"A train size of {train_size} does not suit {name}: choose one from {fewest} to {most}.")
    drawn = draw(split.y_train, train_size, seed)
    return split._replace(X_train=split.X_train[drawn], y_train=split.y_train[drawn])


def draw(y: NDArray[Any], n_samples: int, seed: int) -> NDArray[np.intp]:
    """Draw indices of rows without replacement, stratified by y, in random order."""
    return resample(np.arange(len(y)), replace=False, n_samples=n_samples, stratify=y, random_state=seed)


def _digits(data_home: DataHome) -> Split:
    X, y = load_digits(return_X_y=True)
    # The pixels are integers 0-16 in float64.
    return _divide(X.astype(np.uint8), y, 0.25)


def _mnist_sample(data_home: DataHome) -> Split:
    X_train, y_train = load_mnist_sample(subset="train", return_X_y=True)
    X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
    return Split(X_train, y_train, X_test, y_test)


def _characters(data_home: DataHome) -> Split:
    letters = make_characters(6000, random_state=0)
    # Test images are of font families that no training image is of.
    families = GroupShuffleSplit(n_splits=1, test_size=2, random_state=0)
    ((train, test),) = families.split(letters.data, letters.target, letters.groups)
    return Split(letters.data[train], letters.target[train], letters.data[test], letters.target[test])


def _published(name: str, data_home: DataHome) -> Split:
    X_train, y_train = fetch_dataset(name, subset="train", data_home=data_home, return_X_y=True)
    X_test, y_test = fetch_dataset(name, subset="test", data_home=data_home, return_X_y=True)
    return Split(X_train, y_train, X_test, y_test)


def _half_published(name: str, subset: str, test_size: float, data_home: DataHome) -> Split:
    X, y = fetch_dataset(name, subset=subset, data_home=data_home, return_X_y=True)
    return _divide(X, y, test_size)


DATASETS: dict[str, Callable[[DataHome], Split]] = {
    "digits": _digits,
    "mnist_sample": _mnist_sample,
    "characters": _characters,
    **{name: partial(_published, name) for name in PUBLISHED},
    # The test split alone, divided: the 10,000 characters for which no download is needed where this project is tested.
    "kmnist": partial(_half_published, "kmnist", "test", 2000),
    # The background set alone, divided, because the other one has other classes.
    "omniglot": partial(_half_published, "omniglot", "train", 0.25),
}


def _divide(X: NDArray[np.uint8], y: NDArray[Any], test_size: float) -> Split:
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=test_size, stratify=y, random_state=0)
    return Split(X_train, y_train, X_test, y_test)
