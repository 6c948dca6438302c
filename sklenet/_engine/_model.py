"""The fitted model as one value: outputs of rows, a plain state, and copies."""

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklenet._engine._callbacks import training_callbacks
from sklenet._engine._canvas import Canvas
from sklenet._engine._data import TrainingData, count_batches
from sklenet._engine._features import FeatureStatistics
from sklenet._engine._inference import compute_in_chunks, mean_over_shifts
from sklenet._engine._net import Net, default_modes, make_net
from sklenet._engine._network import MAP_LAYERS, LeNet5, TableConv2d
from sklenet._engine._pixels import PixelStatistics
from sklenet._engine._settings import Settings
from sklenet._version import __version__

# Number of the layout of stored states. Raise it whenever an older version could not read a state.
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Model:
    """A network with everything that predictions, copies and further training need.

    Attributes
    ----------
    net : Net
        The skorch net: module, optimiser, generators, history of epochs, settings and canvas.
    classes : ndarray of shape (n_classes,)
    loss_curve : list of float
        Mean training loss of each epoch, those of earlier fits with ``warm_start=True`` included.
    validation_scores : list of float or None
        Validation accuracy of each epoch; None without early stopping.
    statistics : FeatureStatistics or None
        What the features of the training images are like; None before the end of the first training.
    """

    net: Net
    classes: NDArray[Any]
    loss_curve: list[float]
    validation_scores: list[float] | None = None
    statistics: FeatureStatistics | None = None

    @property
    def module(self) -> LeNet5:
        """The network."""
        return self.net.module_

    @property
    def canvas(self) -> Canvas:
        """Shape and statistics of the training images."""
        return self.net.canvas

    @property
    def settings(self) -> Settings:
        """Settings of the last training."""
        return self.net.settings

    def logits(self, rows: NDArray[Any], *, average_shifts: bool = False) -> NDArray[np.float32]:
        """Compute logits (n, n_classes) of rows (n, pixels).

        With `average_shifts`, the logits are the mean over the nine positions of an image that are within a pixel of
        its own.
        """
        return self._classify(rows, average_shifts, lambda logits: logits)

    def log_probabilities(self, rows: NDArray[Any], *, average_shifts: bool = False) -> NDArray[np.float32]:
        """Compute the logarithms of the probabilities of classes, (n, n_classes), as `logits` does."""
        return self._classify(rows, average_shifts, partial(torch.log_softmax, dim=1))

    def probabilities(self, rows: NDArray[Any], *, average_shifts: bool = False) -> NDArray[np.float32]:
        """Compute the probabilities of classes, (n, n_classes), as `logits` does."""
        return self._classify(rows, average_shifts, partial(torch.softmax, dim=1))

    def features(self, rows: NDArray[Any], *, average_shifts: bool = False) -> NDArray[np.float32]:
        """Compute the activations of F6, (n, n_units), of rows (n, pixels), or their means over shifts as `logits`."""
        compute = self.module.features
        compute = partial(mean_over_shifts, compute) if average_shifts else compute
        return compute_in_chunks(self.module, self.canvas, rows, compute)

    def scores(self, rows: NDArray[Any], *, average_shifts: bool = False) -> NDArray[np.float64]:
        """Compute how much rows look like the training images, (n,), from their features.

        Raises
        ------
        ValueError
            If the model has no statistics.
        """
        if self.statistics is None:
            raise ValueError(
                "score_samples needs statistics of the training images, which the model lacks: it was saved with "
                "include_statistics=False, was stored by an earlier version of sklenet, or is still being trained. "
                "Call fit or partial_fit."
            )
        return self.statistics.scores(self.features(rows, average_shifts=average_shifts))

    def maps(self, rows: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Compute the maps (n, n_maps, h, w) of each of `MAP_LAYERS` of rows (n, pixels)."""
        return {
            layer: compute_in_chunks(self.module, self.canvas, rows, partial(self.module.maps, layer=layer))
            for layer in MAP_LAYERS
        }

    def _classify(
        self, rows: NDArray[Any], average_shifts: bool, link: Callable[[Tensor], Tensor]
    ) -> NDArray[np.float32]:
        """Compute link(logits)."""
        classify = partial(mean_over_shifts, self.module) if average_shifts else self.module
        return compute_in_chunks(self.module, self.canvas, rows, lambda images: link(classify(images)))

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights by name, those of C3 as a full kernel (n_maps, n_maps, 5, 5) in either architecture."""
        weights = _to_arrays(self.module.state_dict())
        c3 = self.module.c3
        return weights | {"c3.weight": _to_arrays(c3.kernel)} if isinstance(c3, TableConv2d) else weights

    def to_state(self) -> dict[str, Any]:
        """Return everything as NumPy arrays, strings and numbers, in dicts and lists.

        The state holds the settings, the weights, the states of the optimiser and of both generators, so that training
        goes on exactly, the statistics of the features, and the history. The state leaves out the device, which the
        loading machine chooses, and what each training takes from the estimator anew: callbacks, and a distortion that
        is a function.
        """
        net = self.net
        augment = self.settings.augment if isinstance(self.settings.augment, str) else None
        return {
            "format": _FORMAT,
            "versions": _versions(),
            "settings": dataclasses.asdict(dataclasses.replace(self.settings, augment=augment)),
            "canvas": dataclasses.asdict(self.canvas),
            "classes": self.classes,
            "weights": _to_arrays(net.module_.state_dict()),
            "optimizer": _to_arrays(net.optimizer_.state_dict()),
            "generator": net.generator_.get_state().numpy(),
            "device_generator": net.device_generator_.get_state().numpy(),
            "device_kind": net.device_generator_.device.type,
            "history": net.history.to_list(),
            "loss_curve": self.loss_curve,
            "validation_scores": self.validation_scores,
            "statistics": None if self.statistics is None else dataclasses.asdict(self.statistics),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], callbacks: Sequence[Any], device: str) -> Self:
        """Rebuild a model on a device. Where the state of the optimiser is None, that of the generators is, too.

        Raises
        ------
        ValueError
            If the state has another format.

        Warns
        -----
        UserWarning
            If other versions have written the state.
        """
        refuse_other_format(state)
        if state["versions"] != _versions():
            warnings.warn(
                f"The model was stored by {state['versions']} and is loaded by {_versions()}; its predictions may "
                "differ. Fit the model again if they do.",
                UserWarning,
                stacklevel=3,
            )
        # Copied, because joblib may return read-only memory maps of a file that is deleted later.
        classes = np.array(state["classes"])
        stored = state["canvas"]
        canvas = Canvas(tuple(stored["shape"]), stored["n_pixels"], PixelStatistics(**stored["pixels"]))
        net = make_net(Settings(**state["settings"]), canvas, len(classes), callbacks, device)
        _restore(net, state)
        statistics = FeatureStatistics.from_state(state.get("statistics"))
        return cls(net, classes, list(state["loss_curve"]), state["validation_scores"], statistics)

    def copy(self, settings: Settings | None = None, callbacks: Sequence[Any] = (), device: str | None = None) -> Self:
        """Copy the model, with other settings, callbacks or on another device. Records of past epochs are shared."""
        net = make_net(settings or self.settings, self.canvas, len(self.classes), callbacks, device or self.net.device)
        _restore(net, self.to_state())
        return dataclasses.replace(self, net=net)

    def resume(self, settings: Settings, callbacks: Sequence[Any], device: str) -> Self:
        """Copy the model, ready to be trained with other settings on a device.

        Raises
        ------
        ValueError
            If the settings are those of another network.
        """
        _check_same_network(self.settings, settings)
        resumed = self.copy(settings, callbacks, device)
        for group in resumed.net.optimizer_.param_groups:
            # A user's schedule takes its peak from "initial_lr", which an earlier schedule may have set.
            group.update(lr=settings.lr, initial_lr=settings.lr, weight_decay=settings.weight_decay)
        return resumed


