"""Tests that run once for each kind of accelerator, and are skipped where the machine lacks it."""

import pytest
import torch

AVAILABLE = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}

ON_ACCELERATORS = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(
            kind,
            marks=[
                pytest.mark.accelerator,
                pytest.mark.skipif(not available, reason=f"this machine has no {kind} device"),
            ],
        )
        for kind, available in AVAILABLE.items()
    ],
)
