"""From records and predictions to tables, comparisons and the sentences that they bear out."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comparison import statistics
from comparison.data import DATASETS
from comparison.models import MODELS
from comparison.protocol import Cell, Record
from comparison.statistics import LEVEL, Interval
from comparison.store import Results, cell_of, held_out_name

LENET = "LeNet"  # the family
# Times compare where all of these are the same: a run.
RUN = ("cpu", "threads", "git_revision")


@dataclass
class Entry:
    """One classifier, in one form, in a table: its cells with all seeds, or of all folds.

    Attributes
    ----------
    cells : list of Cell
        By seed, or by fold.
    records : list of dict
    wrong : list of ndarray of shape (n_test,), bool
        Whether each test image was classified wrong.
    predicted, labels : list of ndarray of shape (n_test,)
        Places among the classes.
    calibration : list of dict
        Empty without probabilities.
    """

    cells: list[Cell]
    records: list[Record]
    wrong: list[NDArray[np.bool_]]
    predicted: list[NDArray[Any]]
    labels: list[NDArray[Any]]
    calibration: list[dict[str, Any]]

    @property
    def model(self) -> str:
        """A key of `MODELS`."""
        return self.cells[0].model

    @property
    def is_lenet(self) -> bool:
        """Whether it is a LeNet, in whatever form."""
        return MODELS[self.model].family == LENET

    @property
    def title(self) -> str:
        """Its name in tables."""
        tuned = ", tuned" if self.cells[0].form == "tuned" else ""
        return MODELS[self.model].title + tuned

    @cached_property
    def error_rate(self) -> float:
        """Share of test images classified wrong, the mean over seeds or folds."""
        return float(np.mean([wrong.mean() for wrong in self.wrong]))

    @property
    def interval(self) -> Interval:
        """Of the error rate, as of one on so many test images; over folds, each image is tested once."""
        n_images = sum(map(len, self.wrong)) if self.cells[0].n_folds else len(self.wrong[0])
        return statistics.wilson_interval(self.error_rate, n_images)

    def mean(self, column: str) -> float:
        """Mean of a column of the records."""
        return float(np.mean([record[column] for record in self.records]))

    @property
    def circumstances(self) -> list[tuple[Any, ...]]:
        """Processor, threads and revision of the code of its records, each combination once."""
        return list(dict.fromkeys(tuple(record[name] for name in RUN) for record in self.records))

    @property
    def is_pinned(self) -> bool:
        """Whether it was measured with nothing else at work."""
        return all(record["n_jobs"] == 1 for record in self.records)


@dataclass
class Table:
    """Everything measured on the same test images with the same number of training images.

    Attributes
    ----------
    dataset : str
        A key of `DATASETS`.
    n_train : int
    n_test : int
    n_folds : int
        0 without cross-validation.
    entries : list of Entry
        The one with the fewest errors first.
    """

    dataset: str
    n_train: int
    n_test: int
    n_folds: int
    entries: list[Entry]

    @property
    def title(self) -> str:
        """Data set and number of training images."""
        folds = f", {self.n_folds} folds" if self.n_folds else ""
        return f"{DATASETS[self.dataset].title}, {self.n_train:,} training images{folds}"

    @cached_property
    def lenet(self) -> Entry | None:
        """The LeNet that the others are compared with: the one with default parameters, whatever its errors are.

        Where that one was not measured, the first of those that were, in the order of `MODELS`, default forms first.
        """
        lenets = [entry for entry in self.entries if entry.is_lenet]
        order = list(MODELS)
        return min(lenets, key=lambda entry: (order.index(entry.model), entry.cells[0].form != "default"), default=None)

    @cached_property
    def _p_values(self) -> dict[int, float]:
        """Holm-corrected p-values of LeNet against each entry that is no LeNet, by the entry's place."""
        if self.lenet is None:
            return {}
        places = [place for place, entry in enumerate(self.entries) if not entry.is_lenet]
        adjusted = statistics.holm([self._raw_p(self.lenet, self.entries[place]) for place in places])
        return dict(zip(places, adjusted, strict=True))

    def _raw_p(self, first: Entry, second: Entry) -> float:
        if self.n_folds:
            differences = [a.mean() - b.mean() for a, b in zip(first.wrong, second.wrong, strict=True)]
            return statistics.corrected_t_p(differences, self.n_train, self.n_test)
        # The first seed of each; further seeds go into means and intervals.
        return statistics.mcnemar_p(first.wrong[0], second.wrong[0])

    @property
    def n_comparisons(self) -> int:
        """Number of other classifiers that LeNet is compared with, for which p-values are corrected."""
        return len(self._p_values)

    def compare(self, other: Entry) -> "Comparison":
        """Compare LeNet with an entry that is no LeNet."""
        if self.lenet is None or other.is_lenet:
            raise ValueError(f"{self.title} compares a LeNet with other classifiers, not {other.title}.")
        difference = self.lenet.error_rate - other.error_rate
        if self.n_folds:
            per_image = np.concatenate(self.lenet.wrong).astype(float) - np.concatenate(other.wrong)
        else:
            per_image = np.mean(self.lenet.wrong, axis=0) - np.mean(other.wrong, axis=0)
        return Comparison(self, self.lenet, other, difference, per_image, self._p_values[self.entries.index(other)])

    def verdict(self, entry: Entry) -> str:
        """Say what an entry makes beside LeNet, "fewer errors", "more errors" or "tie"; "compared" is LeNet itself."""
        if entry is self.lenet:
            return "compared"
        if self.lenet is None or entry.is_lenet:
            return ""
        comparison = self.compare(entry)
        if not comparison.is_clear:
            return "tie"
        return "more errors" if comparison.difference < 0 else "fewer errors"

    @property
    def best_other(self) -> Entry | None:
        """The entry with the fewest errors that is no LeNet."""
        return next((entry for entry in self.entries if not entry.is_lenet), None)


