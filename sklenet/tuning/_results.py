"""A study's trials as scikit-learn's cv_results_."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna import TrialPruned
from optuna.trial import FixedTrial, FrozenTrial, TrialState
from sklearn.exceptions import FitFailedWarning

from sklenet.tuning._evaluation import CAUSE, FOLDS, last_line
from sklenet.tuning._space import Space

_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def rows_of(trials: Sequence[FrozenTrial], n_splits: int) -> list[dict[str, Any]]:
    """List what each fold of each trial left, n_splits rows a trial; what was pruned or failed is NaN.

    One trial at least must be complete.
    """
    names = _names_of_scores(trials)
    complete = next(trial for trial in trials if trial.state == TrialState.COMPLETE)
    missing = {name: _not_a_number(value) for name, value in _row(complete.user_attrs[FOLDS][-1], names).items()}
    rows = []
    for trial in trials:
        folds = trial.user_attrs.get(FOLDS, [])
        finished = [_row(fold, names) for fold in folds if fold["finished"] and trial.state != TrialState.FAIL]
        rows += [*finished, *[missing] * (n_splits - len(finished))]
    return rows


def _names_of_scores(trials: Sequence[FrozenTrial]) -> list[str] | None:
    """Return the names of several scores; None where there is one. A callable shows them where a fit has not failed."""
    scores = (fold["test_scores"] for trial in trials for fold in trial.user_attrs.get(FOLDS, []))
    return next((list(several) for several in scores if isinstance(several, dict)), None)


def _row(fold: Mapping[str, Any], names: list[str] | None) -> dict[str, Any]:
    """Return times and scores of a fold; a fit that failed has `error_score` for each of several scores."""
    columns = ("fit_time", "score_time", "test_scores", "train_scores")
    row = {name: fold[name] for name in columns if name in fold}
    for kind in ("test_scores", "train_scores"):
        if names is not None and kind in row and not isinstance(row[kind], dict):
            row[kind] = dict.fromkeys(names, row[kind])
    return row


def _not_a_number(value: Any) -> Any:
    return dict.fromkeys(value, np.nan) if isinstance(value, dict) else np.nan


def params_of(trials: Sequence[FrozenTrial], space: Space) -> list[dict[str, Any]]:
    """List the parameters that each trial set."""
    return [_params_of(trial, space) for trial in trials]


def _params_of(trial: FrozenTrial, space: Space) -> dict[str, Any]:
    try:
        return space(FixedTrial(trial.params, trial.number))
    except TrialPruned:
        return dict(trial.params)  # the space has pruned it


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
    causes = [cause for trial in trials if (cause := _cause_of(trial))]
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


def _cause_of(trial: FrozenTrial) -> str | None:
    """Return why a trial failed, or why a fit in it did, which has `error_score` then; None where none did."""
    if trial.state == TrialState.FAIL:
        return trial.user_attrs[CAUSE]
    errors = (fold["fit_error"] for fold in trial.user_attrs.get(FOLDS, []) if fold["fit_error"])
    return next(map(last_line, errors), None)
