"""The study that workers share: its storage, whose data it is of, and who runs which trial."""

import copy
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages._heartbeat import get_heartbeat_thread
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError, SQLAlchemyError

from sklenet.tuning._evaluation import CAUSE, TrialFailed
from sklenet.tuning._quiet import quiet

_IDENTITY = "sklenet"
_SECONDS_TO_CONNECT = {"postgresql": {"connect_timeout": 10}, "sqlite": {"timeout": 60}}
_N_CONNECTIONS = 5
_SECONDS_BETWEEN_POLLS = 0.5
# How often a trial whose worker died is given to another, before its parameters are given up.
_N_RETRIES = 3


def open_storage(url: str, heartbeat_interval: int) -> RDBStorage:
    """Connect to a database, and make its tables if they are not there.

    Raises
    ------
    ValueError
        If what is given is no URL.
    ConnectionError
        If it cannot be used; the message names the storage without its password.
    ImportError
        If the driver is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError(
            "storage must be the URL of a database, such as 'sqlite:///study.db' or 'postgresql://host/name', and what "
            "came is none."
        ) from None
    backend = parsed.get_backend_name()
    for attempt in range(_N_CONNECTIONS):
        try:
            with quiet(), _heartbeat_allowed():
                return RDBStorage(
                    url,
                    engine_kwargs={"connect_args": _SECONDS_TO_CONNECT.get(backend, {})},
                    heartbeat_interval=heartbeat_interval,
                    grace_period=3 * heartbeat_interval,
                    heartbeat_stale_trial_callback=_run_again,
                )
        except ImportError as error:
            raise ImportError(
                f"The driver of {backend} is not installed: {error.__cause__ or error}. For PostgreSQL: "
                "pip install 'sklenet[postgresql]'."
            ) from None
        except (SQLAlchemyError, StorageInternalError) as error:
            # Several workers at once may want to make the tables: one of them does, the others find them there.
            raced = isinstance(error, IntegrityError | ProgrammingError) or "already exists" in str(error)
            if not raced or attempt + 1 == _N_CONNECTIONS:
                raise ConnectionError(_explain(parsed, error)) from None
            time.sleep(_SECONDS_BETWEEN_POLLS)
    raise AssertionError("the loop returns or raises")


def _explain(url: Any, error: Exception) -> str:
    cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    if url.password:
        cause = cause.replace(str(url.password), "***")
    return f"storage {url.render_as_string(hide_password=True)} cannot be used: {cause}"


@contextmanager
def _heartbeat_allowed() -> Iterator[None]:
    """Ignore that Optuna calls its heartbeat experimental, and warns of it outside `Study.optimize`; nowhere else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "Heartbeat of storage is supposed to be used with Study.optimize")
        yield


def open_study(storage: BaseStorage, name: str, identity: Mapping[str, str]) -> Study:
    """Make a study, or go on with the one of that name.

    Parameters
    ----------
    storage : optuna.storages.BaseStorage
    name : str
    identity : mapping of str to str
        Digests of everything that must be the same for scores to be comparable.

    Raises
    ------
    ValueError
        If the study is of something else.
    """
    with quiet():
        study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    # Read before the identity, which whoever made the study has set before the first trial.
    trials = study.get_trials(deepcopy=False)
    if _IDENTITY not in study.user_attrs:
        if study.direction != StudyDirection.MAXIMIZE or trials:
            raise ValueError(
                f"The study {name!r} in this storage was not made by LeNetSearchCV; choose another study_name."
            )
        study.set_user_attr(_IDENTITY, dict(identity))
    seen = study.user_attrs[_IDENTITY]
    if others := [key for key, digest in identity.items() if seen.get(key) != digest]:
        raise ValueError(
            f"The study {name!r} in this storage has another {' and another '.join(others)} than this search: scores "
            "would not compare. Choose another study_name, or None, which names it by all of these; and give a cv that "
            "shuffles a random_state."
        )
    return study


def _fail_silent_trials(study: Study) -> None:
    """Fail the trials of workers that are taken for dead, and have them run again."""
    with _heartbeat_allowed():
        optuna.storages.fail_stale_trials(study)


def _run_again(study: Study, trial: FrozenTrial) -> None:
    """Queue a trial whose worker died, unless it had failed by a cause of its own before that."""
    if not _is_finished(trial):
        RetryHeartbeatStaleTrialCallback(max_retry=_N_RETRIES)(study, trial)


def finished(study: Study) -> list[FrozenTrial]:
    """Return the trials that count: completed, pruned, or failed by a cause of their own; not those of dead workers."""
    return [trial for trial in study.get_trials(deepcopy=False) if _is_finished(trial)]


