"""Results: one tidy row per cell in a CSV file, and a table of them for people."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cpuinfo
import pandas as pd

from comparison.data import DATASETS
from comparison.models import MODELS
from comparison.protocol import Row

_PACKAGES = ("numpy", "scikit-learn", "torch", "skorch", "sklenet")


def circumstances(n_jobs: int) -> Row:
    """Columns that all rows of a run share: how many cells were timed side by side, on what machine and versions."""
    return {
        "n_jobs": n_jobs,
        "cpu": cpuinfo.get_cpu_info().get("brand_raw", platform.machine()),
        "n_cpus": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


class Results:
    """The rows of a run, each on disk as soon as it is there.

    Parameters
    ----------
    folder : Path
        Made if it is missing. `results.csv` there is begun anew; that of the run before stays as
        `results.previous.csv`.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.rows: list[Row] = []
        self.csv = folder / "results.csv"
        self.markdown = folder / "table.md"
        if self.csv.exists():
            self.csv.replace(folder / "results.previous.csv")

    def add(self, row: Row) -> None:
        """Append a row to the file."""
        pd.DataFrame([row]).to_csv(self.csv, mode="a", header=not self.rows, index=False)
        self.rows.append(row)

    def table(self) -> str:
        """Write the table of all rows so far and return it."""
        text = f"{as_markdown(summary(pd.DataFrame(self.rows)))}\n\n{_footnote(self.rows[0])}\n"
        self.markdown.write_text(text, encoding="utf-8")
        return text


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """One line per data set and model, as text: means over the seeds, for the error with their standard deviation.

    Examples
    --------
    >>> rows = pd.DataFrame({
    ...     "dataset": "digits", "model": "forest", "n_train": 1347, "n_test": 450, "error_rate": [0.02, 0.04],
    ...     "tune_seconds": 0.0, "fit_seconds": [1.0, 1.2], "predict_seconds": 0.1, "peak_memory_mib": 150.0,
    ... })
    >>> print(as_markdown(summary(rows)))
    | data set | model         | train | test | accuracy %   | error %     | tune s | fit s | predict s | peak MiB |
    | -------- | ------------- | ----- | ---- | ------------ | ----------- | ------ | ----- | --------- | -------- |
    | digits   | Random forest | 1347  | 450  | 97.00 ± 1.41 | 3.00 ± 1.41 | 0.00   | 1.10  | 0.10      | 150      |
    """
    lines = [
        {
            "data set": dataset,
            "model": MODELS[model].title,
            "train": str(cells["n_train"].iloc[0]),
            "test": str(cells["n_test"].iloc[0]),
            "accuracy %": _percent(1 - cells["error_rate"]),
            "error %": _percent(cells["error_rate"]),
            "tune s": f"{cells['tune_seconds'].mean():.2f}",
            "fit s": f"{cells['fit_seconds'].mean():.2f}",
            "predict s": f"{cells['predict_seconds'].mean():.2f}",
            "peak MiB": f"{cells['peak_memory_mib'].mean():.0f}",
        }
        for (dataset, model), cells in sorted(rows.groupby(["dataset", "model"]), key=_place_in_tables)
    ]
    return pd.DataFrame(lines)


def as_markdown(table: pd.DataFrame) -> str:
    """Text cells as a Markdown table that also reads well as it stands."""
    lines = [list(table.columns), *table.to_numpy().tolist()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )


def _place_in_tables(group: tuple[Any, pd.DataFrame]) -> tuple[int, int]:
    dataset, model = group[0]
    return list(DATASETS).index(dataset), list(MODELS).index(model)


def _percent(share: pd.Series) -> str:
    spread = f" ± {100 * share.std():.2f}" if len(share) > 1 else ""
    return f"{100 * share.mean():.2f}{spread}"


def _footnote(row: Row) -> str:
    versions = ", ".join(f"{package} {row[package]}" for package in _PACKAGES)
    beside = f", {row['n_jobs']} at a time (timings taken in parallel)" if row["n_jobs"] > 1 else ""
    return f"{row['cpu']}, threads per model: {row['threads']}{beside}. Python {row['python']}, {versions}."
