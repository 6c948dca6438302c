"""LeNetSearchCV, a scikit-learn search whose trials Optuna chooses and prunes."""

import copy
import time
import warnings
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike
from optuna.pruners import BasePruner, MedianPruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from sklearn.base import BaseEstimator, clone
from sklearn.utils import Tags, check_random_state, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter

from sklenet._classifier import LeNetClassifier
from sklenet._private import BaseSearchCV, HasMethods, Interval, _check_method_params, _fit_context
from sklenet._tasks import CallbackContext, CallbackSupportMixin
from sklenet.tuning._evaluation import Evaluation
from sklenet.tuning._preparation import check_labels, clone_with_seeds, make_evaluation
from sklenet.tuning._pruning import prune_within_folds
from sklenet.tuning._results import check_failures, find_params, make_columns, make_rows
from sklenet.tuning._space import GivenSpace
from sklenet.tuning._storage import open_storage
from sklenet.tuning._study import copy_to_memory, counted_trials, open_study
from sklenet.tuning._worker import Worker, run_workers

# Searches are short: with the five trials that Optuna runs before it prunes, many epochs would be trained for nothing.
_N_STARTUP_TRIALS = 2


class LeNetSearchCV(BaseSearchCV, CallbackSupportMixin):
    """Search for the best parameters of a LeNetClassifier by Optuna [1]_, with cross-validation and pruning.

    The search has the interface of scikit-learn's searches, such as `RandomizedSearchCV`: it fits and predicts, nests
    in `cross_val_score`, and can be the last step of a pipeline. Optuna chooses the parameters of each trial from the
    results of earlier trials, and prunes trials that lag behind in the middle of a fold. With a `storage` a search
    survives its processes, and many processes on one machine or several can share it.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Estimator to tune: a LeNetClassifier, or an estimator that contains one, such as a pipeline. None is
        ``LeNetClassifier()``. All trials use its `max_epochs`; "auto" is resolved once, for the smallest fold.
    param_distributions : dict, callable or None, default=None
        Search space: a dict from parameter names to lists or Optuna distributions, such as
        ``{"lr": FloatDistribution(2e-3, 2e-2, log=True), "augment": [None, "affine"]}``; or a function from a trial to
        a dict of parameters. None is the space of `suggest_params` for the LeNetClassifier inside the estimator.
    n_trials : int, default=20
        Total number of trials of the study, over all processes and resumed searches. Completed, pruned and failed
        trials count. Trials of processes that died do not count and are retried.
    timeout : float or None, default=None
        Seconds after which no new trial begins. None is no limit.
    scoring : str, callable, list, tuple, dict or None, default=None
        Score to maximise, as in `RandomizedSearchCV`. If there are several scores, `refit` names the one to maximise.
    cv : int, cross-validation generator, iterable or None, default=None
        Folds. None is 5 stratified folds. They are split once and are the same for all trials.
    refit : bool, str or callable, default=True
        Whether to fit `best_estimator_` on all data in the end. If there are several scores, the name of the score to
        maximise.
    sampler : callable or None, default=None
        Function such that ``sampler(seed=int)`` returns an Optuna sampler, for example the class
        `optuna.samplers.GPSampler` or a `functools.partial` of it. A new sampler is created for each trial, with a seed
        derived from `random_state` and the number of the trial. None is `TPESampler` [2]_.
    pruner : optuna.pruners.BasePruner or None, default=None
        None is ``MedianPruner(n_startup_trials=2)``; ``NopPruner()`` prunes nothing. `MedianPruner` and
        `PercentilePruner` consider each fold separately.
    storage : str or None, default=None
        URL of the database that stores the trials, such as ``"sqlite:///study.db"`` for processes of one machine or
        ``"postgresql://host/name"`` for several machines. Omit the password; the driver reads PGPASSWORD and ~/.pgpass.
        None stores the trials in memory, or in a temporary file if `n_jobs` is not 1.
    study_name : str or None, default=None
        Name of the study to create or resume. None derives the name from a hash of data, folds, space, estimator and
        scoring, so that the same search is resumed and different searches are never mixed.
    heartbeat_interval : int, default=60
        Seconds between the heartbeats of a running trial. If a trial sends none for three intervals, its process is
        considered dead and the trial is retried. Used only with a `storage`.
    n_jobs : int or None, default=None
        Number of processes of this machine, or workers of joblib's active backend, that run trials. None is 1 unless a
        joblib context sets another number. The processes share the cores equally.
    error_score : float or "raise", default=np.nan
        Score of a fit that fails. With NaN the trial counts as failed.
    return_train_score : bool, default=False
        Whether `cv_results_` includes the scores on the training folds.
    verbose : int, default=0
        1 shows a progress bar with the best score so far.
    random_state : int, RandomState instance or None, default=None
        Seed of the sampler and of each `random_state` of the estimator that is None.

    Attributes
    ----------
    best_params_ : dict
        Parameters of the best trial.
    best_score_ : float
        Mean score of the best trial over the folds.
    best_index_ : int
        Row of the best trial in `cv_results_`.
    best_estimator_ : estimator
        Estimator fitted with the best parameters on all data. Only if `refit` is not False.
    cv_results_ : dict of ndarrays
        One row for each trial. The columns are those of `RandomizedSearchCV`, and `trial_number`, `trial_state`
        ("complete", "pruned" or "failed") and `n_epochs`, the number of trained epochs. A pruned trial has the scores
        of its finished folds, a mean of NaN, and the last rank.
    study_ : optuna.study.Study
        A copy of the study in memory, for Optuna's plots.
    scorer_ : callable or dict of callables
        Scorer of the held-out images.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds of the fit on all data.
    multimetric_ : bool
        Whether the scorer returns several scores.
    classes_ : ndarray of shape (n_classes,)
        Labels of `best_estimator_`.
    n_features_in_ : int
        Number of pixels of an image.
    feature_names_in_ : ndarray of shape (n_pixels,)
        Names of the columns of X, if X has names.

    See Also
    --------
    suggest_params : The default search space, for use in your own objective.
    sklearn.model_selection.RandomizedSearchCV : Draws all parameters at random and never stops a fit early.

    Notes
    -----
    Folds run in order. At up to five epochs of each fold, a trial reports the mean score of the finished folds and the
    current fold, at step fold · n_epochs + epoch. If the estimator does not end in a LeNetClassifier, or `max_epochs`
    is searched, a trial reports only at the end of each fold.

    Ctrl-C ends the search, and `fit` returns the best trial so far with a warning. A second Ctrl-C ends the fit on all
    data, too. With a `storage` the same call resumes the search.

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

    # The inner estimator validates its own parameters when it is fitted.
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
            `sample_weight` is passed to `fit` and the scorer, `groups` to the splitter, other parameters to `fit`. With
            metadata routing enabled, each parameter is passed where it is requested.

        Returns
        -------
        self : LeNetSearchCV

        Raises
        ------
        ValueError
            If no trial was completed; the message shows the first cause. If the space sets an unknown parameter, or the
            study belongs to other data, folds, space, estimator or scoring.
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
        data = {"X": X, "y": y, "metadata": metadata}
        context = self._init_callback_context(max_subtasks=1 + (self.refit is not False))
        context.call_on_fit_task_begin(estimator=self, **data)
        task = context.subcontext(task_name="search", max_subtasks=None, sequential_subtasks=False)
        task.call_on_fit_task_begin(estimator=self, **data)

        random_state = check_random_state(self.random_state)
        seed = int(random_state.randint(np.iinfo(np.int32).max))
        search = self._with_default_estimator()
        estimator = clone_with_seeds(search.estimator, random_state)
        routed = search._get_routed_params_for_fit(params)
        evaluation, hashes = make_evaluation(search, X, y, estimator=estimator, routed=routed, context=task)
        study = self._search(evaluation, hashes, seed, began)
        task.call_on_fit_task_end(estimator=self, **data)
        fitted = self._summarise(study, evaluation)
        if self.refit:
            task = context.subcontext(task_name="refit-with-best-params")
            fitted |= self._refit(task, estimator, fitted["best_params_"], data, routed.estimator.fit)
        self.__dict__.update(fitted)
        context.call_on_fit_task_end(estimator=self, **data)
        return self

    def __sklearn_tags__(self) -> Tags:
        """Delegate the tags to the inner estimator, whose `transform` the search has, too."""
        search = self._with_default_estimator()
        tags = super(LeNetSearchCV, search).__sklearn_tags__()
        tags.transformer_tags = get_tags(search.estimator).transformer_tags
        return tags

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the metadata routing of this search.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            Routes metadata to the estimator, the scorer and the splitter.
        """
        return super(LeNetSearchCV, self._with_default_estimator()).get_metadata_routing()

    def _sk_visual_block_(self) -> Any:
        return super(LeNetSearchCV, self._with_default_estimator())._sk_visual_block_()

    def _with_default_estimator(self) -> "LeNetSearchCV":
        """Return this search, or a copy with a LeNetClassifier if the estimator is None."""
        if self.estimator is not None:
            return self
        search = copy.copy(self)
        search.estimator = LeNetClassifier()
        return search

    def _search(self, evaluation: Evaluation, hashes: Mapping[str, str], seed: int, began: float) -> Study:
        """Run trials in this process or in several, and return a copy of the study."""
        n_workers = min(effective_n_jobs(self.n_jobs), self.n_trials)
        pruner = self.pruner or MedianPruner(n_startup_trials=_N_STARTUP_TRIALS)
        with open_storage(self.storage, self.heartbeat_interval, n_workers) as storage:
            study = open_study(storage, self.study_name, hashes)
            worker = Worker(
                storage=storage,
                study_name=study.study_name,
                objective=evaluation,
                n_trials=self.n_trials,
                deadline=np.inf if self.timeout is None else began + self.timeout,
                sampler=self.sampler or TPESampler,
                seed=seed,
                pruner=prune_within_folds(pruner, evaluation.n_epochs),
            )
            run_workers(worker, study, n_workers, show_progress=bool(self.verbose))
            return copy_to_memory(study, storage)

    def _summarise(self, study: Study, evaluation: Evaluation) -> dict[str, Any]:
        """Make the fitted attributes of scikit-learn's searches from the trials."""
        trials = counted_trials(study)
        check_failures(trials)
        n_splits = len(evaluation.splits)
        rows = make_rows(trials, n_splits)
        multimetric = isinstance(rows[0]["test_scores"], dict)
        metric = evaluation.metric if multimetric else "score"
        with warnings.catch_warnings():
            # The mean of a pruned trial is NaN by design.
            warnings.filterwarnings("ignore", "One or more of the (test|train) scores are non-finite")
            params = [find_params(trial, evaluation.space) for trial in trials]
            results = self._format_results(params, n_splits, rows, make_columns(trials))
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
        data: dict[str, Any],
        fit_params: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Fit the estimator with the best parameters on all data."""
        best = clone(estimator).set_params(**clone(best_params, safe=False))
        began = time.perf_counter()
        with task.propagate_callback_context(best):
            task.call_on_fit_task_begin(estimator=self, **data)
            best.fit(data["X"], data["y"], **fit_params)
        fitted = {"best_estimator_": best, "refit_time_": time.perf_counter() - began}
        if hasattr(best, "feature_names_in_"):
            fitted["feature_names_in_"] = best.feature_names_in_
        task.call_on_fit_task_end(estimator=self, **data)
        return fitted
