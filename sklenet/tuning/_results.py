"""A study's trials as scikit-learn's cv_results_."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.trial import FixedTrial, FrozenTrial, TrialState
from sklearn.exceptions import FitFailedWarning

from sklenet.tuning._evaluation import CAUSE, FOLDS
from sklenet.tuning._space import Space

_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def rows_of(trials: Sequence[FrozenTrial], n_splits: int) -> list[dict[str, Any]]:
    """List what each fold of each trial left, n_splits rows a trial; what was pruned or failed is NaN.

    One trial at least must be complete.
    """
    complete = next(trial for trial in trials if trial.state == TrialState.COMPLETE)
    missing = {name: _not_a_number(value) for name, value in _row(complete.user_attrs[FOLDS][-1]).items()}
    rows = []
    for trial in trials:
        folds = trial.user_attrs.get(FOLDS, [])
        there = [_row(fold) for fold in folds if fold["finished"] and trial.state != TrialState.FAIL]
        rows += [*there, *[missing] * (n_splits - len(there))]
    return rows


def _row(fold: Mapping[str, Any]) -> dict[str, Any]:
    names = ("fit_time", "score_time", "test_scores", "train_scores")
    return {name: fold[name] for name in names if name in fold}


def _not_a_number(value: Any) -> Any:
    return dict.fromkeys(value, np.nan) if isinstance(value, dict) else np.nan


def params_of(trials: Sequence[FrozenTrial], space: Space) -> list[dict[str, Any]]:
    """List the parameters that each trial set."""
    return [space(FixedTrial(trial.params, trial.number)) for trial in trials]


def columns_of(trials: Sequence[FrozenTrial]) -> dict[str, list[Any]]:
    """List what scikit-learn's searches do not have: number and state of each trial, and the epochs it trained."""
    return {
        "trial_number": [trial.number for trial in trials],
        "trial_state": [_STATES[trial.state] for trial in trials],
        "n_epochs": [sum(fold["n_epochs"] for fold in trial.user_attrs.get(FOLDS, [])) for trial in trials],
    }


def refuse_failure(trials: list[FrozenTrial]) -> None:
    """Raise if no trial was completed, warn if some failed.

    Raises
    ------
    ValueError
        Showing the first cause.
    """
    causes = [trial.user_attrs[CAUSE] for trial in trials if trial.state == TrialState.FAIL]
    if not any(trial.state == TrialState.COMPLETE for trial in trials):
        if causes:
            raise ValueError(
                f"{len(causes)} of {len(trials)} trials failed and none was completed. The first: {causes[0]}"
            )
        raise ValueError(
            f"No trial was completed: {len(trials)} were pruned, and the timeout may be too short for one."
        )
    if causes:
        warnings.warn(
            f"{len(causes)} of {len(trials)} trials failed. The first: {causes[0]}", FitFailedWarning, stacklevel=4
        )
