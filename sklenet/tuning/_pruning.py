"""Pruning within each fold."""

import copy
from typing import Any

from optuna.pruners import BasePruner, PercentilePruner
from optuna.study import Study
from optuna.trial import FrozenTrial


class PrunerOfFold(BasePruner):
    """Shows a pruner the present fold of a trial alone.

    `PercentilePruner`, of which `MedianPruner` is a kind, compares the best value that a trial has reported at any step
    with other trials' values at the present step. The mean over folds falls when an untrained model begins a new fold,
    so a trial would be shielded by its own first fold.

    Parameters
    ----------
    pruner : optuna.pruners.PercentilePruner
    n_epochs : int
        Steps of a fold.
    """

    def __init__(self, pruner: PercentilePruner, n_epochs: int) -> None:
        self._pruner = pruner
        self._n_epochs = n_epochs

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Ask the pruner about the steps of the present fold."""
        if trial.last_step is None:
            return False
        first = trial.last_step - trial.last_step % self._n_epochs
        present: Any = copy.copy(trial)
        present.intermediate_values = {
            step: value for step, value in trial.intermediate_values.items() if step >= first
        }
        return self._pruner.prune(study, present)


def within_folds(pruner: BasePruner, n_epochs: int | None) -> BasePruner:
    """Let pruners that compare a trial's best value judge each fold by itself; others judge by the latest value."""
    return PrunerOfFold(pruner, n_epochs or 1) if isinstance(pruner, PercentilePruner) else pruner
