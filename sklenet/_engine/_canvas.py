"""The network's 32×32 input: images of any size, standardised and centred, batch by batch."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
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
        return F.interpolate(images, resized_shape(self.shape), mode="bilinear", antialias=True)

    def _centre(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        margins = (left, SIDE - width - left, top, SIDE - height - top)
        return F.pad(images, margins, value=(self.pixels.background - self.pixels.mean) / self.pixels.scale)
