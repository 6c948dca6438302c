"""Search the defaults of LeNetClassifier for the frontier of validation error against fit time.

    python benchmarks/tune_defaults.py --data-home DIR       # all candidates, a day; a stopped run is resumed
    python benchmarks/tune_defaults.py --data mnist kmnist --sizes 1000 --candidates "defaults" "lr 0.03"
    python benchmarks/tune_defaults.py --report              # print the tables of the results on disk

Each candidate is a named change of the defaults. Models are trained on stratified draws of training images and scored
on other training images; no test image of a published comparison is read. A table shows for each candidate the mean
error in percent over the draws, and in brackets the median ratio of its fit time to that of the defaults on the same
draw. With `--n-jobs`, fits of one thread run in parallel: errors are as good, and ratios of times are rough.

Muon is not a candidate: torch.optim.Muon takes matrices only, so that the convolutions and biases would need a second
optimiser.
"""

import argparse
import itertools
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import LambdaLR

from comparison.data import Split, load, subset
from formatting import as_markdown
from measuring import seconds
from rows import Row, Rows
from sklenet import LeNetClassifier
from sklenet._engine import _net, resolve_settings
from sklenet._engine._augment import affine
from sklenet._engine._data import count_batches
from sklenet._engine._optimizer import AdamW
from sklenet.datasets import make_characters

_RESULTS = Path(__file__).parent / "results" / "tune_defaults.csv"


def _hold_out(X: NDArray[np.uint8], y: NDArray[Any], n_validation: int | float) -> Split:
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=n_validation, stratify=y, random_state=0)
    return Split(X_train, y_train, X_test, y_test)


def _training_images(name: str, n_validation: int | float, data_home: str | None, seed: int) -> Split:
    """Divide the training images of a data set of the comparison."""
    split = load(name, data_home)
    return _hold_out(split.X_train, split.y_train, n_validation)


def _unseen_fonts(data_home: str | None, seed: int) -> Split:
    """Hold out one font family of small letters, another one for each seed."""
    letters = make_characters(7_700, alphabet="abcdefghijklmnopqrstuvwxyz", random_state=0)
    families = sorted(set(letters.groups))
    unseen = letters.groups == families[seed % len(families)]
    return Split(letters.data[~unseen], letters.target[~unseen], letters.data[unseen], letters.target[unseen])


# Latin, Greek and Cyrillic letters that four font families have. In DejaVu Sans, no two of them, and no letter from A
# to Z, have the same shape at the same size: at least 14 % of their ink differs. The capital letters from A to Z are
# left out, because the comparison is tested on them.
_LETTERS = (
    "abdefghkmnpqrtyÆÐØÞßæðøþΔΞΣΦΨΩαβγδεζικλμνξπςσυφχωϘϙϚϛϝϞϟϠϡЂЉЊЋЏДЖЗИКЛЦЧШЩЪЫЬЭЮЯгфђєћѢѣҐґđĦħŁłŊŒœÀÇÈÌÍÎÑÒ"
    "ÙÝàäåçèëìíîïñóùýÿΆΈΉΊΌΎΏΐάέήίΰϊϋύώϐϑϒϕϖϰϱЃЌЙйѓќĄąĆćċĎďĘęĜĝĢĤĥĨĩĮĲĴĵĶķĺĻļľŀńŅņŉŔŖŗřŚśŞşţŤťůŲųŴŵŹź"
)


def _many_classes(data_home: str | None, seed: int) -> Split:
    letters = make_characters(13_000, alphabet=_LETTERS, random_state=0)
    return _hold_out(letters.data, letters.target, 3_000)


@dataclass(frozen=True)
class Source:
    """A data set of training and validation images.

    Attributes
    ----------
    title : str
    kind : {"digits", "characters", "pictures"}
        Each kind has a table.
    load : callable (data_home, seed) -> Split
    sizes : tuple of int
        Numbers of training images, at least two for each class.
    """

    title: str
    kind: str
    load: Callable[[str | None, int], Split]
    sizes: tuple[int, ...]


