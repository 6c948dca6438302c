"""What is searched: a LeNet's own space, and the spaces that users give."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.trial import BaseTrial
from sklearn.base import BaseEstimator

from sklenet._classifier import LeNetClassifier
from sklenet._hints import nearest_parameter
from sklenet.tuning._identity import describe
from sklenet.tuning._quiet import quiet

Space = Callable[[BaseTrial], dict[str, Any]]
GivenSpace = Mapping[str, BaseDistribution | Sequence[Any]] | Space | None

# Draws that a space is known by: enough to see each branch of one with conditions.
_N_PROBES = 32


def suggest_params(trial: BaseTrial, *, prefix: str = "") -> dict[str, Any]:
    """Suggest the parameters of a LeNetClassifier, for an objective of one's own.

    The space is a box around the defaults: learning rate 1e-3 to 1e-2 (logarithmic), width 0.5 to 2 in steps of 0.5,
    dropout 0 to 0.4, label smoothing 0 to 0.1, and no distortion, "affine" or "elastic". `max_epochs` is not in it: a
    schedule cut short is another schedule, and more epochs are nearly always better, so choose what you can afford.

    Parameters
    ----------
    trial : optuna.trial.BaseTrial
        Of the study's objective.
    prefix : str, default=""
        Stands before each name, as in ``"lenetclassifier__"`` for the last step of a pipeline.

    Returns
    -------
    params : dict of str to float, str or None
        For `LeNetClassifier` or `set_params`.

    See Also
    --------
    LeNetSearchCV : Searches this space with cross-validation and pruning.

    Examples
    --------
    >>> import optuna
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.tuning import suggest_params
    >>> best_so_far = {"lr": 5e-3, "width": 1.0, "dropout": 0.2, "label_smoothing": 0.0, "augment": "affine"}
    >>> LeNetClassifier(**suggest_params(optuna.trial.FixedTrial(best_so_far)))
    LeNetClassifier(augment='affine', dropout=0.2, lr=0.005)
    """
    return {
        f"{prefix}lr": trial.suggest_float(f"{prefix}lr", 1e-3, 1e-2, log=True),
        f"{prefix}width": trial.suggest_float(f"{prefix}width", 0.5, 2.0, step=0.5),
        f"{prefix}dropout": trial.suggest_float(f"{prefix}dropout", 0.0, 0.4),
        f"{prefix}label_smoothing": trial.suggest_float(f"{prefix}label_smoothing", 0.0, 0.1),
        f"{prefix}augment": trial.suggest_categorical(f"{prefix}augment", [None, "affine", "elastic"]),
    }


def as_space(given: GivenSpace, estimator: BaseEstimator) -> Space:
    """Turn what the user gave into a function from trials to parameters.

    Raises
    ------
    ValueError
        If nothing is given and the estimator has no LeNetClassifier inside.
    """
    if given is None:
        return partial(suggest_params, prefix=_prefix_of_lenet(estimator))
    if callable(given):
        return given
    return partial(_suggest_all, distributions={name: _as_distribution(values) for name, values in given.items()})


def _prefix_of_lenet(estimator: BaseEstimator) -> str:
    inside = {"": estimator} | {f"{name}__": value for name, value in estimator.get_params().items()}
    for prefix, candidate in inside.items():
        if isinstance(candidate, LeNetClassifier):
            return prefix
    raise ValueError(
        f"{type(estimator).__name__} has no LeNetClassifier inside, whose parameters would be searched; pass "
        "param_distributions."
    )


def _as_distribution(values: Any) -> Any:
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


def probe(space: Space) -> tuple[set[str], str]:
    """Draw from a space to learn what it is, before anything is trained.

    Returns
    -------
    names : set of str
        The estimator's parameters that it sets.
    description : str
        The distributions it draws from and the values it sets without drawing, as JSON; equal spaces have equal ones,
        in any process.
    """
    with quiet():
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        names: set[str] = set()
        drawn: set[str] = set()
        for _ in range(_N_PROBES):
            trial = study.ask()
            try:
                params = space(trial)
            except optuna.TrialPruned:
                params = {}
            names |= set(params)
            drawn |= {f"{name}: {distribution_to_json(values)}" for name, values in trial.distributions.items()}
            described = ((name, describe(value), describe(trial.params.get(name))) for name, value in params.items())
            drawn |= {f"{name} = {value}" for name, value, suggested in described if value != suggested}
    return names, json.dumps(sorted(drawn))


def refuse_unknown(names: set[str], estimator: BaseEstimator) -> None:
    """Refuse parameters that the estimator has not.

    Raises
    ------
    ValueError
        Naming them, with the nearest that it has.
    """
    known = estimator.get_params()
    for name in sorted(names - set(known)):
        raise ValueError(
            f"The search space names {name!r}, which is no parameter of {type(estimator).__name__}; "
            f"the nearest is {nearest_parameter(name, known)!r}."
        )