@dataclass
class Comparison:
    """LeNet and another entry of a table, compared by a test.

    Attributes
    ----------
    table : Table
    first, second : Entry
    difference : float
        First error rate less second.
    per_image : ndarray
        The same, image by image.
    p : float
        Holm-corrected for all comparisons of LeNet in the table.
    """

    table: Table
    first: Entry
    second: Entry
    difference: float
    per_image: NDArray[Any]
    p: float

    @property
    def is_clear(self) -> bool:
        """Whether the difference is claimed: the test finds it, and all seeds together have it on the same side."""
        tested = self.first.wrong[0].mean() - self.second.wrong[0].mean()
        return self.p < LEVEL and (self.table.n_folds > 0 or tested * self.difference > 0)

    @property
    def interval(self) -> Interval:
        """Of the difference."""
        return statistics.bootstrap_interval(self.per_image)

    @property
    def sentence(self) -> str:
        """Say what the test bears out."""
        first, second, where = self.first.title, self.second.title, self.table.title
        rates = f"{percent(self.first.error_rate)} against {percent(self.second.error_rate)}"
        low, high = self.interval
        test = "corrected t-test" if self.table.n_folds else "exact McNemar test"
        evidence = (
            f"{rates}, difference {100 * self.difference:+.2f} points, "
            f"95 % from {100 * low:+.2f} to {100 * high:+.2f}; {test}, {format_p(self.p)} "
            f"after Holm's correction for {self.table.n_comparisons} comparisons"
        )
        if not self.is_clear:
            return f"{where}: {first} and {second} tie ({evidence})."
        words = "fewer" if self.difference < 0 else "more"
        return f"{where}: {first} makes {words} errors than {second} ({evidence})."


def percent(share: float) -> str:
    """Write a share of 1.

    Examples
    --------
    >>> percent(0.0072)
    '0.72 %'
    """
    return f"{100 * share:.2f} %"


def format_p(p: float) -> str:
    """Write a p-value.

    Examples
    --------
    >>> format_p(0.0312), format_p(3e-12)
    ('p = 0.031', 'p < 0.001')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def tables(results: Results) -> list[Table]:
    """Make the tables of all results, in the order of the data sets and of the training images."""
    groups: dict[tuple[str, int, int], list[Record]] = defaultdict(list)
    for record in results.records:
        if record["status"] == "ok":
            # Folds differ by an image or two.
            n_train = record["train_size"] or 0 if record["n_folds"] else record["n_train"]
            groups[record["dataset"], record["n_folds"], n_train].append(record)
    order = list(DATASETS)
    places = sorted(groups, key=lambda key: (order.index(key[0]), *key[1:]))
    return [_table(results, groups[place]) for place in places]


def _table(results: Results, records: list[Record]) -> Table:
    by_contestant: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: (record["seed"], record["fold"])):
        by_contestant[record["model"], record["form"]].append(record)
    entries = [_entry(results, group) for group in by_contestant.values()]
    entries.sort(key=lambda entry: (entry.error_rate, entry.title))
    first = records[0]
    return Table(first["dataset"], first["n_train"], first["n_test"], first["n_folds"], entries)


def _entry(results: Results, records: list[Record]) -> Entry:
    cells = [cell_of(record) for record in records]
    predicted = [results.predicted[cell] for cell in cells]
    labels = [results.tests[held_out_name(cell)].labels for cell in cells]
    wrong = [ours != true for ours, true in zip(predicted, labels, strict=True)]
    calibration = [results.calibration[cell] for cell in cells if cell in results.calibration]
    return Entry(cells, records, wrong, predicted, labels, calibration)


def main_tables(all_tables: list[Table]) -> list[Table]:
    """Choose, for each data set, the table with the most training images; not of robustness, where images recur."""
    last = {table.dataset: table for table in all_tables if len(DATASETS[table.dataset].conditions) == 1}
    return list(last.values())


def condition_errors(table: Table) -> pd.DataFrame:
    """Error rates of each entry (rows) under each condition of a data set's test images (columns)."""
    conditions = DATASETS[table.dataset].conditions
    blocks = {entry.title: np.mean(entry.wrong, axis=0).reshape(len(conditions), -1) for entry in table.entries}
    return pd.DataFrame({title: block.mean(axis=1) for title, block in blocks.items()}, index=conditions).T


def curve_errors(all_tables: list[Table], dataset: str, form: str = "default") -> pd.DataFrame:
    """Error rates by number of training images (rows) of the classifiers of one form that have several (columns)."""
    errors = {
        (table.n_train, entry.model): entry.error_rate
        for table in all_tables
        if table.dataset == dataset and not table.n_folds
        for entry in table.entries
        if entry.cells[0].form == form
    }
    cells = pd.DataFrame([(*key, error) for key, error in errors.items()], columns=["n_train", "model", "error_rate"])
    frame = cells.pivot_table("error_rate", "n_train", "model")
    known = [model for model in MODELS if model in frame and frame[model].count() > 1]
    return frame.loc[:, known].dropna(how="all")