_MNIST_SIZES = (20, 100, 300, 1_000, 3_000, 10_000, 50_000)
SOURCES = {
    "mnist": Source("MNIST", "digits", partial(_training_images, "mnist", 10_000), _MNIST_SIZES),
    "digits": Source("digits", "digits", partial(_training_images, "digits", 0.25), (20, 100, 300, 1_000)),
    "kmnist": Source(
        "KMNIST", "characters", partial(_training_images, "kmnist", 2_000), (20, 100, 300, 1_000, 3_000, 6_000)
    ),
    "fonts": Source("unseen fonts", "characters", _unseen_fonts, (100, 300, 1_000, 3_000, 6_000)),
    "letters": Source("200 letters", "characters", _many_classes, (1_000, 3_000, 10_000)),
    "fashion_mnist": Source(
        "Fashion-MNIST", "pictures", partial(_training_images, "fashion_mnist", 10_000), _MNIST_SIZES
    ),
}


def _n_draws(n_train: int) -> int:
    """Return the number of draws; results of few images differ more."""
    return 8 if n_train <= 100 else 4 if n_train <= 1_000 else 2


def _times(name: str, factor: float) -> Callable[[int], Any]:
    """Return a function from the number of images to a multiple of the automatic value of a parameter."""

    def multiple(n_train: int) -> Any:
        automatic = getattr(resolve_settings(LeNetClassifier(), n_train, seed=0), name)
        return type(automatic)(max(1, round(factor * automatic)) if isinstance(automatic, int) else factor * automatic)

    return multiple


def _former_batch_size(n_train: int) -> int:
    return int(np.clip(2 ** round(np.log2(n_train / 30)), 16, 128))


def _former_epochs(n_train: int) -> int:
    n_steps = np.clip(300 * (n_train / 100) ** 0.45, 100, 5_000)
    return max(10, round(n_steps / count_batches(n_train, _former_batch_size(n_train))))


def _former_weight_decay(n_train: int) -> float:
    n_steps = _former_epochs(n_train) * count_batches(n_train, _former_batch_size(n_train))
    return 17 / math.sqrt(n_steps)


# An optimiser is called in the place of AdamW, with the arguments of AdamW that the network's training sets.
def _adamw_999(weights: Any, *, betas: Any, **kwargs: Any) -> torch.optim.Optimizer:
    return AdamW(weights, betas=(0.9, 0.999), **kwargs)


def _nadam(weights: Any, *, fused: bool, **kwargs: Any) -> torch.optim.Optimizer:
    return torch.optim.NAdam(weights, decoupled_weight_decay=True, **kwargs)


