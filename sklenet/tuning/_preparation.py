"""What is settled before the first trial: labels, seeds, epochs, and warnings about the folds."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets

from sklenet._targets import as_labels
from sklenet._training import Plan, make_plan
from sklenet.tuning._evaluation import last_lenet


def check_labels(y: Any) -> None:
    """Refuse labels that no classifier takes, before they are divided into folds.

    Raises
    ------
    ValueError
        If there are none, some are missing or infinite, or they are continuous numbers.
    """
    if y is None:
        raise ValueError("LeNetSearchCV requires y to be passed, but the target y is None.")
    check_classification_targets(check_array(as_labels(y), dtype=None, ensure_2d=False, input_name="y"))


def seeded(estimator: BaseEstimator, random_state: np.random.RandomState) -> BaseEstimator:
    """Clone an estimator; each random_state that is None gets a seed, so that trials differ by parameters alone."""
    params = estimator.get_params()
    unseeded = sorted(
        name for name, value in params.items() if name.rpartition("__")[2] == "random_state" and value is None
    )
    seeds = {name: int(random_state.randint(np.iinfo(np.int32).max)) for name in unseeded}
    return clone(estimator).set_params(**seeds)


def plan_of_all_trials(estimator: BaseEstimator, n_train: int) -> Plan | None:
    """Resolve the automatic parameters for the smallest fold; None where there is no LeNet at the end."""
    lenet = last_lenet(estimator)
    return lenet and make_plan(n_train, lenet.max_epochs, lenet.batch_size, lenet.weight_decay)


def is_searched(parameter: str, names: set[str]) -> bool:
    """Tell whether a space sets a parameter, of the estimator or of a step."""
    return any(name.rpartition("__")[2] == parameter for name in names)


def with_epochs(estimator: BaseEstimator, n_epochs: int | None) -> BaseEstimator:
    """Clone an estimator, its LeNet set to a number of epochs."""
    pinned = clone(estimator)
    if n_epochs is not None and (lenet := last_lenet(pinned)) is not None:
        lenet.set_params(max_epochs=n_epochs)
    return pinned


def warn_of_missing_classes(y: NDArray[Any], splits: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> None:
    """Warn where training images of a fold lack a class."""
    classes = set(np.unique(y).tolist())
    for number, (train, _) in enumerate(splits):
        if missing := classes - set(np.unique(y[train]).tolist()):
            warnings.warn(
                f"Fold {number} has no training images of the class {min(missing)!r}: its models never predict "
                "it, and scores such as log_loss fail. Use fewer folds, or a stratified cv.",
                stacklevel=5,
            )
