"""Outputs of a fitted network, the same to the bit for a row alone, in any batch and in any order."""

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

from sklenet._engine._canvas import SIDE, Canvas

# Kernels choose their order of summation by the shape of the input. So chunks have this number of rows, and the last
# chunk is padded, or has a smaller number of rows if that gives the same bits. Many small chunks would cost more time
# in Python.
CHUNK = 512
# Number of rows of a small chunk -> the largest number of remaining rows that are computed in such chunks. More rows
# would take as long in the next larger chunk.
SMALL_CHUNKS = {4: 8, 32: 256}

# Pixels of the canvas, down and to the right, by which an image is shifted for the views that are averaged.
SHIFTS = tuple(itertools.product((-1, 0, 1), repeat=2))

# Module -> number of threads and rows of a small chunk -> whether such a chunk gives the same bits.
_agreements: WeakKeyDictionary[nn.Module, dict[tuple[int, int], bool]] = WeakKeyDictionary()


def compute_in_chunks(
    module: nn.Module, canvas: Canvas, rows: NDArray[Any], output: Callable[[Tensor], Tensor]
) -> NDArray[np.float32]:
    """Compute output(images), (n, n_outputs), for rows (n, pixels).

    Parameters
    ----------
    module : LeNet5
        In evaluation mode.
    canvas : Canvas
    rows : ndarray of shape (n, pixels)
    output : callable
        Computes outputs (b, n_outputs) from images (b, 1, 32, 32) with the module.

    Returns
    -------
    outputs : ndarray of shape (n, n_outputs), float32
    """
    device = next(module.parameters()).device
    outputs = []
    with torch.inference_mode(), torch.autocast(device.type, enabled=False):
        sizes = _divide(len(rows), partial(_agrees, module, device))
        # One buffer for all chunks: the images of a chunk may overwrite the buffer, and padding may hold any values.
        chunk = np.zeros((max(sizes), rows.shape[1]), dtype=rows.dtype)
        for start, size in zip(itertools.accumulate(sizes, initial=0), sizes, strict=False):
            part = rows[start : start + size]
            chunk[: len(part)] = part
            computed = output(canvas.to_images(torch.from_numpy(chunk[:size]).to(device)))
            outputs.append(computed[: len(part)].cpu().numpy())
    return np.concatenate(outputs)


def mean_over_shifts(module: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Compute the mean outputs of the nine positions of an image that are within a pixel of its own."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    views = (padded[:, :, 1 - down : 1 - down + SIDE, 1 - right : 1 - right + SIDE] for down, right in SHIFTS)
    # Summed one after the other: torch's own mean may choose its order of summation by shape.
    return reduce(torch.add, map(module, views)) / len(SHIFTS)


def _divide(n_rows: int, agrees: Callable[[int], bool]) -> list[int]:
    """Return the sizes of the chunks for rows: large chunks, and the smallest suitable chunks for the rest."""
    n_large, n_left = divmod(n_rows, CHUNK)
    suitable = (size for size, most in SMALL_CHUNKS.items() if n_left <= most and agrees(size))
    size = next(suitable, CHUNK) if n_left else CHUNK
    return [CHUNK] * n_large + [size] * -(-n_left // size)


def _agrees(module: nn.Module, device: torch.device, size: int) -> bool:
    """Tell whether chunks of a size give the bits of large chunks: tried once a model, for each number of threads.

    Values do not change the order in which a kernel sums. So noise that shows no difference in any place of a large
    chunk stands for all images. On AVX-512, chunks of one or two rows differ from large chunks, chunks of four do not.
    """
    known = _agreements.setdefault(module, {})
    key = torch.get_num_threads(), size
    if key not in known:
        noise = torch.empty((size, 1, SIDE, SIDE), dtype=torch.float32, device="cpu")
        noise = noise.normal_(generator=torch.Generator("cpu").manual_seed(0)).to(device)
        n_times = CHUNK // size
        known[key] = torch.equal(module(noise).repeat(n_times, 1), module(noise.repeat(n_times, 1, 1, 1)))
    return known[key]