def _nesterov(weights: Any, *, fused: bool, betas: Any, **kwargs: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(weights, momentum=0.9, nesterov=True, **kwargs)


# A schedule is the learning rate as a fraction of its peak.
def _linear_fall(step: int, *, n_steps: int) -> float:
    n_rising = max(1, n_steps // 10)
    return min((step + 1) / n_rising, (n_steps - step) / (n_steps - n_rising + 1))


def _long_warm_up(step: int, *, n_steps: int) -> float:
    n_rising = max(1, 3 * n_steps // 10)
    if step < n_rising:
        return (step + 1) / n_rising
    return 0.5 * (1 + math.cos(math.pi * (step - n_rising) / max(1, n_steps - n_rising)))


_FORMER: dict[str, Any] = {
    "lr": 3e-3, "dropout": 0.1, "label_smoothing": 0.0, "augment": None, "batch_size": _former_batch_size,
    "max_epochs": _former_epochs, "weight_decay": _former_weight_decay, "optimizer": _adamw_999,
}  # fmt: skip

# Changes of the defaults. A function in the place of a parameter's value is called with the number of training images,
# but for augment. "optimizer" and "schedule" are no parameters of LeNetClassifier.
CANDIDATES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "former defaults": _FORMER,
    "former defaults, affine": _FORMER | {"augment": "affine"},
    "half the epochs": {"max_epochs": _times("max_epochs", 0.5)},
    "twice the epochs": {"max_epochs": _times("max_epochs", 2)},
    "lr 0.006": {"lr": 0.006},
    "lr 0.02": {"lr": 0.02},
    "lr 0.03": {"lr": 0.03},
    "half the batch": {"batch_size": _times("batch_size", 0.5)},
    "twice the batch": {"batch_size": _times("batch_size", 2)},
    "half the weight decay": {"weight_decay": _times("weight_decay", 0.5)},
    "twice the weight decay": {"weight_decay": _times("weight_decay", 2)},
    "dropout 0.1": {"dropout": 0.1},
    "label smoothing 0": {"label_smoothing": 0.0},
    "label smoothing 0.02": {"label_smoothing": 0.02},
    "label smoothing 0.05": {"label_smoothing": 0.05},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "no distortions": {"augment": None},
    "elastic": {"augment": "elastic"},
    "stronger affine": {"augment": partial(affine, angle=15, shear=0.15, scale=0.15, shift=3)},
    "weaker affine": {"augment": partial(affine, angle=6, shear=0.06, scale=0.06, shift=1)},
    "beta2 0.999": {"optimizer": _adamw_999},
    "NAdam": {"optimizer": _nadam},
    "SGD, Nesterov": {"optimizer": _nesterov, "lr": 0.05, "weight_decay": 5e-4},
    "linear fall": {"schedule": _linear_fall},
    "warm-up of 0.3": {"schedule": _long_warm_up},
    "early stopping": {"early_stopping": True},
}
# Candidates that are measured with the largest numbers of images, where a fit takes minutes.
_LARGE = 20_000
_FOR_LARGE = {
    "defaults", "former defaults", "former defaults, affine", "half the epochs", "twice the epochs", "lr 0.02",
    "lr 0.03", "label smoothing 0", "no distortions", "beta2 0.999",
}  # fmt: skip


def main() -> None:
    """Run the command line."""
    sizes = sorted({size for source in SOURCES.values() for size in source.sizes})
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    parser.add_argument("--data", nargs="+", choices=SOURCES, default=list(SOURCES), help="default: all")
    parser.add_argument("--sizes", nargs="+", type=int, choices=sizes, default=sizes, help="default: all")
    parser.add_argument("--candidates", nargs="+", choices=CANDIDATES, default=list(CANDIDATES), help="default: all")
    parser.add_argument("--n-jobs", type=int, default=1, help="number of parallel fits, default: 1")
    parser.add_argument("--report", action="store_true", help="only print the tables of the results on disk")
    options = parser.parse_args()
    if not options.report:
        _measure(options)
    print(report())


def _measure(options: argparse.Namespace) -> None:
    """Measure what is missing, and append a row for each fit."""
    rows = Rows(_RESULTS)
    for size, data in itertools.product(options.sizes, options.data):
        missing = [keys for keys in _cells(data, size, options.candidates) if rows.is_missing(keys)]
        tasks = (delayed(_score)(keys, _draw(options.data_home, keys)) for keys in missing)
        for row in Parallel(options.n_jobs, return_as="generator")(tasks):
            rows.add(row)


def _cells(data: str, n_train: int, candidates: list[str]) -> Iterator[Row]:
    """Return what identifies each row of a data set and a number of images, candidates side by side in time."""
    if n_train not in SOURCES[data].sizes:
        return
    for seed, candidate in itertools.product(range(_n_draws(n_train)), candidates):
        if _is_sensible(candidate, n_train):
            yield {"data": data, "n_train": n_train, "candidate": candidate, "seed": seed}


def _is_sensible(candidate: str, n_train: int) -> bool:
    """Tell whether a candidate differs from the defaults, takes hours, or cannot be fitted with so few images."""
    if n_train > _LARGE:
        return candidate in _FOR_LARGE
    if candidate == "early stopping":
        return n_train >= 300  # a validation image for each class, of 26
    settings = resolve_settings(make_model(candidate, n_train, seed=0), n_train, seed=0)
    is_same = settings == resolve_settings(LeNetClassifier(), n_train, seed=0)
    return candidate == "defaults" or not is_same or bool(CANDIDATES[candidate].keys() & {"optimizer", "schedule"})


def _draw(data_home: str | None, keys: Row) -> Split:
    return subset(_load(keys["data"], data_home, keys["seed"]), keys["n_train"], keys["seed"])


@lru_cache(maxsize=1)
def _load(data: str, data_home: str | None, seed: int) -> Split:
    return SOURCES[data].load(data_home, seed)


def make_model(candidate: str, n_train: int, seed: int) -> LeNetClassifier:
    """Return the classifier of a candidate, which still has the default optimiser."""
    params = {
        name: value(n_train) if callable(value) and name != "augment" else value
        for name, value in CANDIDATES[candidate].items()
        if name not in ("optimizer", "schedule")
    }
    model = LeNetClassifier(**params, random_state=seed)
    if schedule := CANDIDATES[candidate].get("schedule"):
        settings = resolve_settings(model, n_train, seed)
        n_steps = settings.max_epochs * count_batches(n_train, settings.batch_size)
        # A scheduler of the user replaces the default schedule.
        scheduler = LRScheduler(LambdaLR, lr_lambda=partial(schedule, n_steps=n_steps), step_every="batch")
        model.set_params(callbacks=[scheduler])
    return model


def _score(keys: Row, split: Split) -> Row:
    candidate = keys["candidate"]
    model = make_model(candidate, keys["n_train"], keys["seed"])
    # The optimiser is no parameter of the classifier, so it is exchanged for the time of the fit.
    with patch.object(_net, "AdamW", CANDIDATES[candidate].get("optimizer", AdamW)):
        fit_seconds = seconds(lambda: model.fit(split.X_train, split.y_train))
    probabilities = model.predict_proba(split.X_test)
    return keys | {
        "error_rate": round(float((model.classes_[probabilities.argmax(1)] != split.y_test).mean()), 6),
        "log_loss": round(float(log_loss(split.y_test, probabilities, labels=model.classes_)), 5),
        "fit_seconds": round(fit_seconds, 3),
        "n_epochs": model.n_epochs_,
    }


def report() -> str:
    """Return the tables of the results on disk as Markdown, one for each kind of images."""
    if not _RESULTS.exists():
        return ""
    rows = pd.read_csv(_RESULTS)
    draw = ["data", "n_train", "seed"]
    defaults = rows[rows["candidate"] == "defaults"].set_index(draw)["fit_seconds"].rename("default_seconds")
    rows = rows.join(defaults, on=draw)
    rows["ratio"] = rows["fit_seconds"] / rows["default_seconds"]
    by_kind = rows.groupby(rows["data"].map(lambda data: SOURCES[data].kind))
    return "\n\n".join(_table(kind, cells) for kind, cells in by_kind)


def _table(kind: str, rows: pd.DataFrame) -> str:
    errors = rows.pivot_table(values="error_rate", index="candidate", columns=["data", "n_train"])
    ratios = rows.pivot_table(values="ratio", index="candidate", columns=["data", "n_train"], aggfunc="median")
    # A ratio is missing where the defaults are not measured yet.
    text = _format(100 * errors, "{:.2f}") + _format(ratios.reindex_like(errors), " ({:.2f})")
    columns = [(data, size) for data, source in SOURCES.items() for size in source.sizes if (data, size) in text]
    text = text.reindex(index=[name for name in CANDIDATES if name in text.index], columns=columns)
    text.columns = [f"{SOURCES[data].title} {size:,}" for data, size in columns]
    return as_markdown(text.rename_axis(f"{kind}: error in % (ratio of fit times)").reset_index())


def _format(numbers: pd.DataFrame, pattern: str) -> pd.DataFrame:
    return numbers.map(pattern.format, na_action="ignore").fillna("")


if __name__ == "__main__":
    main()
