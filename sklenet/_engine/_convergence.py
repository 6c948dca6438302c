"""Detection of trainings that ended too early or learnt little. NumPy only."""

import numpy as np
from numpy.typing import NDArray

from sklenet._engine._data import TrainingData
from sklenet._engine._model import Model

# Shares of the loss that can be learnt, which is the loss at chance level minus the least possible loss. docs/design.md
# has the fits that the shares were chosen by.
_NEAR_CHANCE = 0.75  # left at the end
_UNFINISHED, _STEEP = 0.25, 0.07  # left at the end, and gained in the last tenth of the epochs


def describe_poor_convergence(model: Model, data: TrainingData) -> str | None:
    """Describe why a fit needs more epochs or other settings, with the remedy; None if it does not.

    Parameters
    ----------
    model : Model
        After `train`.
    data : TrainingData
        What the model was trained on.
    """
    settings, n_epochs, loss = model.settings, len(model.net.history), model.loss_curve[-1]
    least, chance = _loss_bounds(data, settings.label_smoothing)
    left, learnable = loss - least, chance - least
    remedy = f"a larger max_epochs, or another lr, now {settings.lr:g}"
    if left > _NEAR_CHANCE * learnable:
        finding = "The training loss ended near chance level"
        if settings.augment is not None:
            remedy += ", or augment=None if classes differ by position, size or rotation, which distortions change"
    elif (
        n_epochs == settings.max_epochs
        and left > _UNFINISHED * learnable
        and _last_fall(model.loss_curve, n_epochs, chance) > _STEEP * learnable
    ):
        finding = "The last epoch ended the training while the loss still fell steeply"
    else:
        return None
    return (
        f"{finding}: the loss is {loss:.3g} at epoch {n_epochs}, and {chance:.3g} at chance level, the loss of "
        f"predicting the class frequencies for every image. Set {remedy}."
    )


def _last_fall(losses: list[float], n_epochs: int, chance: float) -> float:
    """Return the fall of the mean loss from the tenth of the epochs before the last tenth to the last tenth.

    With a schedule that anneals the learning rate, the last tenth of ten epochs or more gains little. A first epoch is
    compared with chance level.
    """
    n_last = max(1, n_epochs // 10)
    before = losses[-2 * n_last : -n_last]
    return (float(np.mean(before)) if before else chance) - float(np.mean(losses[-n_last:]))


def _loss_bounds(data: TrainingData, label_smoothing: float) -> tuple[float, float]:
    """Return the least possible training loss, and the loss at chance level.

    A model at chance level gives every image the frequencies of the classes. Both losses grow with label smoothing.
    """
    n_classes, weights = len(data.classes), data.weights[data.training].astype(np.float64)
    frequencies = np.bincount(data.targets[data.training], weights, n_classes) / weights.sum()
    target = np.eye(n_classes)[0]
    least, chance = (
        weights.mean() * _entropy((1 - label_smoothing) * probabilities + label_smoothing / n_classes)
        for probabilities in (target, frequencies)
    )
    return least, chance


def _entropy(probabilities: NDArray[np.float64]) -> float:
    positive = probabilities[probabilities > 0]
    return -float(positive @ np.log(positive))
