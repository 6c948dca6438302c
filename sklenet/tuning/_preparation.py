"""Preparation of a search before its first trial: validate labels, set seeds, split folds, resolve epochs."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets

from sklenet._engine import resolve_settings
from sklenet._private import BaseSearchCV
from sklenet._tasks import CallbackContext
from sklenet._validation import as_labels
from sklenet.tuning._evaluation import Evaluation, check_metric, get_final_lenet
from sklenet.tuning._identity import hash_search, sample_space
from sklenet.tuning._space import check_names, make_space


def check_labels(y: Any) -> None:
    """Check the labels before they are split into folds.

    Raises
    ------
    ValueError
        If y is None, or a label is missing, infinite or continuous.
    """
    if y is None:
        raise ValueError("LeNetSearchCV requires y to be passed, but the target y is None.")
    check_classification_targets(check_array(as_labels(y), dtype=None, ensure_2d=False, input_name="y"))


def clone_with_seeds(estimator: BaseEstimator, random_state: np.random.RandomState) -> BaseEstimator:
    """Clone an estimator and seed each random_state that is None, so that trials differ only by their parameters."""
    params = estimator.get_params()
    unseeded = sorted(
        name for name, value in params.items() if name.rpartition("__")[2] == "random_state" and value is None
    )
    seeds = {name: int(random_state.randint(np.iinfo(np.int32).max)) for name in unseeded}
    return clone(estimator).set_params(**seeds)


def make_evaluation(
    search: BaseSearchCV, X: Any, y: Any, *, estimator: BaseEstimator, routed: Any, context: CallbackContext
) -> tuple[Evaluation, dict[str, str]]:
    """Make the objective of a search, and hash everything that must be equal for scores to be comparable.

    Parameters
    ----------
    search : LeNetSearchCV
    X, y : array-like
    estimator : estimator
        A clone with seeds of the estimator of the search.
    routed : Bunch
        Metadata for the splitter, the estimator and the scorer.
    context : sklearn.callback.CallbackContext

    Returns
    -------
    evaluation : Evaluation
    hashes : dict of str to str
    """
    scorer, metric = search._get_scorers()
    check_metric(metric, getattr(scorer, "_scorers", {metric}))
    metric = search.refit if callable(search.scoring) else metric
    space = make_space(search.param_distributions, estimator)
    names, description = sample_space(space)
    check_names(names, estimator)
    splits = list(check_cv(search.cv, y, classifier=is_classifier(estimator)).split(X, y, **routed.splitter.split))
    _warn_missing_classes(np.asarray(y), splits)
    estimator = clone(estimator)
    lenet, resolved, n_epochs = get_final_lenet(estimator), None, None
    if lenet is not None:
        n_train = min(len(train) for train, _ in splits)
        resolved = resolve_settings(lenet, n_train, seed=0)
        if not any(name.rpartition("__")[2] == "max_epochs" for name in names):
            n_epochs = resolved.max_epochs
            lenet.set_params(max_epochs=n_epochs)
    evaluation = Evaluation(
        estimator=estimator,
        X=X,
        y=y,
        splits=splits,
        space=space,
        scorer=scorer,
        metric=metric,
        routed=routed,
        n_epochs=n_epochs,
        search=search,
        context=context,
    )
    hashes = hash_search(
        data=[X, y, *routed.estimator.fit.values(), *routed.scorer.score.values()],
        splits=splits,
        space=description,
        estimator=search.estimator,
        resolved=resolved,
        scoring=(search.scoring, metric),
    )
    return evaluation, hashes


def _warn_missing_classes(y: NDArray[Any], splits: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> None:
    classes = set(np.unique(y).tolist())
    for number, (train, _) in enumerate(splits):
        if missing := classes - set(np.unique(y[train]).tolist()):
            warnings.warn(
                f"Fold {number} has no training images of the class {min(missing)!r}: models of this fold "
                "never predict the class, and scores such as log_loss fail. Use fewer folds, or a stratified cv.",
                stacklevel=5,
            )
