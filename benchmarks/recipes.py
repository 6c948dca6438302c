"""Validate and test the parameters that docs/recipes.md recommends.

    python benchmarks/recipes.py validate --data-home DIR       # candidates, on training images only; hours
    python benchmarks/recipes.py test --data-home DIR           # the recipes, on the test images; two hours
    python benchmarks/recipes.py report                         # print the tables of the results on disk

`validate` trains on 50,000 of MNIST's training images and scores the other 10,000. Only `test` reads the test images.
Each row is written as soon as it is measured, so that a stopped run can be resumed.
"""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from comparison.data import Split, load
from formatting import as_markdown
from measuring import seconds
from rows import Rows
from sklenet import LeNetClassifier

Params = dict[str, Any]

RECIPES: dict[str, Params] = {
    "fast": {
        "max_epochs": 3, "lr": 0.015, "weight_decay": 0.25, "dropout": 0.1, "label_smoothing": 0.0,
        "augment": None,
    },
    "default": {},
    "best": {
        "augment": "affine", "max_epochs": 100, "lr": 3e-3, "dropout": 0.1, "label_smoothing": 0.0,
        "test_time_augment": True,
    },
}  # fmt: skip
# The variant of the fast recipe that is timed beside a support vector machine. The learning rate of the recipe gives a
# lower error, but its units die if images are few.
ONE_EPOCH: Params = {"max_epochs": 1, "batch_size": 64, "dropout": 0.0, "lr": 0.01}
# The parameters that the candidates of each recipe change. Candidates of the best recipe predict a single view of an
# image, most of them with fewer epochs. Several views were tried last, for all recipes.
_COMPARED: dict[str, Params] = RECIPES | {"best": RECIPES["best"] | {"test_time_augment": False}}
_VIEWS: Params = {"test_time_augment": True}
CANDIDATES: dict[str, list[Params]] = {
    "fast": [
        {}, {"lr": 0.01}, {"lr": 0.006}, {"weight_decay": "auto"}, {"dropout": 0.0}, {"label_smoothing": 0.05},
        {"batch_size": 64}, {"batch_size": 256}, {"augment": "affine"}, {"max_epochs": 2}, {"max_epochs": 4},
        {"max_epochs": 1}, {"max_epochs": 1, "batch_size": 64}, {"max_epochs": 1, "batch_size": 64, "dropout": 0.0},
        ONE_EPOCH, {"max_epochs": 1, "batch_size": 64, "dropout": 0.0, "weight_decay": "auto"}, _VIEWS,
    ],
    "default": [{}, _VIEWS],
    "best": [
        {}, _VIEWS, {"max_epochs": 60}, {"max_epochs": 30}, {"max_epochs": 30, "dropout": 0.0},
        {"max_epochs": 30, "label_smoothing": 0.05}, {"max_epochs": 30, "lr": 0.006}, {"max_epochs": 30, "lr": 0.0015},
        {"max_epochs": 30, "augment": "elastic"}, {"max_epochs": 30, "weight_decay": 0.3},
        {"dropout": 0.2}, {"lr": 0.006}, {"label_smoothing": 0.05}, {"dropout": 0.05},
        {"max_epochs": 200}, {"max_epochs": 200, "label_smoothing": 0.05},
    ],
}  # fmt: skip

# What the committed rows of validation leave out: the defaults when they were measured. The recipes spell them out.
_FORMER_DEFAULTS: Params = {"lr": 3e-3, "dropout": 0.1, "label_smoothing": 0.0, "augment": None}

_RESULTS = Path(__file__).parent / "results"
_VALIDATION, _TEST = _RESULTS / "recipes_validation.csv", _RESULTS / "recipes_test.csv"
_N_VALIDATION = 10_000
_N_SEEDS = 3
# Candidates of the best recipe that are validated with all seeds. The others have one seed, as a fit takes minutes.
_FINALISTS: list[Params] = [{}, _VIEWS]
_N_TEST_SEEDS = 5
# The data sets that each recipe is tested on. benchmarks/compare.py tests the default parameters.
_TESTED = [("fast", "mnist"), ("best", "mnist"), ("best", "kmnist")]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["validate", "test", "report"])
    parser.add_argument(
        "--recipe", choices=list(RECIPES), action="append", help="measure only these recipes, default: all"
    )
    parser.add_argument("--n-jobs", type=int, default=1, help="number of parallel fits, default: 1")
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    options = parser.parse_args()
    recipes = options.recipe or list(RECIPES)
    if options.command == "validate":
        _measure(_candidates(recipes), _hold_out(load("mnist", options.data_home)), _VALIDATION, options.n_jobs)
    elif options.command == "test":
        for recipe, dataset in _TESTED:
            if recipe in recipes:
                _measure(_tests(recipe, dataset), load(dataset, options.data_home), _TEST, options.n_jobs)
    print(report())


