"""Cells in processes of their own: nothing that one leaves in memory or in threads touches the next one's figures.

    python -m comparison.runner CELL OUTPUT

is such a process: CELL is a task as JSON, OUTPUT the file that it writes its outcome to.
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

# OpenMP (torch, scikit-learn) and the BLAS libraries that NumPy may be built with read these when they are loaded.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_FOLDER = Path(__file__).parents[1]
_OUT_OF_MEMORY = 70  # the exit code of a process that met a MemoryError
_LONGEST_MESSAGE = 4000  # characters of standard error that a record keeps


@dataclass(frozen=True)
class Task:
    """A cell, and how it is measured.

    Attributes
    ----------
    cell : Cell
    data_home : str or None
        As of `measure`.
    threads : int
    n_jobs : int
        How many cells are measured at a time; above 1 their times are not comparable with others'.
    timeout : float or None
        Seconds, of wall time, from the start of the process.
    """

    cell: Cell
    data_home: str | None
    threads: int
    n_jobs: int = 1
    timeout: float | None = None


def run(tasks: Sequence[Task], backend: str = "threading") -> Iterator[tuple[Task, Record, Arrays]]:
    """Measure cells, as many at a time as the first task says.

    Parameters
    ----------
    tasks : sequence of Task
        Started in this order.
    backend : str
        Of joblib: threads of this process, each of which waits for a process of its own, or "dask".

    Yields
    ------
    task : Task
    record : dict
        Complete whatever came of the cell: `status` is "ok", "failed", "timeout" or "out of memory", and `message`
        says why.
    arrays : dict
        Predictions, if the status is "ok".
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
    """Measure one cell in a process of its own and wait for it."""
    started = time.time()
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        output = Path(folder) / "outcome.npz"
        status, message = _execute(task, output)
        record, arrays = _read(output) if status == "ok" else ({}, {})
    record = asdict(task.cell) | {"status": status, "message": message} | record | circumstances(task) | settings()
    record |= {"started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)), "timeout": task.timeout}
    return task, record, arrays


def circumstances(task: Task) -> Record:
    """Tell where and how a task is measured by this process: `protocol.CIRCUMSTANCES`."""
    return {"threads": task.threads, "n_jobs": task.n_jobs, "git_revision": git_revision(), **machine()}


def _execute(task: Task, output: Path) -> tuple[str, str]:
    """Run the process; return its status, and what it wrote to standard error."""
    # A file, because a pipe that nobody reads fills up.
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(  # noqa: S603  (our own module, by an argument list)
            [sys.executable, "-m", "comparison.runner", json.dumps(asdict(task)), str(output)],
            cwd=_FOLDER,
            env=os.environ | dict.fromkeys(THREAD_VARIABLES, str(task.threads)),
            stdin=subprocess.PIPE,  # held open as long as this process lives, see `_end_with_parent`
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
        written = errors.read().strip()[-_LONGEST_MESSAGE:]
    if status == "timeout":
        written = f"not finished after {task.timeout:g} s"
    elif process.returncode == -signal.SIGKILL:
        written = "killed by signal 9, as a system does that is short of memory"
    return status, written


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
    """End the processes whose outcomes nobody waits for any more."""
    for process in list(_running):
        process.kill()


def _read(output: Path) -> tuple[Record, Arrays]:
    with np.load(output) as arrays:
        loaded = dict(arrays)
    return json.loads(str(loaded.pop("record"))), loaded


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, even by kill -9: then its end of our pipe is closed."""
    # The descriptor, because a lock of sys.stdin held at exit is fatal to the interpreter.
    os.read(0, 1)
    os._exit(1)


def _main(task: dict[str, Any], output: str) -> int:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        record, arrays = measure(Cell(**task["cell"]), task["data_home"], task["threads"])
    except MemoryError as error:
        print(error or "MemoryError", file=sys.stderr)
        return _OUT_OF_MEMORY
    np.savez(output, allow_pickle=False, record=np.array(json.dumps(record)), **arrays)
    return 0


if __name__ == "__main__":
    sys.exit(_main(json.loads(sys.argv[1]), sys.argv[2]))
