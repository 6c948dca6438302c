"""The report: one self-contained page of HTML, and the same content as Markdown."""

from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comparison import conclusions, figures, statistics
from comparison.analysis import RUN, Entry, Table, format_p, main_tables, percent, tables
from comparison.data import DATASETS
from comparison.figures import Figure
from comparison.models import MODELS
from comparison.protocol import CIRCUMSTANCES, settings
from comparison.store import HeldOut, Results, cell_of, held_out_name
from formatting import as_markdown

_TEMPLATES = Path(__file__).parent / "templates"
Runs = dict[tuple[Any, ...], str]  # circumstances -> letter

# Ratio of the largest to the smallest class from which the mean error of the classes is shown.
_UNBALANCED = 1.5


def write(results: Results, folder: Path) -> str:
    """Write report.html, report.md with its figures, and records.csv, and return the table of errors as text.

    Parameters
    ----------
    results : Results
        They include the predictions of at least one cell.
    folder : Path
        Created if it is missing.
    """
    page = _Page(results)
    figure_folder = folder / "figures"
    figure_folder.mkdir(parents=True, exist_ok=True)
    for stale in figure_folder.glob("*.*"):
        stale.unlink()
    for figure in page.all_figures:
        (figure_folder / f"{figure.name}.svg").write_text(figure.standalone, encoding="utf-8")
        figure.data.to_csv(figure_folder / f"{figure.name}.csv", index=False)
    pd.DataFrame(results.records).drop(columns=["classes", "candidates"], errors="ignore").to_csv(
        folder / "records.csv", index=False
    )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["is_number"] = _is_number
    for name in ("report.html", "report.md"):
        (folder / name).write_text(environment.get_template(name).render(page=page), encoding="utf-8")
    return f"{page.errors_markdown}\n\nThe report is {folder / 'report.html'}."


def summary(results: Results) -> str:
    """Return a Markdown table of LeNet and the best other classifier on each data set."""
    rows = []
    for transfer in (False, True):
        for margin in conclusions.margins(tables(results), transfer=transfer):
            first, second = margin.comparison.first, margin.comparison.second
            rows.append(
                {
                    "test images": DATASETS[margin.table.dataset].title,
                    "training images": f"{margin.table.n_train:,}",
                    "LeNet": percent(first.error_rate),
                    "best of the others": f"{second.title}: {percent(second.error_rate)}",
                    "LeNet is": margin.outcome,
                    "test": format_p(margin.comparison.p),
                }
            )
    return as_markdown(pd.DataFrame(rows))


