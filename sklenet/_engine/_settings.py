"""The settings of a training as one value, and what "auto" is resolved to."""

import dataclasses
import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from sklenet._engine._augment import DISTORTIONS, Distortion
from sklenet._engine._data import count_batches

# Automatic weight decay of partial_fit, where the number of steps is unknown; chosen by benchmarks/stream_decay.py.
STREAM_WEIGHT_DECAY = 0.3


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


def resolve_settings(estimator: Any, n_samples: int, seed: int, *, is_stream: bool = False) -> Settings:
    """Resolve each "auto" to the value that suits the number of training images.

    The values were chosen by benchmarks/tune_defaults.py. The number of steps grows more slowly than the number of
    images: 300 steps for 100 images, 5,000 for 60,000.

    Parameters
    ----------
    estimator : LeNetClassifier
        Has the parameters as attributes. A string in the place of a number is "auto".
    n_samples : int
        Number of training images.
    seed : int
    is_stream : bool, default=False
        Whether one call of `partial_fit` is trained: one epoch at a constant learning rate.

    Returns
    -------
    settings : Settings
    """
    given = vars(estimator) | {"seed": seed, "schedule": "warm_up" if estimator.early_stopping else "one_cycle"}
    given |= {"max_epochs": 1, "schedule": "constant"} if is_stream else {}
    values = {field.name: _as_plain(given[field.name], field.type) for field in dataclasses.fields(Settings)}
    if isinstance(values["batch_size"], str):
        values["batch_size"] = int(np.clip(2 ** round(np.log2(n_samples / 30)), 16, 128))
    n_batches = count_batches(n_samples, values["batch_size"])
    if isinstance(values["max_epochs"], str):
        n_steps = np.clip(300 * (n_samples / 100) ** 0.45, 100, 5000)
        values["max_epochs"] = max(10, round(n_steps / n_batches))
    if isinstance(values["weight_decay"], str):
        values["weight_decay"] = STREAM_WEIGHT_DECAY if is_stream else 17 / math.sqrt(values["max_epochs"] * n_batches)
    return Settings(**values)


def _as_plain(value: Any, kind: Any) -> Any:
    """Convert NumPy's numbers to Python's, which do not overflow, and which every format can store."""
    return kind(value) if kind in (int, float) and isinstance(value, Real) else value
