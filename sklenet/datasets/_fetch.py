"""Load published data sets by name."""

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
from sklenet.datasets._published import SUBSETS, DataSet
from sklenet.datasets._registry import DATASETS, get_dataset


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
    """Load a published data set of digits or characters by name, and download it if it is not cached.

    ================  =======================================  =======  ============  =======
    name              what                                     classes  images        pixels
    ================  =======================================  =======  ============  =======
    mnist             handwritten digits                       10       60,000        28 × 28
                                                                        + 10,000
    fashion_mnist     pictures of clothing, not characters     10       60,000        28 × 28
                                                                        + 10,000
    kmnist            cursive Japanese characters              10       60,000        28 × 28
                                                                        + 10,000
    kuzushiji49       cursive hiragana; imbalanced             49       232,365       28 × 28
                                                                        + 38,547
    qmnist            MNIST reconstructed, with writers        10       60,000        28 × 28
                                                                        + 60,000
    emnist_letters    handwritten letters, cases merged        26       124,800       28 × 28
                                                                        + 20,800
    emnist_balanced   digits and letters                       47       112,800       28 × 28
                                                                        + 18,800
    emnist_digits     digits                                   10       240,000       28 × 28
                                                                        + 40,000
    emnist_byclass    digits and letters; imbalanced           62       697,932       28 × 28
                                                                        + 116,323
    emnist_bymerge    as byclass, similar cases merged         47       697,932       28 × 28
                                                                        + 116,323
    usps              digits from envelopes                    10       7,291         16 × 16
                                                                        + 2,007
    omniglot          characters of 50 alphabets; the          1,623    19,280        105 × 105
                      splits have different classes                     + 13,180
    ================  =======================================  =======  ============  =======

    Parameters
    ----------
    name : str
        Name of the data set, from the table above.
    subset : {"all", "train", "test"}, default="all"
        Published split to load; "all" puts the training images first. Loading one split needs only the files of that
        split.
    data_home : path-like, default=None
        Folder that contains the published files, unchanged, in one folder for each data set. None selects
        `$SKLENET_DATA`, or a folder in the user's cache if that variable is not set. Cached files are only read.
    download_if_missing : bool, default=True
        Download missing files. If False, a missing file is an error.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return the data as a pandas DataFrame and the target as a Series.
    n_retries : int, default=3
        How often to retry each URL after an error of the network or of an overloaded server.
    delay : float, default=1.0
        Seconds to wait before each retry.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the attributes:

        data : {ndarray, DataFrame} of shape (n_samples, height · width)
            Pixels row by row, uint8; 0 is the background.
        images : ndarray of shape (n_samples, height, width)
            The same pixels. Shares its memory with `data` unless `as_frame=True`.
        target : {ndarray, Series} of shape (n_samples,)
            Labels, int64, from 0.
        target_names : ndarray of shape (n_classes,)
            Name of each class, by label: an int if the classes are digits, else a str.
        metadata : DataFrame of shape (n_samples, n_columns) or None
            Metadata of each image: for "qmnist" the `writer` and the other columns of the published labels, for
            "omniglot" the `drawer`, from 1 to 20; None for other data sets.
        feature_names : list of str
            ``pixel_row_column``.
        frame : DataFrame of shape (n_samples, height · width + 1) or None
            `data` and `target` in one table; None unless `as_frame=True`.
        DESCR : str
            Contents, source, licence and citation of the data set.

    (data, target) : tuple if ``return_X_y=True``
        The attributes `data` and `target`.

    Raises
    ------
    ValueError
        If the data set or the subset is unknown, if `n_retries` or `delay` is negative, or if a file is damaged or has
        another checksum than the published file.
    OSError
        If files are missing and cannot be downloaded. The message lists the URLs and errors, and says where to put the
        files by hand.
    ImportError
        If pooch is missing, which downloads files and finds the user's cache, or Pillow, which reads "omniglot". The
        extra ``sklenet[datasets]`` installs both.

    See Also
    --------
    list_datasets : List all data sets, and the splits that are cached.
    load_mnist_sample : Load a sample of MNIST that needs no download.

    References
    ----------
    `DESCR` cites the paper of each data set.

    Examples
    --------
    >>> from sklenet.datasets import fetch_dataset
    >>> X, y = fetch_dataset("mnist", subset="train", return_X_y=True)  # doctest: +SKIP
    >>> X.shape, X.dtype, y.dtype  # doctest: +SKIP
    ((60000, 784), dtype('uint8'), dtype('int64'))

    Cross-validate with all digits of a writer in one fold:

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
    """Return labels from 0, after validating the shapes of images and labels and the range of the labels."""
    images, labels, _ = content
    if images.shape[1:] != dataset.image_shape or images.dtype != np.uint8:
        raise ValueError(
            f"The images of {name} are {images.dtype.name} of shape {images.shape}, but must be uint8 of shape "
            f"(n, {dataset.image_shape[0]}, {dataset.image_shape[1]})."
        )
    if labels.shape != (len(images),):
        raise ValueError(f"{name} has {len(images)} images, but labels of shape {labels.shape}.")
    target = labels.astype(np.int64) - dataset.first_label
    if len(target) and not 0 <= target.min() <= target.max() < len(dataset.classes):
        first, last = dataset.first_label, dataset.first_label + len(dataset.classes) - 1
        raise ValueError(
            f"The labels of {name} must be {first} to {last}, but are {labels.min():g} to {labels.max():g}."
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
    """List the data sets of :func:`fetch_dataset`, and the splits that are cached.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the published files, as in :func:`fetch_dataset`.

    Returns
    -------
    table : DataFrame of shape (n_datasets, 8)
        One row for each data set; the index contains the names. The columns are `title`, `n_train`, `n_test` (numbers
        of images), `n_classes`, `height`, `width` (pixels), `licence` and `cached`, the subset whose files are all
        cached: "all", "train", "test" or "".

    Raises
    ------
    ImportError
        If pooch is missing, which finds the user's cache, and neither `data_home` nor `$SKLENET_DATA` is set.

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
