"""The devices of this machine. Pure torch."""

import warnings

import torch


def resolve_device(device: str) -> str:
    """Resolve "auto" to the accelerator of this machine, or to "cpu".

    Raises
    ------
    ValueError
        If this machine does not have the device.
    """
    available = available_devices()
    if device == "auto":
        return available[-1]
    kind, _, index = device.partition(":")
    n_devices = torch.cuda.device_count() if kind == "cuda" else 1
    if kind not in available or index not in {"", *map(str, range(n_devices))}:
        raise ValueError(
            f"The 'device' parameter of LeNetClassifier must be 'auto' or a device of this machine, one of "
            f"{available}. Got {device!r} instead."
        )
    return device


def available_devices() -> list[str]:
    """List the kinds of device of this machine, the fastest last."""
    found = {"cpu": True, "mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}
    return [kind for kind, present in found.items() if present]


def device_for_loading(device: str) -> str:
    """Resolve the parameter `device` on the machine that loads a model, where the device may be absent.

    Warns
    -----
    UserWarning
        If the device is absent. The model is on the CPU then.
    """
    try:
        return resolve_device(device)
    except ValueError:
        warnings.warn(
            f"This model was made with device={device!r}, which this machine does not have: the model is on the CPU. "
            "Set device='auto' before the next fit.",
            UserWarning,
            stacklevel=3,
        )
        return "cpu"
