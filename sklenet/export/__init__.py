"""Hand on a fitted model to programs that have neither Python nor sklenet."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklenet.export._html import to_html

__all__ = ["to_html"]

_MODULES = {
    "to_html": "_html",
}


def __getattr__(name: str) -> Any:
    # Imported on first access, because each format needs packages of its own.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
