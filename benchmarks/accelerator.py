"""Measure LeNetClassifier on an accelerator, beside an expert's loop on the same device.

    benchmarks/accelerator.sh DIR                                   # the tests on the device, then this table
    python benchmarks/accelerator.py --device cuda --data-home DIR  # minutes

The table is printed row by row. Fits are of all training images of MNIST; errors are on its test images. The loop of
the expert has the steps of LeNetClassifier without distortions; the two take turns, and the ratio is the median over
the rounds. A fit of 1,000 images precedes all others and pays the costs of the first.
"""

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from comparison.data import Split, load
from measuring import seconds, timed
from recipes import RECIPES
from sklenet import LeNetClassifier
from timing.loops import STEP_PARAMS, ExpertLoop

_N_FIRST, _N_ROWS, _N_ROUNDS = 1_000, 100, 3
_EPOCHS, _BATCH_SIZE = 3, 128


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="default: the accelerator if the machine has one")
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    parser.add_argument("--n-train", type=int, metavar="N", help="number of training images (default: all)")
    parser.add_argument("--skip-best", action="store_true", help="leave out the recipe of a hundred epochs")
    options = parser.parse_args()
    split = load("mnist", options.data_home)
    X, y = split.X_train[: options.n_train], split.y_train[: options.n_train].astype(np.int64)
    split = Split(np.ascontiguousarray(X), y, np.ascontiguousarray(split.X_test), split.y_test)
    recipes = {name: params for name, params in RECIPES.items() if name != "best" or not options.skip_best}
    print("| what | measured |\n| --- | --- |")
    for what, figure in measure(options.device, split, recipes):
        print(f"| {what} | {figure} |", flush=True)


def measure(device: str, split: Split, recipes: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield what is measured, and the figure."""
    X, y = split.X_train, split.y_train
    make = partial(LeNetClassifier, device=device, random_state=0)
    first = make().fit(X[:_N_FIRST], y[:_N_FIRST])
    yield "device", first.net_.device
    for name, params in recipes.items():
        _reset_memory()
        model, fit = timed(partial(make(**params).fit, X, y))
        error = (model.predict(split.X_test) != split.y_test).mean()
        yield f"fit of {len(X):,}, {name} recipe", f"{fit:.1f} s, {error:.2%} wrong, {_memory()}"
    model = make().fit(X[:_N_FIRST], y[:_N_FIRST])
    yield from _measure_predictions(model, split)
    yield from _measure_moves(model, split)
    one = seconds(lambda: make(max_epochs=_EPOCHS).fit(X, y))
    with ThreadPoolExecutor(2) as pool:
        jobs = [make(max_epochs=_EPOCHS).fit] * 2
        two = seconds(lambda: list(pool.map(lambda job: job(X, y), jobs)))
    yield "two fits at once / one fit", f"{two / one:.2f}"
    yield f"fit of {_EPOCHS} epochs / expert's loop", f"{_compare_with_expert(first.net_.device, split):.2f}"


def _measure_predictions(model: LeNetClassifier, split: Split) -> Iterator[tuple[str, str]]:
    X = split.X_test
    model.predict(X)
    yield f"predict {len(X):,}", f"{min(seconds(lambda: model.predict(X)) for _ in range(_N_ROUNDS)):.3f} s"
    rows = [X[index : index + 1] for index in range(_N_ROWS)]
    model.predict(rows[0])
    yield "predict one row", f"{1e3 * np.median([seconds(partial(model.predict, row)) for row in rows]):.2f} ms"


def _measure_moves(model: LeNetClassifier, split: Split) -> Iterator[tuple[str, str]]:
    """Compare a model with itself on the CPU and back, and a loaded model's further training with the original's."""
    X, y = split.X_train[:_N_FIRST], split.y_train[:_N_FIRST]
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        model.save(path)
        on_cpu, to_cpu = timed(lambda: LeNetClassifier.load(path, device="cpu"))
        difference = np.abs(on_cpu.predict_proba(X) - model.predict_proba(X)).max()
        yield "to the CPU", f"{to_cpu:.3f} s, probabilities differ by {difference:.1e} at most"
        on_cpu.save(path)
        back = LeNetClassifier.load(path, device=model.device)
        is_equal = np.array_equal(back.predict_proba(X), model.predict_proba(X))
        yield "and back", "the same bits" if is_equal else "other bits"
        model.save(path)
        loaded = LeNetClassifier.load(path)
    for each in (model, loaded):
        each.partial_fit(X, y)
    is_equal = np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    yield "partial_fit after loading", "the same bits" if is_equal else "other bits"


def _compare_with_expert(device: str, split: Split) -> float:
    """Return the median over the rounds of the time of a fit, divided by that of the expert's loop."""
    X, y = split.X_train, split.y_train
    ours = LeNetClassifier(max_epochs=_EPOCHS, batch_size=_BATCH_SIZE, device=device, random_state=0, **STEP_PARAMS)
    ExpertLoop(1, _BATCH_SIZE, device).fit(X[:_N_FIRST], y[:_N_FIRST])
    ratios = []
    for _ in range(_N_ROUNDS):
        fit = seconds(lambda: clone(ours).fit(X, y))
        ratios.append(fit / seconds(lambda: ExpertLoop(_EPOCHS, _BATCH_SIZE, device).fit(X, y)))
    return float(np.median(ratios))


def _reset_memory() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _memory() -> str:
    """Return the largest memory of tensors on a CUDA device; other devices do not say."""
    return f"{torch.cuda.max_memory_allocated() / 1e6:.0f} MB" if torch.cuda.is_available() else "memory unknown"


if __name__ == "__main__":
    main()
