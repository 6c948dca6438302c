"""JSON of which nothing is believed, and the error for whatever is refused."""

import json
import math
from collections.abc import Iterable
from typing import Any

# Digits of 2**64, the first number that no label and no parameter can be.
_MOST_DIGITS = 20


class RefusedError(ValueError):
    """A file is not loaded, or an estimator is not saved. The message is a clause that says why."""


def require(condition: object, why: str) -> None:
    """Raise a RefusedError unless a condition holds."""
    if not condition:
        raise RefusedError(why)


def parse_json(text: str, what: str) -> Any:
    """Parse JSON. Repeated keys, numbers that are not finite, ints of more than 20 digits and deep nesting are refused.

    Examples
    --------
    >>> parse_json('{"a": 1, "a": 2}', "the header")
    Traceback (most recent call last):
        ...
    sklenet._saving._strict.RefusedError: the header repeats the key 'a'
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            require(name not in found, f"{what} repeats the key {name[:60]!r}")
            found[name] = value
        return found

    def finite(digits: str) -> float:
        require(math.isfinite(value := float(digits)), f"{what} has a number that is not finite")
        return value

    def bounded(digits: str) -> int:
        require(len(digits) <= _MOST_DIGITS, f"{what} has a number of {len(digits)} digits")
        return int(digits)

    try:
        return json.loads(text, object_pairs_hook=unique, parse_float=finite, parse_int=bounded, parse_constant=finite)
    except json.JSONDecodeError as error:
        raise RefusedError(f"{what} is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise RefusedError(f"{what} is nested too deeply") from None


def take_object(value: Any, keys: Iterable[str], what: str) -> dict[str, Any]:
    """Return a JSON object that has exactly these keys."""
    require(isinstance(value, dict), f"{what} is not a JSON object")
    compare_names(value, keys, what, "key")
    return value


def compare_names(found: Iterable[str], expected: Iterable[str], what: str, noun: str) -> None:
    """Refuse names that are missing or unexpected."""
    known, given = list(expected), list(found)
    for name in known:
        require(name in given, f"{what} lacks the {noun} {name!r}")
    for name in given:
        require(name in known, f"{what} has an unknown {noun} {name[:60]!r}")


def take_list(value: Any, kinds: type | tuple[type, ...], what: str) -> list[Any]:
    """Return a list whose items are of one of the types; bool is no int here."""
    allowed = kinds if isinstance(kinds, tuple) else (kinds,)
    require(
        isinstance(value, list) and all(type(item) in allowed for item in value),
        f"{what} is not a list of " + " or ".join(kind.__name__ for kind in allowed),
    )
    return value


def require_printable(texts: Iterable[str], what: str) -> None:
    """Refuse text with surrogates, which no encoding has, and which cannot be printed."""
    for text in texts:
        require(not any("\ud800" <= character <= "\udfff" for character in text), f"{what} has a surrogate character")
