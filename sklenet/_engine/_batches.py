"""Images as a data set, and the batches that are drawn from it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from sklenet._engine._augment import Distortion, distort
from sklenet._engine._canvas import SIDE, Canvas
from sklenet._engine._data import TrainingData, count_batches

Batch = tuple[dict[str, Tensor], Tensor]

# Share of an accelerator's free memory that pixels may take; the rest is for the training.
_SHARE_FOR_PIXELS = 0.5
_BYTES_COPIED_AT_ONCE = 2**26
# Resized images are drawn on the canvas once if they take no more than these 64 MiB, 16,384 images. Others are drawn in
# every epoch.
_MOST_BYTES_DRAWN = 2**26
# Several batches are preprocessed at once, up to this number of pixels, because the operators are then fewer.
_PIXELS_PREPROCESSED_AT_ONCE = 2**20


@dataclass(frozen=True, eq=False)
class Images(torch.utils.data.Dataset[Batch]):
    """A selection of the training data, and the canvas that turns rows into images.

    Attributes
    ----------
    data : TrainingData
    canvas : Canvas
    indices : ndarray of shape (len(self),), intp
        Selected samples. Other selections share the data: nothing is copied.
    device_rows : Tensor of shape (n, pixels) or None
        The rows in the memory of an accelerator.
    drawn : Tensor of shape (n, 1, 32, 32) or None
        The images of all rows on the canvas, on the device of the training.
    """

    data: TrainingData
    canvas: Canvas
    indices: NDArray[np.intp]
    device_rows: Tensor | None = None
    drawn: Tensor | None = None

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def validation(self) -> "Images | None":
        """The samples that are held out for early stopping."""
        return None if self.data.validation is None else replace(self, indices=self.data.validation)

    @property
    def weights(self) -> NDArray[np.float32]:
        """Weights of the selected samples, (len(self),)."""
        return self.data.weights[self.indices]

    def prepare(self, device: torch.device) -> "Images":
        """Return the same images, with whatever is worth keeping from epoch to epoch in the memory of a device."""
        n_bytes = len(self.data.rows) * SIDE**2 * torch.float32.itemsize
        return self.draw(device) if self.canvas.resizes and n_bytes <= _MOST_BYTES_DRAWN else self.to_device(device)

    def draw(self, device: torch.device) -> "Images":
        """Return the same images, all of them drawn on the canvas in the memory of a device."""
        rows = self.data.rows
        drawn = torch.empty((len(rows), 1, SIDE, SIDE), dtype=torch.float32, device=device)
        for part in _parts(len(rows), _PIXELS_PREPROCESSED_AT_ONCE // rows.shape[1]):
            drawn[part] = self.canvas.to_images(torch.from_numpy(np.array(rows[part])).to(device))
        return replace(self, drawn=drawn)

    def to_device(self, device: torch.device) -> "Images":
        """Return the same images with their rows in the memory of an accelerator, if the rows fit into it.

        A batch is then selected on the device. On the CPU, and where memory is short, batches are gathered on the host.
        """
        if self.data.rows.nbytes > _SHARE_FOR_PIXELS * _free_memory(device):
            return self
        return replace(self, device_rows=_copy_to_device(self.data.rows, device))

    def batch(self, positions: NDArray[np.intp], device: torch.device) -> Batch:
        """Return images (b, 1, 32, 32), weights (b,) and targets (b,) of the samples at positions of the selection."""
        indices = self.indices[positions]
        images = self._draw_batch(indices, device)
        weights = torch.from_numpy(self.data.weights[indices]).to(device)
        targets = torch.from_numpy(self.data.targets[indices]).to(device)
        return {"images": images, "weights": weights}, targets

    def _draw_batch(self, indices: NDArray[np.intp], device: torch.device) -> Tensor:
        if self.drawn is not None:
            return self.drawn[torch.from_numpy(indices).to(device)]
        return self.canvas.to_images(self._gather(indices, device))

    def _gather(self, indices: NDArray[np.intp], device: torch.device) -> Tensor:
        if self.device_rows is not None:
            return self.device_rows[torch.from_numpy(indices).to(device)]
        # np.take copies strided, read-only and memory-mapped rows into a contiguous array.
        return torch.from_numpy(np.take(self.data.rows, indices, axis=0)).to(device)


def _copy_to_device(rows: NDArray[Any], device: torch.device) -> Tensor:
    """Copy rows (n, pixels) to a device in parts, because they may be a memory map."""
    copy = torch.empty(rows.shape, dtype=torch.from_numpy(np.empty(0, rows.dtype)).dtype, device=device)
    for part in _parts(len(rows), _BYTES_COPIED_AT_ONCE // max(1, rows[:1].nbytes)):
        copy[part] = torch.from_numpy(np.array(rows[part]))
    return copy


def _parts(n_rows: int, n_at_once: int) -> list[slice]:
    """Return slices of at least one row."""
    size = max(1, n_at_once)
    return [slice(start, start + size) for start in range(0, n_rows, size)]


def _free_memory(device: torch.device) -> int:
    """Return the free bytes of an accelerator; 0 for the CPU, whose memory holds the pixels already."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return 0


@dataclass(frozen=True, eq=False)
class Batches:
    """Iterates over images in batches whose sizes differ by one at most.

    A last batch of one image would weigh as much as a full batch.

    Attributes
    ----------
    images : Images
    batch_size : int
    device : torch.device
    order_generator : torch.Generator or None
        Shuffles the images; None keeps their order.
    distortion : callable or None
        Distorts batches of images.
    distortion_generator : torch.Generator or None
        Source of the distortions, on the device.
    """

    images: Images
    batch_size: int
    device: torch.device
    order_generator: Generator | None = None
    distortion: Distortion | None = None
    distortion_generator: Generator | None = None

    def __len__(self) -> int:
        return count_batches(len(self.images), self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        batches = np.array_split(self._positions(), len(self))
        n_pixels = max(self.images.data.rows.shape[1], SIDE**2)
        n_at_once = max(1, _PIXELS_PREPROCESSED_AT_ONCE // (n_pixels * self.batch_size))
        for several in (batches[start : start + n_at_once] for start in range(0, len(batches), n_at_once)):
            yield from self._preprocess(several)

    def _preprocess(self, several: list[NDArray[np.intp]]) -> Iterator[Batch]:
        X, y = self.images.batch(np.concatenate(several), self.device)
        sizes = [len(positions) for positions in several]
        parts = (part.split(sizes) for part in (X["images"], X["weights"], y))
        for images, weights, targets in zip(*parts, strict=True):
            yield {"images": self._distort(images), "weights": weights}, targets

    def _distort(self, images: Tensor) -> Tensor:
        # Batch by batch, between the steps, because dropout draws from the same generator.
        if self.distortion is None or self.distortion_generator is None:
            return images
        return distort(images, self.distortion, self.distortion_generator)

    def _positions(self) -> NDArray[np.intp]:
        if self.order_generator is None:
            return np.arange(len(self.images))
        return torch.randperm(len(self.images), generator=self.order_generator, device="cpu").numpy()
