"""The image classifier that scikit-learn lacks: LeNet-5 for grayscale images of digits and characters."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sklenet._version import __version__

if TYPE_CHECKING:
    from sklenet._classifier import LeNetClassifier
    from sklenet._engine import LeNet5
    from sklenet._novelty import LeNetNoveltyDetector
    from sklenet._rejecting import RejectingClassifier

__all__ = ["LeNet5", "LeNetClassifier", "LeNetNoveltyDetector", "RejectingClassifier", "__version__"]

_CLASSES = {
    "LeNet5": "sklenet._engine",
    "LeNetClassifier": "sklenet._classifier",
    "LeNetNoveltyDetector": "sklenet._novelty",
    "RejectingClassifier": "sklenet._rejecting",
}
_SUBPACKAGES = ("datasets", "export", "inspection", "preprocessing", "tuning")


def __getattr__(name: str) -> Any:
    # Imported on first access, because the import of torch takes seconds and loading data does not need it.
    if name in _CLASSES:
        return getattr(import_module(_CLASSES[name]), name)
    if name in _SUBPACKAGES:
        return import_module(f"sklenet.{name}")
    raise AttributeError(f"module 'sklenet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBPACKAGES])