class _Page:
    """The content of the report, as the templates read it."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.tables = tables(results)
        self.main = main_tables(self.tables)
        self.answer = conclusions.answer(self.tables)
        self.generalisation = conclusions.generalisation(self.tables)
        self.curve_sentences = conclusions.curves(self.tables)
        self.runs = _runs(results)
        self.error_rows = [row for table in self.main for row in _error_rows(table, self.runs)]
        self.claims = [
            margin.comparison.sentence
            for transfer in (False, True)
            for margin in conclusions.margins(self.tables, transfer=transfer)
        ]
        self.cost_rows = [_cost_row(table, entry, self.runs) for table in self.main for entry in table.entries]
        self.curves = figures.curves(self.tables)
        self.times = figures.times(max(self.tables, key=_timing_priority))
        self.robustness = [figures.robustness(table) for table in self.tables if DATASETS[table.dataset].conditions[1:]]
        self.confusions = [figure for table in self.main for figure in _confusions(table, _test(results, table))]
        self.mistakes = [figure for table in self.main if (figure := figures.mistakes(table, _test(results, table)))]
        self.calibrations = [figure for table in self.main if (figure := figures.calibration(table))]
        self.provenance = _provenance(results, self.runs)
        self.checksums = _checksums(results)
        self.failures = _failures(results)
        self.parallel = any(record["n_jobs"] > 1 for record in results.records)

    @property
    def all_figures(self) -> list[Figure]:
        curves = [self.curves] if self.curves else []
        return [*curves, *self.times, *self.robustness, *self.confusions, *self.mistakes, *self.calibrations]

    @property
    def errors_markdown(self) -> str:
        return as_markdown(pd.DataFrame(self.error_rows))

    @property
    def costs_markdown(self) -> str:
        return as_markdown(pd.DataFrame(self.cost_rows))


def _is_number(cell: Any) -> bool:
    """Return whether a cell is a number, possibly in percent or with thousands separators."""
    text = str(cell).removesuffix(" %").replace(",", "")
    return text.replace(".", "", 1).isdigit()


def _error_rows(table: Table, runs: Runs) -> list[dict[str, str]]:
    rows = []
    for entry in table.entries:
        low, high = entry.interval
        rows.append(
            {
                "data set": DATASETS[table.dataset].title,
                "training images": f"{table.n_train:,}",
                "classifier": entry.title,
                "distorted": _distorted(entry),
                "error": percent(entry.error_rate),
                "95 % interval": f"{100 * low:.2f} to {100 * high:.2f}",
                "against LeNet": table.verdict(entry),
                "test": format_p(table.compare(entry).p) if table.lenet and not entry.is_lenet else "",
                "mean error of classes": _balanced(entry),
                "log loss": _log_loss(entry),
                "calibration error": _calibration_error(entry),
                "run": _run_of(entry, runs),
            }
        )
    return rows


def _distorted(entry: Entry) -> str:
    return "yes" if MODELS[entry.model].distorted else ""


def _balanced(entry: Entry) -> str:
    labels = np.concatenate(entry.labels)
    counts = np.unique(labels, return_counts=True)[1]
    if counts.max() < _UNBALANCED * counts.min():
        return ""
    pairs = zip(entry.predicted, entry.labels, strict=True)
    return percent(float(np.mean([statistics.balanced_error(predicted, true) for predicted, true in pairs])))


def _log_loss(entry: Entry) -> str:
    return _mean([cell["log_loss"] for cell in entry.calibration])


def _calibration_error(entry: Entry) -> str:
    return _mean([statistics.expected_calibration_error(cell["bins"]) for cell in entry.calibration])


def _mean(values: list[float]) -> str:
    return f"{np.mean(values):.3f}" if values else ""


def _cost_row(table: Table, entry: Entry, runs: Runs) -> dict[str, str]:
    record = entry.records[0]
    return {
        "data set": DATASETS[table.dataset].title,
        "training images": f"{table.n_train:,}",
        "classifier": entry.title,
        "distorted": _distorted(entry),
        "seeds": str(len({cell.seed for cell in entry.cells})),
        "tune, s": f"{entry.mean('tune_seconds'):.1f}",
        "fit, s": f"{entry.mean('fit_seconds'):.2f}",
        "predict, s": f"{entry.mean('predict_seconds'):.2f}",
        "timed": "alone" if entry.is_timed_alone else "in parallel",
        "threads": str(record["threads"]),
        "run": _run_of(entry, runs),
        "peak MiB": f"{entry.mean('peak_memory_mib'):.0f}",
        "model MB": f"{entry.mean('model_bytes') / 1e6:.2f}",
    }


def _timing_priority(table: Table) -> tuple[int, int]:
    """Rank tables for the figure of times: by the number of classifiers timed alone, then by training images."""
    return sum(entry.is_timed_alone for entry in table.entries), table.n_train


def _test(results: Results, table: Table) -> HeldOut:
    name = f"{table.dataset}-fold0of{table.n_folds}" if table.n_folds else table.dataset
    return results.tests[name]


def _pair(table: Table) -> list[Entry]:
    """Return LeNet and the best other classifier, if they were measured."""
    return [entry for entry in (table.lenet, table.best_other) if entry]


def _confusions(table: Table, test: HeldOut) -> list[Figure]:
    return [figures.confusion(table, entry, test) for entry in _pair(table)]


def kept_images(results: Results) -> dict[str, NDArray[np.intp]]:
    """Return the indices of the test images that the report shows, by data set."""
    return {
        table.dataset: np.concatenate([indices[: figures.N_SHOWN] for *_, indices in figures.misclassified(table)])
        for table in main_tables(tables(results))
        if not table.n_folds
    }


def _runs(results: Results) -> Runs:
    """Assign a letter to each combination of processor, number of threads and revision of the code."""
    distinct = dict.fromkeys(tuple(record[name] for name in RUN) for record in results.records)
    return {circumstances: _letters(index) for index, circumstances in enumerate(distinct)}


def _letters(index: int) -> str:
    """Write an index as letters: A to Z, then AA.

    Examples
    --------
    >>> _letters(0), _letters(25), _letters(26)
    ('A', 'Z', 'AA')
    """
    higher, letter = divmod(index, 26)
    return (_letters(higher - 1) if higher else "") + chr(ord("A") + letter)


def _run_of(entry: Entry, runs: Runs) -> str:
    return ", ".join(sorted(runs[circumstances] for circumstances in entry.circumstances))


def _provenance(results: Results, runs: Runs) -> list[dict[str, Any]]:
    """List each combination of circumstances with its run's letter and its number of cells."""
    records = pd.DataFrame(results.records)
    columns = [*CIRCUMSTANCES, *settings()]
    groups = records.groupby(columns, dropna=False, sort=False).size()
    rows = [dict(zip(columns, key, strict=True)) | {"cells": int(size)} for key, size in groups.items()]
    return [{"run": runs[tuple(row[name] for name in RUN)]} | row for row in rows]


def _checksums(results: Results) -> list[dict[str, str]]:
    """List the data sets with their checksums."""
    pairs = sorted({(held_out_name(cell_of(record)), record["data_sha256"]) for record in results.records})
    return [{"data set": name, "sha256": digest} for name, digest in pairs]


def _failures(results: Results) -> list[dict[str, str]]:
    return [
        {"cell": str(cell_of(record)), "status": record["status"], "message": record["message"]}
        for record in results.records
        if record["status"] != "ok"
    ]
