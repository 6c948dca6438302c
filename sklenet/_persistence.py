"""What of a fitted model is stored, and how it comes back."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from skorch.history import History

from sklenet import __version__
from sklenet._canvas import Canvas
from sklenet._pixels import PixelStatistics
from sklenet._training import Net, build_net, default_modes, resolve_device

_NET_PARAMS = (
    "seed",
    "lr",
    "batch_size",
    "module__n_classes",
    "module__architecture",
    "module__width",
    "module__dropout",
    "optimizer__weight_decay",
    "criterion__label_smoothing",
)


def net_to_state(net: Net) -> dict[str, Any]:
    """Turn a net into NumPy arrays, strings and numbers, in dicts and lists.

    Kept are its parameters, the weights, the optimiser's state and both generators', so that training goes on exactly,
    and the history. Left out are the device, which the loading machine chooses, the distortion, which each training
    takes from the estimator, and the state of user callbacks, which are cloned anew from the estimator's parameter.
    """
    return {
        "params": {name: getattr(net, name) for name in _NET_PARAMS},
        "weights": _to_arrays(net.module_.state_dict()),
        "optimizer": _to_arrays(net.optimizer_.state_dict()),
        "history": list(net.history.to_list()),
        "generator": net.generator_.get_state().numpy(),
        "noise": net.noise_.get_state().numpy(),
        "noise_device": net.noise_.device.type,
    }


def net_from_state(state: dict[str, Any], callbacks: Sequence[Any], device: str) -> Net:
    """Rebuild a net on a device."""
    net = build_net(state["params"], callbacks, device)
    with default_modes(device):
        net.module_.load_state_dict(_to_tensors(state["weights"]))
        net.optimizer_.load_state_dict(_to_tensors(state["optimizer"]))
    _restore_layout(net.optimizer_)
    net.history_ = History(state["history"])
    net.generator_.set_state(_to_tensors(state["generator"]))
    # Generators of another kind of device have another state: there the noise goes on from the seed.
    if net.noise_.device.type == state["noise_device"]:
        net.noise_.set_state(_to_tensors(state["noise"]))
    net.module_.eval()
    return net


def _restore_layout(optimizer: torch.optim.Optimizer) -> None:
    """Lay out moments in memory as their weights are, which arrays do not remember.

    The fused optimiser walks through both by address, so it would update a weight with another one's moments.
    """
    for weight, moments in optimizer.state.items():
        for name, moment in moments.items():
            if moment.shape == weight.shape:
                moments[name] = torch.empty_like(weight).copy_(moment)


def copy_net(
    net: Net, callbacks: Sequence[Any] = (), params: Mapping[str, Any] | None = None, device: str | None = None
) -> Net:
    """Copy a net by way of what would be stored of it, with other parameters or on another device if they are given.

    Records of past epochs are shared, not copied: what grows with the number of epochs is the list of them alone.
    """
    state = net_to_state(net)
    copied = net_from_state(
        state | {"params": params or state["params"], "history": []}, callbacks, device or net.device
    )
    copied.history_ = History(net.history)
    return copied


def canvas_to_state(canvas: Canvas) -> dict[str, Any]:
    """Turn a canvas into numbers."""
    return dataclasses.asdict(canvas)


def canvas_from_state(state: dict[str, Any]) -> Canvas:
    """Rebuild a canvas."""
    return Canvas(tuple(state["shape"]), PixelStatistics(**state["pixels"]))


def device_for_loading(device: str) -> str:
    """Resolve the parameter `device` on the machine that loads a model, where it may be absent.

    Warns
    -----
    UserWarning
        If it is: the model is on the CPU then.
    """
    try:
        return resolve_device(device)
    except ValueError:
        warnings.warn(
            f"This model was made with device={device!r}, which this machine has not: it is on the CPU. "
            "Set device='auto' before the next fit.",
            UserWarning,
            stacklevel=4,
        )
        return "cpu"


def warn_if_other_versions(written: dict[str, str]) -> None:
    """Warn where the versions that wrote a model are not those that read it."""
    if written != versions():
        warnings.warn(
            f"This model was written by {written} and is read by {versions()}; its predictions may differ. "
            "Fit it anew if they do.",
            UserWarning,
            stacklevel=4,
        )


def versions() -> dict[str, str]:
    """Return the versions that predictions may depend on, without local parts such as "+cpu"."""
    return {"sklenet": __version__, "torch": torch.__version__.partition("+")[0]}


def _to_arrays(tree: Any) -> Any:
    return _map_leaves(tree, torch.Tensor, lambda tensor: tensor.detach().cpu().numpy().copy())


def _to_tensors(tree: Any) -> Any:
    # Copied, because joblib may hand out read-only memory maps.
    return _map_leaves(tree, np.ndarray, lambda array: torch.from_numpy(np.array(array)))


def _map_leaves(tree: Any, kind: type, convert: Any) -> Any:
    if isinstance(tree, kind):
        return convert(tree)
    if isinstance(tree, dict):
        return {key: _map_leaves(value, kind, convert) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_map_leaves(value, kind, convert) for value in tree]
    return tree
