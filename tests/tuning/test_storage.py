"""Connections to storages whose tables several workers create at once."""

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from sklenet.tuning import _storage

RACED = IntegrityError("CREATE TABLE studies", {}, Exception("UNIQUE constraint failed"))


@pytest.fixture
def connect(monkeypatch):
    """Return a function that connects while creating the tables fails with errors, and the number of attempts."""
    monkeypatch.setattr(_storage, "_SECONDS_BETWEEN_ATTEMPTS", 0)

    def run(errors):
        remaining = list(errors)

        def create(*_, **__):
            if remaining:
                raise remaining.pop(0)
            return "storage"

        monkeypatch.setattr(_storage, "RDBStorage", create)
        try:
            return _storage.connect("sqlite:///study.db", heartbeat_interval=1), len(remaining)
        except ConnectionError as error:
            return str(error), len(remaining)

    return run


@pytest.mark.parametrize("n_races", range(_storage._N_ATTEMPTS))
def test_workers_that_lose_a_race_try_again(connect, n_races):
    assert connect([RACED] * n_races) == ("storage", 0)


def test_attempts_end(connect):
    message, n_remaining = connect([RACED] * (_storage._N_ATTEMPTS + 3))
    assert message == "storage sqlite:///study.db cannot be used: UNIQUE constraint failed"
    assert n_remaining == 3


def test_other_errors_are_not_repeated(connect):
    error = OperationalError("CREATE TABLE studies", {}, Exception("disk I/O error"))
    assert connect([error] * 2) == ("storage sqlite:///study.db cannot be used: disk I/O error", 1)
