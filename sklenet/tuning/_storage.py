"""Storages of a study: a database that the user names, a temporary one, or memory."""

import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import FrozenTrial
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError, SQLAlchemyError

from sklenet.tuning._quiet import quiet
from sklenet.tuning._study import is_counted

_CONNECT_ARGS = {"postgresql": {"connect_timeout": 10}, "sqlite": {"timeout": 60}}  # seconds
_N_ATTEMPTS = 5
_SECONDS_BETWEEN_ATTEMPTS = 0.5
# Retries of a stale trial, before its parameters are given up because they may have killed the worker.
_N_RETRIES = 3


@contextmanager
def open_storage(url: str | None, heartbeat_interval: int, n_workers: int) -> Iterator[BaseStorage]:
    """Open the database at a URL, or a temporary storage that `n_workers` can share if the URL is None."""
    with ExitStack() as stack:
        if url is None and n_workers == 1:
            yield InMemoryStorage()
            return
        if url is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sklenet-"))
            url = f"sqlite:///{Path(folder) / 'study.db'}"
        storage = connect(url, heartbeat_interval)
        stack.callback(storage.engine.dispose)
        yield storage


def connect(url: str, heartbeat_interval: int) -> RDBStorage:
    """Connect to a database, and create the tables if they do not exist.

    Raises
    ------
    ValueError
        If the URL cannot be parsed.
    ConnectionError
        If the database cannot be used. The message names the storage without its password.
    ImportError
        If the driver is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text may contain a password, so the message does not repeat it.
        raise ValueError(
            "storage must be the URL of a database, such as 'sqlite:///study.db' or 'postgresql://host/name'; the "
            "given text cannot be parsed as a URL."
        ) from None
    backend = parsed.get_backend_name()
    for attempt in range(_N_ATTEMPTS):
        try:
            with quiet(), ignore_heartbeat_warnings():
                return RDBStorage(
                    url,
                    engine_kwargs={"connect_args": _CONNECT_ARGS.get(backend, {})},
                    heartbeat_interval=heartbeat_interval,
                    grace_period=3 * heartbeat_interval,
                    heartbeat_stale_trial_callback=_retry_stale_trial,
                )
        except ImportError as error:
            raise ImportError(
                f"The driver of {backend} is not installed: {error.__cause__ or error}. For PostgreSQL: "
                "pip install 'sklenet[postgresql]'."
            ) from None
        except (SQLAlchemyError, StorageInternalError) as error:
            # Several workers may create the tables at once. One succeeds; the others retry and find the tables.
            raced = isinstance(error, IntegrityError | ProgrammingError) or "already exists" in str(error)
            if not raced or attempt + 1 == _N_ATTEMPTS:
                raise ConnectionError(_explain(parsed, error)) from None
            time.sleep(_SECONDS_BETWEEN_ATTEMPTS)
    raise AssertionError("the loop returns or raises")


def _explain(url: Any, error: Exception) -> str:
    cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    if url.password:
        cause = cause.replace(str(url.password), "***")
    return f"storage {url.render_as_string(hide_password=True)} cannot be used: {cause}"


@contextmanager
def ignore_heartbeat_warnings() -> Iterator[None]:
    """Ignore Optuna's warnings that its heartbeat is experimental and intended for `Study.optimize`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "Heartbeat of storage is supposed to be used with Study.optimize")
        yield


def _retry_stale_trial(study: Study, trial: FrozenTrial) -> None:
    """Enqueue the parameters of a stale trial, unless its own error was recorded before the worker died."""
    if not is_counted(trial):
        RetryHeartbeatStaleTrialCallback(max_retry=_N_RETRIES)(study, trial)