def _hold_out(split: Split) -> Split:
    """Split the training images into training and validation images, without the test images."""
    X, y = split.X_train, split.y_train
    training, validation = train_test_split(np.arange(len(y)), test_size=_N_VALIDATION, stratify=y, random_state=0)
    return Split(X[training], y[training], X[validation], y[validation])


def _candidates(recipes: list[str]) -> Iterator[tuple[Params, Params]]:
    for recipe in recipes:
        for change in CANDIDATES[recipe]:
            params = _COMPARED[recipe] | change
            n_seeds = 1 if recipe == "best" and change not in _FINALISTS else _N_SEEDS
            for seed in range(n_seeds):
                yield {"recipe": recipe, "params": json.dumps(params), "seed": seed}, params


def _tests(recipe: str, dataset: str) -> Iterator[tuple[Params, Params]]:
    for seed in range(_N_TEST_SEEDS):
        yield {"data": dataset, "recipe": recipe, "seed": seed}, RECIPES[recipe]


def _measure(cells: Iterator[tuple[Params, Params]], split: Split, path: Path, n_jobs: int) -> None:
    """Fit and score each cell that has no row in the file at `path`, and append its row."""
    rows = Rows(path)
    missing = [(keys, params) for keys, params in cells if rows.is_missing(keys)]
    for row in Parallel(n_jobs, return_as="generator")(delayed(_score)(*cell, split) for cell in missing):
        rows.add(row)


def _score(keys: Params, params: Params, split: Split) -> Params:
    model = LeNetClassifier(**params, random_state=keys["seed"])
    fit_seconds = seconds(lambda: model.fit(split.X_train, split.y_train))
    probabilities = model.predict_proba(split.X_test)
    return keys | {
        "n_parameters": sum(weight.numel() for weight in model.net_.module_.parameters()),
        "error_rate": round(float((model.classes_[probabilities.argmax(1)] != split.y_test).mean()), 6),
        "log_loss": round(float(log_loss(split.y_test, probabilities)), 5),
        "fit_seconds": round(fit_seconds, 1),
    }


def report() -> str:
    """Return the tables of the results on disk as Markdown."""
    tables = []
    if _TEST.exists():
        tables.append(_test_table(pd.read_csv(_TEST)))
    if _VALIDATION.exists():
        rows = pd.read_csv(_VALIDATION)
        tables += [_validation_table(recipe, cell) for recipe, cell in rows.groupby("recipe", sort=False)]
    return "\n\n".join(as_markdown(table) for table in tables)


def _test_table(rows: pd.DataFrame) -> pd.DataFrame:
    cells = rows.groupby(["data", "recipe"], sort=False)
    table = pd.DataFrame(
        {
            "test error": (100 * cells["error_rate"].mean()).map("{:.3f} %".format),
            "single seeds": cells["error_rate"].agg(lambda rates: ", ".join(f"{100 * rate:.2f}" for rate in rates)),
            "log loss": cells["log_loss"].mean().map("{:.4f}".format),
            "parameters": cells["n_parameters"].max().map("{:,}".format),
        }
    ).reset_index()
    return table.replace({"data": {"mnist": "MNIST 60,000", "kmnist": "KMNIST 8,000"}})


def _validation_table(recipe: str, rows: pd.DataFrame) -> pd.DataFrame:
    cells = rows.groupby("params", sort=False)
    changes = [_difference(json.loads(params), RECIPES[recipe]) for params in cells.groups]
    table = pd.DataFrame(
        {
            f"{recipe}, validation": changes,
            "error": list((100 * cells["error_rate"].mean()).map("{:.2f} %".format)),
            "log loss": list(cells["log_loss"].mean().map("{:.4f}".format)),
            "seeds": [str(n) for n in cells.size()],
        }
    )
    return table.sort_values("error", kind="stable")


def _difference(params: Params, recipe: Params) -> str:
    defaults = LeNetClassifier().get_params() | _FORMER_DEFAULTS
    changed = [name for name in params | recipe if params.get(name, defaults[name]) != recipe.get(name, defaults[name])]
    return ", ".join(f"{name}={params.get(name, defaults[name])!r}" for name in changed) or "as it is"


if __name__ == "__main__":
    main()
