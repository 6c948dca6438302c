"""The published data sets, loaded by name."""

from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_scalar

from sklenet._checks import check_choice
from sklenet.datasets._bunch import as_bunch
from sklenet.datasets._cache import DataHome, find_files, is_cached
from sklenet.datasets._layouts import LAYOUTS, Content
from sklenet.datasets._registry import DATASETS, SUBSETS, DataSet, get_dataset


def fetch_dataset(
    name: str,
    *,
    subset: str = "all",
    data_home: DataHome = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    n_retries: int = 3,
    delay: float = 1.0,
) -> Any:
    """Load a published data set of digits or characters by name, and fetch it first where it is not on this machine.

    ================  =======================================  =======  ============  =======
    name              what                                     classes  images        pixels
    ================  =======================================  =======  ============  =======
    mnist             handwritten digits                       10       60,000        28 × 28
                                                                        + 10,000
    fashion_mnist     pictures of clothing: no characters      10       60,000        28 × 28
                                                                        + 10,000
    kmnist            cursive Japanese characters              10       60,000        28 × 28
                                                                        + 10,000
    kuzushiji49       the same, all hiragana; imbalanced       49       232,365       28 × 28
                                                                        + 38,547
    qmnist            MNIST made again, with its writers       10       60,000        28 × 28
                                                                        + 60,000
    emnist_letters    handwritten letters, cases merged        26       124,800       28 × 28
                                                                        + 20,800
    emnist_balanced   digits and letters                       47       112,800       28 × 28
                                                                        + 18,800
    emnist_digits     digits                                   10       240,000       28 × 28
                                                                        + 40,000
    emnist_byclass    digits and letters; imbalanced           62       697,932       28 × 28
                                                                        + 116,323
    emnist_bymerge    the same, alike cases merged             47       697,932       28 × 28
                                                                        + 116,323
    usps              digits from envelopes                    10       7,291         16 × 16
                                                                        + 2,007
    omniglot          characters of 50 alphabets; the test     1,623    19,280        105 × 105
                      split has classes of its own                      + 13,180
    ================  =======================================  =======  ============  =======

    Parameters
    ----------
    name : str
        One of the above.
    subset : {"all", "train", "test"}, default="all"
        Which of the published splits; "all" has the training images first. A split needs its own files alone.
    data_home : path-like, default=None
        Folder in which a folder for each data set holds the published files, unchanged. By default `$SKLENET_DATA`, and
        where that is not set a folder in the user's cache. Files that are there are only read.
    download_if_missing : bool, default=True
        Fetch missing files; else they are an error.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Give the data as a pandas DataFrame and the target as a Series.
    n_retries : int, default=3
        How often to try each address again after a failure that may pass.
    delay : float, default=1.0
        Seconds to wait before that.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the attributes:

        data : {ndarray, DataFrame} of shape (n_samples, height · width)
            Pixels row by row, uint8; 0 is the background.
        images : ndarray of shape (n_samples, height, width)
            The same pixels; unless `as_frame=True`, in the same memory.
        target : {ndarray, Series} of shape (n_samples,)
            Labels, int64, from 0.
        target_names : ndarray of shape (n_classes,)
            What each label stands for: an int where the classes are digits, else a str.
        metadata : DataFrame of shape (n_samples, n_columns) or None
            What else is known of each image. For "qmnist" its `writer` and other columns of the published labels, for
            "omniglot" its `drawer`, from 1 to 20.
        feature_names : list of str
            ``pixel_row_column``.
        frame : DataFrame of shape (n_samples, height · width + 1) or None
            `data` and `target` side by side, with `as_frame=True` only.
        DESCR : str
            What the data are, whose they are and how they may be used.

    (data, target) : tuple if ``return_X_y=True``
        As above.

    Raises
    ------
    ValueError
        If there is no such data set or subset, if `n_retries` or `delay` is negative, or if a file is damaged or has
        another checksum than the published one.
    OSError
        If files are missing and cannot be had; the message says what was tried and where to put them by hand.
    ImportError
        If a package is missing that comes with the extra ``sklenet[datasets]``: pooch, to fetch files or to find the
        user's cache, or Pillow, for "omniglot".

    See Also
    --------
    list_datasets : What there is, and what of it is on this machine.
    load_mnist_sample : A part of MNIST that needs no download.

    References
    ----------
    Each data set's own, in `DESCR`.

    Examples
    --------
    >>> from sklenet.datasets import fetch_dataset
    >>> X, y = fetch_dataset("mnist", subset="train", return_X_y=True)  # doctest: +SKIP
    >>> X.shape, X.dtype, y.dtype  # doctest: +SKIP
    ((60000, 784), dtype('uint8'), dtype('int64'))

    Cross-validation in which no writer is in two folds:

    >>> from sklearn.model_selection import GroupKFold
    >>> digits = fetch_dataset("qmnist", subset="train")  # doctest: +SKIP
    >>> folds = GroupKFold().split(digits.data, digits.target, digits.metadata["writer"])  # doctest: +SKIP
    """
    check_choice("fetch_dataset", "subset", subset, SUBSETS)
    check_scalar(n_retries, "n_retries", Integral, min_val=0)
    check_scalar(delay, "delay", Real, min_val=0)
    files = find_files(
        name, subset, data_home, download_if_missing=download_if_missing, n_retries=n_retries, delay=delay
    )
    dataset = get_dataset(name)
    content = LAYOUTS[dataset.layout](dataset, files)
    return as_bunch(
        content.images,
        _as_target(name, dataset, content),
        return_X_y=return_X_y,
        as_frame=as_frame,
        target_names=np.array(dataset.classes),
        metadata=content.metadata,
        DESCR=_describe(dataset),
    )


