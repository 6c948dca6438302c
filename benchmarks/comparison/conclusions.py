"""The words of the report. Figures choose them: every sentence is made from a test or from a measured number."""

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
    """LeNet against the best of the others, on one data set with the most training images."""

    table: Table
    comparison: Comparison

    @property
    def kind(self) -> str:
        """What the images show."""
        return DATASETS[self.table.dataset].kind

    @property
    def outcome(self) -> str:
        """For LeNet: "ahead", "tied" or "behind"."""
        if not self.comparison.is_clear:
            return "tied"
        return "ahead" if self.comparison.difference < 0 else "behind"

    @property
    def ratio(self) -> float:
        """LeNet's errors for one of the other's."""
        ours, theirs = self.comparison.first.error_rate, self.comparison.second.error_rate
        return ours / theirs if theirs else float("inf" if ours else 1)


def margins(tables: Sequence[Table], *, transfer: bool = False) -> list[Margin]:
    """Compare LeNet with the best other classifier on each data set, digits first, pictures last.

    Which LeNet is fixed before its errors are seen; which other one is chosen by its errors, in its favour. With
    `transfer` on those whose test images are of another source than the training images, else on the others.
    """
    found = []
    for table in main_tables(list(tables)):
        other = table.best_other
        if bool(DATASETS[table.dataset].source) == transfer and table.lenet and other:
            found.append(Margin(table, table.compare(other)))
    kinds = (*_STROKES, "pictures")
    return sorted(found, key=lambda margin: kinds.index(margin.kind))


def answer(tables: Sequence[Table]) -> list[str]:
    """Answer, in three sentences, when to use LeNet: on strokes, on other pictures, and at what cost."""
    found = margins(tables) + margins(tables, transfer=True)
    strokes = [margin for margin in found if margin.kind in _STROKES]
    pictures = [margin for margin in found if margin.kind == "pictures"]
    return [
        _tally("On digits and characters", strokes),
        _tally("On pictures that are neither", pictures),
        _cost(tables),
    ]


def _tally(where: str, found: Sequence[Margin]) -> str:
    if not found:
        return f"{where} nothing was measured, so nothing is said of them."
    parts = []
    for outcome, words in [("ahead", "makes fewer errors"), ("tied", "ties"), ("behind", "makes more errors")]:
        names = [DATASETS[margin.table.dataset].title for margin in found if margin.outcome == outcome]
        if names:
            parts.append(f"{words} on {_list(names)}")
    return f"{where} LeNet, against the best of the other classifiers, {'; '.join(parts)}."


def _cost(tables: Sequence[Table]) -> str:
    """Compare the times of the largest table where both sides were timed alone, under the same circumstances."""
    timed = [(table, *found) for table in tables if (found := _timed(table))]
    if not timed:
        return "No LeNet and no other classifier were timed alone and in the same run, so nothing is said of time."
    table, lenets, other = max(timed, key=lambda row: row[0].n_train)
    parts = []
    for lenet in lenets:
        ratio = _seconds(other) / _seconds(lenet)
        words = f"{ratio:.1f} times as fast" if ratio >= 1 else f"{1 / ratio:.1f} times as slow"
        parts.append(f"{lenet.title} ({percent(lenet.error_rate)} errors) takes {_seconds(lenet):.3g} s, {words}")
    return (
        f"On {table.title}, {other.title} ({percent(other.error_rate)} errors) takes {_seconds(other):.3g} s to fit "
        f"and to predict {table.n_test:,} images, tuning not counted; {_list(parts)}."
    )


def _timed(table: Table) -> tuple[list[Entry], Entry] | None:
    """Find the best other classifier that was timed alone, and the LeNets that were so under the same circumstances."""
    pinned = [entry for entry in table.entries if entry.is_pinned and len(entry.circumstances) == 1]
    for other in (entry for entry in pinned if not entry.is_lenet):
        alike = [entry for entry in pinned if entry.circumstances == other.circumstances]
        if lenets := [entry for entry in alike if entry.is_lenet]:
            return lenets, other
    return None


def _seconds(entry: Entry) -> float:
    return entry.mean("fit_seconds") + entry.mean("predict_seconds")


def generalisation(tables: Sequence[Table]) -> list[str]:
    """Conclude, in a paragraph each, how far LeNet's advantage carries: kinds of images, sources, corruptions."""
    return [
        text for text in [_kinds(margins(tables)), _sources(tables), *map(_corruptions, _corrupted(tables))] if text
    ]


