"""Fits and predictions in other processes: no start method hangs, and the answers are the parent's.

A forked child hangs for ever where its parent has used several threads, so the parents have two here, and one for
comparison. What they have done before they fork matters, too: to unpickle a model is enough.
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "process_matrix.py"
METHODS = ("fork", "forkserver", "spawn", "loky", "threading", "multiprocessing")


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    """A function that runs the matrix once, in a process of its own: {cell: largest difference}, and its errors."""
    folder = tmp_path_factory.mktemp("models")

    @functools.cache
    def run(parent, n_threads):
        if parent == "load":
            run("fit", n_threads)  # stores the model
        home = folder / str(n_threads)
        home.mkdir(exist_ok=True)
        finished = subprocess.run(
            [sys.executable, "-W", "error", SCRIPT, parent, home],
            check=False,
            env=os.environ | {"OMP_NUM_THREADS": str(n_threads)},
            capture_output=True,
            text=True,
            timeout=280,
        )
        return dict(line.split(": ") for line in finished.stdout.splitlines()), finished.stderr

    return run


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("parent", ["fit", "load"])
@pytest.mark.parametrize(
    "cell", [*(f"{method} {task}" for method in METHODS for task in ("predict", "fit", "load")), "loky search"]
)
def test_no_process_hangs_and_answers_are_equal(differences, parent, n_threads, cell):
    cells, errors = differences(parent, n_threads)
    assert cell in cells, errors
    # Children of a fork, and joblib's workers, compute with one thread; last bits depend on the number of threads.
    same_threads = n_threads == 1 or cell.startswith(("spawn", "threading"))
    assert float(cells[cell]) <= (0 if same_threads else 1e-5)
