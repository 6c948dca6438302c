"""Hand on a fitted model to programs that have neither Python nor sklenet."""

from typing import TYPE_CHECKING

from sklenet._lazy import lazy_names

if TYPE_CHECKING:
    from sklenet.export._html import to_html
    from sklenet.export._onnx import to_onnx
    from sklenet.export._skl2onnx import register_onnx_converter

__all__ = ["register_onnx_converter", "to_html", "to_onnx"]

# Imported on first access, because each format needs packages of its own.
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "register_onnx_converter": "_skl2onnx",
        "to_html": "_html",
        "to_onnx": "_onnx",
    },
)
