"""The sentences of the report, each generated from a test or from a measured number."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

import pandas as pd

from comparison.analysis import Comparison, Entry, Table, condition_errors, curve_errors, main_tables, percent
from comparison.data import DATASETS
from comparison.models import MODELS

_STROKES = ("digits", "characters")


@dataclass
class Margin:
    """LeNet against the best other classifier, in the table of a data set with the most training images."""

    table: Table
    comparison: Comparison

    @property
    def kind(self) -> str:
        """The kind of the images: "digits", "characters" or "pictures"."""
        return DATASETS[self.table.dataset].kind

    @property
    def outcome(self) -> str:
        """The outcome for LeNet: "ahead", "tied" or "behind"."""
        if not self.comparison.is_clear:
            return "tied"
        return "ahead" if self.comparison.difference < 0 else "behind"

    @property
    def ratio(self) -> float:
        """LeNet's error rate divided by the other classifier's."""
        ours, theirs = self.comparison.first.error_rate, self.comparison.second.error_rate
        return ours / theirs if theirs else float("inf" if ours else 1)


def margins(tables: Sequence[Table], *, transfer: bool = False) -> list[Margin]:
    """Compare LeNet with the best other classifier on each data set, digits first, pictures last.

    LeNet's entry is fixed before its errors are seen; the other one is chosen by its errors, which favours it.

    Parameters
    ----------
    tables : sequence of Table
    transfer : bool, default=False
        Compare on the data sets whose test images come from another source than the training images, instead of on
        those with a single source.
    """
    compared = []
    for table in main_tables(list(tables)):
        other = table.best_other
        if bool(DATASETS[table.dataset].source) == transfer and table.lenet and other:
            compared.append(Margin(table, table.compare(other)))
    kinds = (*_STROKES, "pictures")
    return sorted(compared, key=lambda margin: kinds.index(margin.kind))


def answer(tables: Sequence[Table]) -> list[str]:
    """Answer in three sentences when to use LeNet: on strokes, on other pictures, and at what cost."""
    compared = margins(tables) + margins(tables, transfer=True)
    strokes = [margin for margin in compared if margin.kind in _STROKES]
    pictures = [margin for margin in compared if margin.kind == "pictures"]
    return [
        _tally("On digits and characters", strokes),
        _tally("On other pictures", pictures),
        _cost(tables),
    ]


def _tally(where: str, compared: Sequence[Margin]) -> str:
    if not compared:
        return f"{where}, nothing was measured."
    parts = []
    for outcome, words in [("ahead", "makes fewer errors"), ("tied", "ties"), ("behind", "makes more errors")]:
        names = [DATASETS[margin.table.dataset].title for margin in compared if margin.outcome == outcome]
        if names:
            parts.append(f"{words} on {_list(names)}")
    return f"{where}, compared with the best other classifier, LeNet {'; '.join(parts)}."


def _cost(tables: Sequence[Table]) -> str:
    """Compare the times in the largest table where LeNet and another classifier were timed alone in the same run."""
    timed = [(table, *entries) for table in tables if (entries := _timed(table))]
    if not timed:
        return "No LeNet was timed alone in the same run as another classifier, so their times are not compared."
    table, lenets, other = max(timed, key=lambda row: row[0].n_train)
    parts = []
    for lenet in lenets:
        ratio = _seconds(other) / _seconds(lenet)
        words = f"{ratio:.1f} times as fast" if ratio >= 1 else f"{1 / ratio:.1f} times as slow"
        parts.append(f"{lenet.title} ({percent(lenet.error_rate)} errors) takes {_seconds(lenet):.3g} s, {words}")
    return (
        f"On {table.title}, {other.title} ({percent(other.error_rate)} errors) takes {_seconds(other):.3g} s to fit "
        f"and to predict {table.n_test:,} images, tuning excluded; {_list(parts)}."
    )


def _timed(table: Table) -> tuple[list[Entry], Entry] | None:
    """Find the best other classifier that was timed alone, and the LeNets that were timed alone in the same run."""
    alone = [entry for entry in table.entries if entry.is_timed_alone and len(entry.circumstances) == 1]
    for other in (entry for entry in alone if not entry.is_lenet):
        same_run = [entry for entry in alone if entry.circumstances == other.circumstances]
        if lenets := [entry for entry in same_run if entry.is_lenet]:
            return lenets, other
    return None


def _seconds(entry: Entry) -> float:
    return entry.mean("fit_seconds") + entry.mean("predict_seconds")


def generalisation(tables: Sequence[Table]) -> list[str]:
    """Conclude how LeNet's advantage generalises: a paragraph each on kinds of images, sources and corruptions."""
    return [
        text for text in [_kinds(margins(tables)), _sources(tables), *map(_corruptions, _corrupted(tables))] if text
    ]


