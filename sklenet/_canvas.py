"""The paper's 32×32 input plane: images of any size, standardised and centred on it, batch by batch."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sklenet._images import Shape
from sklenet._pixels import PixelStatistics

SIDE = 32
_DRAWN = 28  # the longer side of an image that has to be resized, as in MNIST
_SMALLEST_KEPT = 20  # as the digits inside MNIST's frame: smaller ones leave C5 little but background


def drawn_shape(shape: Shape) -> Shape:
    """Height and width at which an image is drawn on the canvas, its aspect ratio kept.

    Examples
    --------
    >>> drawn_shape((28, 28)), drawn_shape((8, 8)), drawn_shape((105, 50))
    ((28, 28), (28, 28), (28, 13))
    """
    longer = max(shape)
    if _SMALLEST_KEPT <= longer <= SIDE:
        return shape
    height, width = (max(1, round(side * _DRAWN / longer)) for side in shape)
    return height, width


@dataclass(frozen=True)
class Canvas:
    """Draws rows of pixels on the canvas.

    Attributes
    ----------
    shape : tuple (h, w)
        Of one image; h·w is at least the number of pixels in a row, the rest is background.
    pixels : PixelStatistics
        Learned on the training images.
    """

    shape: Shape
    pixels: PixelStatistics

    def draw(self, rows: Tensor) -> Tensor:
        """Turn rows (b, pixels), which may be overwritten, into images (b, 1, 32, 32) of float32."""
        # Arithmetic starts in float32 whatever came, so that equal pixels give equal images.
        images = rows.to(torch.float32)
        height, width = self.shape
        if missing := height * width - images.shape[1]:
            images = F.pad(images, (0, missing), value=self.pixels.background)
        images = images.sub_(self.pixels.mean).mul_(1 / self.pixels.scale).view(-1, 1, height, width)
        return self._centre(self._resize(images))

    def _resize(self, images: Tensor) -> Tensor:
        drawn = drawn_shape(self.shape)
        if drawn == self.shape:
            return images
        return F.interpolate(images, drawn, mode="bilinear", antialias=True)

    def _centre(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        margins = (left, SIDE - width - left, top, SIDE - height - top)
        return F.pad(images, margins, value=(self.pixels.background - self.pixels.mean) / self.pixels.scale)
