"""Training through skorch: the net, the loop, what "auto" means."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping, EpochScoring
from skorch.helper import predefined_split
from skorch.utils import TeeGenerator
from torch import Tensor

from sklenet._augment import Distortion
from sklenet._batches import Batch, Batches, Images, count_batches
from sklenet._memory import keep_freed_memory
from sklenet._network import LeNet5

# Images that a trained net is tried on.
_N_TO_TELL_APART = 64

# Guessing costs log(n_classes). Single epochs of a sound training stay below a few times that.
_FAR_BEYOND_CHANCE = 100

# What an automatic weight decay is in a stream of unknown length; measured by benchmarks/stream_decay.py.
STREAM_WEIGHT_DECAY = 0.3


class Net(NeuralNetClassifier):
    """The skorch net: sample weights in the loss, explicit generators, and a stop that lets callbacks finish.

    Parameters
    ----------
    seed : int
        Seed of everything random: weights and order from `generator_`, dropout and distortions from `noise_`.
    **kwargs
        As of skorch.NeuralNetClassifier.

    Attributes
    ----------
    augment : callable or None
        Distortion of training batches.
    stop_ : bool
        Set by a callback to end the training after the present epoch.
    """

    def __init__(self, module: type[LeNet5] = LeNet5, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(module, **kwargs)
        self.seed = seed
        self.augment: Distortion | None = None

    def initialize_module(self) -> "Net":
        """Make the module, its weights drawn from the seed."""
        self.generator_ = torch.Generator("cpu").manual_seed(self.seed)
        module = self.module(generator=self.generator_, **self.get_params_for("module"))
        # Half the time of a step in torch's default layout, measured on two cores with AVX2.
        self.module_ = module.to(memory_format=torch.channels_last)
        self.noise_ = torch.Generator(self.device)
        self.noise_.manual_seed(int(torch.randint(2**62, (), generator=self.generator_, device="cpu")))
        self.module_.dropout.generator = self.noise_
        return self

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        """skorch's, but for the accuracy, in which validation samples have their weights."""
        callbacks = dict(super()._default_callbacks)
        callbacks["valid_acc"] = EpochScoring(_weighted_accuracy, name="valid_acc", lower_is_better=False)
        return list(callbacks.items())

    def get_iterator(self, dataset: Images, training: bool = False) -> Batches:
        """Iterate over images, shuffled and distorted in training."""
        device = torch.device(self.device)
        if not training:
            return Batches(dataset, self.batch_size, device)
        return Batches(dataset, self.batch_size, device, self.generator_, self.noise_, self.augment)

    def train_step(self, batch: Batch, **_: Any) -> dict[str, Tensor]:
        """Take one step, as skorch does, but without a closure and a walk through the modules: 0.07 ms of 3.4 less."""
        X, y = batch
        if not self.module_.training:
            self._set_training(True)
        self._zero_grad_optimizer()
        y_pred = self.infer(X)
        loss = self.get_loss(y_pred, y, X=X, training=True)
        loss.backward()
        parameters = TeeGenerator(self.get_all_learnable_params())
        self.notify("on_grad_computed", named_parameters=parameters, batch=batch, training=True)
        self._step_optimizer(None)
        return {"loss": loss, "y_pred": y_pred}

    def infer(self, x: Mapping[str, Tensor], **_: Any) -> Tensor:
        """Compute logits."""
        return self.module_(x["images"])

    def get_loss(self, y_pred: Tensor, y_true: Tensor, X: Mapping[str, Tensor], **_: Any) -> Tensor:
        """Average the losses of a batch, each times its weight; the weights' mean over the data set is 1."""
        return (self.criterion_(y_pred, y_true) * X["weights"]).mean()

    def on_train_begin(self, net: "Net", **_: Any) -> None:
        """Take back an earlier stop."""
        self.stop_ = False

    def on_epoch_begin(self, net: "Net", **kwargs: Any) -> None:
        """Leave the loop here if a callback asked for it: all callbacks have seen the end of the last epoch."""
        if self.stop_:
            raise StopTraining
        self.drop_batch_records()
        super().on_epoch_begin(net, **kwargs)

    def on_epoch_end(self, net: "Net", **_: Any) -> None:
        """Refuse to go on with a training that has failed."""
        losses = self.history[-1, "batches", :, "train_loss"]
        weights = [float(parameter.detach().abs().max()) for parameter in self.module_.parameters()]
        if not np.all(np.isfinite([*losses, *weights])):
            raise ValueError(
                f"training diverged at epoch {len(self.history)} (loss is {losses[-1]}); lower lr, now {self.lr:g}."
            )

    def drop_batch_records(self) -> None:
        """Keep no record of single batches: there are hundreds in an epoch, and stored models would hold them."""
        if self.history:
            self.history[-1]["batches"] = []

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call the callbacks, and read skorch's EarlyStopping aright: it raises what Ctrl-C raises."""
        getattr(self, method_name)(self, **kwargs)
        for _, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **kwargs)
            except KeyboardInterrupt:
                if not (isinstance(callback, EarlyStopping) and callback.misses_ == callback.patience):
                    raise
                self.stop_ = True


class StopTraining(Exception):
    """Ends the loop over epochs."""


def _weighted_accuracy(net: Net, images: Images, targets: NDArray[np.intp]) -> float:
    weights = images.weights[images.indices].astype(np.float64)
    return float(accuracy_score(targets, net.predict(images), sample_weight=weights))


