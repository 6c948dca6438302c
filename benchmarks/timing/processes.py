"""Starts what is timed, each in a process of its own, and keeps the figures as rows of a file."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

_FOLDER = Path(__file__).parents[1]
# What OpenMP (torch, scikit-learn) and BLAS libraries read when they are loaded.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Row = dict[str, Any]
# The columns that say what a row is of, the module that measures it and its arguments, threads (None: all).
Task = tuple[Row, list[str], int | None]


def run_tasks(tasks: Iterable[Task], path: Path) -> None:
    """Run the tasks that have no row in the file at `path` yet, one after another, and add their rows.

    The first row has all columns; a later one may lack figures.
    """
    done = pd.read_csv(path).to_dict("records") if path.exists() else []
    for keys, arguments, threads in tasks:
        if any(keys.items() <= row.items() for row in done):
            continue
        row = keys | run_module(arguments, threads)
        print(*row.values(), flush=True)
        columns = list(pd.read_csv(path, nrows=0).columns) if path.exists() else list(row)
        pd.DataFrame([row]).reindex(columns=columns).to_csv(path, mode="a", header=not path.exists(), index=False)


def run_module(arguments: list[str], threads: int | None = None) -> Row:
    """Run a module of this folder and read the JSON that it prints."""
    environment = os.environ | {"PYTHONPATH": str(_FOLDER)}
    if threads is not None:
        environment |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    command = [sys.executable, "-m", *arguments]
    # The command is of this folder.
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603
    return json.loads(output)
