"""Two training loops that users may write instead of using this library: the official example's and an expert's.

Both train the default network of LeNetClassifier, made of torch's layers, on rows of uint8 pixels, without distortions.
In a step, the expert's loop and plain skorch compute what LeNetClassifier computes with `STEP_PARAMS`.
"""

from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

# The mean and the standard deviation of MNIST's training pixels, as in the official example.
MEAN, DEVIATION = 0.1307, 0.3081
# Parameters of LeNetClassifier that a step depends on. Numbers are those of a default fit on 10,000 images.
STEP_PARAMS: dict[str, Any] = {
    "lr": 0.012, "weight_decay": 0.2, "label_smoothing": 0.02, "dropout": 0.0, "augment": None,
}  # fmt: skip
BETAS = (0.9, 0.99)
_LR, _WEIGHT_DECAY, _SMOOTHING = (STEP_PARAMS[name] for name in ("lr", "weight_decay", "label_smoothing"))


def make_network() -> nn.Sequential:
    """Return LeNet-5 made of torch's layers, from images (b, 1, 32, 32) to logits (b, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(),
        nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, 10),
    )  # fmt: skip


def standardise(pixels: Tensor) -> Tensor:
    """Convert uint8 pixels (b, 784) to float32 images (b, 1, 32, 32)."""
    images = F.pad(pixels.view(-1, 1, 28, 28), (2, 2, 2, 2)).float()
    return images.div_(255).sub_(MEAN).div_(DEVIATION)


class ExpertLoop:
    """The training loop of a PyTorch expert: tensors in memory, batches by index, channels last, fused AdamW.

    The loop omits scikit-learn's requirements on estimators: it validates no input, accepts only the labels 0 to 9 and
    has neither sample weights nor explicit generators. `predict` runs the bare module in batches of 1,000.
    """

    def __init__(self, max_epochs: int, batch_size: int, device: str = "cpu") -> None:
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.device = device
        # torch's annotations lack the memory format.
        self.network = make_network().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def fit(self, X: NDArray[np.uint8], y: NDArray[np.int64]) -> Self:
        """Train."""
        pixels, targets = (torch.from_numpy(array).to(self.device) for array in (X, y))
        network = self.network.train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=_LR, betas=BETAS, weight_decay=_WEIGHT_DECAY, fused=True)
        n_steps = self.max_epochs * -(-len(y) // self.batch_size)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LR, total_steps=n_steps, cycle_momentum=False)
        for _ in range(self.max_epochs):
            for batch in torch.randperm(len(y), device=self.device).split(self.batch_size):
                logits = network(standardise(pixels[batch]))
                loss = F.cross_entropy(logits, targets[batch], label_smoothing=_SMOOTHING)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        network.eval()
        return self

    @torch.inference_mode()
    def predict(self, X: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Predict classes."""
        batches = torch.from_numpy(X).to(self.device).split(1000)
        return torch.cat([self.network(standardise(batch)).argmax(1) for batch in batches]).cpu().numpy()


class _Digits(Dataset[tuple[Tensor, int]]):
    """A data set that pads and transforms each image separately, as the example does."""

    def __init__(self, X: NDArray[np.uint8], y: NDArray[np.int64]) -> None:
        self.pixels, self.targets = torch.from_numpy(X).view(-1, 28, 28), torch.from_numpy(y)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = F.pad(self.pixels[index], (2, 2, 2, 2))
        return _normalise(_to_tensor(image), (MEAN,), (DEVIATION,)), int(self.targets[index])


def _to_tensor(image: Tensor) -> Tensor:
    """Convert a uint8 image (h, w) to floats (1, h, w) from 0 to 1, as torchvision's ToTensor does."""
    return image.unsqueeze(-1).permute(2, 0, 1).contiguous().to(torch.get_default_dtype()).div(255)


def _normalise(image: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    """Standardise a copy of an image, with new tensors for the statistics, as torchvision's Normalize does."""
    means, deviations = (torch.as_tensor(numbers, dtype=image.dtype) for numbers in (mean, deviation))
    if (deviations == 0).any():
        raise ValueError("deviation must not be 0.")
    return image.clone().sub_(means.view(-1, 1, 1)).div_(deviations.view(-1, 1, 1))


class OfficialExample:
    """The loop of PyTorch's MNIST example [1]_: a DataLoader, a transform for each sample, Adadelta, StepLR.

    The network is LeNet-5 instead of the example's, and the loss is cross entropy on its logits.

    References
    ----------
    .. [1] https://github.com/pytorch/examples/blob/main/mnist/main.py
    """

    def __init__(self, max_epochs: int, batch_size: int) -> None:
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.network = make_network()

    def fit(self, X: NDArray[np.uint8], y: NDArray[np.int64]) -> Self:
        """Train."""
        loader = DataLoader(_Digits(X, y), batch_size=self.batch_size, shuffle=True)
        optimizer = torch.optim.Adadelta(self.network.parameters(), lr=1.0)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
        for _ in range(self.max_epochs):
            self.network.train()
            for images, targets in loader:
                optimizer.zero_grad()
                F.cross_entropy(self.network(images), targets).backward()
                optimizer.step()
            schedule.step()
        return self

    @torch.no_grad()
    def predict(self, X: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Predict classes in batches of 1,000, as the example does."""
        self.network.eval()
        loader = DataLoader(_Digits(X, np.zeros(len(X), np.int64)), batch_size=1000)
        return torch.cat([self.network(images).argmax(1) for images, _ in loader]).numpy()


def make_plain_skorch(max_epochs: int, batch_size: int) -> Any:
    """Return skorch's classifier with its defaults, except that it trains on all images without a validation split.

    The optimiser and the loss are those of LeNetClassifier.
    """
    from skorch import NeuralNetClassifier

    return NeuralNetClassifier(
        _FromPixels, max_epochs=max_epochs, batch_size=batch_size, optimizer=torch.optim.AdamW, lr=_LR,
        optimizer__betas=BETAS, optimizer__weight_decay=_WEIGHT_DECAY, criterion=nn.CrossEntropyLoss,
        criterion__label_smoothing=_SMOOTHING, iterator_train__shuffle=True, train_split=None, verbose=0,
    )  # fmt: skip


class _FromPixels(nn.Module):
    """The network on rows of pixels, which skorch passes to the module unchanged."""

    def __init__(self) -> None:
        super().__init__()
        self.network = make_network()

    def forward(self, X: Tensor) -> Any:
        return self.network(standardise(X))
