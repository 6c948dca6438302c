"""Rows of results on disk. Each row is written as soon as it is measured, so that a stopped run can be resumed."""

import os
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from comparison.provenance import git_revision, machine

Row = dict[str, Any]


class OtherCircumstancesError(Exception):
    """A file has rows that were measured by other code, on another processor or with another number of threads."""


def circumstances() -> Row:
    """Return the revision, processor and number of threads, on which the measurements of this process depend."""
    threads = os.environ.get("OMP_NUM_THREADS", joblib.cpu_count())
    return {"revision": git_revision(), "cpu": machine()["cpu"], "openmp_threads": int(threads)}


class Rows:
    """The rows of a CSV file. Key columns identify a row; the others hold its results and circumstances.

    Parameters
    ----------
    path : Path
        The file is created with the first row, which must have all columns. Later rows may lack some.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = Rows(Path(folder, "rows.csv"))
    ...     rows.add({"model": "LeNet", "seed": 0, "error_rate": 0.007})
    ...     print(rows.is_missing({"model": "LeNet", "seed": 0}), rows.is_missing({"model": "LeNet", "seed": 1}))
    LeNet 0 0.007
    False True
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_missing(self, keys: Row) -> bool:
        """Return whether the row with these keys is still to be measured.

        Raises
        ------
        OtherCircumstancesError
            If the row is missing and the file has rows of other circumstances, which a table must not mix.
        """
        rows = self._read() if self.path.exists() else []
        # Keys are compared as text, which distinguishes 1 from 1.0 and an empty text from a missing number.
        items = {name: str(value) for name, value in keys.items()}.items()
        if any(items <= row.items() for row in rows):
            return False
        self._check_circumstances(rows)
        return True

    def add(self, row: Row) -> None:
        """Append a row to the file and print it."""
        print(*row.values(), flush=True)
        exists = self.path.exists()
        columns = list(pd.read_csv(self.path, nrows=0).columns) if exists else [*row, *circumstances()]
        frame = pd.DataFrame([row | circumstances()]).reindex(columns=columns)
        frame.to_csv(self.path, mode="a", header=not exists, index=False)

    def _check_circumstances(self, rows: list[Row]) -> None:
        for name, current in circumstances().items():
            others = sorted({row.get(name, "unknown") for row in rows} - {str(current)})
            if others:
                raise OtherCircumstancesError(
                    f"{self.path} has rows with {name} {', '.join(map(repr, others))}, but {name} is {str(current)!r} "
                    "here, and one table must not mix the two. Resume the run in the circumstances of its rows, or "
                    "move the file away to measure all rows again."
                )

    def _read(self) -> list[Row]:
        return pd.read_csv(self.path, dtype=str, keep_default_na=False).to_dict("records")
