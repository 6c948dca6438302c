"""The network's 32×32 input: images of any size, standardised and centred, batch by batch."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sklenet._checks import Shape
from sklenet._engine._pixels import PixelStatistics

SIDE = 32
_RESIZED = 28  # the longer side of a resized image, as in MNIST
_SMALLEST_KEPT = 20  # as the digits inside MNIST's frame: smaller images leave C5 little but background


def resized_shape(shape: Shape) -> Shape:
    """Return the height and the width of an image on the canvas. The aspect ratio is kept.

    Examples
    --------
    >>> resized_shape((28, 28)), resized_shape((8, 8)), resized_shape((105, 50))
    ((28, 28), (28, 28), (28, 13))
    """
    longer = max(shape)
    if _SMALLEST_KEPT <= longer <= SIDE:
        return shape
    height, width = (max(1, round(side * _RESIZED / longer)) for side in shape)
    return height, width


@dataclass(frozen=True)
class Canvas:
    """Turns rows of pixels into standardised images on the canvas.

    Attributes
    ----------
    shape : tuple (h, w)
        Shape of one image; h·w is at least the number of pixels in a row, the rest is background.
    n_pixels : int
        Number of pixels in a row.
    pixels : PixelStatistics
        Statistics of the training images.
    """

    shape: Shape
    n_pixels: int
    pixels: PixelStatistics

    @property
    def resizes(self) -> bool:
        """Whether images are resized to fit on the canvas."""
        return resized_shape(self.shape) != self.shape

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Columns of padding to the left and to the right of a resized image, and rows above and below it."""
        height, width = resized_shape(self.shape)
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        return left, SIDE - width - left, top, SIDE - height - top

    @property
    def padding(self) -> float:
        """The background, standardised."""
        return (self.pixels.background - self.pixels.mean) / self.pixels.scale

    def resizing_matrices(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the matrices (height, h) and (w, width) between which an image (h, w) becomes the resized image.

        Resizing is linear, and treats the two directions separately. So the matrices are resized unit matrices.
        """
        height, width = resized_shape(self.shape)
        rows = _interpolate(_unit_matrix(self.shape[0]), (height, self.shape[0]))
        columns = _interpolate(_unit_matrix(self.shape[1]), (self.shape[1], width))
        return rows[0, 0].numpy(), columns[0, 0].numpy()

    def to_images(self, rows: Tensor) -> Tensor:
        """Turn rows (b, pixels), which may be overwritten, into images (b, 1, 32, 32) of float32."""
        # The arithmetic starts in float32 for every dtype, so that equal pixels give equal images.
        images = rows.to(torch.float32)
        height, width = self.shape
        if n_missing := height * width - images.shape[1]:
            images = F.pad(images, (0, n_missing), value=self.pixels.background)
        images = images.sub_(self.pixels.mean).mul_(1 / self.pixels.scale).view(-1, 1, height, width)
        return self._centre(self._resize(images))

    def _resize(self, images: Tensor) -> Tensor:
        if not self.resizes:
            return images
        return _interpolate(images, resized_shape(self.shape))

    def _centre(self, images: Tensor) -> Tensor:
        return F.pad(images, self.margins, value=self.padding)


def _interpolate(images: Tensor, shape: Shape) -> Tensor:
    return F.interpolate(images, shape, mode="bilinear", antialias=True)


def _unit_matrix(side: int) -> Tensor:
    return torch.eye(side, dtype=torch.float32, device="cpu").view(1, 1, side, side)
