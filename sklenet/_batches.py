"""Training data, and the batches that are drawn from them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklenet._augment import Distortion, distort
from sklenet._canvas import SIDE, Canvas

Batch = tuple[dict[str, Tensor], Tensor]

# What pixels may take of the memory that is free on an accelerator; the rest is for the training.
_SHARE_FOR_PIXELS = 0.5
_BYTES_COPIED_AT_ONCE = 2**26
# As many batches are drawn at once as have no more pixels than this, at least one. That halves the time that drawing
# takes, 0.4 ms of a step of 10; more are no faster.
_PIXELS_DRAWN_AT_ONCE = 2**20


@dataclass
class Images(torch.utils.data.Dataset[Batch]):
    """Training data as they came, and the canvas to draw them on.

    A subset holds the same arrays and other `indices`: nothing is copied.
    """

    rows: NDArray[Any]  # (n, pixels)
    targets: NDArray[np.intp]  # (n,), indices of classes
    weights: NDArray[np.float32]  # (n,), 1 on average
    classes: NDArray[Any]  # (n_classes,)
    canvas: Canvas
    indices: NDArray[np.intp]  # (len(self),), of rows
    resident: Tensor | None = None  # (n, pixels), the rows on an accelerator

    def __len__(self) -> int:
        return len(self.indices)

    def subset(self, positions: NDArray[np.intp]) -> "Images":
        """Return the images at positions."""
        return replace(self, indices=self.indices[positions])

    def on(self, device: torch.device) -> "Images":
        """Return the same with their pixels in the memory of an accelerator, if `device` is one and they fit.

        A batch then travels as a list of indices. On the CPU, and where memory is short, batches are gathered here.
        """
        if self.rows.nbytes > _SHARE_FOR_PIXELS * _free_memory(device):
            return self
        return replace(self, resident=_copy(self.rows, device))

    def batch(self, positions: NDArray[np.intp], device: torch.device) -> Batch:
        """Draw the images at positions, (b, 1, 32, 32), with weights (b,) and targets (b,)."""
        indices = self.indices[positions]
        images = self.canvas.draw(self._gather(indices, device))
        weights = torch.from_numpy(self.weights[indices]).to(device)
        return {"images": images, "weights": weights}, torch.from_numpy(self.targets[indices]).to(device)

    def _gather(self, indices: NDArray[np.intp], device: torch.device) -> Tensor:
        if self.resident is not None:
            return self.resident[torch.from_numpy(indices).to(device)]
        # np.take copies whatever is strided, read-only or memory-mapped into rows of its own.
        return torch.from_numpy(np.take(self.rows, indices, axis=0)).to(device)


def _copy(rows: NDArray[Any], device: torch.device) -> Tensor:
    """Copy rows (n, pixels) to a device a part at a time: they may be a memory map."""
    n_at_once = max(1, _BYTES_COPIED_AT_ONCE // max(1, rows[:1].nbytes))
    copy = torch.empty(rows.shape, dtype=torch.from_numpy(np.empty(0, rows.dtype)).dtype, device=device)
    for part in (slice(start, start + n_at_once) for start in range(0, len(rows), n_at_once)):
        copy[part] = torch.from_numpy(np.array(rows[part]))
    return copy


def _free_memory(device: torch.device) -> int:
    """Bytes that are free on an accelerator; none on the CPU, where pixels are already."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return 0


@dataclass
class Batches:
    """Iterates over images in batches of nearly equal size: a last batch of one would weigh as much as a full one."""

    images: Images
    batch_size: int
    device: torch.device
    order: torch.Generator | None = None
    noise: torch.Generator | None = None
    augment: Distortion | None = None

    def __len__(self) -> int:
        return count_batches(len(self.images), self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        batches = np.array_split(self._positions(), len(self))
        n_pixels = max(self.images.rows.shape[1], SIDE**2)
        n_at_once = max(1, _PIXELS_DRAWN_AT_ONCE // (n_pixels * self.batch_size))
        for several in (batches[start : start + n_at_once] for start in range(0, len(batches), n_at_once)):
            yield from self._draw(several)

    def _draw(self, several: list[NDArray[np.intp]]) -> Iterator[Batch]:
        X, y = self.images.batch(np.concatenate(several), self.device)
        sizes = [len(positions) for positions in several]
        parts = (part.split(sizes) for part in (X["images"], X["weights"], y))
        for images, weights, targets in zip(*parts, strict=True):
            yield {"images": self._distort(images), "weights": weights}, targets

    def _distort(self, images: Tensor) -> Tensor:
        # A batch at a time, between the steps: dropout draws from the same noise.
        if self.augment is None or self.noise is None:
            return images
        return distort(images, self.augment, self.noise)

    def _positions(self) -> NDArray[np.intp]:
        if self.order is None:
            return np.arange(len(self.images))
        return torch.randperm(len(self.images), generator=self.order, device="cpu").numpy()


def count_batches(n_samples: int, batch_size: int) -> int:
    """Count the batches of an epoch."""
    return -(-n_samples // batch_size)
