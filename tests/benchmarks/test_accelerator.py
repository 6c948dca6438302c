"""The table of the accelerator is made on any device."""

import numpy as np
import pytest

import accelerator
from comparison.data import Split
from sklenet.datasets import load_mnist_sample

pytestmark = pytest.mark.slow


def test_table_on_a_device_that_is_there(monkeypatch):
    monkeypatch.setattr(accelerator, "_N_FIRST", 100)
    monkeypatch.setattr(accelerator, "_EPOCHS", 1)
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    split = Split(X[:300], y[:300].astype(np.int64), X[300:400], y[300:400])
    table = dict(accelerator.measure("cpu", split, {"short": {"max_epochs": 2}}))
    assert table["device"] == "cpu"
    assert "wrong" in table["fit of 300, short recipe"]
    assert table["and back"] == table["partial_fit after loading"] == "the same bits"
    assert float(table["fit of 1 epochs / expert's loop"]) > 0
