"""Run measurements in separate processes and store their results as rows of a file."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from comparison.runner import THREAD_VARIABLES
from rows import Row, Rows

_FOLDER = Path(__file__).parents[1]
# The keys of a row, the module that measures it with its arguments, and the number of threads (None: all).
Task = tuple[Row, list[str], int | None]


def run_tasks(tasks: Iterable[Task], path: Path) -> None:
    """Run the tasks that have no row in the file at `path`, one after another, and append their rows."""
    rows = Rows(path)
    for keys, arguments, threads in tasks:
        if rows.is_missing(keys):
            rows.add(keys | run_module(arguments, threads))


def run_module(arguments: list[str], threads: int | None = None) -> Row:
    """Run a module of this folder and return the JSON that it prints."""
    environment = os.environ | {"PYTHONPATH": str(_FOLDER)}
    if threads is not None:
        environment |= dict.fromkeys(THREAD_VARIABLES, str(threads))
    command = [sys.executable, "-m", *arguments]
    # The command runs a module of this folder.
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603
    return json.loads(output)
