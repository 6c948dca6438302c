"""Rows of results on disk, written as they come: a run that was stopped goes on where it was."""

from pathlib import Path
from typing import Any

import pandas as pd

Row = dict[str, Any]


class Rows:
    """The rows of a CSV file, of which some columns say what a row is of, and the others what came of it.

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
    ...     print({"model": "LeNet", "seed": 0} in rows, {"model": "LeNet", "seed": 1} in rows)
    LeNet 0 0.007
    True False
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __contains__(self, keys: Row) -> bool:
        """Tell whether a row of these keys is there."""
        wanted = {name: str(value) for name, value in keys.items()}.items()
        # Compared as they are written: nothing else tells 1 from 1.0 and an empty text from a missing number.
        return self.path.exists() and any(wanted <= row.items() for row in self._read())

    def add(self, row: Row) -> None:
        """Write a row to the file and show it."""
        print(*row.values(), flush=True)
        there = self.path.exists()
        columns = list(pd.read_csv(self.path, nrows=0).columns) if there else list(row)
        pd.DataFrame([row]).reindex(columns=columns).to_csv(self.path, mode="a", header=not there, index=False)

    def _read(self) -> list[Row]:
        return pd.read_csv(self.path, dtype=str, keep_default_na=False).to_dict("records")
