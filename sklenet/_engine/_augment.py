"""Random distortions of a batch of images, from an explicit generator. Pure torch."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

Distortion = Callable[[Tensor, Generator], Tensor]


def affine(images: Tensor, generator: Generator, **ranges: float) -> Tensor:
    """Rotate, shear, scale and shift each image at random.

    Angles are uniform within ±10 degrees, shear within ±0.1, the scale of each axis within 0.9 to 1.1, shifts within
    ±2 pixels of the 32. Pixels from outside the image have the value of the nearest border pixel.

    Parameters
    ----------
    images : Tensor of shape (b, 1, 32, 32)
    generator : torch.Generator
    **ranges : float
        Other ranges: `angle` in degrees, `shear`, `scale` as the largest difference from 1, and `shift` in pixels.

    Returns
    -------
    distorted : Tensor of shape (b, 1, 32, 32)
    """
    return _sample(images, _grid(_random_affine(images, generator, **ranges), images))


def elastic(images: Tensor, generator: Generator) -> Tensor:
    """Distort each image elastically [1]_, after a random affine distortion.

    Every pixel is displaced by a random field, uniform within ±34 pixels and smoothed by a Gaussian of standard
    deviation 4 pixels: about 1.4 pixels in the end.

    Parameters
    ----------
    images : Tensor of shape (b, 1, 32, 32)
    generator : torch.Generator

    Returns
    -------
    distorted : Tensor of shape (b, 1, 32, 32)

    References
    ----------
    .. [1] P. Y. Simard, D. Steinkraus and J. C. Platt, "Best practices for convolutional neural networks applied to
       visual document analysis", ICDAR 2003, section 2.
    """
    matrix = _random_affine(images, generator)
    n_images, _, height, width = images.shape
    field = 34 * _smooth(_uniform((2 * n_images, 1, height, width), images, generator), sigma=4.0)
    pixels = images.new_tensor([2 / width, 2 / height])
    displacement = field.view(n_images, 2, height * width).mT * pixels
    # matrix @ (position + displacement) is sampled at once, because sampling twice would blur twice.
    displaced = (displacement @ matrix[:, :, :2].mT).view(n_images, height, width, 2)
    return _sample(images, _grid(matrix, images) + displaced)


DISTORTIONS: dict[str, Distortion] = {"affine": affine, "elastic": elastic}


def distort(images: Tensor, augment: Distortion, generator: Generator) -> Tensor:
    """Apply `augment` to a batch, and validate the result unless `augment` is of this module.

    Raises
    ------
    ValueError
        If `augment` returns another shape or dtype, or a pixel that is not finite.
    """
    distorted = augment(images, generator)
    if augment in DISTORTIONS.values():
        return distorted
    if not isinstance(distorted, Tensor) or distorted.shape != images.shape or distorted.dtype != images.dtype:
        is_tensor = isinstance(distorted, Tensor)
        found = f"{tuple(distorted.shape)} {distorted.dtype}" if is_tensor else type(distorted).__name__
        raise ValueError(
            "augment must return a tensor of the shape and dtype of the batch, "
            f"{tuple(images.shape)} {images.dtype}. Got {found} instead."
        )
    if not torch.isfinite(distorted).all():
        raise ValueError("augment must return finite pixels. Got NaN or infinity instead.")
    return distorted


def _uniform(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    """Draw numbers within ±1."""
    return torch.empty(shape, dtype=like.dtype, device=like.device).uniform_(-1, 1, generator=generator)


def _random_affine(
    images: Tensor,
    generator: Generator,
    *,
    angle: float = 10.0,
    shear: float = 0.1,
    scale: float = 0.1,
    shift: float = 2.0,
) -> Tensor:
    """Draw matrices (b, 2, 3) that map positions in the output to positions in the images, the canvas 2 wide."""
    n_images = len(images)
    draws = _uniform((6, n_images), images, generator)
    angles, shears = torch.deg2rad(angle * draws[0]), shear * draws[1]
    scale_x, scale_y = 1 + scale * draws[2], 1 + scale * draws[3]
    shift_x, shift_y = shift / 16 * draws[4], shift / 16 * draws[5]  # the canvas is 32 pixels and 2 units wide
    cos, sin = torch.cos(angles), torch.sin(angles)
    rows = [scale_x * cos, shears - scale_y * sin, shift_x, scale_x * sin, scale_y * cos, shift_y]
    return torch.stack(rows, dim=1).view(n_images, 2, 3)


def _grid(matrix: Tensor, images: Tensor) -> Tensor:
    """Map positions in the output to positions in the images, (b, h, w, 2) within ±1."""
    return F.affine_grid(matrix, list(images.shape), align_corners=False)


def _sample(images: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _smooth(fields: Tensor, sigma: float) -> Tensor:
    """Convolve (b, 1, h, w) with a Gaussian; the field is zero outside."""
    # Matrix products along either axis are faster than convolutions with kernels of this length.
    return _gaussian(fields.shape[2], sigma, fields) @ fields @ _gaussian(fields.shape[3], sigma, fields)


def _gaussian(size: int, sigma: float, like: Tensor) -> Tensor:
    positions = torch.arange(size, dtype=like.dtype, device=like.device)
    distances = positions[:, None] - positions[None, :]
    return torch.exp(-0.5 * (distances / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