def build_net(params: Mapping[str, Any], callbacks: Sequence[Any], device: str) -> Net:
    """Make an untrained net.

    Parameters
    ----------
    params : mapping
        Numbers and strings: seed, lr, batch_size, module__*, optimizer__* and criterion__*.
    callbacks : sequence of skorch callbacks
        Used as they are: clone them before.
    device : str
    """
    net = Net(
        classes=np.arange(params["module__n_classes"]),
        criterion=torch.nn.CrossEntropyLoss,
        criterion__reduction="none",
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        train_split=None,
        callbacks=list(callbacks),
        callbacks__print_log=None,
        verbose=0,
        device=device,
        **params,
    )
    with default_modes(device):
        return net.initialize()


def train(net: Net, images: Images, validation: Images | None, n_epochs: int, callbacks: Sequence[Callback]) -> None:
    """Train a net in place, for `n_epochs` epochs or until a callback stops it.

    `validation` is of the same rows as `images`. `callbacks` are used in this training alone. They are called after
    skorch's, whose scores they read, and before the user's, which see what early stopping evaluates and keeps.
    """
    keep_freed_memory()
    images = images.on(torch.device(net.device))
    if validation is not None:
        validation = replace(validation, resident=images.resident)
    net.train_split = None if validation is None else predefined_split(validation)
    own = net.callbacks_
    n_before = [name for name, _ in own].index("valid_acc") + 1
    added = [(type(callback).__name__, callback.initialize()) for callback in callbacks]
    net.callbacks_ = [*own[:n_before], *added, *own[n_before:]]
    try:
        with default_modes(net.device):
            _run(net, images, n_epochs)
            _refuse_failed(net, images)
    finally:
        # What the net keeps must not hold the data.
        net.callbacks_, net.train_split = own, None
    net.drop_batch_records()


def _run(net: Net, images: Images, n_epochs: int) -> None:
    """Run the loop over epochs; callbacks see its end also where it fails."""
    net.notify("on_train_begin", X=images, y=None)
    try:
        with suppress(StopTraining):
            net.fit_loop(images, epochs=n_epochs)
    finally:
        net.notify("on_train_end", X=images, y=None)


@torch.no_grad()
def _refuse_failed(net: Net, images: Images) -> None:
    """Refuse what every loss on the way does not show: a last step too far, a loss beyond chance, units all dead."""
    net.module_.eval()
    some = np.linspace(0, len(images) - 1, min(len(images), _N_TO_TELL_APART)).astype(np.intp)
    X, _ = images.batch(some, torch.device(net.device))
    logits = net.infer(X)
    loss = net.history[-1, "train_loss"]
    if not torch.isfinite(logits).all() or loss > _FAR_BEYOND_CHANCE * math.log(len(images.classes)):
        raise ValueError(
            f"training diverged at epoch {len(net.history)} (loss is {loss:g}, or the weights have grown beyond "
            f"float32); lower lr, now {net.lr:g}."
        )
    if _all_alike(logits) and not _all_alike(X["images"]):
        raise ValueError(
            "training diverged: the network gives every image the same output, its units have died; "
            f"lower lr, now {net.lr:g}, or weight_decay, now {net.optimizer__weight_decay:g}."
        )


def _all_alike(rows: Tensor) -> bool:
    return torch.equal(rows, rows[:1].expand_as(rows))


@contextmanager
def default_modes(device: str | torch.device) -> Iterator[None]:
    """Train as usual inside a caller's torch.no_grad, inference_mode or autocast."""
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(torch.device(device).type, enabled=False):
        yield


class Plan(NamedTuple):
    """How long to train, in what batches, with how much weight decay."""

    n_epochs: int
    batch_size: int
    n_steps: int
    weight_decay: float


def make_plan(n_samples: int, max_epochs: int | str, batch_size: int | str, weight_decay: float | str) -> Plan:
    """Replace each "auto" by what suits the number of training images.

    Measured by benchmarks/tune_defaults.py. Steps grow more slowly than images: 300 for 100 of them, 5,000 for 60,000.
    """
    if isinstance(batch_size, str):
        batch_size = int(np.clip(2 ** round(np.log2(n_samples / 30)), 16, 128))
    n_batches = count_batches(n_samples, batch_size)
    if isinstance(max_epochs, str):
        max_epochs = max(10, round(np.clip(300 * (n_samples / 100) ** 0.45, 100, 5000) / n_batches))
    n_steps = int(max_epochs) * n_batches
    if isinstance(weight_decay, str):
        weight_decay = 17 / math.sqrt(n_steps)
    return Plan(int(max_epochs), int(batch_size), n_steps, float(weight_decay))


def resolve_device(device: str) -> str:
    """Replace "auto" by the accelerator of this machine, or "cpu".

    Raises
    ------
    ValueError
        If this machine has no such device.
    """
    available = available_devices()
    if device == "auto":
        return available[-1]
    kind, _, index = device.partition(":")
    if kind not in available or index not in _indices(kind):
        raise ValueError(
            f"The 'device' parameter of LeNetClassifier must be 'auto' or a device of this machine, one of "
            f"{available}. Got {device!r} instead."
        )
    return device


def available_devices() -> list[str]:
    """List the kinds of device of this machine, the fastest last."""
    found = {"cpu": True, "mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}
    return [kind for kind, present in found.items() if present]


def _indices(kind: str) -> set[str]:
    n_devices = torch.cuda.device_count() if kind == "cuda" else 1
    return {"", *map(str, range(n_devices))}
