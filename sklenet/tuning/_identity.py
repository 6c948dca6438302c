"""What a study is of: digests by which another process, or a later one, knows the same search again."""

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator

# Raised when scores of an earlier version of this package do not compare with those of this one.
_FORMAT = 1


def identify(
    *, data: Iterable[Any], splits: Iterable[Any], space: str, estimator: BaseEstimator, resolved: Any, scoring: Any
) -> dict[str, str]:
    """Digest everything that must be the same for scores to compare.

    Parameters
    ----------
    data : iterable of array-like
        X, y and metadata.
    splits : iterable of (ndarray, ndarray)
        Indices of the folds.
    space : str
        Description of the search space.
    estimator : estimator
        As the user gave it, without seeds of the search's.
    resolved : object
        What the estimator's automatic parameters are resolved to: a later version may resolve them to something else.
    scoring : object

    Returns
    -------
    identity : dict of str to str
        A digest for each part that a message can name.
    """
    return {
        "format": str(_FORMAT),
        "data": digest(*data),
        "division into folds": digest(*itertools.chain(*splits)),
        "search space": digest(space),
        "estimator": digest(describe(estimator), describe(resolved)),
        "scoring": digest(describe(scoring)),
    }


def digest(*values: Any) -> str:
    """Return a short string that equal arrays share, whatever their layout in memory, and that others do not."""
    return joblib.hash([np.ascontiguousarray(value) for value in values])


def describe(value: Any) -> str:
    """Write a value as JSON that another process would write, too: whole, and without addresses in memory.

    Estimators and callbacks are described by their class and all parameters, functions by their name and code, other
    objects by their class and attributes.
    """
    return json.dumps(_to_json(value), sort_keys=True)


def _to_json(value: Any) -> Any:
    match value:
        case np.ndarray():
            return ["ndarray", str(value.dtype), digest(value)]
        case Mapping():
            return ["dict", *sorted([describe(key), describe(content)] for key, content in value.items())]
        case list() | tuple():
            return [type(value).__name__, *map(_to_json, value)]
        case set() | frozenset():
            return ["set", *sorted(map(describe, value))]
        case FunctionType():
            contents = (cell.cell_contents for cell in value.__closure__ or ())
            enclosed = [content for content in contents if content is not value]  # a function may call itself
            defaults = (value.__defaults__, value.__kwdefaults__)
            return [_name_of(value), _code_to_json(value.__code__), _to_json(defaults), _to_json(enclosed)]
    return _object_to_json(value)


def _object_to_json(value: Any) -> Any:
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, type | BuiltinFunctionType):
        return _name_of(value)
    if state := _state_of(value):
        return [_name_of(type(value)), _to_json(state)]
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _state_of(value: Any) -> Any:
    """Return what tells an object from others of its class."""
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


def _name_of(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _code_to_json(code: CodeType) -> Any:
    constants = [_code_to_json(each) if isinstance(each, CodeType) else _to_json(each) for each in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), constants]
