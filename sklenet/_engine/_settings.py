"""The settings of a training as one value, and what "auto" is resolved to."""

import dataclasses
import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from sklenet._checks import Shape
from sklenet._engine._augment import DISTORTIONS, Distortion
from sklenet._engine._data import count_batches

# Automatic values of partial_fit, where the numbers of images and steps are unknown and the learning rate is never
# annealed; benchmarks/stream_decay.py compares others.
STREAM_WEIGHT_DECAY = 0.3
STREAM_LR = 3e-3

# Range of the automatic label smoothing. The fewer the images, the more of it.
_LEAST_SMOOTHING, _MOST_SMOOTHING = 0.02, 0.1

# Weight decay of trainings of some hundred steps, and of shorter ones, in which more of it kills units.
_MOST_DECAY = 0.5

# However few the images are.
_LEAST_STEPS = 340

# Images with a shorter side are not distorted automatically: two of their pixels may be all that tells classes apart.
# Tables with few columns have this shape.
_SHORTEST_DISTORTED = 8


@dataclass(frozen=True)
class Settings:
    """What the network, the optimiser and the training loop need, with no value left "auto".

    A field has the name and the meaning of the parameter of `LeNetClassifier`, but for these two:

    Attributes
    ----------
    schedule : {"one_cycle", "warm_up", "constant"}
        Course of the learning rate: annealed at the end of `fit`, held at the peak with early stopping, or constant in
        `partial_fit`.
    seed : int
        Seed of weights, order of the data, dropout and distortions.
    """

    architecture: str
    width: float
    dropout: float
    label_smoothing: float
    lr: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    augment: str | Distortion | None
    n_iter_no_change: int
    tol: float
    schedule: str
    seed: int

    @property
    def distortion(self) -> Distortion | None:
        """The function that distorts training batches."""
        return DISTORTIONS[self.augment] if isinstance(self.augment, str) else self.augment


def resolve_settings(
    estimator: Any, n_samples: int, seed: int, *, shape: Shape | None = None, is_stream: bool = False
) -> Settings:
    """Resolve each "auto" to the value that suits the number of training images.

    The values were chosen on training images; docs/design.md has the reasons.

    Parameters
    ----------
    estimator : LeNetClassifier
        Has the parameters as attributes. A string in the place of a number is "auto".
    n_samples : int
        Number of training images.
    seed : int
    shape : tuple (h, w) or None, default=None
        Shape of an image; None if it is unknown, which counts as large enough for distortions.
    is_stream : bool, default=False
        Whether one call of `partial_fit` is trained: one epoch at a constant learning rate.

    Returns
    -------
    settings : Settings
    """
    given = vars(estimator) | {"seed": seed, "schedule": "warm_up" if estimator.early_stopping else "one_cycle"}
    given |= {"max_epochs": 1, "schedule": "constant"} if is_stream else {}
    values = {field.name: _as_plain(given[field.name], field.type) for field in dataclasses.fields(Settings)}
    is_small = shape is not None and min(shape) < _SHORTEST_DISTORTED
    # The images of a stream come once, and its batches are half as large, because it has no second epoch.
    _resolve(values, "augment", None if is_small or is_stream else "affine")
    batch_size = int(np.clip(2 ** round(np.log2(n_samples / 15)), 32, 128))
    _resolve(values, "batch_size", batch_size // 2 if is_stream else batch_size)
    n_batches = count_batches(n_samples, values["batch_size"])
    _resolve(values, "max_epochs", round(max(_LEAST_STEPS / n_batches, 134 / n_samples**0.21)))
    _resolve(values, "n_iter_no_change", max(10, values["max_epochs"] // 3))
    if is_stream:
        smoothing, decay, lr = _LEAST_SMOOTHING, STREAM_WEIGHT_DECAY, STREAM_LR
    else:
        smoothing = float(np.clip(math.sqrt(3 / n_samples), _LEAST_SMOOTHING, _MOST_SMOOTHING))
        decay = min(_MOST_DECAY, 8 / math.sqrt(values["max_epochs"] * n_batches))
        lr = 0.012 / max(1.0, values["width"])
    _resolve(values, "label_smoothing", smoothing)
    _resolve(values, "weight_decay", decay)
    _resolve(values, "lr", lr)
    return Settings(**values)


def _resolve(values: dict[str, Any], name: str, automatic: Any) -> None:
    if isinstance(values[name], str) and values[name] == "auto":
        values[name] = automatic


def _as_plain(value: Any, kind: Any) -> Any:
    """Convert NumPy's numbers to Python's, which do not overflow, and which every format can store."""
    return kind(value) if kind in (int, float) and isinstance(value, Real) else value
