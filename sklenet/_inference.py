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

# Kernels choose their order of summation by shape, so chunks have this one, padded, or a small one that gives the same
# bits. With chunks of 128, 10,000 rows take a third longer: Python has four times the work.
CHUNK = 512
# Size of a small chunk -> the most rows, left after the large chunks, that go in it. More of them would take as long in
# the next larger chunk (AVX2, two threads).
SMALL_CHUNKS = {4: 8, 32: 256}

# Pixels of the canvas, down and to the right, by which an image is moved for the views that are averaged. On 10,000 of
# MNIST's training images held out from the best recipe, two seeds, one view had log losses of 0.0139 and 0.0148, five
# (no diagonals) 0.0126 and 0.0122, nine 0.0118 and 0.0116; two rotations and two scales besides gave 0.0116 and 0.0117.
_SHIFTS = list(itertools.product((-1, 0, 1), repeat=2))

# Module -> number of threads and size of a small chunk -> whether it gives the same bits.
_agreed: WeakKeyDictionary[nn.Module, dict[tuple[int, int], bool]] = WeakKeyDictionary()


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
        sizes = _divide(len(rows), partial(_agrees, module, device))
        if len(sizes) > 1:
            keep_freed_memory()
        for start, size in zip(itertools.accumulate(sizes, initial=0), sizes, strict=False):
            piece = rows[start : start + size]
            chunk = np.zeros((size, rows.shape[1]), dtype=rows.dtype)
            chunk[: len(piece)] = piece
            output = finish(classify(canvas.draw(torch.from_numpy(chunk).to(device))))
            outputs.append(output[: len(piece)].cpu().numpy())
    return np.concatenate(outputs)


def _divide(n_rows: int, agrees: Callable[[int], bool]) -> list[int]:
    """Return the sizes of the chunks for rows: large ones, and what suits the rest."""
    n_large, n_left = divmod(n_rows, CHUNK)
    suitable = (size for size, most in SMALL_CHUNKS.items() if n_left <= most and agrees(size))
    size = next(suitable, CHUNK) if n_left else CHUNK
    return [CHUNK] * n_large + [size] * -(-n_left // size)


def _mean_over_shifts(module: nn.Module, images: Tensor) -> Tensor:
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    views = (padded[:, :, 1 - down : 1 - down + SIDE, 1 - right : 1 - right + SIDE] for down, right in _SHIFTS)
    # One after the other: torch's own mean may choose its order of summation by shape.
    return reduce(torch.add, map(module, views)) / len(_SHIFTS)


def _agrees(module: nn.Module, device: torch.device, size: int) -> bool:
    """Tell whether chunks of a size give the bits of large ones: tried once a model, for each number of threads.

    Values do not change the order in which a kernel sums, so noise that shows no difference in any place of a large
    chunk stands for all images. On AVX-512, chunks of one or two rows differ from large ones, chunks of four do not.
    """
    tried = _agreed.setdefault(module, {})
    key = torch.get_num_threads(), size
    if key not in tried:
        noise = torch.empty((size, 1, SIDE, SIDE), dtype=torch.float32, device="cpu")
        noise = noise.normal_(generator=torch.Generator("cpu").manual_seed(0)).to(device)
        n_times = CHUNK // size
        tried[key] = torch.equal(module(noise).repeat(n_times, 1), module(noise.repeat(n_times, 1, 1, 1)))
    return tried[key]
