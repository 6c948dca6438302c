"""Hand on a fitted model to programs that have neither Python nor sklenet."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklenet.export._html import to_html
    from sklenet.export._onnx import to_onnx
    from sklenet.export._skl2onnx import register_onnx_converter

__all__ = ["register_onnx_converter", "to_html", "to_onnx"]

_MODULES = {
    "register_onnx_converter": "_skl2onnx",
    "to_html": "_html",
    "to_onnx": "_onnx",
}


def __getattr__(name: str) -> Any:
    # Imported on first access, because each format needs packages of its own.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
