"""Workers, which run the trials of a shared study until enough trials count."""

import copy
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from sklearn.utils.parallel import Parallel, delayed

from sklenet._private import get_heartbeat_thread
from sklenet.tuning._bar import trial_bar
from sklenet.tuning._evaluation import TrialFailed
from sklenet.tuning._quiet import quiet
from sklenet.tuning._storage import ignore_heartbeat_warnings
from sklenet.tuning._study import counted_trials, is_counted

_SECONDS_BETWEEN_POLLS = 0.5


@dataclass
class PerTrialSampler(BaseSampler):
    """Create a new sampler for each trial, seeded by the seed of the search and the number of the trial.

    Parallel and resumed workers share one seed. Samplers with a state of their own would draw the same parameters in
    each worker.
    """

    make_sampler: Callable[..., BaseSampler]
    seed: int

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Create the sampler of the trial."""
        (seed,) = np.random.SeedSequence([self.seed, trial.number]).generate_state(1)
        self._sampler = self.make_sampler(seed=int(seed))
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Delegate to the sampler of the trial."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Delegate to the sampler of the trial."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Delegate to the sampler of the trial."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Delegate to the sampler of the trial."""
        self._sampler.after_trial(study, trial, state, values)


@dataclass
class Worker:
    """Run trials of a study until `n_trials` trials count, in parallel with any number of other workers.

    The rank of a trial is the number of earlier trials that count or may still count. All workers compute the same
    ranks, so each rank below `n_trials` is filled once, whichever worker dies. In the end a worker waits for the last
    trials of the others. If such a trial becomes stale, because its worker died, the waiting worker runs it. A worker
    that was only suspended discards its stale trial when it resumes.
    """

    storage: BaseStorage
    study_name: str
    objective: Callable[[optuna.Trial], float]
    n_trials: int
    deadline: float  # compared with time.time()
    sampler: Callable[..., BaseSampler]
    seed: int
    pruner: BasePruner
    _first_seen: dict[int, float] = field(default_factory=dict)

    def __call__(self) -> None:
        """Run trials until the study is complete or the deadline has passed."""
        sampler = PerTrialSampler(self.sampler, self.seed)
        study = optuna.load_study(
            study_name=self.study_name, storage=self.storage, sampler=sampler, pruner=copy.deepcopy(self.pruner)
        )
        with quiet():
            while time.time() < self.deadline and len(counted_trials(study)) < self.n_trials:
                with ignore_heartbeat_warnings():
                    optuna.storages.fail_stale_trials(study)
                if self._needs_trial(study):
                    self._run_trial(study)
                else:
                    time.sleep(_SECONDS_BETWEEN_POLLS)
                    self._send_missing_heartbeats(study)

    def _needs_trial(self, study: Study) -> bool:
        trials = study.get_trials(deepcopy=False)
        return _rank(trials) < self.n_trials or any(trial.state == TrialState.WAITING for trial in trials)

    def _run_trial(self, study: Study) -> None:
        """Run the next trial, and discard it if it is surplus or another worker has taken it over."""
        with ignore_heartbeat_warnings():
            trial = study.ask()
        state, value = TrialState.FAIL, None
        try:
            with get_heartbeat_thread(trial._trial_id, self.storage):
                # Another worker may have taken the last rank at the same moment. Then this trial is surplus.
                if _rank(study.get_trials(deepcopy=False)[: trial.number]) < self.n_trials:
                    value = self.objective(trial)
                    state = TrialState.COMPLETE
        except optuna.TrialPruned:
            state = TrialState.PRUNED
        except (TrialFailed, UpdateFinishedTrialError):
            pass
        finally:
            # An error here would replace a KeyboardInterrupt, as it does in Study.optimize.
            with suppress(UpdateFinishedTrialError):
                study.tell(trial, value, state, skip_if_finished=True)

    def _send_missing_heartbeats(self, study: Study) -> None:
        """Send a heartbeat for each trial whose worker died before the first one, so that the trial can time out."""
        if not isinstance(self.storage, RDBStorage):
            return
        now = time.monotonic()
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            first_seen = self._first_seen.setdefault(trial._trial_id, now)
            if now - first_seen > (self.storage.grace_period or 0):
                self._first_seen[trial._trial_id] = float("inf")
                self.storage.record_heartbeat(trial._trial_id)


def _rank(earlier: Sequence[FrozenTrial]) -> int:
    """Return the rank of a trial that follows earlier trials."""
    return sum(is_counted(trial) or not trial.state.is_finished() for trial in earlier)


def run_workers(worker: Worker, study: Study, n_workers: int, *, show_progress: bool) -> None:
    """Run a worker in this process, or copies of the worker in parallel processes.

    Ctrl-C ends the search with a warning if a trial is complete.
    """
    try:
        with trial_bar(study, worker.n_trials) if show_progress else nullcontext():
            if n_workers == 1:
                worker()
            else:
                Parallel(n_jobs=n_workers, prefer="processes")(delayed(worker)() for _ in range(n_workers))
    except KeyboardInterrupt:
        trials = counted_trials(study)
        if not any(trial.state == TrialState.COMPLETE for trial in trials):
            raise
        warnings.warn(f"Interrupted: the best of {len(trials)} trials is returned.", stacklevel=5)
