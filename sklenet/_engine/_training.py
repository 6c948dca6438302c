"""The training of a model: the loop over epochs, and the detection of failed trainings."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from sklenet._engine._batches import Batches, Images
from sklenet._engine._data import TrainingData
from sklenet._engine._features import MOST_COUNTED, FeatureStatistics
from sklenet._engine._model import Model
from sklenet._engine._net import Net, default_modes

# Number of images that a trained network must tell apart.
_N_TOLD_APART = 64

# Number of images whose features are computed at once.
_N_AT_ONCE = 256

# The chance-level loss is log(n_classes). Single epochs of a sound training stay below a few times that.
_FAR_ABOVE_CHANCE = 100


class EpochObserver:
    """Base class of observers of a training. The methods do nothing."""

    def begin_epoch(self) -> None:
        """Handle the beginning of an epoch."""

    def end_epoch(self, snapshot: Callable[[], Model]) -> bool:
        """Handle the end of an epoch, and return whether to end the training.

        Parameters
        ----------
        snapshot : callable
            Copies the model as it would be if the training ended now.
        """
        return False


def train(
    model: Model,
    data: TrainingData,
    observer: EpochObserver | None = None,
    *,
    show_bar: bool = False,
    accept_dead_units: bool = False,
) -> Model:
    """Train a model, whose net is changed in place, for its number of epochs or until a callback ends the training.

    Parameters
    ----------
    model : Model
    data : TrainingData
    observer : EpochObserver or None, default=None
    show_bar : bool, default=False
        Whether to show a progress bar over the epochs.
    accept_dead_units : bool, default=False
        Whether to return a network that gives every image the same output.

    Returns
    -------
    model : Model
        With the losses and the validation scores of the new epochs, and the statistics of the features.

    Raises
    ------
    ValueError
        If the training diverges.
    """
    net, n_before = model.net, len(model.net.history)
    images = Images(data, model.canvas, data.training).prepare(torch.device(net.device))
    with default_modes(net.device):
        net.notify("on_train_begin", X=images, y=None)
        try:
            _run_epochs(model, images, observer or EpochObserver(), show_bar)
        finally:
            net.end_training(images)
        _refuse_failed(net, images, accept_dead_units)
        statistics = _feature_statistics(model, images)
    return dataclasses.replace(_with_results(model, n_before), statistics=statistics)


def _run_epochs(model: Model, images: Images, observer: EpochObserver, show_bar: bool) -> None:
    n_epochs, n_before = model.settings.max_epochs, len(model.net.history)
    with tqdm(total=n_epochs, unit="epoch", desc="LeNetClassifier", disable=not show_bar) as bar:
        for _ in range(n_epochs):
            observer.begin_epoch()
            is_over = model.net.train_epoch(images)
            latest = model.net.history[-1]
            bar.set_postfix({key: latest[key] for key in ("train_loss", "valid_acc") if key in latest}, refresh=False)
            bar.update()
            if observer.end_epoch(lambda: _with_results(model.copy(), n_before)) or is_over:
                break


def _with_results(model: Model, n_before: int) -> Model:
    """Return the model with losses and scores of the epochs that are new in the history."""
    epochs = model.net.history[n_before:]
    scores = [epoch["valid_acc"] for epoch in epochs if "valid_acc" in epoch]
    return dataclasses.replace(
        model,
        loss_curve=[*model.loss_curve, *(epoch["train_loss"] for epoch in epochs)],
        validation_scores=scores or model.validation_scores,
    )


@torch.no_grad()
def _refuse_failed(net: Net, images: Images, accept_dead_units: bool) -> None:
    """Refuse failures that no loss shows: a last step that is too long, a loss far above chance, units all dead."""
    net.module_.eval()
    X, _ = images.batch(_spread(len(images), _N_TOLD_APART), torch.device(net.device))
    logits = net.infer(X)
    loss = net.history[-1, "train_loss"]
    if not torch.isfinite(logits).all() or loss > _FAR_ABOVE_CHANCE * math.log(len(images.data.classes)):
        raise ValueError(
            f"training diverged at epoch {len(net.history)} (loss is {loss:g}, or the weights have grown beyond "
            f"float32); lower lr, now {net.lr:g}."
        )
    if not accept_dead_units and _are_equal(logits) and not _are_equal(X["images"]):
        raise ValueError(
            "training diverged: the network gives every image the same output, because its units have died; "
            f"lower lr, now {net.lr:g}, or weight_decay, now {net.settings.weight_decay:g}."
        )


@torch.no_grad()
def _feature_statistics(model: Model, images: Images) -> FeatureStatistics:
    """Compute the statistics of the features of training images. A model that is trained on merges them."""
    part = dataclasses.replace(images, indices=images.indices[_spread(len(images), MOST_COUNTED)])
    batches = Batches(part, _N_AT_ONCE, torch.device(model.net.device))
    features = np.concatenate([model.module.features(X["images"]).cpu().numpy() for X, _ in batches])
    statistics = FeatureStatistics.of(features, images.data.targets[part.indices], len(model.classes))
    return statistics if model.statistics is None else model.statistics.merge(statistics)


def _spread(n_samples: int, n_most: int) -> NDArray[np.intp]:
    """Return positions spread evenly over the samples."""
    return np.linspace(0, n_samples - 1, min(n_samples, n_most)).astype(np.intp)


def _are_equal(rows: Tensor) -> bool:
    return torch.equal(rows, rows[:1].expand_as(rows))
