"""Outputs of a trained module, the same to the bit for a row alone, in any batch and in any order."""

import itertools
from collections.abc import Callable
from functools import partial, reduce
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sklenet._canvas import SIDE, Canvas
from sklenet._memory import keep_freed_memory

# Kernels choose their order of summation by shape, so every chunk has the same one; the last is padded.
CHUNK = 128
# Few rows would pay for many. They go in small chunks where those give the same bits; with AVX2 and two threads 22 rows
# cost the same either way.
SMALL_CHUNK = 4
_FEW = 20

# Pixels of the canvas, down and to the right, by which an image is moved for the views that are averaged. On 10,000 of
# MNIST's training images held out from the best recipe, two seeds, one view had log losses of 0.0139 and 0.0148, five
# (no diagonals) 0.0126 and 0.0122, nine 0.0118 and 0.0116; two rotations and two scales besides gave 0.0116 and 0.0117.
_SHIFTS = list(itertools.product((-1, 0, 1), repeat=2))

# Module -> number of threads -> whether small chunks give the same bits.
_small_agrees: WeakKeyDictionary[nn.Module, dict[int, bool]] = WeakKeyDictionary()


def predict_in_chunks(
    module: nn.Module, canvas: Canvas, rows: NDArray[Any], finish: Callable[[Tensor], Tensor], *, shifted: bool
) -> NDArray[np.float32]:
    """Compute finish(logits), (n, n_classes), of rows (n, pixels) with a module in evaluation mode.

    With `shifted`, the logits are the mean over the nine positions of the image that are within a pixel of its own.
    """
    device = next(module.parameters()).device
    classify = partial(_mean_over_shifts, module) if shifted else module
    outputs = []
    with torch.inference_mode(), torch.autocast(device.type, enabled=False):
        size = SMALL_CHUNK if len(rows) <= _FEW and _agrees(module, device) else CHUNK
        if len(rows) > size:
            keep_freed_memory()
        for start in range(0, len(rows), size):
            piece = rows[start : start + size]
            chunk = np.zeros((size, rows.shape[1]), dtype=rows.dtype)
            chunk[: len(piece)] = piece
            output = finish(classify(canvas.draw(torch.from_numpy(chunk).to(device))))
            outputs.append(output[: len(piece)].cpu().numpy())
    return np.concatenate(outputs)


def _mean_over_shifts(module: nn.Module, images: Tensor) -> Tensor:
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    views = (padded[:, :, 1 - down : 1 - down + SIDE, 1 - right : 1 - right + SIDE] for down, right in _SHIFTS)
    # One after the other: torch's own mean may choose its order of summation by shape.
    return reduce(torch.add, map(module, views)) / len(_SHIFTS)


def _agrees(module: nn.Module, device: torch.device) -> bool:
    """Tell whether small chunks give the bits of large ones: tried once a model, for each number of threads.

    Values do not change the order in which a kernel sums, so noise that shows no difference in any place stands for all
    images. On AVX-512, chunks of one or two rows differ from large ones, chunks of four do not.
    """
    tried = _small_agrees.setdefault(module, {})
    n_threads = torch.get_num_threads()
    if n_threads not in tried:
        noise = torch.empty((CHUNK, 1, SIDE, SIDE), dtype=torch.float32, device="cpu")
        noise = noise.normal_(generator=torch.Generator("cpu").manual_seed(0)).to(device)
        pieces = [module(piece) for piece in noise.split(SMALL_CHUNK)]
        tried[n_threads] = torch.equal(torch.cat(pieces), module(noise))
    return tried[n_threads]
