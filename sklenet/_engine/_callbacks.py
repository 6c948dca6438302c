"""The learning rate's schedule and early stopping, as skorch callbacks, and the user's callbacks."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from skorch import NeuralNet
from skorch.callbacks import Callback, LRScheduler
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import get_ema_multi_avg_fn

from sklenet._engine._batches import Batch
from sklenet._engine._settings import Settings

# The names of our callbacks begin with this prefix. They serve one training, and then leave the net.
OWN_PREFIX = "sklenet_"


def clone_callbacks(callbacks: Sequence[Any] | None) -> list[Any]:
    """Copy the user's skorch callbacks, named or not, so that fits share nothing.

    Raises
    ------
    ValueError
        If an item is not a skorch callback.
    """
    for item in callbacks or ():
        if not hasattr(_without_name(item), "on_train_begin"):
            raise ValueError(
                "The 'callbacks' parameter of LeNetClassifier must be a list of skorch callbacks, or of pairs "
                f"(name, callback). Got {item!r} instead."
            )
    return [clone(item, safe=False) for item in callbacks or ()]


def training_callbacks(settings: Settings, n_steps: int, callbacks: Sequence[Any]) -> list[tuple[str, Callback]]:
    """Return the callbacks that the settings ask for, beside the user's callbacks.

    Our callbacks precede the user's callbacks, which then see what early stopping evaluates and keeps. A scheduler of
    the user replaces ours.
    """
    own: list[tuple[str, Callback]] = []
    if settings.schedule != "constant" and not _has_scheduler(callbacks):
        factor = partial(one_cycle if settings.schedule == "one_cycle" else warm_up, n_steps=n_steps)
        scheduler = LRScheduler(LambdaLR, lr_lambda=factor, step_every="batch", event_name=None)
        own.append((f"{OWN_PREFIX}schedule", scheduler))
    if settings.schedule == "warm_up":
        own.append((f"{OWN_PREFIX}early_stopping", AveragedEarlyStopping(settings.n_iter_no_change, settings.tol)))
    return own


def _has_scheduler(callbacks: Sequence[Any]) -> bool:
    """Tell whether an LRScheduler is among callbacks, which may be named, and may be classes."""
    kinds = (callback if isinstance(callback, type) else type(callback) for callback in map(_without_name, callbacks))
    return any(issubclass(kind, LRScheduler) for kind in kinds)


def _without_name(item: Any) -> Any:
    return item[1] if isinstance(item, tuple) and len(item) == 2 else item


def warm_up(step: int, *, n_steps: int) -> float:
    """Return the learning rate as a fraction of its peak: a linear rise over `_n_warm_up` steps, then 1."""
    return min(1.0, (step + 1) / _n_warm_up(n_steps))


def one_cycle(step: int, *, n_steps: int) -> float:
    """Return the learning rate as a fraction of its peak: a linear rise over `_n_warm_up` steps, then half a cosine.

    One cycle after L. N. Smith and N. Topin, "Super-convergence", arXiv:1708.07120, annealed as in I. Loshchilov and
    F. Hutter, "SGDR", arXiv:1608.03983.
    """
    n_rising = _n_warm_up(n_steps)
    if step < n_rising:
        return warm_up(step, n_steps=n_steps)
    return 0.5 * (1 + float(np.cos(np.pi * (step - n_rising) / max(1, n_steps - n_rising))))


def _n_warm_up(n_steps: int) -> int:
    """Return a tenth of the steps, but of short trainings 30 steps or a third: a faster rise kills units."""
    return max(1, n_steps // 10, min(30, n_steps // 3))


class AveragedEarlyStopping(Callback):
    """Early stopping on the validation scores of averaged weights. The most accurate averaged weights are kept.

    A one-cycle schedule that is cut short would end without annealing. So the learning rate is constant, and the
    weights that are evaluated and kept are the polynomial-decay average [1]_, which is as good at any time as an
    annealed model of that length: average += (eta + 1) / (step + eta + 1) * (weights - average), with eta = 8.

    The module has the averaged weights from the first validation batch of an epoch to the beginning of the next epoch,
    and the best weights at the end. So whatever callbacks save then is what was evaluated.

    A small validation set has few possible accuracies: with ten images the best accuracy is reached by chance, early,
    while the model still improves. So a falling loss counts as an improvement, too, and of equally accurate weights the
    latest are kept.

    Parameters
    ----------
    patience : int
        Epochs without an improvement after which to stop.
    tol : float
        Gain in accuracy, or fall of the loss, that counts as an improvement.

    Attributes
    ----------
    should_stop_ : bool
        Whether the training is to end after the present epoch.

    References
    ----------
    .. [1] O. Shamir and T. Zhang, "Stochastic gradient descent for non-smooth optimization: convergence results and
       optimal averaging schemes", ICML 2013, section 4.
    """

    eta = 8

    def __init__(self, patience: int, tol: float) -> None:
        self.patience = patience
        self.tol = tol

    def on_train_begin(self, net: NeuralNet, **_: Any) -> None:
        """Start from the present weights."""
        self.n_steps_, self.n_misses_, self.should_stop_ = 0, 0, False
        self.best_accuracy_, self.least_loss_ = -np.inf, np.inf
        self.average_ = self.best_ = _copy_weights(net)
        self.trained_: dict[str, Tensor] | None = None

    def on_epoch_begin(self, net: NeuralNet, **_: Any) -> None:
        """Give the module the weights that are trained."""
        if self.trained_ is not None:
            net.module_.load_state_dict(self.trained_)
            self.trained_ = None

    def on_batch_begin(self, net: NeuralNet, training: bool, **_: Any) -> None:
        """Give the module the averaged weights before the first validation batch."""
        if not training and self.trained_ is None:
            self.trained_ = _copy_weights(net)
            net.module_.load_state_dict(self.average_)

    @torch.no_grad()
    def on_batch_end(self, net: NeuralNet, batch: Batch, training: bool, **_: Any) -> None:
        """Average the weights."""
        if not training:
            return
        self.n_steps_ += 1
        share = (self.eta + 1) / (self.n_steps_ + self.eta)
        weights = dict(net.module_.named_parameters())
        average = get_ema_multi_avg_fn(decay=1 - share)
        average([self.average_[name] for name in weights], list(weights.values()), self.n_steps_)

    def on_epoch_end(self, net: NeuralNet, **_: Any) -> None:
        """Keep the best weights, and count the epochs without an improvement."""
        accuracy, loss = net.history[-1, ("valid_acc", "valid_loss")]
        improved = accuracy >= self.best_accuracy_ + self.tol or loss <= self.least_loss_ - self.tol
        self.n_misses_ = 0 if improved else self.n_misses_ + 1
        if accuracy >= self.best_accuracy_:
            self.best_ = {name: weight.clone() for name, weight in self.average_.items()}
        self.best_accuracy_ = max(self.best_accuracy_, accuracy)
        self.least_loss_ = min(self.least_loss_, loss)
        self.should_stop_ = self.n_misses_ > self.patience

    def on_train_end(self, net: NeuralNet, **_: Any) -> None:
        """Give the module the best weights."""
        net.module_.load_state_dict(self.best_)


def _copy_weights(net: NeuralNet) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in net.module_.named_parameters()}
