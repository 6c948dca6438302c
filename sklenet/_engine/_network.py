"""LeNet-5 as the paper's table. Pure torch."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

ARCHITECTURES = ("modern", "1998")

# The layers whose outputs are maps, in order. The input is the image on the canvas.
MAP_LAYERS = ("input", "C1", "S2", "C3", "S4")

# Table I in the paper's notation: an X connects a map of C3 (column) to a map of S2 (row).
_TABLE_I = (
    "X...XXX..XXXX.XX",
    "XX...XXX..XXXX.X",
    "XXX...XXX..X.XXX",
    ".XXX..XXXX..X.XX",
    "..XXX..XXXX.XX.X",
    "...XXX..XXXX.XXX",
)

# Layers are allocated without values and filled from an explicit generator, because torch's own initialisation draws
# from the global generator. Dtype and device are explicit, because users may have changed torch's defaults.
_EXPLICIT: dict[str, Any] = {"dtype": torch.float32, "device": "cpu"}


class LeNet5(nn.Module):
    """LeNet-5 [1]_, from images on the 32×32 canvas to logits.

    Layers are named as in the paper: C is a convolution, S a subsampling, F a full connection.

    Parameters
    ----------
    n_classes : int, default=10
        Number of outputs.
    architecture : {"modern", "1998"}, default="modern"
        "modern" has ReLU, max pooling and a C3 connected to all maps of S2. "1998" has the paper's scaled hyperbolic
        tangent, its trainable subsampling and its connection table for C3; its radial basis function output is replaced
        by a linear one, and its initial weights are those of [2]_.
    width : float, default=1.0
        Factor on the number of maps (6 and 16) and hidden units (120 and 84, in multiples of 4), for "modern" only.
    dropout : float, default=0.0
        Probability with which inputs of F6 and of the output are set to zero in training.
    generator : torch.Generator or None, default=None
        Source of the initial weights; None is torch's default generator.
    dropout_generator : torch.Generator or None, default=None
        Source of dropout, on the device of the module; None is torch's default generator.

    Raises
    ------
    ValueError
        If `architecture` is unknown, or "1998" is given another `width` than 1.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
       Proceedings of the IEEE 86(11), 2278-2324, 1998, section II.B, table I and appendix A.
    .. [2] Y. LeCun, L. Bottou, G. B. Orr and K.-R. Müller, "Efficient BackProp", in Neural Networks: Tricks of the
       Trade, Springer, 1998, section 4.6.

    Examples
    --------
    >>> import torch
    >>> from sklenet import LeNet5
    >>> LeNet5()(torch.zeros(7, 1, 32, 32)).shape
    torch.Size([7, 10])
    >>> sum(parameter.numel() for parameter in LeNet5().parameters())
    61706
    """

    def __init__(
        self,
        n_classes: int = 10,
        *,
        architecture: str = "modern",
        width: float = 1.0,
        dropout: float = 0.0,
        generator: Generator | None = None,
        dropout_generator: Generator | None = None,
    ) -> None:
        super().__init__()
        if architecture not in ARCHITECTURES:
            raise ValueError(f"architecture must be one of {ARCHITECTURES}. Got {architecture!r} instead.")
        if architecture == "1998" and width != 1:
            raise ValueError(f"architecture='1998' has a fixed size: width must be 1. Got {width!r} instead.")
        original = architecture == "1998"
        maps1 = max(1, round(width * 6))
        # Multiples of 4: BLAS sums in another order where a row does not begin at a multiple of 16 bytes, and a row's
        # logits would depend on its place in the batch.
        maps3, maps5, units6 = (4 * max(1, round(width * size / 4)) for size in (16, 120, 84))

        self.c1 = Conv2d(1, maps1, kernel_size=5, **_EXPLICIT)
        self.s2 = _subsampling_1998(maps1) if original else _subsampling_modern()
        self.c3 = TableConv2d() if original else Conv2d(maps1, maps3, kernel_size=5, **_EXPLICIT)
        self.s4 = _subsampling_1998(maps3) if original else _subsampling_modern()
        self.c5 = Linear(maps3 * 5 * 5, maps5, **_EXPLICIT)  # on 5×5 maps a 5×5 convolution is a full connection
        self.f6 = Linear(maps5, units6, **_EXPLICIT)
        self.output = Linear(units6, n_classes, **_EXPLICIT)
        self.activation = ScaledTanh() if original else nn.ReLU()
        self.dropout = Dropout(dropout, dropout_generator)
        self._initialise(generator, original)

    def forward(self, images: Tensor) -> Tensor:
        """Compute logits (b, n_classes) from standardised images (b, 1, 32, 32)."""
        return self.output(self.dropout(self.features(images)))

    def features(self, images: Tensor) -> Tensor:
        """Compute the activations of F6, (b, 84), from standardised images (b, 1, 32, 32)."""
        x = self.s2(self.c1(images))  # (b, 6, 28, 28) -> (b, 6, 14, 14)
        x = self.s4(self.c3(x))  # (b, 16, 10, 10) -> (b, 16, 5, 5)
        x = self.activation(self.c5(x.flatten(1)))  # (b, 120)
        return self.activation(self.f6(self.dropout(x)))  # (b, 84)

    def maps(self, images: Tensor, layer: str) -> Tensor:
        """Compute the maps (b, n_maps, h, w) of one of `MAP_LAYERS` from standardised images (b, 1, 32, 32)."""
        for name in MAP_LAYERS[1 : MAP_LAYERS.index(layer) + 1]:
            images = getattr(self, name.lower())(images)
        return images

    @torch.no_grad()
    def _initialise(self, generator: Generator | None, original: bool) -> None:
        """Draw uniform weights of variance 2 / fan-in for ReLU (He et al. 2015), 1 / fan-in for 1998 (reference 2).

        The paper's own weights, within 2.4 / fan-in, let signals fade and give more errors.
        """
        for layer in (self.c1, self.c3, self.c5, self.f6, self.output):
            fan_in = layer.fan_in if isinstance(layer, TableConv2d) else layer.weight[0].numel()
            bound = (3 if original else 6) / fan_in
            layer.weight.uniform_(-1, 1, generator=generator).mul_(bound**0.5)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()


def _subsampling_modern() -> nn.Sequential:
    # Max and ReLU commute; in this order ReLU has a quarter of the work.
    return nn.Sequential(MaxPool2x2(), nn.ReLU())


def _subsampling_1998(n_maps: int) -> nn.Sequential:
    return nn.Sequential(ScaledTanh(), Subsampling(n_maps), ScaledTanh())


class Conv2d(nn.Conv2d):
    """A convolution whose weights are drawn by `LeNet5`.

    torch.nn.utils.skip_init also leaves out torch's initialisation, but imports SymPy, which takes a second.
    """

    def reset_parameters(self) -> None:
        """Leave the weights without values."""


class Linear(nn.Linear):
    """A full connection whose weights are drawn by `LeNet5`."""

    def reset_parameters(self) -> None:
        """Leave the weights without values."""


class MaxPool2x2(nn.Module):
    """Maximum over blocks of 2×2 pixels.

    torch's kernel for the channels-last layout is slow for the 6 maps of S2. In evaluation mode on a CPU, rows and then
    columns are compared instead, with equal values. In training, torch's backward pass makes up for its forward pass.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Halve the maps (b, n_maps, h, w), h and w even, in both directions."""
        if self.training or x.device.type != "cpu":
            return F.max_pool2d(x, 2)
        rows = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
        return torch.maximum(rows[..., ::2], rows[..., 1::2])


