"""The modes of torch in which networks are trained. Pure torch."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def default_modes(device: str | torch.device) -> Iterator[None]:
    """Enable gradients and disable autocast, also inside a caller's torch.no_grad, inference_mode or autocast."""
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(torch.device(device).type, enabled=False):
        yield
