"""Cells in processes of their own: nothing that one leaves in memory or in threads touches the next one's figures.

    python -m comparison.runner CELL

is such a process: CELL is a cell as JSON, and so is the row that it prints as the last line.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from comparison.protocol import Cell, Row, measure

# OpenMP (torch, scikit-learn) and the BLAS libraries that NumPy may be built with read these when they are loaded.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_SECONDS_BETWEEN_LOOKS = 0.1


class CellError(Exception):
    """A cell ended without a result; the message is what it wrote to standard error."""


class _Process:
    """A cell at work."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        # Files, because a pipe that nobody reads fills up.
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed by `close`)
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(  # noqa: S603  (our own module, by an argument list)
            [sys.executable, "-m", "comparison.runner", json.dumps(asdict(cell))],
            cwd=Path(__file__).parents[1],
            env=os.environ | dict.fromkeys(_THREAD_VARIABLES, str(cell.threads)),
            stdout=self._output,
            stderr=self._errors,
        )

    def ended(self) -> bool:
        return self._process.poll() is not None

    def result(self) -> Row | CellError:
        self._errors.seek(0)
        errors = self._errors.read()
        if self._process.returncode != 0:
            return CellError(errors or f"exit code {self._process.returncode}")
        sys.stderr.write(errors)  # warnings
        self._output.seek(0)
        return json.loads(self._output.read().splitlines()[-1])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._output.close()
        self._errors.close()


def run(
    cells: Iterable[Cell], n_jobs: int, watch: Callable[[list[Cell]], None]
) -> Iterator[tuple[Cell, Row | CellError]]:
    """Measure cells, at most n_jobs at a time.

    Parameters
    ----------
    cells : iterable of Cell
        Started in this order.
    n_jobs : int
        Number of processes at work at a time.
    watch : callable (cells at work) -> None
        Called about ten times a second.

    Yields
    ------
    cell : Cell
    result : dict or CellError
        Its row, as soon as it ends; or why there is none.
    """
    waiting, working = deque(cells), list[_Process]()
    try:
        while waiting or working:
            while waiting and len(working) < n_jobs:
                working.append(_Process(waiting.popleft()))
            watch([process.cell for process in working])
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            for process in [process for process in working if process.ended()]:
                yield process.cell, process.result()
                working.remove(process)
                process.close()
    finally:
        for process in working:
            process.close()


if __name__ == "__main__":
    print(json.dumps(measure(Cell(**json.loads(sys.argv[1])))))
