"""Fits, predictions and loads in other processes terminate with the results of the parent, for each start method.

Forked children can deadlock if the parent process has used several threads. The parents therefore run with one thread
and with two. A parent that only unpickles a model can cause the deadlock, so that loading parents are tested, too.
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from process_matrix import BACKENDS, METHODS

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "process_matrix.py"
TASKS = ("predict", "fit", "load")
CELLS = [*(f"{method} {task}" for method in (*METHODS, *BACKENDS) for task in TASKS), "loky search"]


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    """Return a function that runs the matrix in a new process and returns {cell: largest difference} and stderr."""
    folder = tmp_path_factory.mktemp("models")

    @functools.cache
    def run(parent, n_threads):
        if parent == "load":
            run("fit", n_threads)  # stores the model
        home = folder / str(n_threads)
        home.mkdir(exist_ok=True)
        completed = subprocess.run(
            [sys.executable, "-W", "error", SCRIPT, parent, home],
            check=False,
            env=os.environ | {"OMP_NUM_THREADS": str(n_threads)},
            capture_output=True,
            text=True,
            timeout=280,
        )
        return dict(line.split(": ") for line in completed.stdout.splitlines()), completed.stderr

    return run


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("parent", ["fit", "load"])
@pytest.mark.parametrize("cell", CELLS)
def test_processes_terminate_with_the_results_of_the_parent(differences, parent, n_threads, cell):
    cells, errors = differences(parent, n_threads)
    assert cell in cells, errors
    # Forked children and workers of joblib compute with one thread, on which the last bits of predictions depend. Their
    # fits are compared with a fit with one thread.
    same_threads = n_threads == 1 or cell.startswith(("spawn", "threading")) or cell.endswith("fit")
    assert float(cells[cell]) <= (0 if same_threads else 1e-5)
