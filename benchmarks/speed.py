"""Time LeNetClassifier beside its alternatives, in rounds with the same network, epochs, batches and data.

The loops that one would write distort no images, so they are compared with LeNetClassifier(augment=None). The expert's
loop and plain skorch have its learning rate, weight decay, betas and label smoothing as well. The profile is that of a
default step, distortions included.

    python benchmarks/speed.py --data-home DIR                      # half an hour; a stopped run is resumed
    python benchmarks/speed.py --data-home DIR --time-to 99.0       # seconds to this test accuracy, ten seeds
    python benchmarks/speed.py --data-home DIR --profile            # time of each operator of a training step
    python benchmarks/speed.py --report                             # print the tables of the results on disk

Run it on an idle machine. Each measurement has its own process. Ratios compare two processes of the same round, and the
result is the median over the rounds. Seconds depend on the machine and are printed for context. The fast recipe was
chosen on training images (benchmarks/recipes.py); errors on the test images are printed beside the times.
"""

import argparse
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from formatting import as_markdown
from timing.contestants import CONTESTANTS
from timing.processes import Task, run_module, run_tasks

_RESULTS = Path(__file__).parent / "results"
_SPEED, _IMPORTS = _RESULTS / "speed.csv", _RESULTS / "speed_imports.csv"
_TIME_TO, _STEP = _RESULTS / "time_to_accuracy.csv", _RESULTS / "speed_step.csv"
_N_ROUNDS = 5
_SIZES = (1_000, 10_000, 60_000)
_EPOCHS, _BATCH_SIZE = 3, 128
_N_SEEDS = 10
_FAST = "fast"
_BASE, _OWN = "import torch, skorch", "from sklenet import LeNetClassifier"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-home", default=os.environ.get("SKLENET_DATA"), help="default: $SKLENET_DATA")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--time-to", type=float, metavar="PERCENT", help="time the fast recipe against this test accuracy"
    )
    mode.add_argument("--profile", action="store_true", help="only profile a training step")
    mode.add_argument("--report", action="store_true", help="only print the tables of the results on disk")
    options = parser.parse_args()
    data_home = [] if options.data_home is None else [options.data_home]
    if options.time_to is not None:
        run_tasks(_trainings(options.time_to, data_home), _TIME_TO)
    elif options.profile:
        pd.DataFrame([run_module(["timing.step", *data_home])]).to_csv(_STEP, index=False)
    elif not options.report:
        run_tasks(_imports(), _IMPORTS)
        run_tasks(_rounds(data_home), _SPEED)
    print(report())


def _rounds(data_home: list[str]) -> Iterator[Task]:
    for number, n_train, (name, contestant) in itertools.product(range(_N_ROUNDS), _SIZES, CONTESTANTS.items()):
        if n_train < max(_SIZES) or number < contestant.n_rounds:
            keys = {"round": number, "n_train": n_train, "contestant": name}
            yield keys, ["timing.cell", name, str(n_train), str(_EPOCHS), str(_BATCH_SIZE), *data_home], None


def _imports() -> Iterator[Task]:
    for number in range(_N_ROUNDS):
        yield {"round": number}, ["timing.imports", _BASE, _OWN], None


def _trainings(percent: float, data_home: list[str]) -> Iterator[Task]:
    """Yield the training of each seed and an epoch of the expert's loop, on one thread and on two."""
    for seed, threads in itertools.product(range(_N_SEEDS), (1, 2)):
        keys = {"target": percent, "seed": seed, "threads": threads}
        yield keys | {"of": _FAST}, ["timing.training", _FAST, str(seed), *data_home], threads
        yield keys | {"of": "expert"}, ["timing.epoch", *data_home], threads


def report() -> str:
    """Return the tables of the results on disk as Markdown."""
    tables = []
    if _SPEED.exists() and _IMPORTS.exists():
        rows = pd.read_csv(_SPEED)
        tables += [_ratio_table(rows), _against_svc(rows), _seconds_table(rows), _import_table(pd.read_csv(_IMPORTS))]
    if _TIME_TO.exists():
        tables.append(_time_to_table(pd.read_csv(_TIME_TO)))
    if _STEP.exists():
        tables.append(_step_table(pd.read_csv(_STEP)))
    return "\n\n".join(as_markdown(table) for table in tables)


def _ratio_table(rows: pd.DataFrame) -> pd.DataFrame:
    lines = [("fit_seconds", "fit", other) for other in ("expert", "official", "skorch")]
    lines += [
        ("predict_seconds", "predict 10,000", "expert"),
        ("row_ms", "predict one, median", "expert"),
        ("row_p99_ms", "predict one, 99th percentile", "expert"),
    ]
    table = [
        [f"{what}, sklenet / {CONTESTANTS[other].title}", *(_spread(_paired(rows, column, other, n)) for n in _SIZES)]
        for column, what, other in lines
    ]
    return pd.DataFrame(table, columns=["ratio: median (least to most)", *(f"{n:,} images" for n in _SIZES)])


