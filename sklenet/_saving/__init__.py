"""Fitted estimators in files without code: what is saved, and a validation of whatever is loaded."""

import os
from typing import Any

from sklenet._saving._container import open_saved, specs_of, write_saved
from sklenet._saving._decoding import Saved, decode
from sklenet._saving._encoding import encode
from sklenet._saving._strict import RefusedError

__all__ = ["RefusedError", "Saved", "load_saved", "save_fitted"]


def save_fitted(
    estimator: Any,
    state: dict[str, Any],
    path: str | os.PathLike[str],
    *,
    include_optimizer: bool,
    include_statistics: bool,
) -> None:
    """Save a fitted estimator, whose model has the given state, unless `load_saved` would refuse the file."""
    document, tensors = encode(
        estimator, state, include_optimizer=include_optimizer, include_statistics=include_statistics
    )
    n_bytes = sum(tensor.nbytes for tensor in tensors.values())
    decode(type(estimator), document, specs_of(tensors), n_bytes, tensors.__getitem__)
    write_saved(path, document, tensors)


def load_saved(kind: type, path: str | os.PathLike[str]) -> Saved:
    """Read what a file holds of an estimator of a class."""
    with open_saved(path) as file:
        return decode(kind, file.document, file.specs, file.n_bytes, file.read)
