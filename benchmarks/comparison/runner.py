"""Measure cells in separate processes, so that the memory and the threads of a cell do not affect the next one.

    python -m comparison.runner TASK OUTPUT

measures a cell: TASK is a task as JSON, and OUTPUT the file of its result.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from comparison.protocol import Arrays, Cell, Record, measure, settings
from comparison.provenance import git_revision, machine

# OpenMP (torch, scikit-learn) and the BLAS libraries of NumPy read these variables when they are loaded.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_FOLDER = Path(__file__).parents[1]
_OUT_OF_MEMORY = 70  # exit code of a process that raised MemoryError
_MAX_MESSAGE_LENGTH = 4000  # last characters of standard error that a record keeps


@dataclass(frozen=True)
class Task:
    """A cell and the settings of its measurement.

    Attributes
    ----------
    cell : Cell
    data_home : str or None
        Passed to `measure`.
    threads : int
        Passed to `measure`.
    n_jobs : int
        Number of cells that are measured in parallel. Times with different values are not comparable.
    timeout : float or None
        Limit of the wall time of the process in seconds.
    """

    cell: Cell
    data_home: str | None
    threads: int
    n_jobs: int = 1
    timeout: float | None = None


def run(tasks: Sequence[Task], backend: str = "threading") -> Iterator[tuple[Task, Record, Arrays]]:
    """Measure cells, in parallel if the first task has `n_jobs` above 1.

    Parameters
    ----------
    tasks : sequence of Task
        They are started in this order.
    backend : str
        Joblib's backend: "threading", whose threads each wait for a process, or "dask".

    Yields
    ------
    task : Task
    record : dict
        `status` is "ok", "failed", "timeout" or "out of memory", and `message` is the reason of a failure.
    arrays : dict
        Predictions if the status is "ok", and otherwise empty.
    """
    if not tasks:
        return
    with joblib.parallel_config(backend, n_jobs=tasks[0].n_jobs):
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs")
        outcomes = parallel(joblib.delayed(run_task)(task) for task in tasks)
        try:
            yield from outcomes
        finally:
            _stop_all()


def run_task(task: Task) -> tuple[Task, Record, Arrays]:
    """Measure one cell in a separate process and wait for its result."""
    started = time.time()
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        output = Path(folder) / "outcome.npz"
        status, message = _execute(task, output)
        record, arrays = _read(output) if status == "ok" else ({}, {})
    record = asdict(task.cell) | {"status": status, "message": message} | record | circumstances(task) | settings()
    record |= {"started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)), "timeout": task.timeout}
    return task, record, arrays


def circumstances(task: Task) -> Record:
    """Return the values of `protocol.CIRCUMSTANCES` for a task that this process measures."""
    return {"threads": task.threads, "n_jobs": task.n_jobs, "git_revision": git_revision(), **machine()}


def _execute(task: Task, output: Path) -> tuple[str, str]:
    """Run the process and return its status and its standard error."""
    # Standard error goes to a file, because an unread pipe would fill up and block the process.
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # noqa: S603  (our own module, by an argument list)
            [sys.executable, "-m", "comparison.runner", json.dumps(asdict(task)), str(output)],
            cwd=_FOLDER,
            env=os.environ | dict.fromkeys(THREAD_VARIABLES, str(task.threads)),
            stdin=subprocess.PIPE,  # open as long as this process lives, see `_exit_with_parent`
            stderr=errors,
        ) as process,
    ):
        _running.add(process)
        try:
            status = _wait(process, task.timeout)
        finally:
            _running.discard(process)
            process.kill()
        process.wait()
        errors.seek(0)
        message = errors.read().strip()[-_MAX_MESSAGE_LENGTH:]
    if status == "timeout":
        message = f"not finished after {task.timeout:g} s"
    elif process.returncode == -signal.SIGKILL:
        message = "killed by signal 9, probably because the system was out of memory"
    return status, message


def _wait(process: "subprocess.Popen[bytes]", timeout: float | None) -> str:
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        return "timeout"
    if code in (_OUT_OF_MEMORY, -signal.SIGKILL):
        return "out of memory"
    return "ok" if code == 0 else "failed"


_running: "set[subprocess.Popen[bytes]]" = set()


def _stop_all() -> None:
    """Kill the processes whose results are no longer awaited."""
    for process in list(_running):
        process.kill()


def _read(output: Path) -> tuple[Record, Arrays]:
    with np.load(output) as arrays:
        loaded = dict(arrays)
    return json.loads(str(loaded.pop("record"))), loaded


def _exit_with_parent() -> None:
    """Exit when the parent process ends, even by kill -9, which closes the pipe to standard input."""
    # Read the descriptor, because holding the lock of sys.stdin at exit would crash the interpreter.
    os.read(0, 1)
    os._exit(1)


def _main(task: dict[str, Any], output: str) -> int:
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    try:
        record, arrays = measure(Cell(**task["cell"]), task["data_home"], task["threads"])
    except MemoryError as error:
        print(error or "MemoryError", file=sys.stderr)
        return _OUT_OF_MEMORY
    np.savez(output, allow_pickle=False, record=np.array(json.dumps(record)), **arrays)
    return 0


if __name__ == "__main__":
    sys.exit(_main(json.loads(sys.argv[1]), sys.argv[2]))
