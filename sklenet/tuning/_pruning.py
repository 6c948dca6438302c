"""Pruning within each fold."""

import copy
from dataclasses import dataclass
from typing import Any

from optuna.pruners import BasePruner, PercentilePruner
from optuna.study import Study
from optuna.trial import FrozenTrial


@dataclass
class FoldPruner(BasePruner):
    """Show a pruner only the current fold of a trial.

    `PercentilePruner` and its subclass `MedianPruner` compare the best value that a trial has reported at any step with
    the values of other trials at the current step. The mean over folds falls when a new fold begins with an untrained
    model. So the best value of an earlier fold would protect the trial from pruning in all later folds.

    Parameters
    ----------
    pruner : optuna.pruners.PercentilePruner
    n_epochs : int
        Number of steps of a fold.
    """

    pruner: PercentilePruner
    n_epochs: int

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether the pruner prunes the trial by the steps of the current fold."""
        if trial.last_step is None:
            return False
        first = trial.last_step - trial.last_step % self.n_epochs
        current: Any = copy.copy(trial)
        current.intermediate_values = {
            step: value for step, value in trial.intermediate_values.items() if step >= first
        }
        return self.pruner.prune(study, current)


def prune_within_folds(pruner: BasePruner, n_epochs: int | None) -> BasePruner:
    """Wrap a pruner that compares the best value of a trial; other pruners compare the latest value."""
    return FoldPruner(pruner, n_epochs or 1) if isinstance(pruner, PercentilePruner) else pruner
