"""The objective of a study: fit and score fold by fold, report scores of epochs, and stop when the pruner says so."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from sklenet._classifier import LeNetClassifier
from sklenet._private import _check_method_params, _fit_and_score
from sklenet._tasks import HAS_CALLBACKS, CallbackContext
from sklenet.tuning._space import Space

# Epochs of a fold that are scored on held-out images; scoring every epoch would take too long.
_MAX_SCORED_EPOCHS = 5

# User attributes of a trial.
FOLDS = "folds"
CAUSE = "cause"


class TrialFailed(Exception):
    """A fit or a scorer raised an error in this trial, and `error_score` is NaN."""


@dataclass
class Evaluation:
    """The objective of the study.

    Folds run in order. The value at step fold · n_epochs + epoch is the mean score of the finished folds and the
    current fold. The scores of each fold are stored in the user attributes of the trial, for every process to read.
    """

    estimator: BaseEstimator
    X: Any
    y: Any
    splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    space: Space
    scorer: Any
    metric: Any  # name of the score to maximise, if the scorer returns several
    routed: Any  # parameters of the inner fit and the scorer
    n_epochs: int | None  # of every fit; None if epochs are not reported
    search: Any  # the LeNetSearchCV
    context: CallbackContext

    def __call__(self, trial: optuna.Trial) -> float:
        """Evaluate the parameters of a trial.

        Raises
        ------
        optuna.TrialPruned
            If the pruner stops the trial.
        TrialFailed
            If a fold failed and has no finite score.
        """
        params = self.space(trial)
        folds: list[dict[str, Any]] = []
        try:
            for number in range(len(self.splits)):
                self._evaluate_fold(trial, params, number, folds)
        except TrialFailed as error:
            trial.set_user_attr(CAUSE, str(error))
            raise
        finally:
            trial.set_user_attr(FOLDS, folds)
        return self._mean(folds)

    def _evaluate_fold(
        self, trial: optuna.Trial, params: dict[str, Any], number: int, folds: list[dict[str, Any]]
    ) -> None:
        train, test = self.splits[number]
        estimator = clone(self.estimator).set_params(**clone(params, safe=False))
        task_id = trial.number * len(self.splits) + number
        context = self.context.subcontext(task_name="candidate-split-evaluation", task_id=task_id)
        try:
            with self._scored_epochs(trial, estimator, number, folds) as epoch_scores:
                result = _fit_and_score(
                    estimator,
                    self.X,
                    self.y,
                    scorer=self.scorer,
                    train=train,
                    test=test,
                    verbose=0,
                    parameters=None,
                    fit_params=self.routed.estimator.fit,
                    score_params=self.routed.scorer.score,
                    return_train_score=self.search.return_train_score,
                    return_times=True,
                    return_estimator=True,
                    error_score=self.search.error_score,
                    **({"caller": self.search, "callback_ctx": context} if HAS_CALLBACKS else {}),
                )
        except Exception as error:
            # With error_score="raise" the error propagates to the user. The study records it in any case.
            trial.set_user_attr(CAUSE, f"{type(error).__name__}: {error}")
            raise
        fold = _to_record(result)
        pruned = epoch_scores is not None and epoch_scores.pruned
        folds.append(fold | {"finished": not pruned})
        if pruned:
            raise optuna.TrialPruned
        if not np.isfinite(score := self._mean(folds)):
            raise TrialFailed(last_line(fold["fit_error"] or f"the score is {score}"))
        trial.report(score, (number + 1) * (self.n_epochs or 1) - 1)
        if number + 1 < len(self.splits) and trial.should_prune():
            raise optuna.TrialPruned

    @contextmanager
    def _scored_epochs(
        self, trial: optuna.Trial, estimator: BaseEstimator, number: int, folds: list[dict[str, Any]]
    ) -> "Iterator[EpochScores | None]":
        """Score epochs on the held-out images of a fold while the block fits, if the estimator ends in a LeNet."""
        lenet = get_final_lenet(estimator)
        if self.n_epochs is None or lenet is None:
            yield None
            return
        _, test = self.splits[number]
        lenet._watch_epoch = scores = EpochScores(self, trial, estimator, test, number, self._scores(folds))
        try:
            yield scores
        finally:
            lenet._watch_epoch = None  # the scores hold the estimator, and images

    def _scores(self, folds: list[dict[str, Any]]) -> list[float]:
        return [self.select(fold["test_scores"]) for fold in folds]

    def _mean(self, folds: list[dict[str, Any]]) -> float:
        return float(np.mean(self._scores(folds)))

    def select(self, scores: float | Mapping[str, float]) -> float:
        """Return the score to maximise."""
        if not isinstance(scores, Mapping):
            return float(scores)
        check_metric(self.metric, scores)
        return float(scores[self.metric])


def check_metric(metric: Any, names: Collection[str]) -> None:
    """Check that `refit` names one of several scores.

    Raises
    ------
    ValueError
        If it names no score.
    """
    if metric not in names:
        raise ValueError(
            f"LeNetSearchCV maximises one score: set refit to the name of one of {sorted(names)}. Got {metric!r}."
        )


@dataclass
class EpochScores:
    """Scores epochs on held-out images, reports the scores, and stops a pruned fit.

    The final LeNetClassifier is scored. The fitted steps before it transform the held-out images once a fold.
    """

    evaluation: Evaluation
    trial: optuna.Trial
    estimator: BaseEstimator
    test: NDArray[np.intp]  # indices of the held-out images
    number: int  # of the fold
    earlier: list[float]  # scores of the finished folds
    pruned: bool = False
    _held_out: tuple[Any, Any, dict[str, Any]] | None = None

    def __call__(self, index: int, fitted_so_far: Callable[[], LeNetClassifier]) -> bool:
        """Score an epoch, report the score, and return whether to stop.

        The last epoch is not scored here, because the search scores the model when the fit has ended.
        """
        n_epochs, epoch = self.evaluation.n_epochs or 1, index + 1
        interval = -(-n_epochs // _MAX_SCORED_EPOCHS)
        if epoch == n_epochs or epoch % interval != 0:
            return False
        X, y, params = self._get_held_out()
        score = self.evaluation.select(self.evaluation.scorer(fitted_so_far(), X, y, **params))
        self.trial.report(float(np.mean([*self.earlier, score])), self.number * n_epochs + index)
        self.pruned = self.trial.should_prune()
        return self.pruned

    def _get_held_out(self) -> tuple[Any, Any, dict[str, Any]]:
        if self._held_out is None:
            data = self.evaluation
            X, step = _safe_indexing(data.X, self.test), self.estimator
            while isinstance(step, Pipeline):
                X = step[:-1].transform(X) if len(step) > 1 else X
                step = step[-1]
            params = _check_method_params(data.X, params=data.routed.scorer.score, indices=self.test)
            self._held_out = X, _safe_indexing(data.y, self.test), params
        return self._held_out


def get_final_lenet(estimator: BaseEstimator) -> LeNetClassifier | None:
    """Return the estimator, or the final step of a pipeline, if it is a LeNetClassifier."""
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    return estimator if isinstance(estimator, LeNetClassifier) else None


def _to_record(result: dict[str, Any]) -> dict[str, Any]:
    """Convert the result of a fold to values that JSON can store."""
    lenet = get_final_lenet(result["estimator"])
    scores = {name: _to_floats(result[name]) for name in ("test_scores", "train_scores") if name in result}
    return scores | {
        "fit_time": result["fit_time"],
        "score_time": result["score_time"],
        "fit_error": result["fit_error"],
        "n_epochs": getattr(lenet, "n_epochs_", 0),
    }


def _to_floats(scores: Any) -> Any:
    return {name: float(score) for name, score in scores.items()} if isinstance(scores, dict) else float(scores)


def last_line(text: str) -> str:
    """Return the last line of a traceback, which names the error."""
    return text.strip().rpartition("\n")[2]
