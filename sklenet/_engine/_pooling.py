"""Maximum pooling of 2×2 pixels in whole rows, several times faster on a CPU than torch's kernel. Pure torch."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class MaxPool2x2(nn.Module):
    """Maximum over blocks of 2×2 pixels.

    In the channels-last layout torch's kernel goes through the maps of one pixel at a time, which are 6 in S2: fewer
    than a vector register holds. Whole rows of pixels are compared here instead. On accelerators it is torch's kernel.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Halve the maps (b, n_maps, h, w), h and w even, in both directions."""
        if x.device.type != "cpu":
            return F.max_pool2d(x, 2)
        if torch.is_grad_enabled() and x.requires_grad:
            return _MaxOfRowsThenColumns.apply(x)
        return torch.maximum(*_columns(torch.maximum(*_rows(x))))


class _MaxOfRowsThenColumns(Function):
    """The two maxima with their gradient.

    Of equal pixels the upper one has it, then the left one. torch's kernel differs where the upper right and the lower
    left pixel are equal and the largest: it takes the former.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        of_rows = torch.maximum(*_rows(x))
        ctx.save_for_backward(x, of_rows)
        return torch.maximum(*_columns(of_rows))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        x, of_rows = ctx.saved_tensors
        to_rows, to_x = torch.empty_like(of_rows), torch.empty_like(x)
        _divide(gradient, _columns(of_rows), _columns(to_rows))
        _divide(to_rows, _rows(x), _rows(to_x))
        return to_x


def _rows(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[:, :, ::2], x[:, :, 1::2]


def _columns(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., ::2], x[..., 1::2]


def _divide(gradient: Tensor, values: tuple[Tensor, Tensor], gradients: tuple[Tensor, Tensor]) -> None:
    """Write the gradient of a maximum to the larger of its two arguments, 0 to the other."""
    (first, second), (to_first, to_second) = values, gradients
    # Comparisons that write floats: with masks of bools this took half as long again.
    torch.gt(second, first, out=to_second).mul_(gradient)
    torch.sub(gradient, to_second, out=to_first)
