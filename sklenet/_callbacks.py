"""What happens between batches and epochs, as skorch callbacks: schedule, early stopping, progress, tasks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackContext
from skorch.callbacks import Callback, LRScheduler
from torch.optim.lr_scheduler import LambdaLR
from tqdm.auto import tqdm

from sklenet._batches import Batch
from sklenet._training import Net


def clone_callbacks(callbacks: Sequence[Any] | None) -> list[Any]:
    """Copy the user's skorch callbacks, named or not, so that fits share nothing.

    Raises
    ------
    ValueError
        If one of them is no skorch callback.
    """
    for item in callbacks or ():
        callback = item[1] if isinstance(item, tuple) and len(item) == 2 else item
        if not hasattr(callback, "on_train_begin"):
            raise ValueError(
                "The 'callbacks' parameter of LeNetClassifier must be a list of skorch callbacks, or of pairs "
                f"(name, callback). Got {item!r} instead."
            )
    return [clone(item, safe=False) for item in callbacks or ()]


@dataclass(frozen=True)
class OneCycle:
    """Learning rate as a fraction of its peak: a linear rise over the first tenth of the steps, then half a cosine.

    One cycle after L. N. Smith and N. Topin, "Super-convergence", arXiv:1708.07120, annealed as in I. Loshchilov and
    F. Hutter, "SGDR", arXiv:1608.03983. With `anneal=False` the peak is held.
    """

    n_steps: int
    anneal: bool = True

    def __call__(self, step: int) -> float:
        """Return the fraction for a step, counted from 0."""
        rise = max(1, self.n_steps // 10)
        if step < rise:
            return (step + 1) / rise
        if not self.anneal:
            return 1.0
        return 0.5 * (1 + float(np.cos(np.pi * (step - rise) / max(1, self.n_steps - rise))))


def schedule(n_steps: int, *, anneal: bool) -> LRScheduler:
    """Make the callback that sets the learning rate at each step."""
    return LRScheduler(LambdaLR, lr_lambda=OneCycle(n_steps, anneal), step_every="batch", event_name=None)


class StopWhenNotImproving(Callback):
    """Early stopping on the validation scores of averaged weights; the most accurate of them are kept.

    A schedule that is cut short would end unannealed. Here the learning rate is constant, and what is evaluated and
    kept is the polynomial-decay average of the weights [1]_, which is as good at any time as an annealed model of that
    length: average += (eta + 1) / (step + eta + 1) * (weights - average), with eta = 8.

    The module has the averaged weights from the first validation batch of an epoch to the beginning of the next epoch,
    and the best weights at the end, so that whatever callbacks save then is what was evaluated.

    A small validation set knows few accuracies: one of ten images reaches its best by chance, early, while the model
    goes on improving. So a falling loss counts as an improvement too, and of equally accurate weights the latest are
    kept.

    Parameters
    ----------
    patience : int
        Epochs without an improvement after which to stop.
    tol : float
        Gain in accuracy, or fall of the loss, that counts as an improvement.

    References
    ----------
    .. [1] O. Shamir and T. Zhang, "Stochastic gradient descent for non-smooth optimization: convergence results and
       optimal averaging schemes", ICML 2013, section 4.
    """

    eta = 8

    def __init__(self, patience: int, tol: float) -> None:
        self.patience = patience
        self.tol = tol

    def on_train_begin(self, net: Net, **_: Any) -> None:
        """Start from the present weights."""
        self.n_steps_, self.misses_ = 0, 0
        self.best_accuracy_, self.least_loss_ = -np.inf, np.inf
        self.average_ = self.best_ = _copy(dict(net.module_.named_parameters()))
        self.trained_: dict[str, torch.Tensor] | None = None

    def on_epoch_begin(self, net: Net, **_: Any) -> None:
        """Give the module the weights that are trained."""
        if self.trained_ is not None:
            net.module_.load_state_dict(self.trained_)
            self.trained_ = None

    def on_batch_begin(self, net: Net, training: bool, **_: Any) -> None:
        """Give the module the averaged weights before the first validation batch."""
        if not training and self.trained_ is None:
            self.trained_ = _copy(dict(net.module_.named_parameters()))
            net.module_.load_state_dict(self.average_)

    @torch.no_grad()
    def on_batch_end(self, net: Net, batch: Batch, training: bool, **_: Any) -> None:
        """Average the weights."""
        if not training:
            return
        self.n_steps_ += 1
        share = (self.eta + 1) / (self.n_steps_ + self.eta)
        weights = dict(net.module_.named_parameters())
        torch._foreach_lerp_([self.average_[name] for name in weights], list(weights.values()), share)

    def on_epoch_end(self, net: Net, **_: Any) -> None:
        """Keep the best weights, count the epochs without an improvement."""
        accuracy, loss = net.history[-1, ("valid_acc", "valid_loss")]
        improved = accuracy >= self.best_accuracy_ + self.tol or loss <= self.least_loss_ - self.tol
        self.misses_ = 0 if improved else self.misses_ + 1
        if accuracy >= self.best_accuracy_:
            self.best_ = _copy(self.average_)
        self.best_accuracy_ = max(self.best_accuracy_, accuracy)
        self.least_loss_ = min(self.least_loss_, loss)
        if self.misses_ > self.patience:
            net.stop_ = True

    def on_train_end(self, net: Net, **_: Any) -> None:
        """Give the net the best weights."""
        net.module_.load_state_dict(self.best_)


def _copy(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in weights.items()}


class EpochBar(Callback):
    """A progress bar over the epochs, with the latest losses and scores."""

    def __init__(self, n_epochs: int) -> None:
        self.n_epochs = n_epochs

    def on_train_begin(self, net: Net, **_: Any) -> None:
        """Wait with the bar until all callbacks have begun: if one of them raises, nothing closes it."""
        self.bar_: Any = None

    def on_epoch_begin(self, net: Net, **_: Any) -> None:
        """Open the bar before the first epoch."""
        if self.bar_ is None:
            self.bar_ = tqdm(total=self.n_epochs, unit="epoch", desc="LeNetClassifier")

    def on_epoch_end(self, net: Net, **_: Any) -> None:
        """Count an epoch."""
        latest = net.history[-1]
        self.bar_.set_postfix({key: latest[key] for key in ("train_loss", "valid_acc") if key in latest}, refresh=False)
        self.bar_.update()

    def on_train_end(self, net: Net, **_: Any) -> None:
        """Leave the bar as it stands: early stopping ends it short of its total."""
        if self.bar_ is not None:
            self.bar_.close()


class EpochTasks(Callback):
    """Reports each epoch to scikit-learn's callbacks, as a subtask of the fit.

    Parameters
    ----------
    estimator : estimator
        The one being fitted.
    context : sklearn.callback.CallbackContext
        Of its fit.
    data : dict
        X, y and metadata, as scikit-learn's hooks take them.
    snapshot : callable
        Net -> fitted attributes; called only if a callback wants an estimator that predicts.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        context: CallbackContext,
        data: dict[str, Any],
        snapshot: Callable[[Net], dict[str, Any]],
    ) -> None:
        self.estimator = estimator
        self.context = context
        self.data = data
        self.snapshot = snapshot

    def on_epoch_begin(self, net: Net, **_: Any) -> None:
        """Begin the task."""
        self.task_ = self.context.subcontext(task_name="epoch")
        self.task_.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_end(self, net: Net, **_: Any) -> None:
        """End the task; a callback that returns True ends the training."""
        stop = self.task_.call_on_fit_task_end(
            estimator=self.estimator, **self.data, reconstruction_attributes=lambda: self.snapshot(net)
        )
        net.stop_ = net.stop_ or stop
