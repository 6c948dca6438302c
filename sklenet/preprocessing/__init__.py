"""Find and frame characters in pictures, for estimators that take images of one shape."""

from typing import TYPE_CHECKING

from sklenet._lazy import lazy_names

if TYPE_CHECKING:
    from sklenet.preprocessing._framer import CharacterFramer
    from sklenet.preprocessing._page import CharacterPage, find_characters
    from sklenet.preprocessing._sheet import CharacterSheet, cut_sheet

__all__ = ["CharacterFramer", "CharacterPage", "CharacterSheet", "cut_sheet", "find_characters"]

# Imported on first access, because the framer imports torch, which finding characters does not need.
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "CharacterFramer": "_framer",
        "CharacterPage": "_page",
        "CharacterSheet": "_sheet",
        "cut_sheet": "_sheet",
        "find_characters": "_page",
    },
)
