"""Tables and comparisons of recorded results."""

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

LENET = "LeNet"  # the family of models
# Records with the same values of these columns are one run. Times are compared within a run only.
RUN = ("cpu", "threads", "git_revision")


@dataclass
class Entry:
    """A classifier of a table in one form: its cells of all seeds or of all folds.

    Attributes
    ----------
    cells : list of Cell
        Sorted by seed or by fold.
    records : list of dict
    wrong : list of ndarray of shape (n_test,), bool
        Whether each test image was misclassified.
    predicted, labels : list of ndarray of shape (n_test,)
        Indices of the classes.
    calibration : list of dict
        Empty if the classifier predicts no probabilities.
    """

    cells: list[Cell]
    records: list[Record]
    wrong: list[NDArray[np.bool_]]
    predicted: list[NDArray[Any]]
    labels: list[NDArray[Any]]
    calibration: list[dict[str, Any]]

    @property
    def model(self) -> str:
        """The key of the classifier in `MODELS`."""
        return self.cells[0].model

    @property
    def is_lenet(self) -> bool:
        """Whether the classifier is a LeNet, in any form."""
        return MODELS[self.model].family == LENET

    @property
    def title(self) -> str:
        """The classifier's name in tables."""
        tuned = ", tuned" if self.cells[0].form == "tuned" else ""
        return MODELS[self.model].title + tuned

    @cached_property
    def error_rate(self) -> float:
        """The share of misclassified test images, averaged over seeds or folds."""
        return float(np.mean([wrong.mean() for wrong in self.wrong]))

    @property
    def interval(self) -> Interval:
        """The confidence interval of the error rate."""
        # Seeds share their test images, whereas folds have different ones.
        n_images = sum(map(len, self.wrong)) if self.cells[0].n_folds else len(self.wrong[0])
        return statistics.wilson_interval(self.error_rate, n_images)

    def mean(self, column: str) -> float:
        """Return the mean of a column of the records."""
        return float(np.mean([record[column] for record in self.records]))

    @property
    def circumstances(self) -> list[tuple[Any, ...]]:
        """The distinct combinations of processor, threads and revision of the code in the records."""
        return list(dict.fromkeys(tuple(record[name] for name in RUN) for record in self.records))

    @property
    def is_timed_alone(self) -> bool:
        """Whether all cells were measured one at a time."""
        return all(record["n_jobs"] == 1 for record in self.records)


@dataclass
class Table:
    """All entries that have the same test images and the same number of training images.

    Attributes
    ----------
    dataset : str
        Key of `DATASETS`.
    n_train : int
    n_test : int
    n_folds : int
        0 if the data set was not cross-validated.
    entries : list of Entry
        Sorted by error rate.
    """

    dataset: str
    n_train: int
    n_test: int
    n_folds: int
    entries: list[Entry]

    @property
    def title(self) -> str:
        """The name of the data set and the number of training images."""
        folds = f", {self.n_folds} folds" if self.n_folds else ""
        return f"{DATASETS[self.dataset].title}, {self.n_train:,} training images{folds}"

    @cached_property
    def lenet(self) -> Entry | None:
        """The LeNet that is compared with the other classifiers, chosen regardless of its errors.

        It is the LeNet with default parameters, or else the first measured LeNet in the order of `MODELS`, default
        forms first.
        """
        lenets = [entry for entry in self.entries if entry.is_lenet]
        order = list(MODELS)
        return min(lenets, key=lambda entry: (order.index(entry.model), entry.cells[0].form != "default"), default=None)

    @cached_property
    def _p_values(self) -> dict[int, float]:
        """Holm-corrected p-values of LeNet against each other classifier, by the index of its entry."""
        if self.lenet is None:
            return {}
        indices = [index for index, entry in enumerate(self.entries) if not entry.is_lenet]
        adjusted = statistics.holm([self._raw_p(self.lenet, self.entries[index]) for index in indices])
        return dict(zip(indices, adjusted, strict=True))

    def _raw_p(self, first: Entry, second: Entry) -> float:
        if self.n_folds:
            differences = [a.mean() - b.mean() for a, b in zip(first.wrong, second.wrong, strict=True)]
            return statistics.corrected_t_p(differences, self.n_train, self.n_test)
        # The test needs one model of each classifier. Further seeds enter means and intervals.
        return statistics.mcnemar_p(first.wrong[0], second.wrong[0])

    @property
    def n_comparisons(self) -> int:
        """The number of comparisons of LeNet with other classifiers, for which p-values are corrected."""
        return len(self._p_values)

    def compare(self, other: Entry) -> "Comparison":
        """Compare LeNet with the entry of another classifier."""
        if self.lenet is None or other.is_lenet:
            raise ValueError(f"{self.title} compares a LeNet with other classifiers, not {other.title}.")
        difference = self.lenet.error_rate - other.error_rate
        if self.n_folds:
            per_image = np.concatenate(self.lenet.wrong).astype(float) - np.concatenate(other.wrong)
        else:
            per_image = np.mean(self.lenet.wrong, axis=0) - np.mean(other.wrong, axis=0)
        return Comparison(self, self.lenet, other, difference, per_image, self._p_values[self.entries.index(other)])

    def verdict(self, entry: Entry) -> str:
        """Return "fewer errors", "more errors" or "tie" for another classifier, and "compared" for LeNet itself."""
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
        """The other classifier with the lowest error rate."""
        return next((entry for entry in self.entries if not entry.is_lenet), None)


