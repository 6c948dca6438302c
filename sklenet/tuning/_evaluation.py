"""What one trial does: fit and score fold by fold, report as it goes, stop where the pruner says so."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackContext
from sklearn.model_selection._validation import _fit_and_score
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_method_params

from sklenet._classifier import LeNetClassifier
from sklenet.tuning._space import Space

# Held-out scores of a fold before the last. A score costs a tenth of an epoch: five of them, two percent of a fit.
_N_LOOKS = 5

FOLDS = "folds"
CAUSE = "cause"


class TrialFailed(Exception):
    """A fit or a score of this trial raised, and `error_score` is NaN."""


@dataclass
class Evaluation:
    """The objective of the study.

    Folds run in order. What is reported at step fold · n_epochs + epoch is the mean of the finished folds' scores and
    the present one's. Each fold leaves its scores in the trial's user attributes, so that any process can tell them.
    """

    estimator: BaseEstimator
    X: Any
    y: Any
    splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    space: Space
    scorer: Any
    metric: Any  # of several, the one to maximise
    fit_params: Mapping[str, Any]
    score_params: Mapping[str, Any]
    error_score: float | str
    return_train_score: bool
    n_epochs: int | None  # of every fit; None where epochs are not reported
    caller: BaseEstimator
    context: CallbackContext

    def __call__(self, trial: optuna.Trial) -> float:
        """Evaluate the parameters of a trial.

        Raises
        ------
        optuna.TrialPruned
            If the pruner says so.
        TrialFailed
            If a fold failed and has no score to go on with.
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
        looks = self._look_at_epochs(trial, estimator, number, folds)
        context = self.context.subcontext(
            task_name="candidate-split-evaluation", task_id=trial.number * len(self.splits) + number
        )
        try:
            result = _fit_and_score(
                estimator,
                self.X,
                self.y,
                scorer=self.scorer,
                train=train,
                test=test,
                verbose=0,
                parameters=None,
                fit_params=self.fit_params,
                score_params=self.score_params,
                return_train_score=self.return_train_score,
                return_times=True,
                return_estimator=True,
                error_score=self.error_score,
                caller=self.caller,
                callback_ctx=context,
            )
        except Exception as error:
            # With error_score="raise": it goes on to the user unchanged. Whatever it is, the study keeps why.
            trial.set_user_attr(CAUSE, f"{type(error).__name__}: {error}")
            raise
        fold = _to_record(result)
        pruned = looks is not None and looks.pruned
        folds.append(fold | {"finished": not pruned})
        if pruned:
            raise optuna.TrialPruned
        if not np.isfinite(score := self._mean(folds)):
            raise TrialFailed(last_line(fold["fit_error"] or f"the score is {score}"))
        trial.report(score, (number + 1) * (self.n_epochs or 1) - 1)
        if number + 1 < len(self.splits) and trial.should_prune():
            raise optuna.TrialPruned

    def _look_at_epochs(
        self, trial: optuna.Trial, estimator: BaseEstimator, number: int, folds: list[dict[str, Any]]
    ) -> "EpochScores | None":
        """Have the epochs of the LeNet at the end of the estimator scored on the held-out images of a fold."""
        lenet = last_lenet(estimator)
        if self.n_epochs is None or lenet is None:
            return None
        _, test = self.splits[number]
        looks = EpochScores(self, trial, estimator, test=test, number=number, earlier=self._scores(folds))
        lenet.set_callbacks(*getattr(lenet, "_skl_callbacks", []), looks)
        return looks

    def _scores(self, folds: list[dict[str, Any]]) -> list[float]:
        return [self.select(fold["test_scores"]) for fold in folds]

    def _mean(self, folds: list[dict[str, Any]]) -> float:
        return float(np.mean(self._scores(folds)))

    def select(self, scores: float | Mapping[str, float]) -> float:
        """Take the score that is maximised.

        Raises
        ------
        ValueError
            If there are several and `refit` names none.
        """
        if not isinstance(scores, Mapping):
            return float(scores)
        if self.metric not in scores:
            raise ValueError(
                f"LeNetSearchCV maximises one score: set refit to the name of one of {sorted(scores)}. "
                f"Got {self.metric!r}."
            )
        return float(scores[self.metric])