def start_model(
    data: TrainingData, settings: Settings, callbacks: Sequence[Any], device: str, warm_start: Model | None = None
) -> Model:
    """Make an untrained model, or one with the canvas and the weights of another model.

    Raises
    ------
    ValueError
        If the settings are those of another network than that of `warm_start`.
    """
    n_steps = settings.max_epochs * count_batches(len(data.training), settings.batch_size)
    callbacks = [*training_callbacks(settings, n_steps, callbacks), *callbacks]
    if warm_start is None:
        statistics = PixelStatistics.from_rows(data.rows, data.shape, data.selected)
        canvas = Canvas(data.shape, data.rows.shape[1], statistics)
        return Model(make_net(settings, canvas, len(data.classes), callbacks, device), data.classes, [])
    _check_same_network(warm_start.settings, settings)
    net = make_net(settings, warm_start.canvas, len(data.classes), callbacks, device)
    net.module_.load_state_dict(warm_start.module.state_dict())
    return Model(net, warm_start.classes, warm_start.loss_curve)


def _check_same_network(fitted: Settings, requested: Settings) -> None:
    for name in ("architecture", "width"):
        old, new = getattr(fitted, name), getattr(requested, name)
        if old != new:
            raise ValueError(
                f"The fitted network has {name}={old!r}, but {name} is {new!r} now; set {name} back, or call fit with "
                "warm_start=False."
            )


