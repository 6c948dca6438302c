"""Build the return value of every loader, in the conventions of scikit-learn's loaders."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch


def as_bunch(
    images: NDArray[np.uint8],
    target: NDArray[Any] | None,
    *,
    return_X_y: bool,
    as_frame: bool,
    **attributes: Any,
) -> Any:
    """Return images and labels in the form that the caller requested.

    Parameters
    ----------
    images : ndarray of shape (n, h, w), uint8
    target : ndarray of shape (n,) or None
    return_X_y : bool
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool
        Return the data as a DataFrame and the target as a Series.
    **attributes : object
        Further attributes of the Bunch.

    Returns
    -------
    bunch : Bunch
        Has `images`, `data` (n, h·w), which shares its memory with `images`, `target`, `frame` and `feature_names`.
    (data, target) : tuple if ``return_X_y=True``
    """
    n_images, height, width = images.shape
    data: Any = images.reshape(n_images, height * width)
    labels: Any = target
    feature_names = [f"pixel_{row}_{column}" for row in range(height) for column in range(width)]
    frame = None
    if as_frame:
        data = frame = pd.DataFrame(data, columns=feature_names)
        if target is not None:
            labels = pd.Series(target, name="target")
            frame = pd.concat([data, labels], axis=1)
    if return_X_y:
        return data, labels
    return Bunch(data=data, target=labels, frame=frame, feature_names=feature_names, images=images, **attributes)