def _kinds(compared: Sequence[Margin]) -> str:
    strokes = [margin for margin in compared if margin.kind in _STROKES]
    pictures = [margin for margin in compared if margin.kind == "pictures"]
    if not strokes or not pictures:
        return ""
    figures = "; ".join(
        f"{DATASETS[m.table.dataset].title} {m.ratio:.2f}" for m in sorted(compared, key=lambda margin: margin.ratio)
    )
    outcomes = {margin.outcome for margin in pictures}
    best_picture = min(margin.ratio for margin in pictures)
    if not any(margin.outcome == "ahead" for margin in strokes):
        conclusion = "On strokes, LeNet has no advantage that could carry over to other pictures."
    elif "ahead" in outcomes and all(margin.ratio >= best_picture for margin in strokes):
        conclusion = "The advantage carries over to other pictures undiminished."
    elif "ahead" in outcomes:
        conclusion = "On other pictures, some of the advantage remains, less than on the best of digits and characters."
    elif outcomes == {"behind"}:
        conclusion = "The advantage does not carry over to other pictures, where another classifier makes fewer errors."
    else:
        conclusion = "On other pictures, the tests show no advantage."
    return f"Errors of LeNet for each error of the best other classifier: {figures}. {conclusion}"


def _sources(tables: Sequence[Table]) -> str:
    parts = []
    for margin in margins(tables, transfer=True):
        first, second = margin.comparison.first, margin.comparison.second
        rates = f"{first.title} {percent(first.error_rate)}, {second.title} {percent(second.error_rate)}"
        source = DATASETS[margin.table.dataset].source
        home = _home_rate(tables, source, first, margin.table.n_train)
        at_home = f"; {first.title} on test images of the training source {percent(home)}" if home is not None else ""
        parts.append(f"{margin.table.title} ({margin.outcome}: {rates}{at_home})")
    return (
        f"Trained on one source and tested on another, LeNet is ahead, tied or behind: {'; '.join(parts)}."
        if parts
        else ""
    )


def _home_rate(tables: Sequence[Table], source: str, entry: Entry, n_train: int) -> float | None:
    """Return the classifier's error rate on the training source, at the nearest number of training images."""
    rates = [
        (abs(table.n_train - n_train), other.error_rate)
        for table in tables
        if table.dataset == source
        for other in table.entries
        if other.title == entry.title
    ]
    return min(rates)[1] if rates else None


def _corrupted(tables: Sequence[Table]) -> list[Table]:
    return [table for table in tables if len(DATASETS[table.dataset].conditions) > 1]


def _corruptions(table: Table) -> str:
    """Describe the corruptions under which LeNet makes more errors than the best other classifier."""
    errors = condition_errors(table)
    lenets = errors.index.isin([entry.title for entry in table.entries if entry.is_lenet])
    if table.lenet is None or lenets.all():
        return ""
    ours, theirs = errors.loc[table.lenet.title], errors[~lenets].min()
    behind = [
        f"{name} ({percent(ours[name])} against {percent(theirs[name])})"
        for name in errors
        if ours[name] > theirs[name]
    ]
    worst = ours.idxmax()
    n_corruptions = len(errors.columns) - 1
    words = f"more errors under {_list(behind)}" if behind else f"no more errors under any of the {n_corruptions}"
    return (
        f"{table.title}, {n_corruptions} corruptions: compared with the best other classifier, {table.lenet.title} "
        f"makes {words}. Its error rate is highest under {worst}: {percent(ours[worst])}, and {percent(ours['clean'])} "
        "on clean images."
    )


def curves(tables: Sequence[Table]) -> list[str]:
    """Describe, for each data set, at which numbers of training images LeNet is ahead of all other classifiers.

    LeNet is represented by the first of its curves, with default parameters, regardless of its errors.
    """
    sentences = []
    for dataset in dict.fromkeys(table.dataset for table in tables):
        errors = curve_errors(list(tables), dataset)
        lenets = [model for model in errors if MODELS[model].family == "LeNet"]
        others = [model for model in errors if model not in lenets]
        if not lenets or not others:
            continue
        measured = errors.dropna(how="any", subset=lenets[:1])
        behind = [
            f"{n_train:,} ({MODELS[row[others].idxmin()].title} {percent(row[others].min())}, "
            f"{MODELS[lenets[0]].title} {percent(row[lenets[0]])})"
            for n_train, row in measured.iterrows()
            if row[others].min() < row[lenets[0]]
        ]
        lenet = MODELS[lenets[0]].title
        sizes = f"from {measured.index[0]:,} to {measured.index[-1]:,} training images"
        where = f"except at {_list(behind)}" if behind else "at every size"
        crossings = "; ".join(_crossings(measured)) or "No curves cross"
        sentences.append(
            f"{DATASETS[dataset].title}, {sizes}: {lenet} is ahead of the other classifiers {where}. {crossings}."
        )
    return sentences


def _crossings(errors: pd.DataFrame) -> list[str]:
    """Describe which classifier overtakes which between two neighbouring numbers of training images."""
    crossings = []
    for (low, before), (high, after) in pairwise(errors.iterrows()):
        for first, second in permutations(errors.columns, 2):
            if before[first] > before[second] and after[first] < after[second]:
                names = f"{MODELS[first].title} overtakes {MODELS[second].title}"
                crossings.append(f"{names} between {low:,} and {high:,}")
    return crossings


def _list(items: Sequence[str]) -> str:
    """Join items as in a sentence.

    Examples
    --------
    >>> _list(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