@dataclass
class Comparison:
    """A test of LeNet against another entry of a table.

    Attributes
    ----------
    table : Table
    first, second : Entry
    difference : float
        The first error rate minus the second.
    per_image : ndarray
        The difference for each test image.
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
        """Whether the difference is significant and has the same sign in the mean over the seeds."""
        tested = self.first.wrong[0].mean() - self.second.wrong[0].mean()
        return self.p < LEVEL and (self.table.n_folds > 0 or tested * self.difference > 0)

    @property
    def interval(self) -> Interval:
        """The confidence interval of the difference."""
        return statistics.bootstrap_interval(self.per_image)

    @property
    def sentence(self) -> str:
        """The result of the test as a sentence."""
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
    """Format a share of 1 in percent.

    Examples
    --------
    >>> percent(0.0072)
    '0.72 %'
    """
    return f"{100 * share:.2f} %"


def format_p(p: float) -> str:
    """Format a p-value.

    Examples
    --------
    >>> format_p(0.0312), format_p(3e-12)
    ('p = 0.031', 'p < 0.001')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def tables(results: Results) -> list[Table]:
    """Return the tables of all results, sorted by data set and by number of training images."""
    groups: dict[tuple[str, int, int], list[Record]] = defaultdict(list)
    for record in results.records:
        if record["status"] == "ok":
            # The folds of a cross-validation differ by an image or two.
            n_train = record["train_size"] or 0 if record["n_folds"] else record["n_train"]
            groups[record["dataset"], record["n_folds"], n_train].append(record)
    order = list(DATASETS)
    keys = sorted(groups, key=lambda key: (order.index(key[0]), *key[1:]))
    return [_table(results, groups[key]) for key in keys]


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
    wrong = [classes != true for classes, true in zip(predicted, labels, strict=True)]
    calibration = [results.calibration[cell] for cell in cells if cell in results.calibration]
    return Entry(cells, records, wrong, predicted, labels, calibration)


def main_tables(all_tables: list[Table]) -> list[Table]:
    """Return the table with the most training images of each data set, except those that measure robustness."""
    last = {table.dataset: table for table in all_tables if len(DATASETS[table.dataset].conditions) == 1}
    return list(last.values())


def condition_errors(table: Table) -> pd.DataFrame:
    """Return the error rates of each entry (rows) under each condition of the test images (columns)."""
    conditions = DATASETS[table.dataset].conditions
    blocks = {entry.title: np.mean(entry.wrong, axis=0).reshape(len(conditions), -1) for entry in table.entries}
    return pd.DataFrame({title: block.mean(axis=1) for title, block in blocks.items()}, index=conditions).T


def curve_errors(all_tables: list[Table], dataset: str, form: str = "default") -> pd.DataFrame:
    """Return error rates by number of training images (rows) and classifier (columns).

    Only classifiers of the given form that were measured with several numbers of training images are included.
    """
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
