"""The device of a training, and of a model that another machine saved."""

import pytest

from sklenet._engine import device_for_loading, resolve_device


@pytest.mark.parametrize(
    ("devices", "n_cuda", "resolved", "refused"),
    [
        (["cpu"], 0, {"auto": "cpu", "cpu": "cpu", "cpu:0": "cpu:0"}, ["cuda", "mps", "cpu:1", "cuda:0", "gpu", ""]),
        (["cpu", "mps"], 0, {"auto": "mps", "cpu": "cpu", "mps:0": "mps:0"}, ["cuda", "mps:1"]),
        (["cpu", "cuda"], 2, {"auto": "cuda", "cuda:0": "cuda:0", "cuda:1": "cuda:1"}, ["cuda:2", "cuda:-1", "cuda:x"]),
    ],
)
def test_devices_are_those_of_this_machine(devices, n_cuda, resolved, refused, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: "cuda" in devices)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: "mps" in devices)
    monkeypatch.setattr("torch.cuda.device_count", lambda: n_cuda)
    for device, expected in resolved.items():
        assert resolve_device(device) == device_for_loading(device) == expected
    for device in refused:
        with pytest.raises(ValueError, match="'device' parameter of LeNetClassifier must be 'auto' or a device of"):
            resolve_device(device)
        with pytest.warns(UserWarning, match="which this machine does not have: the model is on the CPU"):
            assert device_for_loading(device) == "cpu"
