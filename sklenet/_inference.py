"""Outputs of a trained module, the same to the bit for a row alone, in any batch and in any order."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sklenet._canvas import Canvas

# Kernels choose their order of summation by shape, so every chunk has the same one; the last is padded. A chunk of 32
# has the throughput of large ones, and a row alone costs a chunk.
CHUNK = 32


def predict_in_chunks(
    module: nn.Module, canvas: Canvas, rows: NDArray[Any], finish: Callable[[Tensor], Tensor]
) -> NDArray[np.float32]:
    """Compute finish(logits), (n, n_classes), of rows (n, pixels) with a module in evaluation mode."""
    device = next(module.parameters()).device
    outputs = []
    with torch.inference_mode(), torch.autocast(device.type, enabled=False):
        for start in range(0, len(rows), CHUNK):
            piece = rows[start : start + CHUNK]
            chunk = np.zeros((CHUNK, rows.shape[1]), dtype=rows.dtype)
            chunk[: len(piece)] = piece
            output = finish(module(canvas.draw(chunk, device)))
            outputs.append(output[: len(piece)].cpu().numpy())
    return np.concatenate(outputs)
