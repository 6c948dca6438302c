"""The report."""

from pathlib import Path

import pandas as pd

from comparison.store import Results


def write(results: Results, folder: Path) -> str:
    """Write the report and return its table."""
    rows = pd.DataFrame(results.records)
    return rows[["dataset", "model", "form", "train_size", "seed", "status", "error_rate"]].to_string()