def _is_finished(trial: FrozenTrial) -> bool:
    failed = trial.state == TrialState.FAIL and CAUSE in trial.user_attrs
    return failed or trial.state in (TrialState.COMPLETE, TrialState.PRUNED)


def _is_taken(trial: FrozenTrial) -> bool:
    return _is_finished(trial) or not trial.state.is_finished()


class SeededByTrial(BaseSampler):
    """A new sampler for each trial, seeded by the search's seed and the trial's number.

    Samplers with a state of their own would repeat each other in parallel and resumed workers that are given one seed.
    """

    def __init__(self, make: Callable[..., BaseSampler], seed: int) -> None:
        self._make = make
        self._seed = seed
        self._sampler = make(seed=seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Make the trial's sampler."""
        (seed,) = np.random.SeedSequence([self._seed, trial.number]).generate_state(1)
        self._sampler = self._make(seed=int(seed))
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Ask the trial's sampler."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Ask the trial's sampler."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Ask the trial's sampler."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell the trial's sampler."""
        self._sampler.after_trial(study, trial, state, values)


class Surplus(Exception):
    """Another worker took the last place at the same moment."""


@dataclass
class Worker:
    """Runs trials of a study until it has `n_trials` of them, beside any number of others.

    A trial's place is its rank among the trials that count or still may; that is the same for whoever looks, so that no
    place is filled twice, whatever dies when. At the end a worker waits for the others' last trials, or for their
    silence: then it takes them over. A worker that was only suspended discards its trial that was taken over, and goes
    on.
    """

    storage: BaseStorage
    study_name: str
    objective: Callable[[optuna.Trial], float]
    n_trials: int
    deadline: float  # of time.time()
    sampler: Callable[..., BaseSampler]
    seed: int
    pruner: BasePruner
    _first_seen: dict[int, float] = field(default_factory=dict)

    def __call__(self) -> None:
        """Work until the study is complete or the time is over."""
        sampler = SeededByTrial(self.sampler, self.seed)
        study = optuna.load_study(
            study_name=self.study_name, storage=self.storage, sampler=sampler, pruner=copy.deepcopy(self.pruner)
        )
        with quiet():
            while time.time() < self.deadline and len(finished(study)) < self.n_trials:
                _fail_silent_trials(study)
                if self._has_place(study):
                    self._run_next(study)
                else:
                    self._wait_for_others(study)

    def _has_place(self, study: Study) -> bool:
        trials = study.get_trials(deepcopy=False)
        return sum(map(_is_taken, trials)) < self.n_trials or any(trial.state == TrialState.WAITING for trial in trials)

    def _run_next(self, study: Study) -> None:
        """Run a trial; if another worker took this one for dead, and has the trial run again, drop what was found."""
        with _heartbeat_allowed():
            trial = study.ask()
        state, value = TrialState.FAIL, None
        try:
            with get_heartbeat_thread(trial._trial_id, self.storage):
                value = self._evaluate(trial)
            state = TrialState.COMPLETE
        except optuna.TrialPruned:
            state = TrialState.PRUNED
        except (TrialFailed, Surplus, UpdateFinishedTrialError):
            pass
        finally:
            # Study.optimize would raise here, and would lose a KeyboardInterrupt.
            with suppress(UpdateFinishedTrialError):
                study.tell(trial, value, state, skip_if_finished=True)

    def _evaluate(self, trial: optuna.Trial) -> float:
        earlier = trial.study.get_trials(deepcopy=False)[: trial.number]
        if sum(map(_is_taken, earlier)) >= self.n_trials:
            raise Surplus
        return self.objective(trial)

    def _wait_for_others(self, study: Study) -> None:
        time.sleep(_SECONDS_BETWEEN_POLLS)
        self._listen_to_the_mute(study)

    def _listen_to_the_mute(self, study: Study) -> None:
        """Give a heartbeat to trials whose worker died before their first, because only one that was heard can stop."""
        if not isinstance(self.storage, RDBStorage):
            return
        now = time.monotonic()
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            since = self._first_seen.setdefault(trial._trial_id, now)
            if now - since > (self.storage.grace_period or 0):
                self._first_seen[trial._trial_id] = float("inf")
                self.storage.record_heartbeat(trial._trial_id)


def snapshot(study: Study) -> Study:
    """Copy a study into memory, where it outlives its storage and carries no password."""
    copied = optuna.storages.InMemoryStorage()
    with quiet():
        optuna.copy_study(from_study_name=study.study_name, from_storage=study._storage, to_storage=copied)
        return optuna.load_study(study_name=study.study_name, storage=copied)
