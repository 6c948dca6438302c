"""The timer and the memory meters of all benchmarks.

Only the standard library is imported, so that the first import of a library can still be timed by the caller.
"""

import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_STATUS = Path("/proc/self/status")
_INTERVAL = 0.005  # seconds between two readings of the memory


def timed(step: Callable[[], _Result]) -> tuple[_Result, float]:
    """Run a step and return its result and its wall time in seconds."""
    start = time.perf_counter()
    result = step()
    return result, time.perf_counter() - start


def seconds(step: Callable[[], Any]) -> float:
    """Run a step and return its wall time."""
    return timed(step)[1]


def process_peak_bytes() -> int:
    """Return the largest resident memory of this process so far, pages of files included."""
    if _STATUS.exists():
        # On Linux a process inherits ru_maxrss from its parent; VmHWM is its own peak.
        return _status_bytes("VmHWM")
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def step_growth_bytes(step: Callable[[], Any]) -> int:
    """Run a step and return the growth of this process's anonymous memory at the peak of the step.

    Pages of files are not counted, because the system reclaims them under pressure. A thread reads the memory every
    five milliseconds, so shorter peaks are missed. Linux only.
    """
    before = _status_bytes("RssAnon")
    readings = [before]
    finished = threading.Event()

    def read_until_finished() -> None:
        while not finished.wait(_INTERVAL):
            readings.append(_status_bytes("RssAnon"))

    reader = threading.Thread(target=read_until_finished)
    reader.start()
    try:
        step()
    finally:
        finished.set()
        reader.join()
    return max(readings) - before


def _status_bytes(name: str) -> int:
    """Read a size from the kernel's status of this process, which has it in kilobytes of 1,024 bytes."""
    lines = _STATUS.read_text(encoding="utf-8").splitlines()
    line = next(line for line in lines if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])
