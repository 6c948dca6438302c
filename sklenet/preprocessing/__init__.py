"""Find and frame characters in pictures, for estimators that take images of one shape."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklenet.preprocessing._framer import CharacterFramer
    from sklenet.preprocessing._page import CharacterPage, find_characters
    from sklenet.preprocessing._sheet import CharacterSheet, cut_sheet

__all__ = ["CharacterFramer", "CharacterPage", "CharacterSheet", "cut_sheet", "find_characters"]

_MODULES = {
    "CharacterFramer": "_framer",
    "CharacterPage": "_page",
    "CharacterSheet": "_sheet",
    "cut_sheet": "_sheet",
    "find_characters": "_page",
}


def __getattr__(name: str) -> Any:
    # Imported on first access, because the framer imports torch, which finding characters does not need.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
