"""The identity of a study: hashes of everything that its scores depend on."""

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any

import joblib
import numpy as np
import optuna
from optuna.distributions import distribution_to_json
from optuna.study import Study, StudyDirection
from sklearn.base import BaseEstimator

from sklenet.tuning._quiet import quiet
from sklenet.tuning._space import Space

# Increase when scores of an earlier version of this package are not comparable with the scores of this version.
_FORMAT = 2

_ATTRIBUTE = "sklenet"

# Enough draws to see each branch of a conditional space.
_N_DRAWS = 32


def hash_search(
    *, data: Iterable[Any], splits: Iterable[Any], space: str, estimator: BaseEstimator, resolved: Any, scoring: Any
) -> dict[str, str]:
    """Hash everything that must be equal for scores to be comparable.

    Parameters
    ----------
    data : iterable of array-like
        X, y and metadata.
    splits : iterable of (ndarray, ndarray)
        Indices of the folds.
    space : str
        Description of the search space by `sample_space`.
    estimator : estimator
        The user's estimator, without the seeds that the search sets.
    resolved : object
        The values that "auto" parameters resolve to, because a later version may resolve them differently.
    scoring : object

    Returns
    -------
    hashes : dict of str to str
        One hash for each part that an error message can name.
    """
    return {
        "format": str(_FORMAT),
        "data": hash_arrays(*data),
        "division into folds": hash_arrays(*itertools.chain(*splits)),
        "search space": hash_arrays(space),
        "estimator": hash_arrays(to_canonical_json(estimator), to_canonical_json(resolved)),
        "scoring": hash_arrays(to_canonical_json(scoring)),
    }


def bind_to_search(study: Study, hashes: Mapping[str, str]) -> None:
    """Store the hashes of a search in a new study, or compare them with the hashes in an existing study.

    Raises
    ------
    ValueError
        If the study belongs to another search, or was not made by LeNetSearchCV.
    """
    # Another process may make the same study at this moment. It stores the hashes before its first trial, so trials
    # must be read first: a study with trials and without hashes is not from LeNetSearchCV.
    trials = study.get_trials(deepcopy=False)
    if _ATTRIBUTE not in study.user_attrs:
        if study.direction != StudyDirection.MAXIMIZE or trials:
            raise ValueError(
                f"The study {study.study_name!r} in this storage was not made by LeNetSearchCV; choose another "
                "study_name."
            )
        study.set_user_attr(_ATTRIBUTE, dict(hashes))
    stored = study.user_attrs[_ATTRIBUTE]
    if different := [part for part, value in hashes.items() if stored.get(part) != value]:
        raise ValueError(
            f"The study {study.study_name!r} in this storage has another {' and another '.join(different)} than this "
            "search, so their scores are not comparable. Choose another study_name, or None, which derives the name "
            "from all of these. If cv shuffles, set its random_state."
        )


def sample_space(space: Space) -> tuple[set[str], str]:
    """Draw from a search space to find its parameters before any training.

    Returns
    -------
    names : set of str
        Parameters of the estimator that the space sets.
    description : str
        Distributions that the space draws from, and values that it sets without drawing, as JSON. Equal spaces have
        equal descriptions in every process.
    """
    names: set[str] = set()
    entries: set[str] = set()
    with quiet():
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        for _ in range(_N_DRAWS):
            trial = study.ask()
            try:
                params = space(trial)
            except optuna.TrialPruned:
                params = {}
            names |= set(params)
            entries |= {f"{name}: {distribution_to_json(values)}" for name, values in trial.distributions.items()}
            for name, value in params.items():
                if (written := to_canonical_json(value)) != to_canonical_json(trial.params.get(name)):
                    entries.add(f"{name} = {written}")
    return names, json.dumps(sorted(entries))


def hash_arrays(*values: Any) -> str:
    """Return a hash of array-likes that depends on their values, shapes and dtypes, but not on their memory layout."""
    return joblib.hash([np.ascontiguousarray(value) for value in values])


def to_canonical_json(value: Any) -> str:
    """Serialise a value to JSON that is the same in every process.

    Estimators and callbacks are represented by their class and all parameters, functions by their name and code, other
    objects by their class and attributes. Memory addresses are removed.
    """
    return json.dumps(_to_json(value))


def _to_json(value: Any) -> Any:
    match value:
        case np.ndarray():
            return ["ndarray", str(value.dtype), hash_arrays(value)]
        case Mapping():
            return ["dict", *sorted(list(map(to_canonical_json, item)) for item in value.items())]
        case list() | tuple():
            return [type(value).__name__, *map(_to_json, value)]
        case set() | frozenset():
            return ["set", *sorted(map(to_canonical_json, value))]
        case FunctionType():
            contents = (cell.cell_contents for cell in value.__closure__ or ())
            enclosed = [content for content in contents if content is not value]  # a recursive function encloses itself
            defaults = (value.__defaults__, value.__kwdefaults__)
            return [_qualified_name(value), _code_to_json(value.__code__), _to_json(defaults), _to_json(enclosed)]
    return _object_to_json(value)


def _object_to_json(value: Any) -> Any:
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, type | BuiltinFunctionType):
        return _qualified_name(value)
    if state := _state_of(value):
        return [_qualified_name(type(value)), _to_json(state)]
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _state_of(value: Any) -> Any:
    """Return the values that distinguish an object from other instances of its class."""
    match value:
        case partial(func=function, args=args, keywords=keywords):
            state: Any = (function, args, keywords)
        case MethodType():
            state = (value.__func__, value.__self__)
        case BaseEstimator():
            state = value.get_params(deep=False)
        case np.random.RandomState():
            state = value.get_state(legacy=False)
        case _:
            state = getattr(value, "__dict__", None)
    return state


def _qualified_name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _code_to_json(code: CodeType) -> Any:
    constants = [_code_to_json(each) if isinstance(each, CodeType) else _to_json(each) for each in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), constants]
