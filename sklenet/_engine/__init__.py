"""The network, its training and the fitted model, without scikit-learn's contract."""

from sklenet._engine._augment import DISTORTIONS, Distortion
from sklenet._engine._callbacks import clone_callbacks
from sklenet._engine._canvas import SIDE, Canvas
from sklenet._engine._convergence import describe_poor_convergence
from sklenet._engine._data import TrainingData
from sklenet._engine._devices import device_for_loading, resolve_device
from sklenet._engine._features import FeatureStatistics
from sklenet._engine._inference import SHIFTS
from sklenet._engine._model import Model, start_model
from sklenet._engine._network import ARCHITECTURES, LeNet5
from sklenet._engine._pixels import PixelStatistics
from sklenet._engine._settings import resolve_settings
from sklenet._engine._threads import use_one_thread_after_fork
from sklenet._engine._training import EpochObserver, train

__all__ = [
    "ARCHITECTURES", "DISTORTIONS", "SHIFTS", "SIDE", "Canvas", "Distortion", "EpochObserver", "FeatureStatistics",
    "LeNet5", "Model", "PixelStatistics", "TrainingData", "clone_callbacks", "describe_poor_convergence",
    "device_for_loading", "resolve_device", "resolve_settings", "start_model", "train", "use_one_thread_after_fork",
]  # fmt: skip