def _paired(rows: pd.DataFrame, column: str, other: str, n_train: int) -> "pd.Series[float]":
    """Divide a measurement of sklenet by that of another contestant in the same round."""
    rounds = rows[rows["n_train"] == n_train].pivot_table(index="round", columns="contestant", values=column)
    rounds = rounds.reindex(columns=["sklenet", other])
    return (rounds["sklenet"] / rounds[other]).dropna()


def _spread(figures: "pd.Series[float]", form: str = "{:.2f}") -> str:
    if figures.empty:
        return ""
    least, median, most = (form.format(figure) for figure in (figures.min(), figures.median(), figures.max()))
    return f"{median} ({least} to {most})"


def _against_svc(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare the total time and the errors with a support vector machine, at the sizes where all three were timed."""
    own = {"recipe": "fast recipe", "one_epoch": "one epoch"}
    rows = rows.assign(both=rows["fit_seconds"] + rows["predict_seconds"])
    medians = rows.pivot_table(index="n_train", columns="contestant", values=["both", "error_rate"], aggfunc="median")
    medians = medians.reindex(columns=pd.MultiIndex.from_product([["both", "error_rate"], [*own, "svc"]])).dropna()
    table = {"training images": [f"{n:,}" for n in medians.index]}
    for name, title in own.items():
        ratio = medians["both", "svc"] / medians["both", name]
        table[f"fit + predict, SVC(C=10) / {title}"] = _formatted(ratio, "{:.1f}")
    for name, title in (own | {"svc": "SVC(C=10)"}).items():
        table[f"error, {title}"] = _formatted(100 * medians["error_rate", name], "{:.2f} %")
    return pd.DataFrame(table)


def _seconds_table(rows: pd.DataFrame) -> pd.DataFrame:
    medians = rows.groupby(["contestant", "n_train"]).median(numeric_only=True)
    keys = [(name, max(_SIZES)) for name in CONTESTANTS]
    largest = medians.reindex(pd.MultiIndex.from_tuples(keys, names=medians.index.names)).droplevel("n_train")
    forms = {
        "predict 10,000": ("predict_seconds", "{:.2f} s"),
        "one row": ("row_ms", "{:.2f} ms"),
        "99 %": ("row_p99_ms", "{:.2f} ms"),
        "memory": ("growth_mb", "{:.0f} MB"),
        "first fit": ("first_fit_seconds", "{:z.1f} s"),
    }
    fits = rows.pivot_table(index="contestant", columns="n_train", values="fit_seconds", aggfunc="median")
    fits = fits.reindex(index=list(CONTESTANTS), columns=list(_SIZES))
    table = {"median of the rounds": [contestant.title for contestant in CONTESTANTS.values()]}
    table |= {f"fit {n:,}": _formatted(fits[n], "{:.2f} s") for n in _SIZES}
    table |= {title: _formatted(largest[column], form) for title, (column, form) in forms.items()}
    return pd.DataFrame(table)


def _formatted(figures: "pd.Series[float]", form: str) -> list[str]:
    return ["" if pd.isna(figure) else form.format(figure) for figure in figures]


def _import_table(rows: pd.DataFrame) -> pd.DataFrame:
    figures = [[_BASE, _spread(rows["base_seconds"])], [f"{_OWN}, after it", _spread(rows["own_seconds"])]]
    return pd.DataFrame(figures, columns=["import", "seconds: median (least to most)"])


def _time_to_table(rows: pd.DataFrame) -> pd.DataFrame:
    table = []
    for (target, threads), cell in rows.groupby(["target", "threads"]):
        own, epochs = cell[cell["of"] == _FAST].set_index("seed"), cell[cell["of"] == "expert"].set_index("seed")
        accuracy = 100 * (1 - own["error_rate"])
        table.append(
            [
                f"{target:g} %, threads: {threads}",
                f"{accuracy.mean():.2f} %{'' if accuracy.mean() >= target else ', not reached'}",
                f"{accuracy.min():.2f} to {accuracy.max():.2f} %",
                _spread(own["training_seconds"], "{:.1f}"),
                _spread(own["training_seconds"] / epochs["training_seconds"]),
                _spread(own["preparation_seconds"], "{:.1f}"),
            ]
        )  # fmt: skip
    columns = [
        f"fast recipe, {_N_SEEDS} seeds", "mean test accuracy", "single seeds", "training, seconds",
        "in epochs of the expert's loop", "preparation, seconds",
    ]  # fmt: skip
    return pd.DataFrame(table, columns=columns)


def _step_table(rows: pd.DataFrame) -> pd.DataFrame:
    step = rows.iloc[0]
    figures = [[name, f"{value:.2f} ms", f"{value / step['step']:.0%}"] for name, value in step.items()]
    return pd.DataFrame(figures, columns=["a step of 128 images", "time", "of the step"])


if __name__ == "__main__":
    main()