def refuse_other_format(state: dict[str, Any]) -> None:
    """Raise a ValueError if a stored state has another format than `Model.to_state` writes."""
    if state["format"] != _FORMAT:
        raise ValueError(
            f"The model is stored in format {state['format']} by {state['versions']}, but this version of sklenet "
            f"reads format {_FORMAT}; load the model with the version that wrote it, or fit the model again."
        )


def _restore(net: Net, state: dict[str, Any]) -> None:
    """Load weights, optimiser, generators and history into a new net."""
    with default_modes(net.device):
        net.module_.load_state_dict(_to_tensors(state["weights"]))
    if state["optimizer"] is not None:
        _restore_training(net, state)
    net.history.extend(state["history"])
    net.module_.eval()


def _restore_training(net: Net, state: dict[str, Any]) -> None:
    """Load what only further training needs: the states of the optimiser and of the generators."""
    with default_modes(net.device):
        optimizer = _to_tensors(state["optimizer"])
        # A saved file has the numbers of the groups alone.
        groups = zip(net.optimizer_.state_dict()["param_groups"], optimizer["param_groups"], strict=True)
        optimizer["param_groups"] = [present | stored for present, stored in groups]
        net.optimizer_.load_state_dict(optimizer)
    _restore_layout(net.optimizer_)
    net.generator_.set_state(_to_tensors(state["generator"]))
    # Generators of another kind of device have another state. Then the device's generator starts from the seed.
    if net.device_generator_.device.type == state["device_kind"]:
        net.device_generator_.set_state(_to_tensors(state["device_generator"]))


def _restore_layout(optimizer: torch.optim.Optimizer) -> None:
    """Lay out moments in memory as their weights are, because arrays do not keep the layout.

    The fused optimiser walks through weights and moments by address. With two layouts it would update a weight with the
    moments of another weight.
    """
    for weight, moments in optimizer.state.items():
        for name, moment in moments.items():
            if moment.shape == weight.shape:
                moments[name] = torch.empty_like(weight).copy_(moment)


def _versions() -> dict[str, str]:
    """Return the versions that predictions may depend on, without local parts such as "+cpu"."""
    return {"sklenet": __version__, "torch": torch.__version__.partition("+")[0]}


def _to_arrays(tree: Any) -> Any:
    return _map_leaves(tree, Tensor, lambda tensor: tensor.detach().cpu().numpy().copy())


def _to_tensors(tree: Any) -> Any:
    return _map_leaves(tree, np.ndarray, lambda array: torch.from_numpy(np.array(array)))


def _map_leaves(tree: Any, kind: type, convert: Callable[[Any], Any]) -> Any:
    if isinstance(tree, kind):
        return convert(tree)
    if isinstance(tree, dict):
        return {key: _map_leaves(value, kind, convert) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_map_leaves(value, kind, convert) for value in tree]
    return tree
