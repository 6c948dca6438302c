"""Optuna's log is silent in the thread of a search, but not in other threads."""

import logging
import threading

import optuna
import pytest

from sklenet.tuning._quiet import quiet


class Messages(logging.Handler):
    def __init__(self):
        super().__init__()
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


@pytest.fixture
def handler():
    """A handler on Optuna's logger, beside Optuna's own."""
    messages = Messages()
    logging.getLogger("optuna").addHandler(messages)
    yield messages
    logging.getLogger("optuna").removeHandler(messages)


def run_a_trial():
    study = optuna.create_study()
    study.tell(study.ask(), 1.0)
    study.optimize(lambda trial: 0.0, n_trials=1)


def test_records_of_this_thread_are_silent_until_the_context_ends(handler, capfd):
    with quiet():
        run_a_trial()
    assert handler.messages == []
    assert capfd.readouterr().err == ""
    run_a_trial()
    assert any("Trial 1 finished" in message for message in handler.messages)


def test_records_of_other_threads_pass(handler):
    with quiet():
        thread = threading.Thread(target=run_a_trial)
        thread.start()
        thread.join()
    assert any("Trial 1 finished" in message for message in handler.messages)


def test_warnings_pass(handler):
    with quiet():
        logging.getLogger("optuna.samplers").warning("independent sampling")
    assert handler.messages == ["independent sampling"]


def test_propagated_records_reach_the_root_logger(handler):
    root = Messages()
    logging.getLogger().addHandler(root)
    optuna.logging.enable_propagation()
    try:
        with quiet():
            run_a_trial()
    finally:
        optuna.logging.disable_propagation()
        logging.getLogger().removeHandler(root)
    assert handler.messages == []
    assert any("Trial 1 finished" in message for message in root.messages)


def get_filters():
    return [list(handler.filters) for handler in logging.getLogger("optuna").handlers]


@quiet()
def fail(before):
    assert get_filters() != before
    raise LookupError


def test_filters_are_removed_after_an_error():
    before = get_filters()
    with pytest.raises(LookupError):
        fail(before)
    assert get_filters() == before