class ScaledTanh(nn.Module):
    """The paper's squashing function 1.7159 tanh(2x/3) (appendix A): 1 at 1, and steepest curvature there."""

    def forward(self, x: Tensor) -> Tensor:
        """Squash x of any shape."""
        return 1.7159 * torch.tanh(2 / 3 * x)


class Subsampling(nn.Module):
    """Sum over 2×2 pixels, times a trainable coefficient, plus a trainable bias, one of each a map (section II.B)."""

    def __init__(self, n_maps: int) -> None:
        super().__init__()
        # One half: an average times two, because neighbouring pixels agree and their sum is squashed again.
        self.coefficient = nn.Parameter(torch.full((n_maps, 1, 1), 0.5, **_EXPLICIT))
        self.bias = nn.Parameter(torch.zeros((n_maps, 1, 1), **_EXPLICIT))

    def forward(self, x: Tensor) -> Tensor:
        """Halve the maps (b, n_maps, h, w) in both directions."""
        return F.avg_pool2d(x, 2, divisor_override=1) * self.coefficient + self.bias


class TableConv2d(nn.Module):
    """C3 of 1998: a 5×5 convolution of 6 maps to 16 along the paper's table I, 60 connections of 25 weights each."""

    outputs: Tensor
    inputs: Tensor

    def __init__(self) -> None:
        super().__init__()
        connections = sorted((c3, s2) for s2, row in enumerate(_TABLE_I) for c3, mark in enumerate(row) if mark == "X")
        outputs, inputs = torch.tensor(connections, device="cpu").T
        self.register_buffer("outputs", outputs, persistent=False)  # (60,), maps of C3
        self.register_buffer("inputs", inputs, persistent=False)  # (60,), maps of S2
        self.weight = nn.Parameter(torch.empty((len(connections), 5, 5), **_EXPLICIT))
        self.bias = nn.Parameter(torch.empty(len(_TABLE_I[0]), **_EXPLICIT))

    @property
    def fan_in(self) -> Tensor:
        """Inputs to the unit that each connection ends in, (60, 1, 1): 75, 100 or 150."""
        return 25 * torch.bincount(self.outputs)[self.outputs].to(torch.float32).view(-1, 1, 1)

    @property
    def kernel(self) -> Tensor:
        """The weights as those of a full convolution, (16, 6, 5, 5), with zeros where maps are not connected."""
        return self.weight.new_zeros((16, 6, 5, 5)).index_put((self.outputs, self.inputs), self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (b, 6, 14, 14) to (b, 16, 10, 10)."""
        return F.conv2d(x, self.kernel, self.bias)


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own, where torch's dropout draws from the global generator.

    Parameters
    ----------
    p : float
        Probability of zeroing an element.
    generator : torch.Generator or None, default=None
        On the device of the input; None is torch's default generator.
    """

    def __init__(self, p: float, generator: Generator | None = None) -> None:
        super().__init__()
        self.p = p
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Zero elements of x with probability p and scale the others by 1 / (1 - p), in training only."""
        if not self.training or self.p == 0:
            return x
        # Drawing uniform numbers is faster than drawing Bernoulli's.
        kept = torch.empty_like(x).uniform_(generator=self.generator).ge_(self.p)
        return x * kept.mul_(1 / (1 - self.p))
