"""LeNetSearchCV: Optuna inside, scikit-learn outside."""

import copy
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike
from optuna.pruners import BasePruner, MedianPruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import Study
from optuna.trial import TrialState
from sklearn.base import BaseEstimator, _fit_context, clone, is_classifier
from sklearn.callback import CallbackContext
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import Tags, check_random_state, indexable
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.metadata_routing import MetadataRouter
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from sklenet._classifier import LeNetClassifier
from sklenet.tuning._bar import trial_bar
from sklenet.tuning._evaluation import Evaluation
from sklenet.tuning._identity import digest, identify
from sklenet.tuning._preparation import (
    check_labels,
    is_searched,
    plan_of_all_trials,
    seeded,
    warn_of_missing_classes,
    with_epochs,
)
from sklenet.tuning._pruning import within_folds
from sklenet.tuning._results import columns_of, params_of, refuse_failure, rows_of
from sklenet.tuning._space import GivenSpace, as_space, probe, refuse_unknown
from sklenet.tuning._study import Worker, finished, open_storage, open_study, snapshot

# With Optuna's five, a search of twenty trials and three folds trained 64 % of the epochs; with two, 22 % of the same,
# and 42 % on average over six seeds.
_N_TRIALS_BEFORE_PRUNING = 2


class LeNetSearchCV(BaseSearchCV):
    """Search for the best parameters of a LeNetClassifier by Optuna [1]_, with cross-validation and pruning.

    Outside it is one of scikit-learn's searches, as `RandomizedSearchCV`: it fits and predicts, nests in
    `cross_val_score`, and ends a pipeline. Inside, each trial's parameters are chosen by what earlier ones have shown,
    and trials that lag behind are pruned in the middle of a fold. With a `storage` a search survives its processes, and
    many of them, on one machine or several, work on it.

    Parameters
    ----------
    estimator : estimator or None, default=None
        What is tuned: a LeNetClassifier, or an estimator with one inside, such as a pipeline that ends in one. None is
        ``LeNetClassifier()``. Its `max_epochs` is that of all trials: "auto" is resolved once, by the smallest fold.
    param_distributions : dict, callable or None, default=None
        The search space: distributions of Optuna or lists by parameter name, as in
        ``{"lr": FloatDistribution(1e-3, 1e-2, log=True), "augment": [None, "affine"]}``; or a function from a trial to
        a dict of parameters. None is the space of `suggest_params`, of the LeNetClassifier inside.
    n_trials : int, default=20
        Trials of the study in total, over all processes and resumed searches. Completed, pruned and failed trials
        count; those of processes that died do not, they are run again.
    timeout : float or None, default=None
        Seconds after which no new trial begins. None: no limit.
    scoring : str, callable, list, tuple, dict or None, default=None
        Score to maximise, as in `RandomizedSearchCV`. Of several, the one that `refit` names.
    cv : int, cross-validation generator, iterable or None, default=None
        Folds; None is 5, stratified. They are split once, and are the same for all trials.
    refit : bool, str or callable, default=True
        Whether to fit `best_estimator_` on all data in the end. Of several scores, the name of the one that decides.
    sampler : callable or None, default=None
        ``sampler(seed=int)`` makes a sampler of Optuna, such as the class `optuna.samplers.GPSampler`, or a
        `functools.partial` of one. It is made anew for each trial, with a seed from `random_state` and the trial's
        number. None is `TPESampler` [2]_.
    pruner : optuna.pruners.BasePruner or None, default=None
        None is ``MedianPruner(n_startup_trials=2)``; ``NopPruner()`` prunes nothing. A `MedianPruner` or
        `PercentilePruner` judges each fold by itself.
    storage : str or None, default=None
        URL of a database that the trials are kept in, such as ``"sqlite:///study.db"`` for processes of one machine or
        ``"postgresql://host/name"`` for several; leave the password to the driver, which reads PGPASSWORD and
        ~/.pgpass. None keeps them in memory, or in a temporary file if `n_jobs` is not 1.
    study_name : str or None, default=None
        The study to make or go on with. None names it by a digest of data, folds, space, estimator and scoring, so that
        the same search goes on where it was, and another never mixes with it.
    heartbeat_interval : int, default=60
        Seconds between the signs of life of a running trial; a process that gave none for three intervals is taken for
        dead, and its trial is run again. Used with a `storage` only.
    n_jobs : int or None, default=None
        Processes of this machine that run trials, or workers of joblib's active backend. None means 1, unless joblib's
        context says otherwise. Each gets its share of the cores.
    error_score : float or "raise", default=np.nan
        Score of a fit that fails. With NaN the trial counts as failed.
    return_train_score : bool, default=False
        Whether `cv_results_` has the scores on the training folds.
    verbose : int, default=0
        1 shows a progress bar with the best score so far.
    random_state : int, RandomState instance or None, default=None
        Seeds the sampler, and each `random_state` of the estimator that is None.

    Attributes
    ----------
    best_params_ : dict
        Parameters of the best trial.
    best_score_ : float
        Its mean score over the folds.
    best_index_ : int
        Its row in `cv_results_`.
    best_estimator_ : estimator
        Fitted with them on all data. Only if `refit` is not False.
    cv_results_ : dict of ndarrays
        A row for each trial, ready for a data frame; the columns are those of `RandomizedSearchCV`, and `trial_number`,
        `trial_state` ("complete", "pruned" or "failed") and `n_epochs`, the epochs it trained. A pruned trial has the
        scores of the folds it finished, the mean NaN, and the last rank.
    study_ : optuna.study.Study
        A copy of the study in memory, for Optuna's plots.
    scorer_ : callable or dict of callables
        What scored.
    n_splits_ : int
        Folds.
    refit_time_ : float
        Seconds of the last fit.
    multimetric_ : bool
        Whether there were several scores.
    classes_ : ndarray of shape (n_classes,)
        Labels of `best_estimator_`.
    n_features_in_ : int
        Pixels of an image.
    feature_names_in_ : ndarray of shape (n_pixels,)
        Names of the columns, if `best_estimator_` has seen any.

    See Also
    --------
    suggest_params : The space, for an objective of one's own.
    sklearn.model_selection.RandomizedSearchCV : Draws all parameters at random and trains all of them to the end.

    Notes
    -----
    Folds run in order. At step fold · n_epochs + epoch a trial reports the mean of the finished folds' scores and of
    the present one's, at up to five epochs of a fold; an estimator that does not end in a LeNetClassifier, or whose
    `max_epochs` is searched, reports at the end of each fold.

    Ctrl-C ends the search, and `fit` returns the best so far, with a warning; a second one ends the last fit, too.
    With a `storage` the same call goes on later.

    References
    ----------
    .. [1] T. Akiba, S. Sano, T. Yanase, T. Ohta and M. Koyama, "Optuna: a next-generation hyperparameter optimization
       framework", KDD 2019, section 3.
    .. [2] J. Bergstra, R. Bardenet, Y. Bengio and B. Kégl, "Algorithms for hyper-parameter optimization", NIPS 2011,
       section 4.

    Examples
    --------
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.datasets import load_mnist_sample
    >>> from sklenet.tuning import LeNetSearchCV
    >>> X, y = load_mnist_sample(subset="train", return_X_y=True)
    >>> search = LeNetSearchCV(LeNetClassifier(max_epochs=3), n_trials=3, cv=2, random_state=0).fit(X[:300], y[:300])
    >>> sorted(search.best_params_)
    ['augment', 'dropout', 'label_smoothing', 'lr', 'width']
    >>> bool(search.score(X[300:600], y[300:600]) > 0.5)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **{
            name: BaseSearchCV._parameter_constraints[name]
            for name in ("scoring", "cv", "refit", "n_jobs", "error_score", "return_train_score", "verbose")
        },
        "estimator": [HasMethods(["fit"]), None],
        "param_distributions": [dict, callable, None],
        "n_trials": [Interval(Integral, 1, None, closed="left")],
        "timeout": [Interval(Real, 0, None, closed="neither"), None],
        "sampler": [callable, None],
        "pruner": [BasePruner, None],
        "storage": [str, None],
        "study_name": [str, None],
        "heartbeat_interval": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        param_distributions: GivenSpace = None,
        n_trials: int = 20,
        timeout: float | None = None,
        scoring: Any = None,
        cv: Any = None,
        refit: bool | str | Callable[[dict[str, Any]], int] = True,
        sampler: Callable[..., BaseSampler] | None = None,
        pruner: BasePruner | None = None,
        storage: str | None = None,
        study_name: str | None = None,
        heartbeat_interval: int = 60,
        n_jobs: int | None = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.n_trials = n_trials
        self.timeout = timeout
        self.scoring = scoring
        self.cv = cv
        self.refit = refit
        self.sampler = sampler
        self.pruner = pruner
        self.storage = storage
        self.study_name = study_name
        self.heartbeat_interval = heartbeat_interval
        self.n_jobs = n_jobs
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.verbose = verbose
        self.random_state = random_state

    # scikit-learn validates the estimator itself, when it is fitted.
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike | None = None, **params: Any) -> Self:
        """Search, then fit the best parameters on all data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_pixels), (n_samples, h, w), (n_samples, 1, h, w) or (n_samples, h, w, 1)
            Images, as `LeNetClassifier.fit` takes them.
        y : array-like of shape (n_samples,)
            Labels.
        **params : dict of str to object
            `sample_weight` goes to fits and scores, `groups` to the folds; others to `fit`. With metadata routing, as
            requested.

        Returns
        -------
        self : LeNetSearchCV

        Raises
        ------
        ValueError
            If every trial failed; the first cause is shown. If the space names a parameter that the estimator has not,
            or the study is of other data, folds, space, estimator or scoring.
        ConnectionError
            If the storage cannot be used.

        Warns
        -----
        UserWarning
            If a class has no training images in some fold, or Ctrl-C ended the search.
        FitFailedWarning
            If some trials failed.
        """
        began = time.time()
        check_labels(y)
        X, y = indexable(X, y)
        params = _check_method_params(X, params=params)
        metadata = {"sample_weight": params["sample_weight"]} if params.get("sample_weight") is not None else None
        given = {"X": X, "y": y, "metadata": metadata}
        context = self._init_callback_context(max_subtasks=1 + (self.refit is not False))
        context.call_on_fit_task_begin(estimator=self, **given)
        task = context.subcontext(task_name="search", max_subtasks=None, sequential_subtasks=False)
        task.call_on_fit_task_begin(estimator=self, **given)

        random_state = check_random_state(self.random_state)
        seed = int(random_state.randint(np.iinfo(np.int32).max))
        estimator = seeded(self._filled().estimator, random_state)
        routed = self._filled()._get_routed_params_for_fit(params)
        evaluation, identity = self._make_evaluation(X, y, estimator, routed, task)
        study = self._search(evaluation, identity, seed, began)
        task.call_on_fit_task_end(estimator=self, **given)
        fitted = self._summarise(study, evaluation)
        if self.refit:
            task = context.subcontext(task_name="refit-with-best-params")
            fitted |= self._refit(task, estimator, fitted["best_params_"], given, routed.estimator.fit)
        self.__dict__.update(fitted)
        context.call_on_fit_task_end(estimator=self, **given)
        return self

    def __sklearn_tags__(self) -> Tags:
        """Be a classifier of what the estimator takes."""
        return super(LeNetSearchCV, self._filled()).__sklearn_tags__()

    def get_metadata_routing(self) -> MetadataRouter:
        """Say who gets what metadata.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            Of estimator, scorer and folds.
        """
        return super(LeNetSearchCV, self._filled()).get_metadata_routing()

    def _sk_visual_block_(self) -> Any:
        return super(LeNetSearchCV, self._filled())._sk_visual_block_()

    def _filled(self) -> "LeNetSearchCV":
        """Return a copy with the estimator that None stands for."""
        filled = copy.copy(self)
        if self.estimator is None:
            filled.estimator = LeNetClassifier()
        return filled

    def _make_evaluation(
        self, X: Any, y: Any, estimator: BaseEstimator, routed: Any, context: CallbackContext
    ) -> tuple[Evaluation, dict[str, str]]:
        """Join what a trial needs, and digest what must be the same for scores to compare."""
        scorer, metric = self._filled()._get_scorers()
        scorers = getattr(scorer, "_scorers", {metric})
        if metric not in scorers:
            raise ValueError(
                f"LeNetSearchCV maximises one score: set refit to the name of one of {sorted(scorers)}. "
                f"Got {self.refit!r}."
            )
        space = as_space(self.param_distributions, estimator)
        names, description = probe(space)
        refuse_unknown(names, estimator)
        cv = check_cv(self.cv, y, classifier=is_classifier(estimator))
        splits = list(cv.split(X, y, **routed.splitter.split))
        warn_of_missing_classes(np.asarray(y), splits)
        plan = plan_of_all_trials(estimator, min(len(train) for train, _ in splits))
        n_epochs = None if plan is None or is_searched("max_epochs", names) else plan.n_epochs
        evaluation = Evaluation(
            estimator=with_epochs(estimator, n_epochs),
            X=X,
            y=y,
            splits=splits,
            space=space,
            scorer=scorer,
            metric=self.refit if callable(self.scoring) else metric,
            fit_params=routed.estimator.fit,
            score_params=routed.scorer.score,
            error_score=self.error_score,
            return_train_score=self.return_train_score,
            n_epochs=n_epochs,
            caller=self,
            context=context,
        )
        identity = identify(
            data=[X, y, *evaluation.fit_params.values(), *evaluation.score_params.values()],
            splits=splits,
            space=description,
            estimator=self._filled().estimator,
            resolved=plan,
            scoring=(self.scoring, evaluation.metric),
        )
        return evaluation, identity

    def _search(self, evaluation: Evaluation, identity: Mapping[str, str], seed: int, began: float) -> Study:
        """Run trials until there are enough, here or in processes, and return the study."""
        n_workers = min(effective_n_jobs(self.n_jobs), self.n_trials)
        with self._open_storage(n_workers) as storage:
            study = open_study(storage, self.study_name or f"sklenet-{digest(*identity.values())}", identity)
            worker = Worker(
                storage=storage,
                study_name=study.study_name,
                objective=evaluation,
                n_trials=self.n_trials,
                deadline=np.inf if self.timeout is None else began + self.timeout,
                sampler=self.sampler or TPESampler,
                seed=seed,
                pruner=within_folds(
                    self.pruner or MedianPruner(n_startup_trials=_N_TRIALS_BEFORE_PRUNING), evaluation.n_epochs
                ),
            )
            try:
                with trial_bar(study, self.n_trials) if self.verbose else nullcontext():
                    if n_workers == 1:
                        worker()
                    else:
                        Parallel(n_jobs=n_workers, prefer="processes")(delayed(worker)() for _ in range(n_workers))
            except KeyboardInterrupt:
                if not any(trial.state == TrialState.COMPLETE for trial in finished(study)):
                    raise
                warnings.warn(f"Interrupted: the best of {len(finished(study))} trials is returned.", stacklevel=3)
            return snapshot(study)

    @contextmanager
    def _open_storage(self, n_workers: int) -> Iterator[BaseStorage]:
        """Open the storage that is asked for, or one that `n_workers` can share and that nobody sees again."""
        with ExitStack() as stack:
            if self.storage is None and n_workers == 1:
                yield InMemoryStorage()
                return
            url = self.storage
            if url is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sklenet-"))
                url = f"sqlite:///{Path(folder) / 'study.db'}"
            storage = open_storage(url, self.heartbeat_interval)
            stack.callback(storage.engine.dispose)
            yield storage

    def _summarise(self, study: Study, evaluation: Evaluation) -> dict[str, Any]:
        """Make scikit-learn's attributes of the finished trials."""
        trials = finished(study)
        refuse_failure(trials)
        n_splits = len(evaluation.splits)
        rows = rows_of(trials, n_splits)
        multimetric = isinstance(rows[0]["test_scores"], dict)
        metric = evaluation.metric if multimetric else "score"
        with warnings.catch_warnings():
            # That pruned trials have no mean is no news here.
            warnings.filterwarnings("ignore", "One or more of the (test|train) scores are non-finite")
            results = self._format_results(params_of(trials, evaluation.space), n_splits, rows, columns_of(trials))
        best_index = self._select_best_index(self.refit, metric, results)
        return {
            "cv_results_": results,
            "best_index_": best_index,
            "best_score_": results[f"mean_test_{metric}"][best_index],
            "best_params_": results["params"][best_index],
            "multimetric_": multimetric,
            "n_splits_": n_splits,
            "scorer_": getattr(evaluation.scorer, "_scorers", evaluation.scorer),
            "study_": study,
        }

    def _refit(
        self,
        task: CallbackContext,
        estimator: BaseEstimator,
        best_params: dict[str, Any],
        given: dict[str, Any],
        fit_params: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Fit the best parameters on all data."""
        best = clone(estimator).set_params(**clone(best_params, safe=False))
        began = time.perf_counter()
        with task.propagate_callback_context(best):
            task.call_on_fit_task_begin(estimator=self, **given)
            best.fit(given["X"], given["y"], **fit_params)
        fitted = {"best_estimator_": best, "refit_time_": time.perf_counter() - began}
        if hasattr(best, "feature_names_in_"):
            fitted["feature_names_in_"] = best.feature_names_in_
        task.call_on_fit_task_end(estimator=self, **given)
        return fitted