class EpochScores:
    """A callback of scikit-learn's protocol that reports held-out scores of epochs, and stops the fit to prune it.

    It scores the estimator's last step on images that the fitted steps before it have transformed once.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        trial: optuna.Trial,
        estimator: BaseEstimator,
        *,
        test: NDArray[np.intp],
        number: int,
        earlier: list[float],
    ) -> None:
        self.evaluation = evaluation
        self.trial = trial
        self.estimator = estimator
        self.test = test
        self.number = number
        self.earlier = earlier
        self.pruned = False
        self._is_due = False
        self._held_out: tuple[Any, Any, dict[str, Any]] | None = None

    def setup(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Nothing to set up."""

    def teardown(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Let go of the data: scikit-learn caches signatures of hooks, and the hooks with them."""
        del self.evaluation, self.trial, self.estimator, self._held_out

    def on_fit_task_begin(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """See whether this is an epoch to look at; the last one is scored after the fit in any case."""
        n_epochs, epoch = self.evaluation.n_epochs or 1, context.task_id + 1
        self._is_due = context.task_name == "epoch" and epoch < n_epochs and epoch % -(-n_epochs // _N_LOOKS) == 0

    @property
    def on_fit_task_end(self) -> Callable[..., bool]:
        """Ask for an estimator that predicts only when it is due: making one takes some percent of an epoch."""
        return self._score if self._is_due else self._pass

    def _pass(self, estimator: BaseEstimator, context: CallbackContext) -> bool:
        return False

    def _score(self, estimator: BaseEstimator, context: CallbackContext, *, fitted_estimator: BaseEstimator) -> bool:
        """Score an epoch, report it, and say whether to stop."""
        X, y, params = self._transformed()
        score = self.evaluation.select(self.evaluation.scorer(fitted_estimator, X, y, **params))
        step = self.number * (self.evaluation.n_epochs or 1) + context.task_id
        self.trial.report(float(np.mean([*self.earlier, score])), step)
        self.pruned = self.trial.should_prune()
        self._is_due = False  # the end of the fit, which a pruned epoch is followed by, is none of an epoch
        return self.pruned

    def _transformed(self) -> tuple[Any, Any, dict[str, Any]]:
        if self._held_out is None:
            given = self.evaluation
            X, last = _safe_indexing(given.X, self.test), self.estimator
            while isinstance(last, Pipeline):
                X = last[:-1].transform(X) if len(last) > 1 else X
                last = last[-1]
            params = _check_method_params(given.X, params=given.score_params, indices=self.test)
            self._held_out = X, _safe_indexing(given.y, self.test), params
        return self._held_out


def last_lenet(estimator: BaseEstimator) -> LeNetClassifier | None:
    """Return the LeNetClassifier that the estimator is, or that a pipeline ends in."""
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    return estimator if isinstance(estimator, LeNetClassifier) else None


def _to_record(result: dict[str, Any]) -> dict[str, Any]:
    """Keep what JSON can hold."""
    lenet = last_lenet(result["estimator"])
    kept = {name: _to_floats(result[name]) for name in ("test_scores", "train_scores") if name in result}
    return kept | {
        "fit_time": result["fit_time"],
        "score_time": result["score_time"],
        "fit_error": result["fit_error"],
        "n_epochs": getattr(lenet, "n_epochs_", 0),
    }


def _to_floats(scores: Any) -> Any:
    return {name: float(score) for name, score in scores.items()} if isinstance(scores, dict) else float(scores)


def last_line(text: str) -> str:
    """Return the last line of a traceback, which says what was raised."""
    return text.strip().rpartition("\n")[2]
