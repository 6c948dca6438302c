"""Several processes that share one study, and the trials of processes that die."""

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing

import numpy as np
import optuna
import pytest
import torch
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sqlalchemy.engine import make_url

from servers import needs_postgresql
from sklenet import LeNetClassifier
from sklenet.tuning import LeNetSearchCV
from sklenet.tuning._evaluation import CAUSE
from sklenet.tuning._storage import connect
from sklenet.tuning._study import open_study
from sklenet.tuning._worker import Worker
from stand_ins import HILL, Hill, climb

pytestmark = pytest.mark.slow

# Each trial takes at least half a second, so four processes need twenty seconds on any machine. Ten kills take less.
N_TRIALS = 160
# The two processes are killed when 6 and when 12 trials are complete.
N_TRIALS_OF_TWO = 24
# Processes start fast by forking a server that has imported everything.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["sklenet.tuning"])


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:100], y[:100]


def test_suspended_worker_discards_its_stale_trial(tmp_path):
    url, n_trials = f"sqlite:///{tmp_path}/study.db", 12
    suspended = start(url, n_trials)
    wait_until(lambda: suspend_in_a_trial(suspended, url))
    running = [trial.number for trial in load(url) if trial.state == TrialState.RUNNING]
    join(start(url, n_trials))  # waits until the other worker has missed three heartbeats
    os.kill(suspended.pid, signal.SIGCONT)
    join(suspended)
    trials = load(url)
    counted = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    assert len(counted) == n_trials
    assert all(trials[number].state == TrialState.FAIL for number in running)


@pytest.mark.parametrize("step", ["report", "user attribute", "tell"])
def test_stale_trial_is_discarded_at_each_call_that_detects_it(step, tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    storage = connect(url, heartbeat_interval=1)
    open_study(storage, "one", {"data": "1"})
    numbers = []

    def objective(trial):
        numbers.append(trial.number)
        if len(numbers) == 2:
            storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)  # like a worker that finds the trial stale
            if step == "report":
                trial.report(1.0, 0)
            if step == "user attribute":
                trial.set_user_attr("folds", [])
        return float(trial.number)

    Worker(storage, "one", objective, 4, np.inf, optuna.samplers.RandomSampler, 0, optuna.pruners.NopPruner())()
    trials = optuna.load_study(study_name="one", storage=storage).trials
    storage.engine.dispose()
    assert [trial.state for trial in trials] == [
        TrialState.FAIL if number == 1 else TrialState.COMPLETE for number in range(5)
    ]


def test_surplus_trial_is_discarded(monkeypatch):
    storage = optuna.storages.InMemoryStorage()
    study = open_study(storage, "one", {"data": "1"})
    ask = optuna.Study.ask

    def ask_after_another_worker(study):
        study.tell(ask(study), 0.0)
        return ask(study)

    monkeypatch.setattr(optuna.Study, "ask", ask_after_another_worker)
    Worker(storage, "one", lambda trial: 1.0, 1, np.inf, optuna.samplers.RandomSampler, 0, optuna.pruners.NopPruner())()
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.FAIL]


def test_error_of_the_objective_propagates(tmp_path):
    storage = connect(f"sqlite:///{tmp_path}/study.db", heartbeat_interval=1)
    open_study(storage, "one", {"data": "1"})

    def objective(trial):
        trial.set_user_attr(CAUSE, "LookupError: no such run")
        raise LookupError("no such run")

    with pytest.raises(LookupError, match="no such run"):
        Worker(storage, "one", objective, 4, np.inf, optuna.samplers.RandomSampler, 0, optuna.pruners.NopPruner())()
    storage.engine.dispose()


@pytest.mark.parametrize("storage", [None, "sqlite"])
def test_error_of_the_space_ends_the_search(digits, tmp_path, storage):
    n_calls = 0

    def space(trial):
        nonlocal n_calls
        n_calls += 1
        if n_calls > 33:  # after the 32 calls of sample_space and the first trial
            raise LookupError("no such file")
        return {"a": trial.suggest_float("a", 0, 1)}

    url = storage and f"sqlite:///{tmp_path}/study.db"
    with pytest.raises(LookupError, match="no such file"):
        LeNetSearchCV(Hill(), param_distributions=space, n_trials=3, cv=2, storage=url).fit(*digits)
    assert n_calls == 34  # no trial was retried


def test_ctrl_c_in_a_stale_trial_propagates(tmp_path):
    storage = connect(f"sqlite:///{tmp_path}/study.db", heartbeat_interval=1)
    open_study(storage, "one", {"data": "1"})

    def objective(trial):
        storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)  # like a worker that finds the trial stale
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Worker(storage, "one", objective, 4, np.inf, optuna.samplers.RandomSampler, 0, optuna.pruners.NopPruner())()
    storage.engine.dispose()


