"""Rows of results on disk, written as they come: a run that was stopped goes on where it was, if all else is alike."""

import os
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from comparison.provenance import git_revision, machine

Row = dict[str, Any]


class OtherCircumstancesError(Exception):
    """A file has rows that were measured by other code, on another processor or with other threads."""


def circumstances() -> Row:
    """Tell what figures of this process depend on beside what a row is of."""
    threads = os.environ.get("OMP_NUM_THREADS", joblib.cpu_count())
    return {"revision": git_revision(), "cpu": machine()["cpu"], "openmp_threads": int(threads)}


class Rows:
    """The rows of a CSV file, of which some columns say what a row is of, and the others what came of it, and where.

    Parameters
    ----------
    path : Path
        Of the file, which may not be there yet. Its first row has all columns; a later one may lack some.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = Rows(Path(folder, "rows.csv"))
    ...     rows.add({"model": "LeNet", "seed": 0, "error_rate": 0.007})
    ...     print(rows.lack({"model": "LeNet", "seed": 0}), rows.lack({"model": "LeNet", "seed": 1}))
    LeNet 0 0.007
    False True
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def lack(self, keys: Row) -> bool:
        """Tell whether a row of these keys is to be measured.

        Raises
        ------
        OtherCircumstancesError
            If it is, and rows are there that were measured in other circumstances: one table would mix them.
        """
        there = self._read() if self.path.exists() else []
        wanted = {name: str(value) for name, value in keys.items()}.items()
        # Compared as they are written: nothing else tells 1 from 1.0 and an empty text from a missing number.
        if any(wanted <= row.items() for row in there):
            return False
        self._check(there)
        return True

    def add(self, row: Row) -> None:
        """Write a row to the file and show it."""
        print(*row.values(), flush=True)
        there = self.path.exists()
        columns = list(pd.read_csv(self.path, nrows=0).columns) if there else [*row, *circumstances()]
        frame = pd.DataFrame([row | circumstances()]).reindex(columns=columns)
        frame.to_csv(self.path, mode="a", header=not there, index=False)

    def _check(self, there: list[Row]) -> None:
        for name, here in circumstances().items():
            others = sorted({row.get(name, "unknown") for row in there} - {str(here)})
            if others:
                raise OtherCircumstancesError(
                    f"{self.path} has rows of {name} {', '.join(map(repr, others))}, not {str(here)!r} as here: one "
                    "table would mix them. Go on there, or move the file away to measure all rows anew."
                )

    def _read(self) -> list[Row]:
        return pd.read_csv(self.path, dtype=str, keep_default_na=False).to_dict("records")