def _as_target(name: str, dataset: DataSet, content: Content) -> NDArray[np.int64]:
    """Labels from 0, after a check that there is one for each image and that all are classes."""
    images, labels, _ = content
    if images.shape[1:] != dataset.image_shape or images.dtype != np.uint8:
        raise ValueError(
            f"The images of {name} are {images.dtype.name} of shape {images.shape}, but should be uint8 of shape "
            f"(n, {dataset.image_shape[0]}, {dataset.image_shape[1]})."
        )
    if labels.shape != (len(images),):
        raise ValueError(f"{name} has {len(images)} images, but labels of shape {labels.shape}.")
    target = labels.astype(np.int64) - dataset.first_label
    if len(target) and not 0 <= target.min() <= target.max() < len(dataset.classes):
        first, last = dataset.first_label, dataset.first_label + len(dataset.classes) - 1
        raise ValueError(
            f"The labels of {name} should be {first} to {last}, but are {labels.min():g} to {labels.max():g}."
        )
    return target


def _describe(dataset: DataSet) -> str:
    sizes = ", ".join(f"{dataset.sizes[split]:,} {split} images" for split in ("train", "test"))
    height, width = dataset.image_shape
    return "\n".join(
        [
            dataset.title,
            "",
            f"{sizes} of {height} × {width} pixels, uint8, {len(dataset.classes):,} classes.",
            *filter(None, [dataset.note]),
            f"Licence: {dataset.licence}.",
            f"Source: {', '.join(dataset.urls)}",
            f"Citation: {dataset.citation}",
        ]
    )


def list_datasets(data_home: DataHome = None) -> pd.DataFrame:
    """List the data sets that :func:`fetch_dataset` knows, and what of them is on this machine.

    Parameters
    ----------
    data_home : path-like, default=None
        As in :func:`fetch_dataset`.

    Returns
    -------
    table : DataFrame of shape (n_datasets, 8)
        One row per data set, the index its name. Columns `title`, `n_train`, `n_test` (images), `n_classes`, `height`,
        `width` (pixels), `licence` and `cached`: "all", "train", "test" or "", the split of which all files are there.

    Raises
    ------
    ImportError
        If pooch is missing, which knows the user's cache folder, and neither `data_home` nor `$SKLENET_DATA` is given.

    Examples
    --------
    >>> from sklenet.datasets import list_datasets
    >>> table = list_datasets()
    >>> table.loc["emnist_letters", "n_train"], table.loc["emnist_letters", "n_classes"]
    (np.int64(124800), np.int64(26))
    """
    rows = {
        name: {
            "title": dataset.title,
            "n_train": dataset.sizes["train"],
            "n_test": dataset.sizes["test"],
            "n_classes": len(dataset.classes),
            "height": dataset.image_shape[0],
            "width": dataset.image_shape[1],
            "licence": dataset.licence,
            "cached": next((subset for subset in SUBSETS if is_cached(dataset, subset, data_home)), ""),
        }
        for name, dataset in DATASETS.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")