def _kinds(found: Sequence[Margin]) -> str:
    strokes = [margin for margin in found if margin.kind in _STROKES]
    pictures = [margin for margin in found if margin.kind == "pictures"]
    if not strokes or not pictures:
        return ""
    figures = "; ".join(
        f"{DATASETS[m.table.dataset].title} {m.ratio:.2f}" for m in sorted(found, key=lambda margin: margin.ratio)
    )
    outcomes = {margin.outcome for margin in pictures}
    best_picture = min(margin.ratio for margin in pictures)
    if not any(margin.outcome == "ahead" for margin in strokes):
        conclusion = "On strokes no advantage was found that could carry over."
    elif "ahead" in outcomes and all(margin.ratio >= best_picture for margin in strokes):
        conclusion = "The advantage carries over to other pictures undiminished."
    elif "ahead" in outcomes:
        conclusion = "On other pictures some of the advantage remains, less than on the best of digits and characters."
    elif outcomes == {"behind"}:
        conclusion = (
            "The advantage on strokes does not carry over to other pictures: there another classifier is better."
        )
    else:
        conclusion = "The advantage is not found on other pictures: there no difference can be shown."
    return f"For one error of the best other classifier LeNet makes: {figures}. {conclusion}"


def _sources(tables: Sequence[Table]) -> str:
    parts = []
    for margin in margins(tables, transfer=True):
        first, second = margin.comparison.first, margin.comparison.second
        rates = f"{first.title} {percent(first.error_rate)}, {second.title} {percent(second.error_rate)}"
        source = DATASETS[margin.table.dataset].source
        home = _home_rate(tables, source, first, margin.table.n_train)
        at_home = f"; {first.title} on test images of its own source {percent(home)}" if home is not None else ""
        parts.append(f"{margin.table.title} ({margin.outcome}: {rates}{at_home})")
    return f"Trained on one source and tested on another, LeNet is: {'; '.join(parts)}." if parts else ""


def _home_rate(tables: Sequence[Table], source: str, entry: Entry, n_train: int) -> float | None:
    """Error rate of the same classifier on its own source, from the number of training images that is nearest."""
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
    """Say under which corruptions LeNet is no longer ahead of the best other classifier."""
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
    words = f"behind it under {_list(behind)}" if behind else f"ahead of it, or level, under all {n_corruptions}"
    return (
        f"{table.title}, {n_corruptions} corruptions: against the best of the other classifiers {table.lenet.title} is "
        f"{words}. It suffers most from {worst}: {percent(ours[worst])} errors against {percent(ours['clean'])} on "
        "clean images."
    )


def curves(tables: Sequence[Table]) -> list[str]:
    """Say, for each data set, at which numbers of training images LeNet is ahead of all others, and where it is not.

    The LeNet is the first of the curves, with default parameters, whatever its errors are.
    """
    sentences = []
    for dataset in dict.fromkeys(table.dataset for table in tables):
        errors = curve_errors(list(tables), dataset)
        lenets = [model for model in errors if MODELS[model].family == "LeNet"]
        others = [model for model in errors if model not in lenets]
        if not lenets or not others:
            continue
        both = errors.dropna(how="any", subset=lenets[:1])
        lost = [
            f"{n_train:,} ({MODELS[row[others].idxmin()].title} {percent(row[others].min())}, "
            f"{MODELS[lenets[0]].title} {percent(row[lenets[0]])})"
            for n_train, row in both.iterrows()
            if row[others].min() < row[lenets[0]]
        ]
        lenet = MODELS[lenets[0]].title
        sizes = f"from {both.index[0]:,} to {both.index[-1]:,} training images"
        first = f"except at {_list(lost)}" if lost else "at every size"
        passed = _overtakings(both)
        crossings = f" {'; '.join(passed)}." if passed else " No curves cross."
        sentences.append(
            f"{DATASETS[dataset].title}, {sizes}: {lenet} is ahead of the other classifiers {first}.{crossings}"
        )
    return sentences


def _overtakings(errors: pd.DataFrame) -> list[str]:
    """Say which classifier overtakes which between two neighbouring numbers of training images."""
    found = []
    for (low, before), (high, after) in pairwise(errors.iterrows()):
        for first, second in permutations(errors.columns, 2):
            if before[first] > before[second] and after[first] < after[second]:
                names = f"{MODELS[first].title} overtakes {MODELS[second].title}"
                found.append(f"{names} between {low:,} and {high:,}")
    return found


def _list(items: Sequence[str]) -> str:
    """Join as in a sentence.

    Examples
    --------
    >>> _list(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
