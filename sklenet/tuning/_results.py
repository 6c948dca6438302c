"""Convert the trials of a study to the rows and columns of scikit-learn's `cv_results_`."""

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


def make_rows(trials: Sequence[FrozenTrial], n_splits: int) -> list[dict[str, Any]]:
    """List times and scores of each fold, with n_splits rows for each trial; folds that were pruned or failed are NaN.

    At least one trial must be complete.
    """
    names = _find_score_names(trials)
    complete = next(trial for trial in trials if trial.state == TrialState.COMPLETE)
    missing = {name: _to_nan(value) for name, value in _make_row(complete.user_attrs[FOLDS][-1], names).items()}
    rows = []
    for trial in trials:
        folds = trial.user_attrs.get(FOLDS, [])
        finished = [_make_row(fold, names) for fold in folds if fold["finished"] and trial.state != TrialState.FAIL]
        rows += [*finished, *[missing] * (n_splits - len(finished))]
    return rows


def _find_score_names(trials: Sequence[FrozenTrial]) -> list[str] | None:
    """Return the names of several scores, or None if the scorer returns one number.

    Only a successful fit shows the names that a callable scorer returns.
    """
    scores = (fold["test_scores"] for trial in trials for fold in trial.user_attrs.get(FOLDS, []))
    return next((list(several) for several in scores if isinstance(several, dict)), None)


def _make_row(fold: Mapping[str, Any], names: list[str] | None) -> dict[str, Any]:
    """Return times and scores of a fold, with `error_score` as each of several scores if the fit failed."""
    columns = ("fit_time", "score_time", "test_scores", "train_scores")
    row = {name: fold[name] for name in columns if name in fold}
    for kind in ("test_scores", "train_scores"):
        if names is not None and kind in row and not isinstance(row[kind], dict):
            row[kind] = dict.fromkeys(names, row[kind])
    return row


def _to_nan(value: Any) -> Any:
    return dict.fromkeys(value, np.nan) if isinstance(value, dict) else np.nan


def find_params(trial: FrozenTrial, space: Space) -> dict[str, Any]:
    """Return the parameters that the space sets in a trial."""
    try:
        return space(FixedTrial(trial.params, trial.number))
    except TrialPruned:
        return dict(trial.params)  # the space itself pruned the trial


def make_columns(trials: Sequence[FrozenTrial]) -> dict[str, list[Any]]:
    """Make the columns that scikit-learn's searches lack: number and state of each trial, and its trained epochs."""
    return {
        "trial_number": [trial.number for trial in trials],
        "trial_state": [_STATES[trial.state] for trial in trials],
        "n_epochs": [sum(fold["n_epochs"] for fold in trial.user_attrs.get(FOLDS, [])) for trial in trials],
    }


def check_failures(trials: list[FrozenTrial]) -> None:
    """Check that at least one trial is complete, and warn if some trials failed.

    Raises
    ------
    ValueError
        If no trial is complete. The message shows the first cause.
    """
    causes = [cause for trial in trials if (cause := _find_cause(trial))]
    if not any(trial.state == TrialState.COMPLETE for trial in trials):
        if causes:
            raise ValueError(
                f"{len(causes)} of {len(trials)} trials failed and none was completed. The first error: {causes[0]}"
            )
        raise ValueError(f"No trial was completed: {len(trials)} were pruned, or the timeout is too short for a trial.")
    if causes:
        warnings.warn(
            f"{len(causes)} of {len(trials)} trials failed. The first error: {causes[0]}",
            FitFailedWarning,
            stacklevel=5,
        )


def _find_cause(trial: FrozenTrial) -> str | None:
    """Return the error of a trial, or of a fit in it that got `error_score`; None if all fits succeeded."""
    if trial.state == TrialState.FAIL:
        return trial.user_attrs[CAUSE]
    errors = (fold["fit_error"] for fold in trial.user_attrs.get(FOLDS, []) if fold["fit_error"])
    return next(map(last_line, errors), None)
