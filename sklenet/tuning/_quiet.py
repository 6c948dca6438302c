"""A context in which Optuna does not print a line for each trial."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the handlers of Optuna's logger from emitting this thread's records below the level WARNING.

    Records of other threads pass, and so do warnings, which tell users of a problem with their sampler or storage.
    Levels and propagation stay as they are. A user who enables propagation asks for Optuna's log by name, so the
    handlers of the root logger still receive every record.
    """
    thread, handlers = threading.get_ident(), list(logging.getLogger("optuna").handlers)

    def passes(record: logging.LogRecord) -> bool:
        return record.thread != thread or record.levelno >= logging.WARNING

    for handler in handlers:
        handler.addFilter(passes)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(passes)
