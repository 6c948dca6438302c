"""The skorch net that trains a network."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import accuracy_score
from skorch import NeuralNetClassifier
from skorch.callbacks import EarlyStopping
from torch import Generator, Tensor

from sklenet._engine._batches import Batches, Images
from sklenet._engine._callbacks import OWN_PREFIX, AveragedEarlyStopping
from sklenet._engine._canvas import Canvas
from sklenet._engine._data import TrainingData
from sklenet._engine._network import LeNet5
from sklenet._engine._optimizer import AdamW
from sklenet._engine._settings import Settings


class Net(NeuralNetClassifier):
    """A skorch net with sample weights in the loss, explicit generators, and preprocessing of its own.

    `predict` and `predict_proba` take rows of pixels or images as they were given to `fit`, and know classes by their
    indices.

    Parameters
    ----------
    module : type of torch.nn.Module
    settings : Settings
    canvas : Canvas
    **kwargs : dict
        Passed to skorch.NeuralNetClassifier.

    Attributes
    ----------
    generator_ : torch.Generator
        Source of the initial weights and the order of the data, on the CPU.
    device_generator_ : torch.Generator
        Source of dropout and distortions, on the device.
    """

    def __init__(self, module: type[LeNet5] = LeNet5, *, settings: Settings, canvas: Canvas, **kwargs: Any) -> None:
        super().__init__(module, **kwargs)
        self.settings = settings
        self.canvas = canvas

    def initialize_module(self) -> Self:
        """Make the module, with weights drawn from the seed."""
        self.generator_ = Generator("cpu").manual_seed(self.settings.seed)
        self.device_generator_ = Generator(self.device)
        module = self.module(
            generator=self.generator_, dropout_generator=self.device_generator_, **self.get_params_for("module")
        )
        # Drawn after the weights.
        device_seed = torch.randint(2**62, (), generator=self.generator_, device="cpu")
        self.device_generator_.manual_seed(int(device_seed))
        # Steps are faster in this layout than in torch's default layout.
        self.module_ = module.to(memory_format=torch.channels_last)
        return self

    def get_dataset(self, X: Images | ArrayLike, y: ArrayLike | None = None) -> Images:
        """Return images as they are, and arrays of rows (n, pixels) or images (n, h, w) as images of weight 1."""
        if isinstance(X, Images):
            return X
        pixels = np.asarray(X)
        if pixels.shape[1:] not in ((self.canvas.n_pixels,), self.canvas.shape):
            raise ValueError(
                f"X has shape {pixels.shape}, but the net expects rows of {self.canvas.n_pixels} pixels or images of "
                f"shape {self.canvas.shape}."
            )
        rows = pixels.reshape(len(pixels), -1)
        n_samples = len(rows)
        data = TrainingData(
            rows=rows if rows.dtype == np.uint8 else rows.astype(np.float32),
            shape=self.canvas.shape,
            targets=np.zeros(n_samples, dtype=np.intp) if y is None else np.asarray(y, dtype=np.intp),
            weights=np.ones(n_samples, dtype=np.float32),
            classes=np.asarray(self.classes),
            training=np.arange(n_samples),
            seed=self.settings.seed,
        )
        return Images(data, self.canvas, data.training)

    def get_split_datasets(self, X: Images | ArrayLike, y: Any = None, **_: Any) -> tuple[Images, Images | None]:
        """Return the images for training and those for validation."""
        images = self.get_dataset(X, y)
        return images, images.validation

    def get_iterator(self, dataset: Images, training: bool = False) -> Batches:
        """Iterate over images, shuffled and distorted in training."""
        device = torch.device(self.device)
        if not training:
            return Batches(dataset, self.batch_size, device)
        return Batches(
            dataset, self.batch_size, device, self.generator_, self.settings.distortion, self.device_generator_
        )

    def infer(self, x: Mapping[str, Tensor], **_: Any) -> Tensor:
        """Compute logits."""
        return self.module_(x["images"])

    def get_loss(self, y_pred: Tensor, y_true: Tensor, X: Mapping[str, Tensor], **_: Any) -> Tensor:
        """Return the mean over a batch of the losses times the weights, whose mean over the data set is 1."""
        return (self.criterion_(y_pred, y_true) * X["weights"]).mean()

    def on_epoch_end(self, net: Self, **_: Any) -> None:
        """Refuse to go on with a training that has diverged.

        Raises
        ------
        ValueError
            If a loss or a weight is not finite.
        """
        losses = self.history[-1, "batches", :, "train_loss"]
        weights = [float(parameter.detach().abs().max()) for parameter in self.module_.parameters()]
        if not np.all(np.isfinite([*losses, *weights])):
            raise ValueError(
                f"training diverged at epoch {len(self.history)} (loss is {losses[-1]}); lower lr, now {self.lr:g}."
            )

    def train_epoch(self, images: Images) -> bool:
        """Train for one epoch, validate, and return whether a callback has ended the training.

        Records of single batches are dropped: an epoch has hundreds, and stored models would hold them.
        """
        callbacks = [callback for _, callback in self.callbacks_]
        try:
            self.fit_loop(images, epochs=1)
            is_over = any(isinstance(each, AveragedEarlyStopping) and each.should_stop_ for each in callbacks)
        except KeyboardInterrupt:
            # skorch's EarlyStopping raises what Ctrl-C raises, at the end of an epoch.
            stopped = any(isinstance(each, EarlyStopping) and each.misses_ == each.patience for each in callbacks)
            if not stopped or "train_loss" not in self.history[-1]:
                raise
            is_over = True
        self.history[-1]["batches"] = []
        return is_over

    def end_training(self, images: Images) -> None:
        """Call the callbacks a last time, and drop those that served this training alone."""
        self.notify("on_train_end", X=images, y=None)
        self.callbacks_ = [each for each in self.callbacks_ if not each[0].startswith(OWN_PREFIX)]  # type: ignore[has-type]


def _weighted_accuracy(net: Net, images: Images, targets: NDArray[np.intp]) -> float:
    return float(accuracy_score(targets, net.predict(images), sample_weight=images.weights.astype(np.float64)))


def make_net(settings: Settings, canvas: Canvas, n_classes: int, callbacks: Sequence[Any], device: str) -> Net:
    """Make an untrained net. The callbacks are used as they are."""
    net = Net(
        settings=settings,
        canvas=canvas,
        module__n_classes=n_classes,
        module__architecture=settings.architecture,
        module__width=settings.width,
        module__dropout=settings.dropout,
        classes=np.arange(n_classes),
        criterion=torch.nn.CrossEntropyLoss,
        criterion__reduction="none",
        criterion__label_smoothing=settings.label_smoothing,
        optimizer=AdamW,
        optimizer__fused=True,
        optimizer__betas=(0.9, 0.99),
        optimizer__weight_decay=settings.weight_decay,
        lr=settings.lr,
        batch_size=settings.batch_size,
        train_split=None,
        callbacks=list(callbacks),
        callbacks__print_log=None,
        callbacks__valid_acc__scoring=_weighted_accuracy,
        verbose=0,
        device=device,
    )
    with default_modes(device):
        return net.initialize()


@contextmanager
def default_modes(device: str | torch.device) -> Iterator[None]:
    """Enable gradients and disable autocast, also inside a caller's torch.no_grad, inference_mode or autocast."""
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(torch.device(device).type, enabled=False):
        yield