def suspend_in_a_trial(worker, url):
    """Suspend a worker; resume it and return False if it runs no trial or holds a lock of the database."""
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        with closing(sqlite3.connect(make_url(url).database, timeout=0)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
        if any(trial.state == TrialState.RUNNING for trial in load(url)):
            return True
    # The database is locked, by the worker or by a step that the worker took before the signal reached it.
    except (sqlite3.OperationalError, ConnectionError):
        pass
    os.kill(worker.pid, signal.SIGCONT)
    return False


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def start(url, n_trials=N_TRIALS):
    process = PROCESSES.Process(target=climb, args=(url, n_trials), daemon=True)
    process.start()
    return process


def join(*workers):
    for worker in workers:
        worker.join(100)
    assert [worker.exitcode for worker in workers] == [0] * len(workers)


def load(url):
    """Return the trials of the study; no trials if the study does not exist yet."""
    storage = connect(url, heartbeat_interval=1)
    try:
        return optuna.load_study(study_name="hill", storage=storage).trials
    except KeyError:
        return []
    finally:
        storage.engine.dispose()


def finished_values(url):
    return {trial.number: trial.value for trial in load(url) if trial.state == TrialState.COMPLETE}


def check_trials(trials, n_trials, n_kills):
    """Check that n_trials count, that no trial is left over, and that all values are right."""
    assert [trial.number for trial in trials] == list(range(len(trials)))
    states = Counter(trial.state for trial in trials)
    assert states[TrialState.COMPLETE] + states[TrialState.PRUNED] == n_trials
    assert states[TrialState.RUNNING] == states[TrialState.WAITING] == 0
    X, y = load_digits(return_X_y=True)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    expected = [cross_val_score(Hill(**trial.params), X[:100], y[:100], cv=2).mean() for trial in complete]
    np.testing.assert_allclose([trial.value for trial in complete], expected)
    assert max(trial.value for trial in complete) == max(expected)
    # Workers may take the last rank at the same moment; surplus trials are discarded.
    assert states[TrialState.FAIL] <= n_kills + 3


@needs_postgresql
def test_four_processes_on_postgresql_with_ten_kills(postgresql):
    rng = random.Random(0)
    survivors = [start(postgresql), start(postgresql)]
    victims = [start(postgresql), start(postgresql)]
    time.sleep(2)
    for number in range(10):
        time.sleep(rng.uniform(0.5, 2))
        assert victims[number % 2].is_alive()
        victims[number % 2].kill()
        victims[number % 2] = start(postgresql)
    join(*survivors, *victims)
    trials = load(postgresql)
    assert any(trial.state == TrialState.FAIL for trial in trials)  # some kills hit a running trial
    check_trials(trials, N_TRIALS, 10)


@needs_postgresql
def test_error_message_hides_the_password(postgresql, digits):
    wrong = "battery staple"
    url = make_url(postgresql).set(password=wrong).render_as_string(hide_password=False)
    search = LeNetSearchCV(Hill(), param_distributions=HILL, n_trials=1, cv=2, storage=url)
    with pytest.raises(
        ConnectionError, match=r"storage postgresql://sklenet:\*\*\*@127.+ password authentication failed"
    ) as caught:
        search.fit(*digits)
    assert "battery" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_unreachable_server(digits):
    search = LeNetSearchCV(
        Hill(), param_distributions=HILL, n_trials=1, storage="postgresql://me:secret@127.0.0.1:1/db"
    )
    with pytest.raises(
        ConnectionError, match=r"storage postgresql://me:\*\*\*@127.0.0.1:1/db cannot be used: "
    ) as caught:
        search.fit(*digits)
    assert "secret" not in str(caught.value)


def test_two_processes_on_sqlite_all_killed(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    for n_complete in (6, 12):
        workers = [start(url, N_TRIALS_OF_TWO), start(url, N_TRIALS_OF_TWO)]
        wait_until(lambda n=n_complete: len(finished_values(url)) >= n)
        before = finished_values(url)
        for worker in workers:
            worker.kill()
            worker.join()
        assert before.items() <= finished_values(url).items()
        assert any(trial.state == TrialState.RUNNING for trial in load(url))
    join(start(url, N_TRIALS_OF_TWO))
    check_trials(load(url), N_TRIALS_OF_TWO, 4)
    # Trials of dead workers were retried with the same parameters.
    trials = load(url)
    retried = [trial for trial in trials if "failed_trial" in trial.system_attrs]
    assert retried
    for trial in retried:
        assert trials[trial.system_attrs["failed_trial"]].params.items() <= trial.params.items()


def test_trial_of_a_worker_that_died_before_the_first_heartbeat_times_out(tmp_path, digits):
    search = LeNetSearchCV(
        Hill(), param_distributions=HILL, n_trials=2, cv=2, storage=f"sqlite:///{tmp_path}/study.db", study_name="hill",
        heartbeat_interval=1,
    )  # fmt: skip
    search.fit(*digits)
    storage = RDBStorage(search.storage)
    optuna.load_study(study_name="hill", storage=storage).ask()  # the trial begins and sends no heartbeat
    storage.engine.dispose()
    assert len(search.set_params(n_trials=3).fit(*digits).cv_results_["params"]) == 3


def test_processes_share_the_cores(digits):
    before = torch.get_num_threads(), dict(os.environ)
    search = LeNetSearchCV(
        LeNetClassifier(max_epochs=1), n_trials=4, cv=2, n_jobs=2, scoring=score_by_threads_and_process, refit=False,
        error_score="raise",
    ).fit(*digits)  # fmt: skip
    n_cpus = len(os.sched_getaffinity(0))
    threads, processes = zip(*(divmod(score, 1e9) for score in search.cv_results_["split0_test_score"]), strict=True)
    assert max(threads) <= max(1, n_cpus // 2)
    assert os.getpid() not in processes
    assert before == (torch.get_num_threads(), dict(os.environ))


def score_by_threads_and_process(estimator, X, y):
    """Return a score that encodes the number of threads and the process."""
    return torch.get_num_threads() * 1e9 + os.getpid()


def test_two_processes_run_exactly_n_trials(digits):
    search = LeNetSearchCV(
        Hill(), param_distributions=HILL, n_trials=15, cv=2, n_jobs=2, random_state=0, error_score="raise"
    ).fit(*digits)
    assert search.cv_results_["trial_number"].tolist() == sorted(search.cv_results_["trial_number"])
    assert len(search.cv_results_["params"]) == 15
