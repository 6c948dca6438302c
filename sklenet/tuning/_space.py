"""Search spaces: the default space of a LeNetClassifier, and spaces that users pass."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import BaseTrial
from sklearn.base import BaseEstimator

from sklenet._classifier import LeNetClassifier
from sklenet._validation import nearest_parameter

Space = Callable[[BaseTrial], dict[str, Any]]
GivenSpace = Mapping[str, BaseDistribution | Sequence[Any]] | Space | None


def suggest_params(trial: BaseTrial, *, prefix: str = "") -> dict[str, Any]:
    """Suggest the parameters of a LeNetClassifier, for use in your own objective.

    The space surrounds the defaults: learning rate 2e-3 to 2e-2 (logarithmic), width 0.5 to 2 in steps of 0.5,
    dropout 0 to 0.2, label smoothing 0 to 0.2, and augment None, "affine" or "elastic". Where classes do not survive
    distortions, a search finds None. `max_epochs` is not in the space, because the learning rate schedule depends on it
    and more epochs are nearly always better; set it to what you can afford.

    Parameters
    ----------
    trial : optuna.trial.BaseTrial
        Trial that Optuna passes to the objective.
    prefix : str, default=""
        Prefix of each name, such as ``"lenetclassifier__"`` for the last step of a pipeline.

    Returns
    -------
    params : dict of str to float, str or None
        Keyword arguments for `LeNetClassifier`, or for `set_params` of an estimator that contains one.

    See Also
    --------
    LeNetSearchCV : Searches this space with cross-validation and pruning.

    Examples
    --------
    >>> import optuna
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.tuning import suggest_params
    >>> best_so_far = {"lr": 1e-2, "width": 1.0, "dropout": 0.1, "label_smoothing": 0.05, "augment": None}
    >>> LeNetClassifier(**suggest_params(optuna.trial.FixedTrial(best_so_far)))
    LeNetClassifier(augment=None, dropout=0.1, label_smoothing=0.05, lr=0.01)
    """
    return {
        f"{prefix}lr": trial.suggest_float(f"{prefix}lr", 2e-3, 2e-2, log=True),
        f"{prefix}width": trial.suggest_float(f"{prefix}width", 0.5, 2.0, step=0.5),
        f"{prefix}dropout": trial.suggest_float(f"{prefix}dropout", 0.0, 0.2),
        f"{prefix}label_smoothing": trial.suggest_float(f"{prefix}label_smoothing", 0.0, 0.2),
        f"{prefix}augment": trial.suggest_categorical(f"{prefix}augment", [None, "affine", "elastic"]),
    }


def make_space(given: GivenSpace, estimator: BaseEstimator) -> Space:
    """Convert the parameter `param_distributions` to a function from trials to parameters.

    Raises
    ------
    ValueError
        If `param_distributions` is None and the estimator contains no LeNetClassifier.
    """
    if given is None:
        return partial(suggest_params, prefix=_find_prefix(estimator))
    if callable(given):
        return given
    return partial(_suggest_all, distributions={name: _to_distribution(values) for name, values in given.items()})


def _find_prefix(estimator: BaseEstimator) -> str:
    """Return the prefix of the parameters of the LeNetClassifier inside an estimator."""
    candidates = {"": estimator} | {f"{name}__": value for name, value in estimator.get_params().items()}
    for prefix, candidate in candidates.items():
        if isinstance(candidate, LeNetClassifier):
            return prefix
    raise ValueError(
        f"{type(estimator).__name__} contains no LeNetClassifier, so there is no default search space; pass "
        "param_distributions."
    )


def _to_distribution(values: Any) -> Any:
    return CategoricalDistribution(values) if isinstance(values, list | tuple) else values


def _suggest_all(trial: BaseTrial, distributions: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    return {name: _suggest(trial, name, distribution) for name, distribution in distributions.items()}


def _suggest(trial: BaseTrial, name: str, distribution: BaseDistribution) -> Any:
    match distribution:
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(name, choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_float(name, low, high, step=step, log=log)
    raise ValueError(f"param_distributions[{name!r}] must be a distribution of Optuna or a list. Got {distribution!r}.")


def check_names(names: set[str], estimator: BaseEstimator) -> None:
    """Check that an estimator has the parameters that a search space sets.

    Raises
    ------
    ValueError
        If a parameter is unknown. The message suggests the nearest parameter.
    """
    known = estimator.get_params()
    for name in sorted(names - set(known)):
        raise ValueError(
            f"The search space sets {name!r}, which is not a parameter of {type(estimator).__name__}; "
            f"the nearest is {nearest_parameter(name, known)!r}."
        )
