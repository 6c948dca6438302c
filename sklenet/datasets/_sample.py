"""Load the sample of MNIST that the library ships."""

from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklenet._checks import check_choice
from sklenet.datasets._bunch import as_bunch

_N_TRAIN = 5000

_SUBSETS = {"all": slice(None), "train": slice(None, _N_TRAIN), "test": slice(_N_TRAIN, None)}


def load_mnist_sample(*, subset: str = "all", return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load 6,000 of MNIST's 70,000 handwritten digits from a file that the library ships.

    ==================   ===============================
    Classes              10
    Training images      5,000, of the 60,000 of MNIST
    Test images          1,000, of the 10,000 of MNIST
    Pixels               28 × 28, integers 0–255,
                         0 is the background
    ==================   ===============================

    The training and test images are drawn at random, stratified by class, from the official training and test split.
    The two splits share no image and no writer. Images are in random order, so the first images of a split are a
    random sample of that split.

    Parameters
    ----------
    subset : {"all", "train", "test"}, default="all"
        Split to load; "all" puts the 5,000 training images first.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return the data as a pandas DataFrame and the target as a Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the attributes of :func:`sklearn.datasets.load_digits`:

        data : {ndarray, DataFrame} of shape (n_samples, 784)
            Pixels row by row, uint8.
        images : ndarray of shape (n_samples, 28, 28)
            The same pixels. Shares its memory with `data` unless `as_frame=True`.
        target : {ndarray, Series} of shape (n_samples,)
            The digits, int64.
        target_names : ndarray of shape (10,)
            The digits 0 to 9.
        feature_names : list of str
            ``pixel_row_column``, from ``pixel_0_0`` to ``pixel_27_27``.
        frame : DataFrame of shape (n_samples, 785) or None
            `data` and `target` in one table; None unless `as_frame=True`.
        DESCR : str
            Contents, source, licence and citation of the data set.

    (data, target) : tuple if ``return_X_y=True``
        The attributes `data` and `target`.

    Raises
    ------
    ValueError
        If `subset` has another value.

    Notes
    -----
    Unlike the library, the images are licensed under the Creative Commons Attribution-ShareAlike 3.0 licence (CC BY-SA
    3.0). Please cite the paper below if you use the images.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: "Gradient-based learning applied to document recognition".
    Proceedings of the IEEE 86(11), 2278–2324, 1998.

    Examples
    --------
    >>> from sklenet.datasets import load_mnist_sample
    >>> digits = load_mnist_sample()
    >>> digits.data.shape, digits.images.shape
    ((6000, 784), (6000, 28, 28))

    Load the training and the test split as arrays:

    >>> X_train, y_train = load_mnist_sample(subset="train", return_X_y=True)
    >>> X_test, y_test = load_mnist_sample(subset="test", return_X_y=True)
    >>> len(X_train), len(X_test)
    (5000, 1000)
    """
    check_choice("load_mnist_sample", "subset", subset, _SUBSETS)
    images, target = _read(_SUBSETS[subset])
    return as_bunch(
        images,
        target,
        return_X_y=return_X_y,
        as_frame=as_frame,
        target_names=np.arange(10),
        DESCR=(files(__package__) / "data" / "LICENSE-mnist.md").read_text(encoding="utf-8"),
    )


def _read(rows: slice) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read rows of the stored sample. Each call reads the file, so the caller may modify the arrays."""
    with (files(__package__) / "data" / "mnist_sample.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        return stored["images"][rows], stored["labels"][rows].astype(np.int64)
