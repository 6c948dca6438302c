"""Optuna's log, which would print a line a trial."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = (
    "optuna.study.study",
    "optuna.study._tell",
    "optuna.storages._rdb.storage",
    "optuna.storages._in_memory",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from logging, in this thread alone and as long as the context lasts; no level is changed."""
    here = threading.get_ident()

    def is_elsewhere(record: logging.LogRecord) -> bool:
        return record.thread != here

    for name in _LOGGERS:
        logging.getLogger(name).addFilter(is_elsewhere)
    try:
        yield
    finally:
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(is_elsewhere)
